//! The readiness protocol of systemd (sd_notify(3)), and the line for people that says the same.

use std::{env, sync::Arc, time::Duration};

use sd_notify::NotifyState;
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, interval},
};

use crate::metrics::Board;

/// Maximum time between two reports of the state.
const REPORT: Duration = Duration::from_secs(5);
/// Number of watchdog messages within the time that the watchdog allows, of which all but one may be late.
const WATCHDOG_PARTS: u32 = 3;

/// Reports that everything is attached: every program that starts from now on is recorded.
pub(super) fn ready(quiet: bool, what: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(what)]);
    if !quiet {
        message!("tracego: ready: {what}");
    }
}

/// Reports that a reload begins; [`reloaded`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            send(&[NotifyState::Reloading, now, NotifyState::Status("the configuration is read again")])
        }
        Err(error) => tracing::warn!(%error, "systemd could not be notified of the reload"),
    }
}

/// Reports that a reload has ended, and how.
pub(super) fn reloaded(board: &Board) {
    send(&[NotifyState::Ready, NotifyState::Status(&board.status())]);
}

/// Reports that tracego ends.
pub(super) fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// Reports the state every few seconds, and to the watchdog that the threads work, until the value is dropped.
/// The task shares the thread of the control loop: if that hangs, the watchdog hears nothing.
pub(super) fn reports(board: Arc<Board>) -> Option<Reports> {
    env::var_os("NOTIFY_SOCKET")?;
    let watchdog = sd_notify::watchdog_enabled();
    let task = tokio::spawn(async move {
        let mut tick = interval(watchdog.map_or(REPORT, |limit| (limit / WATCHDOG_PARTS).min(REPORT)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = String::new();
        // The first tick is at once, when the message that tracego is ready still stands.
        tick.tick().await;
        loop {
            if watchdog.is_some() && board.liveness().ok {
                send(&[NotifyState::Watchdog]);
            }
            tick.tick().await;
            let status = board.status();
            if status != last {
                send(&[NotifyState::Status(&status)]);
                last = status;
            }
        }
    });
    Some(Reports(task.abort_handle()))
}

/// A task that reports the state until it is dropped.
pub(super) struct Reports(AbortHandle);

impl Drop for Reports {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be notified (NOTIFY_SOCKET)");
    }
}
