//! The readiness protocol of systemd (sd_notify(3)), and the line for people that says the same.

use sd_notify::NotifyState;

/// Says that everything is attached: every program that starts from now on is recorded.
pub(super) fn ready(quiet: bool, what: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(what)]);
    if !quiet {
        message!("tracego: ready: {what}");
    }
}

/// Says that a reload begins; [`ready`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd could not be notified of the reload"),
    }
}

/// Says that tracego ends.
pub(super) fn stopping() {
    send(&[NotifyState::Stopping]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be notified (NOTIFY_SOCKET)");
    }
}
