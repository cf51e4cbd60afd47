//! The commands `tracego capture` and `tracego replay`.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader},
    os::unix::fs::OpenOptionsExt as _,
    process::ExitCode,
    time::Duration,
};
use tracego_model::capture::writer::CaptureWriter;

use anyhow::Context as _;
use tracego_model::capture::CaptureReader;

use super::{
    code, config_watch::ConfigWatch, file_identity::refuse_overwriting, machine_error::MachineError, output,
    policy::PolicyFollower, provenance, run, setup, start_error, watch,
};
use crate::{
    agent,
    cli::{Capture, Replay, UsageError},
    config::RunSettings,
    pipeline::{CaptureStage, Consumer as _},
    provenance::ProvenanceStage,
};

/// Writes raw events until a signal, or until the command ends.
///
/// # Errors
/// Fails if the file exists or the agent cannot start.
pub(super) async fn capture(capture: &Capture, settings: &RunSettings) -> anyhow::Result<ExitCode> {
    let signals = watch::signals().map_err(|error| MachineError::of(error.into()))?;
    let name = capture.file.display();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&capture.file);
    let file = file.with_context(|| format!("capture {name}")).map_err(UsageError::of)?;
    let options = setup::options(&capture.watch, settings, !capture.command.is_empty());
    let (options, meta) = options.map_err(UsageError::of)?;
    let writer = CaptureWriter::new(Box::new(file), &meta).with_context(|| format!("capture {name}"));
    let writer = CaptureStage::new(writer.map_err(UsageError::of)?);
    if capture.command.is_empty() {
        let config = ConfigWatch::of(&capture.watch).context("the configuration cannot be watched")?;
        let mut agent = agent::start(options, writer).map_err(MachineError::of)?;
        agent.confine();
        let policies = PolicyFollower::default();
        watch::until_signal(agent, &capture.watch, settings, signals, config, policies).await
    } else {
        drop(signals);
        let follow = run::FollowOptions {
            command: run::command(&capture.command),
            patience: Some(Duration::ZERO),
            enforce_optional: false,
            to_stderr: false,
            quiet: settings.quiet,
        };
        let outcome = run::follow(options, writer, follow).await.map_err(MachineError::of)?;
        Ok(ExitCode::from(outcome.exit_code(run::FailureConditions::default())))
    }
}

/// Turns a capture into records.
///
/// # Errors
/// Fails if the file is damaged; records before the damage are written.
pub(super) fn replay(replay: &Replay, settings: &RunSettings) -> anyhow::Result<ExitCode> {
    let name = || format!("replay {}", replay.file.display());
    let log = replay.records.policies.decision_log();
    let outputs = [("--output-file", replay.records.output_file.as_deref()), ("--decision-log", log)];
    let outputs = outputs.into_iter().filter_map(|(name, path)| Some((name, path?)));
    refuse_overwriting(outputs, [("the capture", replay.file.as_path())])?;
    let file = BufReader::new(File::open(&replay.file).with_context(name)?);
    let mut reader = CaptureReader::new(file).with_context(name)?;
    let mut meta = reader.meta();
    meta.raw = replay.records.raw_args;
    let environment = setup::environment(settings);
    meta.unshown = environment.unshown;
    for (key, value) in environment.injected {
        meta.injected.retain(|(known, _)| *known != key);
        meta.injected.push((key, value));
    }
    let opened = output::pipeline(&replay.records, settings, meta, output::stdout(), false);
    let (pipeline, sinks, _) = opened.map_err(start_error)?;
    let kept = provenance::opened(&settings.provenance).map_err(UsageError::of)?;
    let kept = kept.map(|(settings, provenance)| ProvenanceStage::replayed(settings, provenance));
    let mut pipeline = pipeline.with_kept_verdicts(kept);
    while let Some(input) = reader.next_input().with_context(name)? {
        match pipeline.take(input) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            done => done.context("cannot write records")?,
        }
    }
    pipeline.end().context("cannot write records")?;
    let summary = pipeline.summary();
    drop(pipeline);
    let failed = summary.failed();
    let mut whole = failed.allowed == 0;
    if failed.count > 0 {
        message!("tracego: {failed}");
    }
    for sink in sinks.join()? {
        message!("tracego: {sink}");
        whole &= sink.is_whole();
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(code::INCOMPLETE) })
}
