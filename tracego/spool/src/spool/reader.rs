//! The reading side of a spool: the position of the reader, and the items that it has in hand.

use std::{collections::VecDeque, io};

use super::{
    pending::{PendingFrames, PendingItem},
    status::SpoolStatus,
};
use crate::{
    batch::{BatchEntry, QueueBatch},
    disk::Disk,
    frame::{HEADER, StoredRecord, name},
    gap::{Gap, GapReason},
    packing::Unpacker,
    segment::{
        store::SegmentStore,
        walk::{SegmentWalk, WalkEnd, WalkStep},
    },
    stats::SpoolNotice,
};

/// Number of tries to read a segment before it counts as damaged, [`PAUSE`] nanoseconds apart.
const TRIES: u32 = 10;
const PAUSE: i64 = 1_000_000_000;

/// An item in hand, which was read and not acknowledged.
pub(super) struct UnackedItem {
    pub(super) last: u64,
    pub(super) kind: ItemKind,
    /// Offset in the segment, if any.
    at: Option<u64>,
}

#[derive(Clone, Copy)]
pub(super) enum ItemKind {
    /// A record with its size in bytes.
    Record(u32),
    Gap(Gap),
}

/// A reader of segments, and of pending frames while the disk fails.
pub(super) struct SpoolReader<F> {
    /// Sequence number of the next item.
    seq: u64,
    /// Offset of the next item in its segment, if known.
    at: Option<u64>,
    in_hand: VecDeque<UnackedItem>,
    /// Segment that was read last, with its open file.
    file: Option<(u64, F)>,
    /// Number of tries of a segment that could not be read, and time of the next one.
    failure: Option<(u32, i64)>,
    unpacker: Unpacker,
}

impl<F> SpoolReader<F> {
    pub(super) fn new(seq: u64) -> Self {
        Self {
            seq,
            at: None,
            in_hand: VecDeque::new(),
            file: None,
            failure: None,
            unpacker: Unpacker::default(),
        }
    }

    /// Returns the sequence number of the next item.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether no item is in hand.
    pub(super) fn is_idle(&self) -> bool {
        self.in_hand.is_empty()
    }

    /// Returns the last sequence number that was read and not acknowledged.
    pub(super) fn last_in_hand(&self) -> Option<u64> {
        self.in_hand.back().map(|item| item.last)
    }

    /// Removes the first item in hand if it is to be acknowledged by `seq`.
    pub(super) fn ack_next(&mut self, seq: u64) -> Option<UnackedItem> {
        self.in_hand.pop_front_if(|item| item.last <= seq)
    }

    /// Goes back to the first item that was not acknowledged.
    pub(super) fn rewind(&mut self, acked: u64) {
        if let Some(front) = self.in_hand.front() {
            self.at = front.at;
            self.in_hand.clear();
        } else {
            self.at = None;
        }
        self.seq = acked + 1;
    }

    /// Closes the file and forgets the offset, because files have changed.
    pub(super) fn forget_place(&mut self) {
        self.at = None;
        self.file = None;
    }

    /// Returns the next items: about `max_bytes` in all, and at least one if there is any. Items are not read
    /// twice before a [`rewind`](Self::rewind).
    pub(super) fn read<D: Disk<File = F>>(
        &mut self,
        segments: &mut SegmentStore<D>,
        pending: &PendingFrames,
        status: &mut SpoolStatus,
        now: i64,
        max_bytes: usize,
    ) -> QueueBatch {
        let mut batch = QueueBatch::default();
        while batch.has_room(max_bytes) {
            let number = segments.number_of(self.seq);
            let Some(segment) = segments.get(number) else {
                if self.seq < pending.first() {
                    self.put_hole(segments, &mut batch, pending.first(), GapReason::Missing);
                    continue;
                }
                break;
            };
            let (first, next, readable) = (segment.first, segment.next, segment.readable);
            if self.seq < first {
                self.put_hole(segments, &mut batch, first, GapReason::Missing);
            } else if !readable {
                self.put_hole(segments, &mut batch, next, GapReason::Damage);
            } else if self.failure.is_some_and(|(_, at)| now < at) {
                return batch;
            } else if let Err(error) = self.read_segment(segments, status, number, max_bytes, &mut batch) {
                self.segment_failed(segments, status, number, error, now);
                return batch;
            }
        }
        if status.is_failing() {
            self.read_pending(pending, max_bytes, &mut batch);
        }
        batch
    }

