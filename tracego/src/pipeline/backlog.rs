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
    /// Position in the order in which records are made, from 1; 0 until it waits.
    pub(super) number: u64,
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
        Self {
            record,
            number: 0,
            event_ns: None,
            bytes: 0,
            is_decision: false,
            is_counted: false,
            is_written: true,
        }
    }
}

/// The records that wait, in the order in which they were made.
#[derive(Default)]
pub(super) struct Backlog {
    records: VecDeque<JudgedRecord>,
    bytes: usize,
    /// Number of records that ever came.
    came: u64,
}

impl Backlog {
    /// Gives a record its position.
    pub(super) fn number(&mut self, judged: &mut JudgedRecord) {
        if judged.number == 0 {
            self.came += 1;
            judged.number = self.came;
        }
    }

    pub(super) fn push(&mut self, mut judged: JudgedRecord) {
        self.number(&mut judged);
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
        self.records.drain(..count).collect()
    }

    /// Returns the number of records that ever came.
    pub(super) fn came(&self) -> u64 {
        self.came
    }

    /// Returns the number up to which no record waits; `held`: that of the oldest record that waits elsewhere.
    pub(super) fn concluded(&self, held: Option<u64>) -> u64 {
        let waiting = self.records.iter().map(|judged| judged.number).chain(held);
        waiting.min().map_or(self.came, |oldest| oldest - 1)
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
        assert_eq!((backlog.came(), backlog.concluded(None), backlog.bytes), (104, 104, 0));
        backlog.push(judged(5));
        assert_eq!(backlog.pop().map(|judged| judged.bytes), Some(5));
        assert_eq!((backlog.came(), backlog.concluded(None), backlog.bytes), (105, 105, 0));
    }

    #[test]
    fn a_record_that_waits_elsewhere_keeps_its_place() {
        let mut backlog = Backlog::default();
        backlog.push(judged(0));
        let mut held = judged(0);
        backlog.number(&mut held);
        backlog.push(judged(0));
        assert_eq!((backlog.came(), backlog.concluded(Some(held.number))), (3, 0));
        assert_eq!(backlog.portion().len(), 2);
        assert_eq!((backlog.concluded(Some(held.number)), backlog.concluded(None)), (1, 3));
        backlog.push(held);
        assert_eq!((backlog.came(), backlog.concluded(None)), (3, 1));
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
