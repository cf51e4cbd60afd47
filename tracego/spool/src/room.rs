//! Space in the spool: drops segments that are too old, or that must go to free space.

use super::{
    Disk, MILLI, Segment, Spool,
    frame::{HEADER, SegmentHeader, name, put_gap},
    gap::{Gap, GapReason, push},
    limits::OnFull,
    recover::make,
    stats::{DiskContext as _, DiskError},
    walk::{SegmentWalk, WalkEnd, WalkStep},
};

/// Maximum number of separate gaps that a dropped segment leaves; others are merged.
const APART: usize = 1024;

impl<D: Disk> Spool<D> {
    /// Frees space for `frame` bytes. Returns whether there is enough.
    pub(super) fn room_for(&mut self, frame: u64) -> bool {
        let fits = |spool: &Self| spool.used() + frame <= spool.limits.total_bytes;
        while !fits(self) {
            match self.reclaim(true) {
                Ok(true) => {}
                Ok(false) if self.limits.on_full == OnFull::DropOldest && self.drop_oldest() => {}
                Ok(false) => return false,
                Err(fault) => {
                    self.failed(fault);
                    return false;
                }
            }
        }
        true
    }

    /// Finishes a sync: drops old segments, writes the cursor and removes acknowledged segments.
    pub(super) fn finish_sync(&mut self) -> Result<(), DiskError> {
        self.drop_aged()?;
        if self.moved {
            self.write_mark()?;
        }
        self.reclaim(false)?;
        Ok(())
    }

