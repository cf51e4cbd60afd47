//! The queue in memory: with the same limits as on the disk, but lost with the process.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Moment,
    batch::{BatchEntry, QueueBatch},
    gap::{Gap, GapReason},
    limits::{OnFull, QueueLimits},
    packing::RECORD_MAX,
    spool::QueueFull,
    stats::QueueStats,
};

/// A queue in memory. The methods mean the same as those of [`Spool`](crate::Spool).
#[derive(Debug)]
pub struct MemoryQueue {
    limits: QueueLimits,
    now: i64,
    slots: VecDeque<QueueSlot>,
    /// Number of slots at the front that the reader has in hand.
    in_hand: usize,
    bytes: u64,
    /// Sequence number of the next record.
    next: u64,
    stats: QueueStats,
}

#[derive(Debug)]
enum QueueSlot {
    Record { seq: u64, since: i64, bytes: Box<[u8]> },
    Gap(Gap),
}

/// Memory in bytes that a record takes in addition to its content.
const OVERHEAD: u64 = size_of::<QueueSlot>() as u64 + 16;

impl MemoryQueue {
    /// Creates an empty queue. Limits of files do not matter here.
    #[must_use]
    pub fn new(limits: QueueLimits, now: Moment) -> Self {
        Self {
            limits,
            now: now.boot_ns,
            slots: VecDeque::new(),
            in_hand: 0,
            bytes: 0,
            next: 1,
            stats: QueueStats::default(),
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Fails if there is no room; see [`QueueFull`].
    pub fn append(&mut self, payload: &[u8]) -> Result<(), QueueFull> {
        let size = payload.len() as u64 + OVERHEAD;
        if payload.len() > RECORD_MAX {
            self.skip(GapReason::TooLarge, payload.len() as u64);
            return Ok(());
        }
        while self.bytes + size > self.limits.total_bytes {
            let on_full = self.limits.on_full;
            if on_full == OnFull::Block {
                self.stats.blocked += 1;
                return Err(QueueFull);
            }
            if on_full == OnFull::DropNewest || !self.drop_first(GapReason::DropOldest, |_| true) {
                self.skip(GapReason::DropNewest, payload.len() as u64);
                return Ok(());
            }
        }
        self.bytes += size;
        self.slots.push_back(QueueSlot::Record { seq: self.next, since: self.now, bytes: payload.into() });
        self.next += 1;
        self.stats.appended.add(1, payload.len() as u64);
        self.stats.depth.add(1, payload.len() as u64);
        Ok(())
    }

    /// Returns the sequence number of the next record.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Sets the time, and drops what is too old.
    pub fn expire(&mut self, now: Moment) {
        self.now = now.boot_ns;
        let Some(age) = self.limits.max_age.and_then(|age| i64::try_from(age.as_nanos()).ok()) else {
            return;
        };
        let oldest = self.now.saturating_sub(age);
        while self.drop_first(GapReason::Age, |since| since < oldest) {}
    }

    /// Returns the next items; see [`Spool::read`](crate::Spool::read).
    pub fn read(&mut self, max_bytes: usize) -> QueueBatch {
        let mut batch = QueueBatch::default();
        while let Some(slot) = self.slots.get(self.in_hand) {
            match slot {
                QueueSlot::Record { seq, bytes, .. } => batch.put_record(*seq, bytes),
                QueueSlot::Gap(gap) => batch.entries.push(BatchEntry::Gap(*gap)),
            }
            self.in_hand += 1;
            if !batch.has_room(max_bytes) {
                break;
            }
        }
        batch
    }

    /// Acknowledges all items up to a sequence number.
    pub fn ack(&mut self, seq: u64) {
        while self.in_hand > 0 && self.slots.front().is_some_and(|slot| slot.last() <= seq) {
            if let Some(QueueSlot::Record { bytes, .. }) = self.slots.pop_front() {
                self.forget(&bytes);
                self.stats.acked.add(1, bytes.len() as u64);
            }
            self.in_hand -= 1;
        }
    }

    /// Rewinds the reader: items that were read and not acknowledged are read again.
    pub fn rewind(&mut self) {
        self.in_hand = 0;
    }

    /// Replaces the limits.
    pub fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    /// Returns the counters and the current state.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let since = self.slots.iter().find_map(|slot| match slot {
            QueueSlot::Record { since, .. } => Some(*since),
            QueueSlot::Gap(_) => None,
        });
        let age = |since| u64::try_from(self.now.saturating_sub(since)).unwrap_or(0);
        QueueStats { used: self.bytes, oldest: since.map(|at| Duration::from_nanos(age(at))), ..self.stats }
    }

    fn forget(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_sub(bytes.len() as u64 + OVERHEAD);
        self.stats.depth.take(1, bytes.len() as u64);
    }

    /// Adds a gap in place of a new record.
    fn skip(&mut self, reason: GapReason, bytes: u64) {
        self.stats.drop(reason, 1, bytes);
        let gap = Gap { first: self.next, last: self.next, reason, bytes };
        self.next += 1;
        self.put(self.slots.len(), gap);
    }

    /// Inserts a gap. A gap that continues the one before is merged with it.
    fn put(&mut self, at: usize, gap: Gap) {
        let before = at.checked_sub(1).filter(|&before| before >= self.in_hand);
        match before.and_then(|before| self.slots.get_mut(before)) {
            Some(QueueSlot::Gap(last)) if last.reason == gap.reason && last.last + 1 == gap.first => {
                last.last = gap.last;
                last.bytes = last.bytes.saturating_add(gap.bytes);
            }
            _ => self.slots.insert(at, QueueSlot::Gap(gap)),
        }
    }

    /// Drops the oldest record that the reader does not have in hand, if `wanted` accepts its time. Returns
    /// whether a record was dropped.
    fn drop_first(&mut self, reason: GapReason, wanted: impl Fn(i64) -> bool) -> bool {
        let mut rest = self.slots.iter().enumerate().skip(self.in_hand);
        let Some((at, seq)) = rest
            .find_map(|(at, slot)| match slot {
                QueueSlot::Record { seq, since, .. } => Some((at, *seq, *since)),
                QueueSlot::Gap(_) => None,
            })
            .and_then(|(at, seq, since)| wanted(since).then_some((at, seq)))
        else {
            return false;
        };
        let Some(QueueSlot::Record { bytes, .. }) = self.slots.remove(at) else { return false };
        self.forget(&bytes);
        self.stats.drop(reason, 1, bytes.len() as u64);
        self.put(at, Gap { first: seq, last: seq, reason, bytes: bytes.len() as u64 });
        true
    }
}

