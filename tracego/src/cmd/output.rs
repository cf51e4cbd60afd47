//! Construction of the outputs and the pipeline from the command line.

use std::{
    io::{self, IsTerminal as _, Write},
    path::Path,
};

use anyhow::{Context as _, bail};
use tracego_analyze::rules_stage::RulesStage;
use tracego_deliver::{
    seal::{self, before::Before, chain::LINK, key::Key, window::Sealer},
    sink::{
        direct::{DirectFormat, DirectOutput, text},
        lifecycle::Sinks,
        outputs::Outputs,
        settings::SinkSettings,
    },
};
use tracego_model::meta::Meta;

use super::{policy, telemetry};
use crate::{
    cli::{Color, OutputForm, RecordOptions},
    config::RunSettings,
    pipeline::Pipeline,
};

/// Creates the pipeline and the sinks that it feeds.
///
/// # Errors
/// Fails if an output cannot be opened.
pub(super) fn pipeline(
    options: &RecordOptions,
    settings: &RunSettings,
    meta: Meta,
    other: (Box<dyn Write + Send>, bool),
) -> anyhow::Result<(Pipeline, Sinks)> {
    let with_queues = sinks(options, settings)?;
    let direct = has_direct(options, &with_queues).then(|| direct(options, other)).transpose()?;
    if direct.is_none() && options.seal {
        bail!("--seal: seals standard output or --output-file; add one of --output json and --output-file");
    }
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
    let pipeline = Pipeline::new(meta, options.selection(), Some(judge), Outputs::new(direct, feeds));
    let pipeline = pipeline.with_traces(traces).with_policy(policy::open_stage(&options.policies)?);
    Ok((pipeline, sinks))
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
            bail!("--output otlp: the configuration has a sink of the name otlp already");
        }
        sinks.push(SinkSettings::of("otlp", own).map_err(|error| anyhow::anyhow!("--otlp-{error}"))?);
    } else if options.otlp_endpoint.is_some() && !options.otlp_traces && !options.otlp_metrics {
        bail!(
            "--otlp-endpoint: only with --output otlp, --otlp-traces and --otlp-metrics; sinks of the \
             configuration have a key endpoint"
        );
    }
    Ok(sinks)
}

/// Whether the pipeline also writes records itself: if no sink is configured, or if an option asks for it.
fn has_direct(options: &RecordOptions, sinks: &[SinkSettings]) -> bool {
    match options.output {
        Some(OutputForm::Otlp) => options.output_file.is_some(),
        Some(OutputForm::Json | OutputForm::Text) => true,
        None => sinks.is_empty() || options.output_file.is_some() || options.format.is_some(),
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
fn direct(
    options: &RecordOptions,
    (other, terminal): (Box<dyn Write + Send>, bool),
) -> anyhow::Result<DirectOutput> {
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
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
    };
    let output = options.output.unwrap_or(if terminal { OutputForm::Text } else { OutputForm::Json });
    let style = text::Style { colour, tree: options.tree };
    let format = match (options.format, output) {
        (Some(format), _) => DirectFormat::Line(format),
        (None, OutputForm::Json) => DirectFormat::JSON,
        (None, OutputForm::Text) => DirectFormat::Text(style),
        (None, OutputForm::Otlp) => bail!("--output-file cannot be combined with --output otlp"),
    };
    let sink = DirectOutput::new(out, format);
    Ok(match sealer(options, before.last, format)? {
        Some(sealer) => sink.sealed(sealer, before.torn),
        None => sink.torn(torn),
    })
}

/// Creates the sealer of the output, if `--seal` is given.
fn sealer(
    options: &RecordOptions,
    follows: Option<[u8; LINK]>,
    format: DirectFormat,
) -> anyhow::Result<Option<Sealer>> {
    let name = |path: &Path| format!("--seal-key {}", path.display());
    if !options.seal {
        if let Some(path) = &options.seal_key {
            bail!("{}: only with --seal", name(path));
        }
        return Ok(None);
    }
    if format != DirectFormat::JSON {
        bail!("--seal: only JSON can be sealed; add --output json");
    }
    let log = options.output_file.as_deref().unwrap_or(Path::new("-"));
    let key =
        options.seal_key.as_ref().map(|path| Key::read(path, log).with_context(|| name(path))).transpose()?;
    let nonce = seal::nonce().context("/dev/urandom")?;
    Ok(Some(Sealer::new(nonce, options.seal_interval, key, follows)))
}

/// Returns standard output and whether it is a terminal.
pub(super) fn stdout() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stdout()), io::stdout().is_terminal())
}

/// Returns standard error and whether it is a terminal.
pub(super) fn stderr() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stderr()), io::stderr().is_terminal())
}
