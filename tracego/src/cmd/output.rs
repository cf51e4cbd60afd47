//! Construction of the outputs and the pipeline from the command line.

use std::{
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use tracego_analyze::{redact::Redactor, rules_stage::RulesStage};
use tracego_deliver::{
    detail::Detail,
    format::selection::{FieldChoice, RecordForm, Selection},
    seal::{self, before::Before, chain::LINK, key::Key, window::Sealer},
    sink::{
        direct::{DirectFormat, DirectOutput, text},
        lifecycle::Sinks,
        outputs::Outputs,
        settings::{SinkSettings, check},
    },
};
use tracego_model::meta::Meta;

use super::{
    output_check,
    policy::{self, OpenedPolicies, PolicyFollower},
    telemetry,
};
use crate::{
    cli::{Aggregate, Color, EventKind, OutputForm, RecordOptions, wrong_usage},
    config::RunSettings,
    pipeline::Pipeline,
};

/// Creates the pipeline, the sinks that it feeds, and what follows its policies. `follows_policies`: whether servers are
/// asked for newer policies during the run.
///
/// # Errors
/// Fails if an output cannot be opened.
pub(super) fn pipeline(
    options: &RecordOptions,
    settings: &RunSettings,
    meta: Meta,
    other: StandardStream,
    follows_policies: bool,
) -> anyhow::Result<(Pipeline, Sinks, PolicyFollower)> {
    output_check::check(options, settings, other.is_for_messages)?;
    output_check::check_spool_owner(options)?;
    let with_queues = sinks(options, settings)?;
    let direct = has_direct(options, &with_queues, other.is_for_messages)
        .then(|| direct(options, other))
        .transpose()?;
    // Before there are other threads: the processes of policies are forked from this one.
    let OpenedPolicies { stage: policies, follower } =
        policy::open_stage(&options.policies, follows_policies)?;
    let (mut sinks, feeds) = Sinks::start(&with_queues, options.spool_dir.as_deref(), &meta)?;
    sinks.set_direct_output(direct.is_some());
    for name in sinks.volatile() {
        tracing::warn!(
            sink = name,
            "records wait in memory: undelivered records are lost when tracego ends or is killed; \
             --spool-dir keeps them"
        );
    }
    let judge = RulesStage::new(settings.rules.clone());
    let traces = telemetry::traces(options, &meta)?;
    let asked = options.env.iter().map(|variable| variable.name().to_owned()).collect();
    let outputs = Outputs::new(direct, feeds).asked(asked);
    let pipeline = Pipeline::new(meta, options.selection(), Some(judge), outputs);
    let pipeline = pipeline.with_redactor(redactor(settings)?);
    let pipeline = pipeline.with_traces(traces).with_policy(policies);
    let pipeline = pipeline.with_policy_sources(follower.sources());
    let pipeline = pipeline.with_configuration(settings.report(Vec::new()));
    let pipeline = pipeline.with_folded_exits(options.aggregate.is_some());
    Ok((pipeline, sinks, follower))
}

/// Returns the redactor of the configuration.
///
/// # Errors
/// Fails if a form of secrets is wrong.
pub(super) fn redactor(settings: &RunSettings) -> anyhow::Result<Arc<Redactor>> {
    let redactor = Redactor::new(&settings.redact).map_err(anyhow::Error::msg)?;
    Ok(Arc::new(redactor))
}

/// Returns the sinks with queues: those of the configuration, and the one of `--output otlp`.
///
/// # Errors
/// Fails if two sinks have the same name.
pub(super) fn sinks(options: &RecordOptions, settings: &RunSettings) -> anyhow::Result<Vec<SinkSettings>> {
    let mut sinks = settings.sinks.clone();
    if options.output == Some(OutputForm::Otlp) {
        let mut own = toml::Table::new();
        if let Some(endpoint) = &options.otlp_endpoint {
            own.insert("endpoint".to_owned(), endpoint.clone().into());
        }
        if sinks.iter().any(|sink| sink.name == "otlp") {
            wrong_usage!("--output otlp: the configuration has a sink of the name otlp already");
        }
        let mut sink = SinkSettings::of("otlp", own).map_err(|error| anyhow::anyhow!("--otlp-{error}"))?;
        (sink.common.fields, sink.common.drop) = (options.fields.clone(), options.drop.clone());
        if let Err(error) = check(&sink) {
            wrong_usage!("--{error}");
        }
        sinks.push(sink);
    } else if options.otlp_endpoint.is_some() && !options.otlp_traces && !options.otlp_metrics {
        wrong_usage!(
            "--otlp-endpoint: only with --output otlp, --otlp-traces and --otlp-metrics; sinks of the \
             configuration have a key endpoint"
        );
    }
    if options.modules {
        for sink in &mut sinks {
            sink.common.modules.get_or_insert(true);
        }
    }
    if options.detail == Detail::Full {
        for sink in &mut sinks {
            sink.common.detail.get_or_insert(Detail::Full);
        }
    }
    Ok(sinks)
}

/// Whether the pipeline also writes records itself: if an option asks for it, or if no sink is configured and the
/// standard stream is not the one for messages.
pub(super) fn has_direct(options: &RecordOptions, sinks: &[SinkSettings], is_for_messages: bool) -> bool {
    match options.output {
        Some(OutputForm::Otlp) => options.output_file.is_some(),
        Some(OutputForm::Json | OutputForm::Text) => true,
        None => {
            let asked = options.output_file.is_some() || options.format.is_some();
            asked || sinks.is_empty() && !is_for_messages
        }
    }
}

/// Reopens the file of the direct output.
///
/// # Errors
/// Fails if the file cannot be opened.
pub(super) fn reopened(options: &RecordOptions) -> anyhow::Result<Option<Box<dyn Write + Send>>> {
    let open = |path: &Path| {
        DirectOutput::file(path, options.seal).with_context(|| format!("--output-file {}", path.display()))
    };
    options.output_file.as_deref().map(open).transpose()
}

/// Opens the direct output: the file, or `other` (standard output or error).
///
/// # Errors
/// Fails if the file cannot be opened.
fn direct(options: &RecordOptions, other: StandardStream) -> anyhow::Result<DirectOutput> {
    let StandardStream { out: other, is_terminal: terminal, is_for_messages } = other;
    let mut before = Before::default();
    let mut torn = false;
    let (out, terminal) = match &options.output_file {
        Some(path) => {
            let name = || format!("--output-file {}", path.display());
            // Locked first, so that nobody writes behind the end that is read.
            let file = DirectOutput::file(path, options.seal).with_context(name)?;
            if options.seal {
                before = Before::read(path).with_context(name)?;
            }
            torn = DirectOutput::is_torn(path);
            (file, false)
        }
        None => (other, terminal),
    };
    let colour = match options.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => has_colours(terminal),
    };
    let format = format(options, terminal, colour)?;
    let out = if is_for_messages { Box::new(Endless(out)) } else { out };
    let sink = DirectOutput::new(out, format).choosing(selection(options, format)?);
    let sink = sink.detailed(options.detail, options.modules);
    Ok(match sealer(options, before.last, format)? {
        Some(sealer) => sink.sealed(sealer, before.torn),
        None => sink.torn(torn),
    })
}

