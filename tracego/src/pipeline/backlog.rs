//! Records that are judged and not yet redacted and written.

use std::collections::VecDeque;

use tracego_model::record::Record;

/// Maximum number of records that wait.
const RECORDS_MAX: usize = 1024;
/// Maximum number of bytes of arguments that wait. The arguments of one start have at most 2 MiB by default.
const BYTES_MAX: usize = 16 << 20;
/// Maximum number of records of a portion.
const PORTION_RECORDS: usize = 64;
/// Number of bytes of arguments that end a portion.
const PORTION_BYTES: usize = 128 << 10;

/// A record that all stages have judged on raw values.
pub(super) struct JudgedRecord {
    pub(super) record: Record,
    /// Time of the event, in nanoseconds since boot; `None` for a record that no event led to.
    pub(super) event_ns: Option<u64>,
    /// Number of bytes of the arguments.
    pub(super) bytes: usize,
    pub(super) is_decision: bool,
    pub(super) is_counted: bool,
    pub(super) is_written: bool,
}

impl JudgedRecord {
    /// Returns a record of tracego itself, which no event led to.
    pub(super) fn own(record: Record) -> Self {
        Self { record, event_ns: None, bytes: 0, is_decision: false, is_counted: false, is_written: true }
    }
}

/// The records that wait, in the order in which they were made.
#[derive(Default)]
pub(super) struct Backlog {
    records: VecDeque<JudgedRecord>,
    bytes: usize,
    /// Number of records that ever left.
    left: u64,
}

impl Backlog {
    pub(super) fn push(&mut self, judged: JudgedRecord) {
        self.bytes += judged.bytes;
        self.records.push_back(judged);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether records must be written before another start is judged.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= RECORDS_MAX || self.bytes >= BYTES_MAX
    }

    /// Takes the oldest record.
    pub(super) fn pop(&mut self) -> Option<JudgedRecord> {
        let judged = self.records.pop_front()?;
        self.bytes -= judged.bytes;
        self.left += 1;
        Some(judged)
    }

    /// Takes the oldest records, so many that the decision about another start can wait for them.
    pub(super) fn portion(&mut self) -> Vec<JudgedRecord> {
        let mut bytes = 0;
        let mut count = 0;
        for judged in self.records.iter().take(PORTION_RECORDS) {
            count += 1;
            bytes += judged.bytes;
            if bytes >= PORTION_BYTES {
                break;
            }
        }
        self.bytes -= bytes;
        self.left += u64::try_from(count).unwrap_or(u64::MAX);
        self.records.drain(..count).collect()
    }

    /// Returns the number of records that ever came.
    pub(super) fn came(&self) -> u64 {
        self.left + u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }

    /// Returns the number of records that ever left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{clock::Reading, ledger::Ledger, meta::Meta};

    use super::*;

    fn judged(bytes: usize) -> JudgedRecord {
        let record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        JudgedRecord { bytes, ..JudgedRecord::own(record) }
    }

    #[test]
    fn a_portion_is_bounded_in_records_and_in_bytes() {
        let mut backlog = Backlog::default();
        assert!(backlog.portion().is_empty() && backlog.pop().is_none());
        (0..100).for_each(|_| backlog.push(judged(1)));
        assert!(!backlog.is_full());
        assert_eq!((backlog.portion().len(), backlog.portion().len()), (PORTION_RECORDS, 36));
        (0..3).for_each(|_| backlog.push(judged(PORTION_BYTES / 2)));
        backlog.push(judged(PORTION_BYTES * 2));
        let portions = [backlog.portion().len(), backlog.portion().len(), backlog.portion().len()];
        assert_eq!(portions, [2, 2, 0]);
        assert_eq!((backlog.came(), backlog.left(), backlog.bytes), (104, 104, 0));
        backlog.push(judged(5));
        assert_eq!(backlog.pop().map(|judged| judged.bytes), Some(5));
        assert_eq!((backlog.came(), backlog.left(), backlog.bytes), (105, 105, 0));
    }

    #[test]
    fn a_backlog_is_full_with_many_records_or_with_many_bytes() {
        let mut backlog = Backlog::default();
        (1..RECORDS_MAX).for_each(|_| backlog.push(judged(0)));
        assert!(!backlog.is_full());
        backlog.push(judged(0));
        assert!(backlog.is_full());
        let mut backlog = Backlog::default();
        backlog.push(judged(BYTES_MAX));
        assert!(backlog.is_full());
    }
}
