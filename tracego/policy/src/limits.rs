//! Limits of a decision.

use std::{num::NonZeroUsize, time::Duration};

use serde::{Deserialize, Serialize};

/// The decision about a process start if a policy fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Allow the program: a broken policy stops nothing.
    #[default]
    Allow,
    /// Deny the program: only by explicit choice.
    Deny,
}

/// Limits of a decision.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct DecisionLimits {
    /// Time limit for all bundles together, in wall-clock time. A bundle that hardly had the processor in
    /// that time gets the same time again, a few times.
    pub time: Duration,
    /// Time, measured from outside, after which an evaluation counts as hung and its process is killed. At least
    /// a few times [`Self::time`], whatever is set here.
    pub hang: Duration,
    /// Maximum memory of the process of a bundle in bytes, with the compiled bundle and without the stack.
    pub memory: u64,
    /// Maximum number of instructions of the virtual machine for each entry point.
    pub instructions: usize,
    /// Maximum number of violations that are kept, and of warnings; the others are counted.
    pub violations: usize,
    /// Maximum size of a message or remediation in bytes.
    pub message: usize,
    /// Number of decisions in the cache; `None` for no cache.
    pub cache: Option<NonZeroUsize>,
    /// Decision if a policy fails.
    pub on_error: OnError,
}

impl Default for DecisionLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(5),
            hang: Duration::from_millis(250),
            memory: 512 << 20,
            instructions: 1_000_000,
            violations: 64,
            message: 4096,
            cache: NonZeroUsize::new(4096),
            on_error: OnError::Allow,
        }
    }
}
