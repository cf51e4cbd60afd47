//! Reading and acknowledging of records.

use std::{collections::VecDeque, io};

use super::{
    Disk, Spool, SpoolNotice,
    batch::{BatchEntry, QueueBatch},
    frame::{HEADER, name},
    gap::{Gap, GapReason},
    stats::Amount,
    walk::{SegmentWalk, WalkEnd, WalkStep},
};

/// An item in hand, which was read and not acknowledged.
pub(super) struct UnackedItem {
    pub(super) last: u64,
    pub(super) what: ItemKind,
    /// Offset in the segment, if any.
    pub(super) at: Option<u64>,
}

#[derive(Clone, Copy)]
pub(super) enum ItemKind {
    /// A record with its size in bytes.
    Record(u32),
    Gap(Gap),
}

/// The state of the reader.
pub(super) struct ReaderState<F> {
    /// Sequence number of the next item.
    pub(super) seq: u64,
    /// Offset of the next item in its segment, if known.
    pub(super) at: Option<u64>,
    pub(super) in_hand: VecDeque<UnackedItem>,
    /// Segment that was read last, with its open file.
    file: Option<(u64, F)>,
    /// Number of tries of a segment that could not be read, and time of the next one.
    trouble: Option<(u32, i64)>,
}

impl<F> ReaderState<F> {
    pub(super) fn new(seq: u64) -> Self {
        Self { seq, at: None, in_hand: VecDeque::new(), file: None, trouble: None }
    }

    /// Returns the last sequence number that was read and not acknowledged.
    pub(super) fn last_in_hand(&self) -> Option<u64> {
        self.in_hand.back().map(|item| item.last)
    }

    /// Closes the file and forgets the offset, because files have changed.
    pub(super) fn lost_place(&mut self) {
        self.at = None;
        self.file = None;
    }
}

/// Adds a gap to a batch. A gap that follows another for the same reason is merged with it.
pub(super) fn put_gap(
    batch: &mut QueueBatch,
    in_hand: &mut VecDeque<UnackedItem>,
    gap: Gap,
    at: Option<u64>,
) {
    if let (Some(BatchEntry::Gap(last)), Some(item)) = (batch.entries.last_mut(), in_hand.back_mut())
        && last.reason == gap.reason
    {
        last.last = gap.last;
        last.bytes = last.bytes.saturating_add(gap.bytes);
        (item.last, item.what) = (last.last, ItemKind::Gap(*last));
        return;
    }
    batch.entries.push(BatchEntry::Gap(gap));
    in_hand.push_back(UnackedItem { last: gap.last, what: ItemKind::Gap(gap), at });
}

/// Number of tries to read a segment before it counts as damaged, [`PAUSE`] nanoseconds apart.
const TRIES: u32 = 10;
const PAUSE: i64 = 1_000_000_000;

impl<D: Disk> Spool<D> {
    /// Returns the next items after the last call: about `max_bytes` in all, and at least one if there is
    /// any. No item is read twice before a [`rewind`](Self::rewind) or a restart.
    pub fn read(&mut self, max_bytes: usize) -> QueueBatch {
        let mut batch = QueueBatch::default();
        while batch.is_empty() || batch.size() < max_bytes {
            let number = self.segments.partition_point(|segment| segment.next <= self.reading.seq);
            let Some(segment) = self.segments.get(number) else {
                if self.reading.seq < self.durable {
                    self.hole(&mut batch, self.durable, GapReason::Missing);
                    continue;
                }
                break;
            };
            let (first, readable) = (segment.first, segment.readable);
            if self.reading.seq < first {
                self.hole(&mut batch, first, GapReason::Missing);
            } else if !readable {
                self.hole(&mut batch, segment.next, GapReason::Damage);
            } else if self.reading.trouble.is_some_and(|(_, at)| self.now.boot_ns < at) {
                return batch;
            } else if let Err(error) = self.read_segment(number, max_bytes, &mut batch) {
                self.unreadable(number, error);
                return batch;
            }
        }
        if self.trouble.is_some() && batch.size() < max_bytes {
            self.read_pending(max_bytes, &mut batch);
        }
        let idle = batch.is_empty() && self.reading.in_hand.is_empty();
        if idle && self.pending.bytes.is_empty() && self.reading.seq == self.tail {
            // There is nothing else to deliver: the reader must not have to wait for a record to learn of a
            // gap.
            self.name_refused();
        }
        batch
    }

    /// Acknowledges all items up to a sequence number. Items that were not read since the last
    /// [`rewind`](Self::rewind) are not acknowledged.
    pub fn ack(&mut self, seq: u64) {
        while let Some(item) = self.reading.in_hand.front().filter(|item| item.last <= seq) {
            self.acked = item.last;
            match item.what {
                ItemKind::Record(bytes) => {
                    self.stats.depth.take(1, u64::from(bytes));
                    self.stats.acked.add(1, u64::from(bytes));
                }
                // Other gaps were counted when their records were dropped.
                ItemKind::Gap(gap) if matches!(gap.reason, GapReason::Damage | GapReason::Missing) => {
                    self.stats.missing(&gap);
                }
                ItemKind::Gap(_) => {}
            }
            self.reading.in_hand.pop_front();
            self.moved = true;
        }
        self.ages.forget(self.acked);
        if self.acked + 1 == self.tail {
            // The bytes of damaged records cannot be counted.
            self.stats.depth = Amount::default();
        }
        if self.acked >= self.durable {
            self.forget_pending();
        }
    }

