//! The results of policies that are no part of a record.

use crate::record::policy::ErrorKind;

/// Counters of decisions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PolicyCounts {
    /// Decisions in total.
    pub decisions: u64,
    /// Decisions that do not allow.
    pub denied: u64,
    /// Evaluations that failed, by [`ErrorKind`].
    pub errors: [u64; ErrorKind::ALL.len()],
    /// Violations and warnings that were left out.
    pub cut: u64,
    /// Decisions found in the cache.
    pub hits: u64,
    /// Cacheable decisions that were not found in the cache.
    pub misses: u64,
}

/// The reason why a process must be stopped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyStop {
    /// Id of the violation; `on-error` or `policy` if there is none.
    pub id: String,
    /// Message.
    pub message: String,
    /// Whether all processes of the job must be stopped.
    pub job: bool,
    /// Whether the arguments alone lead to the decision, so that the kernel side may remember it.
    pub remembered: bool,
}