    fn read_segment<D: Disk<File = F>>(
        &mut self,
        segments: &mut SegmentStore<D>,
        status: &mut SpoolStatus,
        number: usize,
        max_bytes: usize,
        batch: &mut QueueBatch,
    ) -> io::Result<()> {
        let Some(segment) = segments.get(number) else { return Ok(()) };
        let (first, next, len, reported) = (segment.first, segment.next, segment.len, segment.reported);
        let file = match self.file.take() {
            Some((open, file)) if open == first => file,
            _ => segments.disk.open(&name(first), false)?,
        };
        let seq = self.seq;
        let start = match self.at {
            Some(at) if seq > first => (seq, at),
            _ => (first, HEADER as u64),
        };
        let mut walk = SegmentWalk::new(&segments.disk, &file, start, len, next);
        let mut end = None;
        let mut found = Vec::new();
        while batch.has_room(max_bytes) {
            let (at, place) = (walk.seq, walk.at);
            match walk.step()? {
                WalkStep::Record(_) if at < seq => {}
                WalkStep::Record(range) => {
                    let is_whole = self.put_record(batch, at, walk.record(range), Some(place));
                    if !is_whole && !reported {
                        found.push(Gap { first: at, last: at, reason: GapReason::Damage, bytes: 0 });
                    }
                }
                WalkStep::Gap(gap) if gap.last < seq => {}
                WalkStep::Gap(gap) => {
                    let gap = Gap { first: gap.first.max(seq), ..gap };
                    self.put_gap(batch, gap, Some(place));
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
        (self.seq, self.at) = (walk.seq.max(seq), Some(walk.at));
        self.file = Some((first, file));
        self.failure = None;
        found.into_iter().for_each(|gap| report(segments, status, number, gap));
        let Some(end) = end else { return Ok(()) };
        self.at = None;
        if self.seq < next {
            let reason = if end == WalkEnd::Bad { GapReason::Damage } else { GapReason::Missing };
            let first = self.seq;
            self.put_hole(segments, batch, next, reason);
            if !reported && !segments.has_hole_after(first) {
                report(segments, status, number, Gap { first, last: next - 1, reason, bytes: 0 });
            }
        }
        Ok(())
    }

    /// Adds items that are only in memory to a batch.
    fn read_pending(&mut self, pending: &PendingFrames, max_bytes: usize, batch: &mut QueueBatch) {
        for item in pending.items() {
            if !batch.has_room(max_bytes) {
                return;
            }
            match item {
                PendingItem::Record(seq, _) if seq < self.seq => continue,
                PendingItem::Record(seq, record) => {
                    self.put_record(batch, seq, record, None);
                }
                PendingItem::Gap(gap) if gap.first < self.seq => continue,
                PendingItem::Gap(gap) => self.put_gap(batch, gap, None),
            }
            (self.seq, self.at) = (item.last_seq() + 1, None);
        }
    }

    /// Handles a segment that cannot be read: after some retries it counts as damaged.
    fn segment_failed<D: Disk<File = F>>(
        &mut self,
        segments: &mut SegmentStore<D>,
        status: &mut SpoolStatus,
        number: usize,
        error: io::Error,
        now: i64,
    ) {
        let tries = self.failure.map_or(0, |(tries, _)| tries) + 1;
        status.stats.errors += 1;
        self.forget_place();
        let Some(segment) = segments.get_mut(number) else { return };
        let gone = error.kind() == io::ErrorKind::NotFound;
        if tries < TRIES && !gone {
            self.failure = Some((tries, now.saturating_add(PAUSE)));
            if tries == 1 {
                status.push_notice(SpoolNotice::Unreadable(name(segment.first), error));
            }
            return;
        }
        self.failure = None;
        segment.readable = false;
        let gap = Gap { first: self.seq, last: segment.next - 1, reason: GapReason::Damage, bytes: 0 };
        report(segments, status, number, gap);
    }

    /// Adds a record. Returns `false` if its compressed form cannot be read, which leaves a gap.
    fn put_record(
        &mut self,
        batch: &mut QueueBatch,
        seq: u64,
        record: StoredRecord<'_>,
        at: Option<u64>,
    ) -> bool {
        let unpacked = if record.packed { self.unpacker.unpack(record.bytes) } else { None };
        let Some(bytes) = unpacked.as_deref().or_else(|| (!record.packed).then_some(record.bytes)) else {
            self.put_gap(batch, Gap { first: seq, last: seq, reason: GapReason::Damage, bytes: 0 }, at);
            return false;
        };
        batch.put_record(seq, bytes);
        self.in_hand.push_back(UnackedItem { last: seq, kind: ItemKind::Record(bytes.len() as u32), at });
        true
    }

    /// Adds a gap. A gap that follows another for the same reason is merged with it.
    fn put_gap(&mut self, batch: &mut QueueBatch, gap: Gap, at: Option<u64>) {
        if let (Some(BatchEntry::Gap(last)), Some(item)) = (batch.entries.last_mut(), self.in_hand.back_mut())
            && last.reason == gap.reason
        {
            last.last = gap.last;
            last.bytes = last.bytes.saturating_add(gap.bytes);
            (item.last, item.kind) = (last.last, ItemKind::Gap(*last));
            return;
        }
        batch.entries.push(BatchEntry::Gap(gap));
        self.in_hand.push_back(UnackedItem { last: gap.last, kind: ItemKind::Gap(gap), at });
    }

    /// Adds a gap up to the item `next`, for the known reason or else for `reason`.
    fn put_hole<D: Disk<File = F>>(
        &mut self,
        segments: &SegmentStore<D>,
        batch: &mut QueueBatch,
        next: u64,
        reason: GapReason,
    ) {
        let seq = self.seq;
        let gap = match segments.hole(seq) {
            Some(hole) => Gap { first: seq, last: hole.last.min(next - 1), ..*hole },
            None => Gap { first: seq, last: next - 1, reason, bytes: 0 },
        };
        self.put_gap(batch, gap, None);
        (self.seq, self.at) = (gap.last + 1, None);
    }
}

/// Reports damage that did not exist when the spool was opened.
fn report<D: Disk>(segments: &mut SegmentStore<D>, status: &mut SpoolStatus, number: usize, gap: Gap) {
    if let Some(segment) = segments.get_mut(number) {
        segment.damaged |= gap.reason == GapReason::Damage;
        segment.reported = true;
    }
    status.damaged(gap);
}
