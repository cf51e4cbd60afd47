//! Precedence of the threads that stand between an event and a kill.

use rustix::{process::setpriority_process, thread::gettid};

/// Nice value of the threads: above all ordinary programs, and below what needs real time.
const NICE: i32 = -10;

/// Gives the calling thread precedence, so that a kill after the start does not wait for a busy machine. Without
/// CAP_SYS_NICE nothing changes.
pub fn take() {
    if let Err(error) = setpriority_process(Some(gettid()), NICE) {
        tracing::debug!(%error, "no precedence for kills after the start: CAP_SYS_NICE is missing");
    }
}