/// Returns the format of the direct output.
///
/// # Errors
/// Fails if the options contradict each other.
pub(super) fn format(options: &RecordOptions, terminal: bool, colour: bool) -> anyhow::Result<DirectFormat> {
    let output = options.output.unwrap_or(if terminal { OutputForm::Text } else { OutputForm::Json });
    let style = text::Style { colour, tree: options.tree };
    Ok(match (options.format, output) {
        (Some(format), _) => DirectFormat::Line(format),
        (None, OutputForm::Json) => DirectFormat::JSON,
        (None, OutputForm::Text) => DirectFormat::Text(style),
        (None, OutputForm::Otlp) => {
            wrong_usage!(
                "--output-file cannot be combined with --output otlp; a sink of the configuration can be a file"
            )
        }
    })
}

/// Returns whether a terminal gets colours: not where NO_COLOR is set to anything (no-color.org), and not where
/// the terminal has none.
pub(super) fn has_colours(terminal: bool) -> bool {
    let variable = |name: &str| std::env::var_os(name).unwrap_or_default();
    terminal && variable("NO_COLOR").is_empty() && variable("TERM") != "dumb"
}

/// Checks that both records that become one are asked for.
pub(super) fn check_aggregate(asked: Option<Aggregate>, events: &[EventKind]) -> anyhow::Result<()> {
    let both = [EventKind::Execve, EventKind::Exit];
    if asked.is_some() && !both.iter().all(|kind| events.contains(kind)) {
        wrong_usage!("--aggregate exits: starts and exits must be recorded; add -e execve,exit");
    }
    Ok(())
}

