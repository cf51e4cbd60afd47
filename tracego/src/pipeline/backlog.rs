//! Records that are judged and not yet redacted and written.

use std::collections::VecDeque;

use tracego_common::TaskId;
use tracego_model::{clock::Reading, record::Record};

use super::held_starts::{HeldStarts, fold};

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
    /// Starts that wait for their exit, if both are to be one record.
    held: Option<HeldStarts>,
}

impl Backlog {
    /// Makes one record of the start and the exit of a process that ends soon.
    pub(super) fn fold_exits(&mut self, is_asked: bool) {
        self.held = is_asked.then(HeldStarts::default);
    }

    /// Adds a record about a process, behind the starts that the record may refer to. A start that waits for its exit is
    /// held instead.
    pub(super) fn queue(&mut self, id: TaskId, mut judged: JudgedRecord) {
        let Some(mut held) = self.held.take() else { return self.push(judged) };
        let ancestors = judged.record.tracego.ancestors.as_ref();
        held.take_ancestors(ancestors).into_iter().for_each(|start| self.push(start));
        if HeldStarts::takes(&judged) {
            self.number(&mut judged);
            held.hold(id, judged).into_iter().for_each(|start| self.push(start));
        } else {
            if let Some(mut start) = held.take(id) {
                judged.is_written &= !fold(&mut start, &judged);
                self.push(start);
            }
            self.push(judged);
        }
        self.held = Some(held);
    }

    /// Releases the starts whose exit would not be soon enough, now that there is an event of this time.
    pub(super) fn release_before(&mut self, event_ns: u64) {
        while let Some(start) = self.held.as_mut().and_then(|held| held.take_due_by_event(event_ns)) {
            self.push(start);
        }
    }

    /// The same by a clock, where no events come.
    pub(super) fn release_due(&mut self, clock: Reading) {
        let now = clock.boot_ns.unsigned_abs();
        while let Some(start) = self.held.as_mut().and_then(|held| held.take_due_by_clock(now)) {
            self.push(start);
        }
    }

    /// Returns the record of a start that waits for its exit. `event_ns`: time of the start, nanoseconds since boot.
    pub(super) fn held(&mut self, id: TaskId, event_ns: u64) -> Option<&mut Record> {
        let judged = self.held.as_mut()?.get(id)?;
        (judged.event_ns == Some(event_ns)).then_some(&mut judged.record)
    }

    /// Releases the start of a process.
    pub(super) fn release_start(&mut self, id: TaskId) {
        if let Some(start) = self.held.as_mut().and_then(|held| held.take(id)) {
            self.push(start);
        }
    }

    /// Releases all starts that wait for their exit.
    pub(super) fn release(&mut self) {
        while let Some(start) = self.held.as_mut().and_then(HeldStarts::take_oldest) {
            self.push(start);
        }
    }

    /// Gives a record its position.
    fn number(&mut self, judged: &mut JudgedRecord) {
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

    /// Returns the number up to which no record waits.
    pub(super) fn concluded(&self) -> u64 {
        let held = self.held.as_ref().and_then(HeldStarts::oldest);
        let waiting = self.records.iter().map(|judged| judged.number).chain(held);
        waiting.min().map_or(self.came, |oldest| oldest - 1)
    }
}

#[cfg(test)]
mod tests {
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{ledger::Ledger, meta::Meta, record::event_name};

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
        assert_eq!((backlog.came(), backlog.concluded(), backlog.bytes), (104, 104, 0));
        backlog.push(judged(5));
        assert_eq!(backlog.pop().map(|judged| judged.bytes), Some(5));
        assert_eq!((backlog.came(), backlog.concluded(), backlog.bytes), (105, 105, 0));
    }

    #[test]
    fn a_start_that_is_held_keeps_its_place() {
        let start = |tgid| {
            let mut start = judged(0);
            start.record.event_name = event_name::START;
            (TaskId { tgid, ..TaskId::default() }, JudgedRecord { event_ns: Some(1), ..start })
        };
        let mut backlog = Backlog::default();
        backlog.fold_exits(true);
        backlog.push(judged(0));
        let (id, one) = start(7);
        backlog.queue(id, one);
        backlog.push(judged(0));
        assert_eq!((backlog.came(), backlog.concluded()), (3, 0));
        assert_eq!(backlog.portion().len(), 2);
        assert_eq!((backlog.concluded(), backlog.is_empty()), (1, true));
        let clock = |boot_ns| Reading { boot_ns, ..Reading::default() };
        backlog.release_before(1_100_000_001);
        backlog.release_due(clock(2_000_000_001));
        assert!(backlog.is_empty());
        backlog.release_due(clock(2_000_000_002));
        assert_eq!((backlog.portion().len(), backlog.concluded()), (1, 3));
        backlog.queue(start(9).0, start(9).1);
        backlog.release_before(1_100_000_002);
        assert_eq!((backlog.portion().len(), backlog.concluded()), (1, 4));
        // Another program of the process, and the end.
        for (id, start) in [start(7), start(8), start(7)] {
            backlog.queue(id, start);
        }
        assert_eq!((backlog.portion().len(), backlog.concluded()), (1, 5));
        backlog.release();
        assert_eq!((backlog.portion().len(), backlog.concluded()), (2, 7));
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