    /// Drops the oldest segment that the reader has no part of in hand. Returns whether a segment was
    /// dropped.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let mut number = self.droppable();
        if number.is_none() && self.trouble.is_none() && self.writing_is_droppable() && self.sync() {
            self.writing = None;
            number = self.droppable();
        }
        let Some(number) = number else { return false };
        match self.drop_segment(number, GapReason::DropOldest) {
            Ok(()) => true,
            Err(fault) => {
                self.failed(fault);
                false
            }
        }
    }

    fn droppable(&self) -> Option<usize> {
        let in_hand = self.reading.last_in_hand();
        let writing = self.writing.as_ref().map(|writing| writing.first);
        self.segments.iter().position(|segment| {
            let read = in_hand.is_some_and(|last| segment.first <= last);
            !read && segment.records > 0 && segment.next > self.acked + 1 && writing != Some(segment.first)
        })
    }

    fn writing_is_droppable(&self) -> bool {
        let first = self.writing.as_ref().map_or(self.durable, |writing| writing.first);
        self.reading.last_in_hand().is_none_or(|last| last < first)
    }

    /// Whether a segment is too old, or the segment being written has to end.
    pub(super) fn is_aged(&self) -> bool {
        let Some(limit) = self.max_age() else { return false };
        let old = |at: i64| self.now.boot_ns.saturating_sub(at) > limit;
        self.droppable()
            .and_then(|number| self.segments.get(number))
            .is_some_and(|segment| old(self.ages.not_before(segment.next - 1)))
            || self.writing_since().is_some_and(|since| self.now.boot_ns.saturating_sub(since) > limit / 8)
    }

    fn max_age(&self) -> Option<i64> {
        let age = self.limits.max_age?;
        Some(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX).max(MILLI))
    }

    /// Returns the time of the first record in the segment being written.
    fn writing_since(&self) -> Option<i64> {
        let writing = self.writing.as_ref().filter(|writing| writing.len > HEADER as u64)?;
        Some(self.ages.not_after(writing.first))
    }

    fn drop_aged(&mut self) -> Result<(), DiskError> {
        let Some(limit) = self.max_age() else { return Ok(()) };
        let now = self.now.boot_ns;
        if self.writing_since().is_some_and(|since| now.saturating_sub(since) > limit / 8) {
            // Otherwise the first record would stay until the segment is full.
            self.writing = None;
        }
        while let Some(number) = self.droppable() {
            let newest =
                self.segments.get(number).map_or(now, |segment| self.ages.not_before(segment.next - 1));
            if now.saturating_sub(newest) <= limit {
                break;
            }
            self.drop_segment(number, GapReason::Age)?;
        }
        Ok(())
    }

    /// Replaces a segment with records by one with only gaps. The new segment gets its name before the old
    /// one is removed, and a segment ends where the next one begins, so that at any moment each record is
    /// either present or in a gap.
    fn drop_segment(&mut self, number: usize, reason: GapReason) -> Result<(), DiskError> {
        let Some(segment) = self.segments.get(number) else { return Ok(()) };
        let from = segment.first.max(self.acked + 1);
        let (first, next, len, damaged) = (segment.first, segment.next, segment.len, segment.damaged);
        if from > first {
            // The acknowledged part is removed, too, and is not lost.
            self.mark_past(from - 1)?;
        }
        let before = number.checked_sub(1).and_then(|before| self.segments.get(before)).filter(|before| {
            // A segment that the reader may have in hand stays as it was read.
            before.records == 0 && before.next == from && before.first >= self.reading.seq && !before.damaged
        });
        let before = before.map(|before| (before.first, before.next, before.len));
        let (own, records, bytes) = self.gaps(first, (from, next), len, reason);
        let mut gaps = before.map(|(first, next, len)| self.gaps(first, (first, next), len, reason).0);
        let gaps = gaps.get_or_insert_default();
        // The gaps are not merged with those before, even for the same reason: if the old segment still
        // exists after a crash, the new one ends where the old one begins, and that must be between frames.
        gaps.extend(&own);
        let crowd = gaps.len().saturating_sub(APART);
        let start = before.map_or(from, |(first, ..)| first);
        let mut frames = Vec::new();
        if let Some(last) = crowd.checked_sub(1).and_then(|last| gaps.get(last)) {
            let bytes = gaps.iter().take(crowd).map(|gap| gap.bytes).sum();
            put_gap(&mut frames, &Gap { first: start, last: last.last, reason, bytes });
        }
        gaps.iter().skip(crowd).for_each(|gap| put_gap(&mut frames, gap));
        if first == start && damaged {
            self.set_aside(first, len, true).context("put a damaged segment aside")?;
        }
        let header = SegmentHeader { spool: self.id, first: start, made: self.now.unix_ns };
        let gap = |spool: &Self| {
            make(&spool.disk, &header, &frames)
                .and_then(|_| spool.disk.sync_folder())
                .context("drop a segment")
        };
        let mut gone = false;
        let mut made = gap(self);
        if made.as_ref().is_err_and(DiskError::is_full) {
            // Not even a small file has room before the segment is removed. A crash in between leaves a hole,
            // which shows how much is missing but not why.
            self.set_aside(first, len, damaged).context("remove a segment")?;
            gone = true;
            made = gap(self);
        }
        match made {
            Ok(()) if first != start && !gone => {
                self.set_aside(first, len, damaged).context("remove a segment")?;
            }
            Ok(()) => {}
            Err(_) if gone => {
                own.iter().for_each(|&gap| push(&mut self.holes, gap));
                self.holes.truncate(APART);
                self.removed(number, (records, bytes, len), reason);
                return Ok(());
            }
            Err(fault) => return Err(fault),
        }
        self.removed(number, (records, bytes, len), reason);
        let mut at = number;
        if let Some((.., len)) = before {
            at -= 1;
            self.segments.remove(at);
            self.bytes = self.bytes.saturating_sub(len);
        }
        let len = (HEADER + frames.len()) as u64;
        self.bytes += len;
        let gap =
            Segment { first: start, next, len, records: 0, damaged: false, reported: false, readable: true };
        self.segments.insert(at, gap);
        Ok(())
    }

    fn removed(&mut self, number: usize, (records, bytes, len): (u64, u64, u64), reason: GapReason) {
        self.segments.remove(number);
        self.bytes = self.bytes.saturating_sub(len);
        self.stats.drop(reason, records, bytes);
        self.stats.depth.take(records, bytes);
        self.reading.lost_place();
    }

    /// Returns the gaps that replace a segment, and the number of records and bytes that are lost. Gaps in
    /// the segment keep their reasons.
    fn gaps(
        &self,
        first: u64,
        (from, next): (u64, u64),
        len: u64,
        reason: GapReason,
    ) -> (Vec<Gap>, u64, u64) {
        let mut gaps = Vec::<Gap>::new();
        let mut lost = super::stats::Amount::default();
        let mut add = |gap: Gap| {
            if gap.last < from {
                return;
            }
            let gap = Gap { first: gap.first.max(from), ..gap };
            let crowded = gaps.len() >= APART;
            match gaps.last_mut().filter(|_| crowded) {
                Some(last) => {
                    last.last = gap.last;
                    last.bytes = last.bytes.saturating_add(gap.bytes);
                }
                None => push(&mut gaps, gap),
            }
        };
        let (mut seq, mut unread) = (first, GapReason::Damage);
        if let Ok(file) = self.disk.open(&name(first), false) {
            let mut walk = SegmentWalk::new(&self.disk, &file, (first, HEADER as u64), len, next);
            loop {
                seq = walk.seq;
                match walk.step() {
                    Ok(WalkStep::Record(range)) => {
                        let bytes = range.len() as u64;
                        if seq >= from {
                            lost.add(1, bytes);
                        }
                        add(Gap { first: seq, last: seq, reason, bytes });
                    }
                    Ok(WalkStep::Gap(gap)) => add(gap),
                    Ok(WalkStep::End(WalkEnd::Clean)) => {
                        unread = GapReason::Missing;
                        break;
                    }
                    Ok(WalkStep::End(_)) | Err(_) => break,
                }
            }
        }
        if seq < next {
            // The rest could not be read: its records were already missing, for another reason.
            add(Gap { first: seq, last: next - 1, reason: unread, bytes: 0 });
        }
        (gaps, lost.records, lost.bytes)
    }
}
