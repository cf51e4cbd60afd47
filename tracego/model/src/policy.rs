//! The results of policies that are no part of a record.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::record::{configuration::PolicySource, policy::ErrorKind};

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

/// Numbers of the requests for a bundle, by their result.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SourceCounts {
    /// Requests that brought another bundle, which is in force since then.
    pub changed: u64,
    /// Requests that were answered with the bundle in force.
    pub unchanged: u64,
    /// Requests without a usable answer.
    pub failed: u64,
    /// Requests that brought a bundle that was refused.
    pub refused: u64,
}

/// The servers that bundles come from, as records and metrics show them. One thread writes, others read.
#[derive(Debug, Default)]
pub struct PolicySourceStatus(Mutex<Vec<(PolicySource, SourceCounts)>>);

impl PolicySourceStatus {
    fn locked(&self) -> MutexGuard<'_, Vec<(PolicySource, SourceCounts)>> {
        // The content is always consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what is known of a source, by its URL.
    pub fn set(&self, source: PolicySource, counts: SourceCounts) {
        let mut all = self.locked();
        match all.iter_mut().find(|(known, _)| known.url == source.url) {
            Some(known) => *known = (source, counts),
            None => all.push((source, counts)),
        }
    }

    /// Replaces what is known of a source, and keeps its numbers.
    pub fn replace(&self, source: PolicySource) {
        if let Some(known) = self.locked().iter_mut().find(|(known, _)| known.url == source.url) {
            known.0 = source;
        }
    }

    /// Removes the sources that do not meet the condition.
    pub fn retain(&self, is_kept: impl Fn(&str) -> bool) {
        self.locked().retain(|(source, _)| is_kept(&source.url));
    }

    /// Returns the sources.
    #[must_use]
    pub fn sources(&self) -> Vec<PolicySource> {
        self.locked().iter().map(|(source, _)| source.clone()).collect()
    }

    /// Returns the sources with their numbers.
    #[must_use]
    pub fn all(&self) -> Vec<(PolicySource, SourceCounts)> {
        self.locked().clone()
    }
}
