//! The counters of a spool, the failure of its disk, and the notices about both.

use std::{collections::VecDeque, time::Duration};

use crate::{
    gap::Gap,
    stats::{DiskError, QueueStats, SpoolNotice},
};

/// Maximum number of notices that are kept until they are read.
const NOTICES: usize = 64;
/// First and longest pause between two retries while the disk fails, in nanoseconds.
const RETRY: (i64, i64) = (100_000_000, 5_000_000_000);

/// State while the disk fails.
struct DiskFailure {
    since: i64,
    retry_at: i64,
    tries: u32,
    /// Whether the disk is full.
    full: bool,
}

/// Counters, notices, and whether the disk fails.
#[derive(Default)]
pub(super) struct SpoolStatus {
    /// Counters; the state of the disk is not in here.
    pub(super) stats: QueueStats,
    failure: Option<DiskFailure>,
    notices: VecDeque<SpoolNotice>,
}

impl SpoolStatus {
    /// Returns the next notice to report, each only once.
    pub(super) fn next_notice(&mut self) -> Option<SpoolNotice> {
        self.notices.pop_front()
    }

    pub(super) fn push_notice(&mut self, notice: SpoolNotice) {
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    /// Whether the disk fails.
    pub(super) fn is_failing(&self) -> bool {
        self.failure.is_some()
    }

    /// Whether the disk fails because it is full.
    pub(super) fn is_disk_full(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.full)
    }

    /// Returns the time of the next retry while the disk fails, in ns since boot.
    pub(super) fn retry_at(&self) -> Option<i64> {
        self.failure.as_ref().map(|failure| failure.retry_at)
    }

    /// Begins or prolongs a failure of the disk.
    pub(super) fn failed(&mut self, fault: DiskError, now: i64) {
        self.stats.errors += 1;
        let tries = self.failure.as_ref().map_or(0, |failure| failure.tries);
        let since = self.failure.as_ref().map_or(now, |failure| failure.since);
        let pause = RETRY.0.saturating_mul(1 << tries.min(8)).min(RETRY.1);
        let full = fault.is_full();
        if tries == 0 {
            self.push_notice(SpoolNotice::Failing(fault.doing, fault.error));
        }
        let tries = tries.saturating_add(1);
        self.failure = Some(DiskFailure { since, retry_at: now.saturating_add(pause), tries, full });
    }

    /// Ends a failure of the disk.
    pub(super) fn recovered(&mut self, now: i64) {
        if let Some(failure) = self.failure.take() {
            let nanos = now.saturating_sub(failure.since);
            self.push_notice(SpoolNotice::Recovered(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))));
        }
    }

    /// Reports a sync that failed, and whose records were written again.
    pub(super) fn rewritten(&mut self, fault: DiskError) {
        self.stats.errors += 1;
        if !self.is_failing() {
            self.push_notice(SpoolNotice::Rewritten(fault.doing, fault.error));
        }
    }

    /// Reports damage that did not exist when the spool was opened.
    pub(super) fn damaged(&mut self, gap: Gap) {
        self.stats.depth.take(gap.count(), 0);
        self.push_notice(SpoolNotice::Missing(gap));
    }
}