    /// Rewinds the reader: items that were read and not acknowledged are read again.
    pub fn rewind(&mut self) {
        if let Some(front) = self.reading.in_hand.front() {
            self.reading.at = front.at;
            self.reading.in_hand.clear();
        } else {
            self.reading.at = None;
        }
        self.reading.seq = self.acked + 1;
    }

    /// Adds a gap up to the item `next`, for the known reason or else for `reason`.
    fn hole(&mut self, batch: &mut QueueBatch, next: u64, reason: GapReason) {
        let seq = self.reading.seq;
        let known = self.holes.iter().find(|hole| (hole.first..=hole.last).contains(&seq));
        let gap = match known {
            Some(hole) => Gap { first: seq, last: hole.last.min(next - 1), ..*hole },
            None => Gap { first: seq, last: next - 1, reason, bytes: 0 },
        };
        put_gap(batch, &mut self.reading.in_hand, gap, None);
        (self.reading.seq, self.reading.at) = (gap.last + 1, None);
    }

    fn read_segment(&mut self, number: usize, max_bytes: usize, batch: &mut QueueBatch) -> io::Result<()> {
        let Some(segment) = self.segments.get(number) else { return Ok(()) };
        let (first, next, len, reported) = (segment.first, segment.next, segment.len, segment.reported);
        let file = match self.reading.file.take() {
            Some((open, file)) if open == first => file,
            _ => self.disk.open(&name(first), false)?,
        };
        let seq = self.reading.seq;
        let start = match self.reading.at {
            Some(at) if seq > first => (seq, at),
            _ => (first, HEADER as u64),
        };
        let mut walk = SegmentWalk::new(&self.disk, &file, start, len, next);
        let mut end = None;
        let mut found = Vec::new();
        while batch.is_empty() || batch.size() < max_bytes {
            let (at, place) = (walk.seq, walk.at);
            match walk.step()? {
                WalkStep::Record(range) => {
                    if at < seq {
                        continue;
                    }
                    let bytes = walk.bytes(range);
                    let begin = batch.bytes.len();
                    batch.bytes.extend_from_slice(bytes);
                    batch.entries.push(BatchEntry::Record(at, begin..batch.bytes.len()));
                    let what = ItemKind::Record(bytes.len() as u32);
                    self.reading.in_hand.push_back(UnackedItem { last: at, what, at: Some(place) });
                }
                WalkStep::Gap(gap) if gap.last < seq => {}
                WalkStep::Gap(gap) => {
                    let gap = Gap { first: gap.first.max(seq), ..gap };
                    put_gap(batch, &mut self.reading.in_hand, gap, Some(place));
                    if gap.reason == GapReason::Damage && !reported {
                        found.push(gap);
                    }
                }
                WalkStep::End(reason) => {
                    end = Some(reason);
                    break;
                }
            }
        }
        (self.reading.seq, self.reading.at) = (walk.seq.max(seq), Some(walk.at));
        self.reading.file = Some((first, file));
        self.reading.trouble = None;
        found.into_iter().for_each(|gap| self.damage(number, gap));
        let Some(end) = end else { return Ok(()) };
        self.reading.at = None;
        if self.reading.seq < next {
            let reason = if end == WalkEnd::Bad { GapReason::Damage } else { GapReason::Missing };
            let first = self.reading.seq;
            self.hole(batch, next, reason);
            if !reported && !self.holes.iter().any(|hole| hole.last >= first) {
                self.damage(number, Gap { first, last: next - 1, reason, bytes: 0 });
            }
        }
        Ok(())
    }

    /// Reports damage that did not exist when the spool was opened.
    fn damage(&mut self, number: usize, gap: Gap) {
        if let Some(segment) = self.segments.get_mut(number) {
            segment.damaged |= gap.reason == GapReason::Damage;
            segment.reported = true;
        }
        self.stats.depth.take(gap.count(), 0);
        self.push_notice(SpoolNotice::Missing(gap));
    }

    /// Handles a segment that cannot be read: after some retries it counts as damaged.
    fn unreadable(&mut self, number: usize, error: io::Error) {
        let tries = self.reading.trouble.map_or(0, |(tries, _)| tries) + 1;
        self.stats.errors += 1;
        self.reading.lost_place();
        let Some(segment) = self.segments.get_mut(number) else { return };
        let gone = error.kind() == io::ErrorKind::NotFound;
        if tries < TRIES && !gone {
            self.reading.trouble = Some((tries, self.now.boot_ns.saturating_add(PAUSE)));
            if tries == 1 {
                let name = name(segment.first);
                self.push_notice(SpoolNotice::Unreadable(name, error));
            }
            return;
        }
        self.reading.trouble = None;
        segment.readable = false;
        let gap =
            Gap { first: self.reading.seq, last: segment.next - 1, reason: GapReason::Damage, bytes: 0 };
        self.damage(number, gap);
    }
}