/// Returns the members that the direct output writes, if they are chosen.
///
/// # Errors
/// Fails if the output has no members to choose from, or a name is wrong.
pub(super) fn selection(options: &RecordOptions, format: DirectFormat) -> anyhow::Result<Option<Selection>> {
    let choice = match FieldChoice::of(options.fields.as_deref(), options.drop.as_deref()) {
        Ok(None) => return Ok(None),
        Ok(Some(choice)) => choice,
        Err(error) => wrong_usage!("--{error}"),
    };
    let key = choice.key();
    if options.seal {
        wrong_usage!("--{key}: a sealed log has whole records; leave out --{key} or --seal");
    }
    let form = match format {
        DirectFormat::Line(format) => RecordForm::of(format),
        DirectFormat::Text(_) => None,
    };
    let Some(form) = form else {
        wrong_usage!(
            "--{key}: text and cef have fields of their own; add --format json, or leave out --{key}"
        );
    };
    match Selection::new(choice, form) {
        Ok(selection) => Ok(Some(selection)),
        Err(error) => wrong_usage!("--{error}"),
    }
}

/// Checks the options of seals.
pub(super) fn check_seal(options: &RecordOptions, format: DirectFormat) -> anyhow::Result<()> {
    match &options.seal_key {
        Some(path) if !options.seal => wrong_usage!("--seal-key {}: only with --seal", path.display()),
        _ if options.seal && format != DirectFormat::JSON => {
            wrong_usage!("--seal: only JSON can be sealed; add --output json")
        }
        _ => Ok(()),
    }
}

/// Creates the sealer of the output, if `--seal` is given.
fn sealer(
    options: &RecordOptions,
    follows: Option<[u8; LINK]>,
    format: DirectFormat,
) -> anyhow::Result<Option<Sealer>> {
    check_seal(options, format)?;
    if !options.seal {
        return Ok(None);
    }
    let log = options.output_file.as_deref().unwrap_or(Path::new("-"));
    let read =
        |path: &PathBuf| Key::read(path, log).with_context(|| format!("--seal-key {}", path.display()));
    let key = options.seal_key.as_ref().map(read).transpose()?;
    let nonce = seal::nonce().context("/dev/urandom")?;
    Ok(Some(Sealer::new(nonce, options.seal_interval, key, follows)))
}

/// A standard stream for records.
pub(super) struct StandardStream {
    out: Box<dyn Write + Send>,
    is_terminal: bool,
    /// Whether the stream is there for messages, so that records are written to it on request only, and the run
    /// goes on without its reader.
    is_for_messages: bool,
}

/// Returns standard output.
pub(super) fn stdout() -> StandardStream {
    let out = io::stdout();
    StandardStream { is_terminal: out.is_terminal(), out: Box::new(out), is_for_messages: false }
}

/// Returns standard error, for `tracego run`.
pub(super) fn stderr() -> StandardStream {
    let out = io::stderr();
    StandardStream { is_terminal: out.is_terminal(), out: Box::new(out), is_for_messages: true }
}

/// An output whose reader may go away without ending the run: records are refused then, and counted.
struct Endless(Box<dyn Write + Send>);

impl Endless {
    fn refused(error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::BrokenPipe { io::Error::other(error) } else { error }
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(Self::refused)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(Self::refused)
    }
}
