//! Counters, and what the owner of a spool has to tell people.

use std::{io, time::Duration};

use serde::Serialize;

use super::gap::{Gap, Reason};

/// Records and their bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Amount {
    /// Records.
    pub records: u64,
    /// Bytes of the records themselves.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, records: u64, bytes: u64) {
        self.records = self.records.saturating_add(records);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn take(&mut self, records: u64, bytes: u64) {
        self.records = self.records.saturating_sub(records);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Counters since the spool was opened, and how it is now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Records that were not acknowledged; those that are still in memory count.
    pub depth: Amount,
    /// Bytes on the disk and in memory.
    pub used: u64,
    /// Files with records.
    pub segments: usize,
    /// Age of the oldest record that was not acknowledged, perhaps a little less old than said.
    pub oldest: Option<Duration>,
    /// Taken by `append`.
    pub appended: Amount,
    /// Acknowledged.
    pub acked: Amount,
    /// Refused by `append` for now, since the spool is full and blocks.
    pub blocked: u64,
    /// Missing, in the order of [`Reason::ALL`]. What is found missing, by damage or because a file is
    /// gone, counts when its gap is acknowledged; what is dropped counts at once.
    pub dropped: [Amount; Reason::ALL.len()],
    /// Group syncs of records.
    pub syncs: u64,
    /// Longest of them.
    pub sync_max: Duration,
    /// Calls that the disk failed.
    pub errors: u64,
    /// Whether the last of them still stands: what comes is kept in memory.
    pub failing: bool,
}

impl Stats {
    /// Missing for this reason.
    #[must_use]
    pub fn dropped(&self, reason: Reason) -> Amount {
        self.dropped[reason as usize]
    }

    pub(super) fn drop(&mut self, reason: Reason, records: u64, bytes: u64) {
        self.dropped[reason as usize].add(records, bytes);
    }

    /// Counts a gap that was found.
    pub(super) fn missing(&mut self, gap: &Gap) {
        self.drop(gap.reason, gap.count(), gap.bytes);
    }
}

/// Something that people should know, once each time it begins or ends.
#[derive(Debug, thiserror::Error)]
pub enum Notice {
    /// The disk fails; records are kept in memory, and it is tried again.
    #[error("spool: cannot {0}: {1}; records are kept in memory")]
    Failing(&'static str, #[source] io::Error),
    /// A sync failed, and what it was for was written again, to another segment.
    #[error("spool: cannot {0}: {1}; the records were written again elsewhere")]
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

/// A call that failed, and what it was for.
pub(super) struct Fault {
    pub(super) doing: &'static str,
    pub(super) error: io::Error,
}

impl Fault {
    /// For want of room.
    pub(super) fn is_full(&self) -> bool {
        matches!(self.error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// Names what a call is for.
pub(super) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T, Fault>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(|error| Fault { doing, error })
    }
}
