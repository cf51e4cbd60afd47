//! Signals that `tracego run` passes on to its command.

use std::process::ExitStatus;

use tokio::{
    process::Child,
    signal::unix::{Signal, SignalKind, signal},
};

/// The signals that are passed on. SIGINT from a terminal reaches the command by itself.
pub(super) struct SignalForwarder {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    user1: Signal,
    user2: Signal,
}

impl SignalForwarder {
    /// Catches the signals; none of them ends the process from here on.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for a signal. Returns its number.
    pub(super) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => libc::SIGTERM,
            _ = self.hangup.recv() => libc::SIGHUP,
            _ = self.interrupt.recv() => libc::SIGINT,
            _ = self.user1.recv() => libc::SIGUSR1,
            _ = self.user2.recv() => libc::SIGUSR2,
        }
    }

    /// Passes signals on until the command ends. Returns its status.
    pub(super) async fn until_end(&mut self, child: &mut Child) -> std::io::Result<ExitStatus> {
        loop {
            // Biased: a Ctrl-C that ended the command must not remain for the code after the command.
            let number = tokio::select! {
                biased;
                number = self.next() => number,
                status = child.wait() => return status,
            };
            if number == libc::SIGINT && in_foreground() {
                continue;
            }
            if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
                // SAFETY: the child is not reaped yet, so the number is still its own.
                unsafe { libc::kill(pid, number) };
            }
        }
    }
}

/// Whether this process is in the foreground of its terminal, where Ctrl-C reaches the whole group.
fn in_foreground() -> bool {
    // SAFETY: both calls take and give plain numbers; without a terminal the first fails.
    unsafe { libc::tcgetpgrp(0) == libc::getpgrp() }
}
