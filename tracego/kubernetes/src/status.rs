//! The state of the watch, for metrics and heartbeats.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tracego_model::record::kubernetes::PodWatchReport;

/// The reason why a pod is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// The node has more pods than are kept.
    TooMany,
    /// The description of the pod is longer than a line may be.
    TooLong,
    /// The description of the pod could not be understood.
    Invalid,
    /// The pod runs on another node than the one that was asked for.
    OtherNode,
}

impl LeftOut {
    /// The reasons with their names, in the order of the counters.
    pub const NAMES: [&str; 4] = ["too_many", "too_long", "invalid", "other_node"];
}

/// The requests that are counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestResult {
    /// A list that was read.
    Listed,
    /// A watch that was answered.
    Watched,
    /// A resource version that the API server does not have any more.
    Expired,
    /// A request that failed.
    Failed,
}

impl RequestResult {
    /// The results with their names, in the order of the counters.
    pub const NAMES: [&str; 4] = ["listed", "watched", "expired", "failed"];
}

/// The state of the watch. The watch writes, all others read.
#[derive(Debug, Default)]
pub struct PodWatchStatus {
    connected: AtomicBool,
    pods: AtomicU64,
    events: AtomicU64,
    requests: [AtomicU64; 4],
    left_out: [AtomicU64; 4],
    error: Mutex<Option<String>>,
}

/// A copy of the counters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PodWatchCounts {
    /// Whether the list of pods is current.
    pub connected: bool,
    /// Number of known pods.
    pub pods: u64,
    /// Number of changes that came.
    pub events: u64,
    /// Number of requests, in the order of [`RequestResult::NAMES`].
    pub requests: [u64; 4],
    /// Number of descriptions of pods that were left out, in the order of [`LeftOut::NAMES`].
    pub left_out: [u64; 4],
}

impl PodWatchStatus {
    fn error(&self) -> MutexGuard<'_, Option<String>> {
        // The text is replaced, never modified in place.
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy of the counters.
    #[must_use]
    pub fn counts(&self) -> PodWatchCounts {
        let all = |of: &[AtomicU64; 4]| of.each_ref().map(|one| one.load(Relaxed));
        PodWatchCounts {
            connected: self.connected.load(Relaxed),
            pods: self.pods.load(Relaxed),
            events: self.events.load(Relaxed),
            requests: all(&self.requests),
            left_out: all(&self.left_out),
        }
    }

    /// Returns the member of a heartbeat.
    #[must_use]
    pub fn report(&self) -> PodWatchReport {
        let counts = self.counts();
        let left_out = counts.left_out.iter().sum();
        let error = self.error().clone();
        PodWatchReport { connected: counts.connected, pods: counts.pods, left_out, error }
    }

    pub(crate) fn count(&self, result: RequestResult) {
        self.requests[result as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn leave_out(&self, reason: LeftOut) {
        self.left_out[reason as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn event(&self) {
        self.events.fetch_add(1, Relaxed);
    }

    pub(crate) fn set_pods(&self, pods: usize) {
        self.pods.store(pods as u64, Relaxed);
    }

    /// Notes that requests succeed, and reports the end of failures.
    pub(crate) fn succeeded(&self) {
        self.connected.store(true, Relaxed);
        if self.error().take().is_some() {
            tracing::info!("the Kubernetes API answers again: pods of this node are known");
        }
    }

    /// Notes that a request failed, and reports the first of several failures.
    pub(crate) fn failed(&self, why: String) {
        self.connected.store(false, Relaxed);
        let before = self.error().replace(why.clone());
        if before.is_none() {
            tracing::warn!(
                error = why,
                "the Kubernetes API does not say which pods run on this node; retried"
            );
        } else {
            tracing::debug!(error = why, "the Kubernetes API fails again");
        }
    }
}