impl QueueSlot {
    fn last(&self) -> u64 {
        match self {
            Self::Record { seq, .. } => *seq,
            Self::Gap(gap) => gap.last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Item;

    fn queue(records: u64, on_full: OnFull) -> MemoryQueue {
        let limits = QueueLimits { total_bytes: records * (OVERHEAD + 1), on_full, ..QueueLimits::default() };
        MemoryQueue::new(limits, Moment::default())
    }

    fn shown(batch: &QueueBatch) -> Vec<String> {
        batch
            .iter()
            .map(|item| match item {
                Item::Record(seq, bytes) => format!("{seq}:{}", String::from_utf8_lossy(bytes)),
                Item::Gap(gap) => format!("{}-{} {}", gap.first, gap.last, gap.reason.name()),
            })
            .collect()
    }

    #[test]
    fn what_is_read_is_there_until_it_is_acknowledged() {
        let mut queue = queue(2, OnFull::Block);
        queue.append(b"a").unwrap();
        queue.append(b"b").unwrap();
        assert_eq!(queue.append(b"c"), Err(QueueFull));
        assert_eq!(shown(&queue.read(1)), ["1:a"]);
        assert_eq!(shown(&queue.read(1)), ["2:b"]);
        assert!(queue.read(1).is_empty());
        assert_eq!(queue.append(b"c"), Err(QueueFull));
        queue.ack(1);
        queue.append(b"c").unwrap();
        queue.rewind();
        assert_eq!(shown(&queue.read(999)), ["2:b", "3:c"]);
        queue.ack(2);
        queue.rewind();
        assert_eq!((queue.stats().depth.records, queue.stats().acked.records), (1, 2));
        assert_eq!(shown(&queue.read(1)), ["3:c"]);
    }

    #[test]
    fn the_oldest_make_room_but_not_those_in_hand() {
        let mut queue = queue(3, OnFull::DropOldest);
        for text in [b"a", b"b", b"c"] {
            queue.append(text).unwrap();
        }
        assert_eq!(shown(&queue.read(1)), ["1:a"]);
        for text in [b"d", b"e", b"f"] {
            queue.append(text).unwrap();
        }
        assert_eq!(shown(&queue.read(999)), ["2-4 drop-oldest", "5:e", "6:f"]);
        // All are in hand now.
        queue.append(b"g").unwrap();
        assert_eq!(shown(&queue.read(999)), ["7-7 drop-newest"]);
        queue.ack(7);
        assert_eq!((queue.stats().depth.records, queue.stats().used), (0, 0));
        assert_eq!(queue.stats().dropped(GapReason::DropOldest).records, 3);
    }

    #[test]
    fn the_newest_are_named_in_their_place() {
        let mut queue = queue(1, OnFull::DropNewest);
        for text in [b"a", b"b", b"c"] {
            queue.append(text).unwrap();
        }
        assert_eq!(shown(&queue.read(999)), ["1:a", "2-3 drop-newest"]);
        queue.ack(3);
        queue.append(b"d").unwrap();
        assert_eq!(shown(&queue.read(999)), ["4:d"]);
    }

    #[test]
    fn what_is_too_old_or_too_large_becomes_a_gap() {
        let limits = QueueLimits { max_age: Some(Duration::from_secs(5)), ..QueueLimits::default() };
        let mut queue = MemoryQueue::new(limits, Moment::default());
        let at = |seconds: i64| Moment { boot_ns: seconds * 1_000_000_000, ..Moment::default() };
        queue.append(b"a").unwrap();
        queue.expire(at(4));
        queue.append(b"b").unwrap();
        queue.append(&vec![0; RECORD_MAX + 1]).unwrap();
        assert_eq!(queue.stats().oldest, Some(Duration::from_secs(4)));
        queue.expire(at(6));
        assert_eq!(shown(&queue.read(999)), ["1-1 age", "2:b", "3-3 too-large"]);
    }
}
