//! The outcome of a run, and the exit code that it leads to.

use tracego_analyze::summary::FindingSummary;
use tracego_model::finding::Severity;

use super::code;

/// The outcome of a run.
#[derive(Debug, Default)]
pub(in crate::cmd) struct RunOutcome {
    /// Exit code of the command.
    pub(in crate::cmd) code: u8,
    /// Whether the run could not do what was asked of it: it did not see the command, or enforcement was not in
    /// force.
    pub(in crate::cmd) blind: bool,
    /// Losses.
    pub(in crate::cmd) losses: RunLosses,
    /// Summary of the findings.
    pub(in crate::cmd) summary: FindingSummary,
}

/// The losses of a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::cmd) enum RunLosses {
    /// No loss.
    #[default]
    None,
    /// Processes of the command still ran when the wait for them ended.
    Unfinished,
    /// Standard error took no records. The command's status stays what it is, because messages and records share
    /// standard error with the command.
    StandardError,
    /// A signal ended the wait for processes of the command, which still ran: the limit of the wait is the caller's
    /// choice, but a signal may come from the command itself.
    Interrupted,
    /// Events, records or decisions of policies are missing.
    Records,
}

impl RunLosses {
    /// Returns the losses of a run whose processes were not all awaited. `is_interrupted`: a signal ended the wait.
    pub(super) fn or_unfinished(self, is_interrupted: bool) -> Self {
        match self {
            Self::None | Self::StandardError if is_interrupted => Self::Interrupted,
            Self::None => Self::Unfinished,
            other => other,
        }
    }
}

/// The conditions on which a run fails beside the command's own status.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cmd) struct FailureConditions {
    /// Least severity of a finding.
    pub(super) severity: Option<Severity>,
    /// Whether a loss takes precedence over the command's status.
    pub(super) on_loss: bool,
}

impl RunOutcome {
    /// Returns an outcome without a command that was started.
    pub(super) fn not_started(code: u8) -> Self {
        Self { code, ..Self::default() }
    }

    /// Returns the exit code of the run.
    pub(in crate::cmd) fn exit_code(&self, conditions: FailureConditions) -> u8 {
        let worst = self.summary.worst().zip(conditions.severity);
        let found = worst.is_some_and(|(worst, least)| worst >= least);
        if self.blind {
            code::KERNEL
        } else if conditions.on_loss && self.losses != RunLosses::None {
            code::INCOMPLETE
        } else if self.code != 0 {
            self.code
        } else if found || self.summary.stopped() > 0 || self.summary.escaped() > 0 {
            // A command that continued although a part of it was stopped has failed, and so has one of which a
            // part ran that had to be stopped.
            code::FINDINGS
        } else if matches!(self.losses, RunLosses::Interrupted | RunLosses::Records) {
            code::INCOMPLETE
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: u8, blind: bool, losses: RunLosses, on_loss: bool) -> u8 {
        let outcome = RunOutcome { code, blind, losses, summary: FindingSummary::default() };
        outcome.exit_code(FailureConditions { severity: Some(Severity::High), on_loss })
    }

    #[test]
    fn a_loss_replaces_success_and_any_status_on_request() {
        use RunLosses::{Interrupted, None, Records, StandardError, Unfinished};
        for (code, losses, on_loss, wanted) in [
            (0, None, false, 0),
            (0, None, true, 0),
            (7, None, true, 7),
            (0, Unfinished, false, 0),
            (0, Unfinished, true, 4),
            (0, Interrupted, false, 4),
            (7, Interrupted, false, 7),
            (7, Interrupted, true, 4),
            (0, Records, false, 4),
            (7, Records, false, 7),
            (7, Records, true, 4),
            (0, StandardError, false, 0),
            (7, StandardError, false, 7),
            (0, StandardError, true, 4),
        ] {
            assert_eq!(exit(code, false, losses, on_loss), wanted, "{code} {losses:?} {on_loss}");
        }
    }

    #[test]
    fn a_signal_that_ends_the_wait_is_no_success() {
        use RunLosses::{Interrupted, None, Records, StandardError, Unfinished};
        for (losses, is_interrupted, wanted) in [
            (None, false, Unfinished),
            (None, true, Interrupted),
            (StandardError, false, StandardError),
            (StandardError, true, Interrupted),
            (Records, true, Records),
        ] {
            assert_eq!(losses.or_unfinished(is_interrupted), wanted, "{losses:?} {is_interrupted}");
        }
    }

    #[test]
    fn a_run_that_saw_nothing_is_never_green() {
        for code in [0, 7] {
            for losses in [RunLosses::None, RunLosses::Records] {
                assert_eq!(exit(code, true, losses, true), 3);
            }
        }
    }
}
