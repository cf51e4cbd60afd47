//! The command `tracego` without a subcommand: watches the whole machine.

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

use super::{
    code, config_watch::ConfigWatch, detach, machine_error::MachineError, notify, output,
    policy::PolicyFollower, print_summary, reload, setup, start_error,
};
use crate::{
    agent::{self, Agent},
    cli::{UsageError, WatchOptions},
    config::RunSettings,
};

/// Text that says that tracego is ready.
const READY: &str = "every program that starts from now on is recorded";

/// Writes records until a signal, the end of `--duration`, or the end of the output's reader.
///
/// # Errors
/// Fails if the agent cannot start or a part of it fails.
pub(super) async fn watch(watch: &WatchOptions, settings: &RunSettings) -> anyhow::Result<ExitCode> {
    // First, because a change behind it is seen: what is in force was read a moment ago.
    let config = ConfigWatch::of(watch).context("the configuration cannot be watched")?;
    let (mut options, meta) = setup::options(watch, settings, false).map_err(UsageError::of)?;
    options.load.handover = watch.handover();
    let opened = output::pipeline(&watch.records, settings, meta, output::stdout(), true);
    let (pipeline, mut policies);
    (pipeline, options.sinks, policies) = opened.map_err(start_error)?;
    // Signals are caught after the output is open, because opening a FIFO waits for its reader and a signal
    // has to end that. They are caught before the programs are attached, because an early signal must drain,
    // too.
    let signals = signals().map_err(|error| MachineError::of(error.into()))?;
    let mut agent = agent::start(options, pipeline).map_err(MachineError::of)?;
    if let Some(sources) = policies.sources() {
        agent.board().set_policy_sources(sources);
    }
    policies.start().map_err(|error| MachineError::of(error.into()))?;
    agent.check_enforcement();
    detach::remove_leftovers(watch)?;
    agent.confine();
    notify::ready(settings.quiet, READY);
    let _reports = notify::reports(agent.board());
    until_signal(agent, watch, settings, signals, config, policies).await
}

/// The reason why the agent is taken from its work.
enum Turn<N> {
    /// The run ends.
    End,
    /// The configuration is read again.
    Reload,
    /// Servers have news about policies.
    Policies(N),
}

/// Runs until a signal or the end of `--duration`; a second signal exits at once.
pub(super) async fn until_signal(
    mut agent: Agent,
    watch: &WatchOptions,
    settings: &RunSettings,
    (mut terminate, mut interrupt, mut hangup): (Signal, Signal, Signal),
    mut config: ConfigWatch,
    mut policies: PolicyFollower,
) -> anyhow::Result<ExitCode> {
    let duration = watch.duration.map(Duration::from_secs);
    let timer = async {
        match duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(timer);
    loop {
        let reload = async {
            tokio::select! {
                _ = terminate.recv() => Turn::End,
                _ = interrupt.recv() => Turn::End,
                () = &mut timer => Turn::End,
                _ = hangup.recv() => Turn::Reload,
                () = config.changed() => Turn::Reload,
                news = policies.changed() => Turn::Policies(news),
            }
        };
        let turn = match agent.run(reload).await? {
            None | Some(Turn::End) => break,
            Some(turn) => turn,
        };
        let is_reload = matches!(turn, Turn::Reload);
        if is_reload {
            notify::reloading();
        }
        let (stop, board) = (agent.stopper(), agent.board());
        let reload = async {
            match turn {
                Turn::Policies(news) => policies.apply(&mut agent, news).await,
                _ => reload::reload(&mut agent, &watch.records, settings, &policies).await,
            }
        };
        tokio::pin!(reload);
        let mut ends = false;
        loop {
            tokio::select! {
                () = &mut reload => break,
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if ends {
                std::process::exit(i32::from(code::RUNNING));
            }
            // The pipeline may wait for a sink before it handles the reload.
            stop();
            ends = true;
        }
        if ends {
            break;
        }
        if is_reload {
            notify::reloaded(&board);
        }
    }
    notify::stopping();
    tokio::select! {
        report = agent.stop() => {
            let complete = print_summary(&report?, settings.quiet);
            Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(code::INCOMPLETE) })
        }
        _ = terminate.recv() => std::process::exit(i32::from(code::RUNNING)),
        _ = interrupt.recv() => std::process::exit(i32::from(code::RUNNING)),
    }
}

/// Catches SIGTERM, SIGINT and SIGHUP; none of them ends the process from here on.
pub(super) fn signals() -> std::io::Result<(Signal, Signal, Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?))
}
