//! The set of segments, and the cursor that has to be durable before a segment is removed.

use std::{
    collections::{VecDeque, vec_deque},
    io,
};

use super::{
    Segment, create,
    remains::{APART, SegmentRemains, gap_frames},
};
use crate::{
    Moment,
    cursor::{Cursor, CursorMark},
    disk::Disk,
    frame::{HEADER, SegmentHeader, name},
    gap::{Gap, GapReason, push},
    stats::{Amount, DiskContext as _, DiskError},
};

/// Divisor of the total size of a spool that gives the limit for damaged segments.
const BAD: u64 = 8;

/// The segments of a spool on a disk, and its cursor.
pub(crate) struct SegmentStore<D: Disk> {
    pub(crate) disk: D,
    pub(crate) cursor: Cursor<D::File>,
    /// Id of the spool, written to segments and cursor.
    id: u64,
    /// Segments, in order; the one that is being written is the last.
    segments: VecDeque<Segment>,
    /// Bytes of all segments.
    bytes: u64,
    /// Damaged segments that were set aside, with their sizes in bytes.
    bad: VecDeque<(String, u64)>,
    /// Maximum bytes of these; beyond it the oldest is removed.
    bad_max: u64,
    /// Missing records that no file names, kept only for their reasons.
    holes: Vec<Gap>,
}

impl<D: Disk> SegmentStore<D> {
    pub(crate) fn new(
        disk: D,
        cursor: Cursor<D::File>,
        id: u64,
        segments: VecDeque<Segment>,
        bad: VecDeque<(String, u64)>,
    ) -> Self {
        let bytes = segments.iter().map(|segment| segment.len).sum();
        Self { disk, cursor, id, segments, bytes, bad, bad_max: 0, holes: Vec::new() }
    }

