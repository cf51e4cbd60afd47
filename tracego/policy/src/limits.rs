//! What one decision may take.

use std::{num::NonZeroUsize, time::Duration};

use serde::Deserialize;

/// What a policy that fails says about a start.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// It is allowed: a broken policy stops nobody.
    #[default]
    Allow,
    /// It is not: only by choice.
    Deny,
}

/// Bounds of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of all bundles together, on the clock. A bundle that hardly had the processor in it gets as much again, a
    /// few times.
    pub time: Duration,
    /// How long one may stay away before it counts as one that never ends, measured from outside: its bundle is
    /// out of force then. At least a few times [`Self::time`], whatever is said here.
    pub hang: Duration,
    /// Instructions of the virtual machine, for each entry point.
    pub instructions: usize,
    /// Violations that are kept; the rest is counted.
    pub violations: usize,
    /// Bytes of a message or a remedy.
    pub message: usize,
    /// Decisions that are remembered.
    pub cache: Option<NonZeroUsize>,
    /// See [`OnError`].
    pub on_error: OnError,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(5),
            hang: Duration::from_millis(250),
            instructions: 1_000_000,
            violations: 64,
            message: 4096,
            cache: NonZeroUsize::new(4096),
            on_error: OnError::Allow,
        }
    }
}
