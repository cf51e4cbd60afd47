//! `tracego` without a subcommand: the whole machine.

use std::{process::ExitCode, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

use super::{code, conclude, setup};
use crate::{agent::Agent, cli::Watch};

/// Writes records until a signal, the end of `--duration` or of the reader of the output.
///
/// # Errors
/// When the agent cannot start or a part of it fails.
pub(super) async fn watch(watch: &Watch) -> anyhow::Result<ExitCode> {
    // Before the programs are attached: a signal that comes early must drain too.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (out, terminal) = setup::stdout();
    let sink = setup::sink(watch, out, terminal)?;
    let mut agent = Agent::start(setup::options(watch, false)?, sink)?;
    let duration = watch.duration.map(Duration::from_secs);
    let end = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = async { sleep(duration.unwrap_or_default()).await }, if duration.is_some() => {}
        }
    };
    agent.run(end).await?;
    tokio::select! {
        report = agent.stop() => {
            let complete = conclude(&report?);
            Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(code::INCOMPLETE) })
        }
        _ = terminate.recv() => std::process::exit(i32::from(code::RUNNING)),
        _ = interrupt.recv() => std::process::exit(i32::from(code::RUNNING)),
    }
}
