//! Construction of the outputs and the pipeline from the command line.

use std::{
    fs,
    io::{self, IsTerminal as _, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tracego_analyze::judge::Judge;
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
use tracego_policy::{
    Limits,
    bundle::Trust,
    stage::{self, Stage},
};

use super::telemetry;
use crate::{
    cli::{Color, Output, View},
    pipeline::Pipeline,
};

/// Creates the pipeline and the sinks that it feeds.
///
/// # Errors
/// Fails if an output cannot be opened.
pub(super) fn pipeline(
    view: &View,
    meta: Meta,
    other: (Box<dyn Write + Send>, bool),
) -> anyhow::Result<(Pipeline, Sinks)> {
    let settings = sinks(view)?;
    let direct = has_direct(view, &settings).then(|| direct(view, other)).transpose()?;
    if direct.is_none() && view.seal {
        bail!("--seal: seals standard output or --output-file; add one of --output json and --output-file");
    }
    let (mut sinks, feeds) = Sinks::start(&settings, view.spool_dir.as_deref(), &meta)?;
    sinks.set_direct_output(direct.is_some());
    for name in sinks.volatile() {
        tracing::warn!(
            sink = name,
            "records wait in memory: what is not delivered when tracego ends, or is killed, is lost; \
             --spool-dir keeps it"
        );
    }
    let judge = Judge::new(view.settings());
    let traces = telemetry::traces(view, &meta)?;
    let pipeline = Pipeline::new(meta, view.selection(), Some(judge), Outputs::new(direct, feeds));
    let pipeline = pipeline.with_traces(traces).with_policy(Stage::open(&policies(view)?)?);
    Ok((pipeline, sinks))
}

/// Returns the options of the policy stage.
///
/// # Errors
/// Fails if the key cannot be read.
pub(super) fn policies(view: &View) -> anyhow::Result<stage::Options> {
    let trust = |path: &Path| {
        let key = fs::read(path).with_context(|| format!("--policy-key {}", path.display()))?;
        Ok::<_, anyhow::Error>(Trust { key, algorithm: view.policy_algorithm, key_id: None, scope: None })
    };
    let time = Duration::from_millis(view.policy_time_limit);
    let limits = Limits { time, on_error: view.policy_on_error, ..Limits::default() };
    Ok(stage::Options {
        bundles: view.policy.clone(),
        trust: view.policy_key.as_deref().map(trust).transpose()?,
        limits,
        log: view.decision_log.clone(),
        masks: view.decision_log_mask.clone(),
    })
}

/// Returns the sinks with queues: those of the configuration, and the one of `--output otlp`.
///
/// # Errors
/// Fails if two sinks have the same name.
pub(super) fn sinks(view: &View) -> anyhow::Result<Vec<SinkSettings>> {
    let mut sinks = view.sinks.to_vec();
    if view.output == Some(Output::Otlp) {
        let mut own = toml::Table::new();
        if let Some(endpoint) = &view.otlp_endpoint {
            own.insert("endpoint".to_owned(), endpoint.clone().into());
        }
        if sinks.iter().any(|sink| sink.name == "otlp") {
            bail!("--output otlp: the configuration has a sink of the name otlp already");
        }
        sinks.push(SinkSettings::of("otlp", own).map_err(|error| anyhow::anyhow!("--otlp-{error}"))?);
    } else if view.otlp_endpoint.is_some() && !view.otlp_traces && !view.otlp_metrics {
        bail!(
            "--otlp-endpoint: only with --output otlp, --otlp-traces and --otlp-metrics; sinks of the \
             configuration have a key endpoint"
        );
    }
    Ok(sinks)
}

/// Whether the pipeline also writes records itself: if no sink is configured, or if an option asks for it.
fn has_direct(view: &View, sinks: &[SinkSettings]) -> bool {
    match view.output {
        Some(Output::Otlp) => view.output_file.is_some(),
        Some(Output::Json | Output::Text) => true,
        None => sinks.is_empty() || view.output_file.is_some() || view.format.is_some(),
    }
}

/// Reopens the file of the direct output.
///
/// # Errors
/// Fails if the file cannot be opened.
pub(super) fn reopened(view: &View) -> anyhow::Result<Option<Box<dyn Write + Send>>> {
    let open =
        |path: &Path| DirectOutput::file(path).with_context(|| format!("--output-file {}", path.display()));
    view.output_file.as_deref().map(open).transpose()
}

/// Opens the direct output: the file, or `other` (standard output or error).
///
/// # Errors
/// Fails if the file cannot be opened.
fn direct(view: &View, (other, terminal): (Box<dyn Write + Send>, bool)) -> anyhow::Result<DirectOutput> {
    let mut before = Before::default();
    let mut torn = false;
    let (out, terminal) = match &view.output_file {
        Some(path) => {
            let name = || format!("--output-file {}", path.display());
            if view.seal {
                before = Before::read(path).with_context(name)?;
            }
            torn = DirectOutput::is_torn(path);
            (DirectOutput::file(path).with_context(name)?, false)
        }
        None => (other, terminal),
    };
    let colour = match view.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
    };
    let output = view.output.unwrap_or(if terminal { Output::Text } else { Output::Json });
    let style = text::Style { colour, tree: view.tree };
    let format = match (view.format, output) {
        (Some(format), _) => DirectFormat::Line(format),
        (None, Output::Json) => DirectFormat::JSON,
        (None, Output::Text) => DirectFormat::Text(style),
        (None, Output::Otlp) => bail!("--output-file: not with --output otlp, which has a collector"),
    };
    let sink = DirectOutput::new(out, format);
    Ok(match sealer(view, before.last, format)? {
        Some(sealer) => sink.sealed(sealer, before.torn),
        None => sink.torn(torn),
    })
}

/// Creates the sealer of the output, if `--seal` is given.
fn sealer(view: &View, follows: Option<[u8; LINK]>, format: DirectFormat) -> anyhow::Result<Option<Sealer>> {
    let name = |path: &Path| format!("--seal-key {}", path.display());
    if !view.seal {
        if let Some(path) = &view.seal_key {
            bail!("{}: only with --seal", name(path));
        }
        return Ok(None);
    }
    if format != DirectFormat::JSON {
        bail!("--seal: only JSON can be sealed; add --output json");
    }
    let key = view.seal_key.as_ref().map(|path| Key::read(path).with_context(|| name(path))).transpose()?;
    let nonce = seal::nonce().context("/dev/urandom")?;
    Ok(Some(Sealer::new(nonce, view.seal_interval, key, follows)))
}

/// Returns standard output and whether it is a terminal.
pub(super) fn stdout() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stdout()), io::stdout().is_terminal())
}

/// Returns standard error and whether it is a terminal.
pub(super) fn stderr() -> (Box<dyn Write + Send>, bool) {
    (Box::new(io::stderr()), io::stderr().is_terminal())
}