    /// Sets the maximum size of the whole spool, part of which damaged segments may take.
    pub(crate) fn set_total(&mut self, total_bytes: u64) {
        self.bad_max = total_bytes / BAD;
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn iter(&self) -> vec_deque::Iter<'_, Segment> {
        self.segments.iter()
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Segment> {
        self.segments.get(number)
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut Segment> {
        self.segments.get_mut(number)
    }

    /// Returns the number of the first segment that reaches a sequence number.
    pub(crate) fn number_of(&self, seq: u64) -> usize {
        self.segments.partition_point(|segment| segment.next <= seq)
    }

    /// Returns the gap of a hole that is known to contain a sequence number.
    pub(crate) fn hole(&self, seq: u64) -> Option<&Gap> {
        self.holes.iter().find(|hole| (hole.first..=hole.last).contains(&seq))
    }

    /// Whether there is a known hole at or after a sequence number.
    pub(crate) fn has_hole_after(&self, seq: u64) -> bool {
        self.holes.iter().any(|hole| hole.last >= seq)
    }

    /// Returns the bytes of all segments, also of those that were set aside.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes + self.bad_bytes()
    }

    fn bad_bytes(&self) -> u64 {
        self.bad.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Creates the file of a segment. The segment is not in the set before [`list`](Self::list).
    pub(crate) fn create(&self, first: u64, made: i64) -> io::Result<D::File> {
        create(&self.disk, &SegmentHeader { spool: self.id, first, made }, &[])
    }

    /// Adds a new segment without frames to the set.
    pub(crate) fn list(&mut self, first: u64, len: u64) {
        self.bytes += len;
        self.segments.push_back(Segment::empty(first, first, len));
    }

    /// Adds synced frames to the last segment.
    pub(crate) fn grow(&mut self, next: u64, len: u64, records: u64) {
        if let Some(segment) = self.segments.back_mut() {
            segment.len += len;
            segment.next = next;
            segment.records += records;
        }
        self.bytes += len;
        // The cursor has to show how far records are durable, even if none is acknowledged.
        self.cursor.touch();
    }

    /// Removes the last segment from the set if it has no frame: the next one gets its name.
    pub(crate) fn unlist_empty(&mut self, len: u64) {
        if self.segments.pop_back_if(|last| last.first == last.next).is_some() {
            self.bytes = self.bytes.saturating_sub(len);
        }
    }

    /// Writes the cursor if its mark has changed.
    pub(crate) fn save_cursor(&mut self, mark: &CursorMark, now: Moment) -> Result<(), DiskError> {
        self.cursor.save(&self.disk, mark, now)
    }

    /// Removes segments that were acknowledged completely, except the one that begins with `keep`. Returns
    /// the first sequence number of the last removed segment; `None` if there was none to remove.
    pub(crate) fn remove_acked(
        &mut self,
        mark: &CursorMark,
        keep: Option<u64>,
        now: Moment,
    ) -> Result<Option<u64>, DiskError> {
        let done = |segment: &&Segment| segment.next <= mark.acked + 1 && keep != Some(segment.first);
        let count = self.segments.iter().take_while(done).count();
        let Some(last) = count.checked_sub(1).and_then(|last| self.segments.get(last)) else {
            return Ok(None);
        };
        let (first_of_last, last) = (last.first, last.next - 1);
        self.cursor.write_past(&self.disk, mark, last)?;
        self.cursor.set_saved(now);
        for _ in 0..count {
            let Some(segment) = self.segments.front() else { break };
            let (first, len) = (segment.first, segment.len);
            self.remove_file(first, len, segment.damaged).context("remove a segment")?;
            self.segments.pop_front();
            self.bytes = self.bytes.saturating_sub(len);
        }
        self.holes.retain(|hole| hole.last > mark.acked);
        Ok(Some(first_of_last))
    }

    /// Replaces a segment with records by one with only gaps. Returns the amount of records that are lost.
    ///
    /// The new segment gets its name before the old one is removed, and a segment ends where the next one
    /// begins, so that at any moment each record is either present or in a gap. Segments that begin before
    /// `reader` stay as they were read.
    pub(crate) fn drop_records(
        &mut self,
        number: usize,
        reason: GapReason,
        mark: &CursorMark,
        reader: u64,
        now: Moment,
    ) -> Result<Amount, DiskError> {
        let Some(segment) = self.segments.get(number) else { return Ok(Amount::default()) };
        let from = segment.first.max(mark.acked + 1);
        let (first, next, len, damaged) = (segment.first, segment.next, segment.len, segment.damaged);
        if from > first {
            // The acknowledged part is removed, too, and is not lost.
            self.cursor.write_past(&self.disk, mark, from - 1)?;
        }
        let before = number.checked_sub(1).and_then(|before| self.segments.get(before)).filter(|before| {
            before.records == 0 && before.next == from && before.first >= reader && !before.damaged
        });
        let own = SegmentRemains::read(&self.disk, segment, from, reason);
        let mut gaps = before.map_or_else(Vec::new, |before| {
            SegmentRemains::read(&self.disk, before, before.first, reason).gaps
        });
        // The gaps are not merged with those before, even for the same reason: if the old segment still
        // exists after a crash, the new one ends where the old one begins, and that must be between frames.
        gaps.extend(&own.gaps);
        let before = before.map(|before| (before.first, before.len));
        let start = before.map_or(from, |(first, _)| first);
        let frames = gap_frames(&gaps, start, reason);
        if first == start && damaged {
            self.remove_file(first, len, true).context("put a damaged segment aside")?;
        }
        let header = SegmentHeader { spool: self.id, first: start, made: now.unix_ns };
        let replacement = |disk: &D| {
            create(disk, &header, &frames).and_then(|_| disk.sync_folder()).context("drop a segment")
        };
        let mut gone = false;
        let mut made = replacement(&self.disk);
        if made.as_ref().is_err_and(DiskError::is_full) {
            // Not even a small file has room before the segment is removed. A crash in between leaves a hole,
            // which shows how much is missing but not why.
            self.remove_file(first, len, damaged).context("remove a segment")?;
            gone = true;
            made = replacement(&self.disk);
        }
        match made {
            Ok(()) if first != start && !gone => {
                self.remove_file(first, len, damaged).context("remove a segment")?;
            }
            Ok(()) => {}
            Err(_) if gone => {
                own.gaps.iter().for_each(|&gap| push(&mut self.holes, gap));
                self.holes.truncate(APART);
                self.unlist(number, len);
                return Ok(own.lost);
            }
            Err(error) => return Err(error),
        }
        self.unlist(number, len);
        let mut at = number;
        if let Some((_, len)) = before {
            at -= 1;
            self.unlist(at, len);
        }
        let len = (HEADER + frames.len()) as u64;
        self.bytes += len;
        self.segments.insert(at, Segment::empty(start, next, len));
        Ok(own.lost)
    }

    fn unlist(&mut self, number: usize, len: u64) {
        self.segments.remove(number);
        self.bytes = self.bytes.saturating_sub(len);
    }

    /// Removes the file of a segment, or sets it aside for inspection if it is damaged.
    fn remove_file(&mut self, first: u64, len: u64, damaged: bool) -> io::Result<()> {
        let name = name(first);
        if !damaged {
            return match self.disk.remove(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            };
        }
        let aside = format!("{name}.bad");
        self.disk.rename(&name, &aside)?;
        self.bad.push_back((aside, len));
        while self.bad_bytes() > self.bad_max {
            let Some((oldest, _)) = self.bad.front() else { break };
            self.disk.remove(oldest)?;
            self.bad.pop_front();
        }
        Ok(())
    }
}
