//! Counters, and notices that the owner of a spool should report.

use std::{io, time::Duration};

use serde::Serialize;

use crate::gap::{Gap, GapReason};

/// A number of records and their bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Amount {
    /// Number of records.
    pub records: u64,
    /// Bytes of the records themselves.
    pub bytes: u64,
}

impl Amount {
    pub(crate) fn add(&mut self, records: u64, bytes: u64) {
        self.records = self.records.saturating_add(records);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(crate) fn take(&mut self, records: u64, bytes: u64) {
        self.records = self.records.saturating_sub(records);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Counters since the spool was opened, and its current state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct QueueStats {
    /// Records that were not acknowledged, including those that are still in memory.
    pub depth: Amount,
    /// Bytes on the disk and in memory.
    pub used: u64,
    /// Number of segments.
    pub segments: usize,
    /// Age of the oldest record that was not acknowledged; possibly slightly too high.
    pub oldest: Option<Duration>,
    /// Records that `append` accepted.
    pub appended: Amount,
    /// Records that were acknowledged.
    pub acked: Amount,
    /// Number of records that `append` refused for now, because the spool is full and blocks.
    pub blocked: u64,
    /// Missing records, in the order of [`GapReason::ALL`]. Records that are found missing, by damage or
    /// because a file is gone, count when their gap is acknowledged; dropped records count at once.
    pub dropped: [Amount; GapReason::ALL.len()],
    /// Number of syncs, each of a group of records.
    pub syncs: u64,
    /// Duration of the longest sync.
    pub sync_max: Duration,
    /// Number of failed disk operations.
    pub errors: u64,
    /// Whether the disk fails, so that new records are kept in memory.
    pub failing: bool,
}

impl QueueStats {
    /// Returns the missing records for a reason.
    #[must_use]
    pub fn dropped(&self, reason: GapReason) -> Amount {
        self.dropped[reason as usize]
    }

    pub(crate) fn drop(&mut self, reason: GapReason, records: u64, bytes: u64) {
        self.dropped[reason as usize].add(records, bytes);
    }

    /// Counts a gap that was found.
    pub(crate) fn missing(&mut self, gap: &Gap) {
        self.drop(gap.reason, gap.count(), gap.bytes);
    }
}

/// A condition to report, once each time it begins or ends.
#[derive(Debug, thiserror::Error)]
pub enum SpoolNotice {
    /// The disk fails; records are kept in memory, and the disk is retried.
    #[error("spool: cannot {0}: {1}; records are kept in memory")]
    Failing(&'static str, #[source] io::Error),
    /// A sync failed, and its records were written again to another segment.
    #[error("spool: cannot {0}: {1}; the records were written again to another segment")]
    Rewritten(&'static str, #[source] io::Error),
    /// The disk works again.
    #[error("spool: the disk works again after {:.1} s", .0.as_secs_f64())]
    Recovered(Duration),
    /// A segment cannot be read.
    #[error("spool: cannot read {0}: {1}")]
    Unreadable(String, #[source] io::Error),
    /// Damage was found while reading.
    #[error("spool: {} records from {} on are missing ({})", .0.count(), .0.first, .0.reason.name())]
    Missing(Gap),
}

/// An error of a disk operation, and the purpose of the operation.
pub(crate) struct DiskError {
    pub(crate) doing: &'static str,
    pub(crate) error: io::Error,
}

impl DiskError {
    /// Whether the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// Adds the purpose of an operation to its error.
pub(crate) trait DiskContext<T> {
    fn context(self, what: &'static str) -> Result<T, DiskError>;
}

impl<T> DiskContext<T> for io::Result<T> {
    fn context(self, doing: &'static str) -> Result<T, DiskError> {
        self.map_err(|error| DiskError { doing, error })
    }
}
