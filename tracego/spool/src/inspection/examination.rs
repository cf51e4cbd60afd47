//! Examination of a spool's folder, without changes: `open` acts on the result, `ls` and `verify` show it.

use std::io;

use crate::{
    cursor::{self, CursorMark, CursorState},
    disk::Disk,
    frame::{HEADER, SEQ_END, SegmentHeader, first_of, name},
    gap::{Gap, GapReason, push},
    segment::walk::{SegmentWalk, WalkEnd, WalkStep, header},
    stats::Amount,
};

/// A segment as it was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundSegment {
    pub(crate) first: u64,
    /// One past the last sequence number of the segment.
    pub(crate) next: u64,
    /// One past the last sequence number that a frame in the segment stands for.
    pub(crate) reached: u64,
    /// Header; without one, nothing of the segment can be read.
    pub(crate) header: Option<SegmentHeader>,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Bytes up to the end of the last good frame.
    pub(crate) good: u64,
    /// Number of record frames.
    pub(crate) records: u64,
    /// Records that were not acknowledged.
    pub(crate) unacked: Amount,
    /// Whether the content is damaged.
    pub(crate) damaged: bool,
    /// Gaps in the segment that were not acknowledged.
    pub(crate) gaps: Vec<Gap>,
}

/// The result of examining a whole folder.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) cursor: CursorState,
    /// Generation of the cursor; 0 if a new one has to be created.
    pub(crate) generation: u64,
    /// Content of the cursor, or the correct content if there is none.
    pub(crate) mark: CursorMark,
    pub(crate) segments: Vec<FoundSegment>,
    /// Segments at the end without a frame that was ever durable, as a crash leaves them.
    pub(crate) unborn: Vec<(String, u64)>,
    /// Incomplete files that a crash left.
    pub(crate) leftovers: Vec<(String, u64)>,
    /// Damaged segments that were set aside.
    pub(crate) bad: Vec<(String, u64)>,
    /// First free sequence number.
    pub(crate) tail: u64,
}

impl Examination {
    /// Returns the gaps between segments, before the first and after the last.
    pub(crate) fn holes(&self) -> Vec<Gap> {
        let mut holes = Vec::new();
        let mut at = self.mark.acked + 1;
        for found in &self.segments {
            if found.first > at {
                holes.push(Gap { first: at, last: found.first - 1, reason: GapReason::Missing, bytes: 0 });
            }
            at = at.max(found.next);
        }
        if self.tail > at {
            holes.push(Gap { first: at, last: self.tail - 1, reason: GapReason::Missing, bytes: 0 });
        }
        holes
    }
}

/// Examines the whole folder.
pub(crate) fn examine<D: Disk>(disk: &D) -> io::Result<Examination> {
    let (mut segments, mut leftovers, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    for (name, size) in disk.list()? {
        if let Some(first) = first_of(&name) {
            segments.push((first, size));
        } else if name.ends_with(".tmp") {
            leftovers.push((name, size));
        } else if name.ends_with(".bad") {
            bad.push((name, size));
        }
    }
    segments.sort_unstable();
    leftovers.sort();
    bad.sort();
    let mut headers = Vec::with_capacity(segments.len());
    for &(first, _) in &segments {
        let valid = header(disk, &disk.open(&name(first), false)?)?;
        headers.push(valid.filter(|header| header.first == first));
    }
    let (mut state, read) = cursor::read(disk)?;
    let mut ids = headers.iter().flatten().map(|header| header.spool).peekable();
    let (generation, mark) = match read {
        Some((generation, mark)) if ids.peek().is_none() || ids.any(|id| id == mark.spool) => {
            (generation, mark)
        }
        other => {
            if other.is_some() {
                state = CursorState::Foreign;
            }
            // Delivering everything again is better than missing something.
            let acked = segments.first().map_or(0, |&(first, _)| first - 1);
            let spool = headers.iter().flatten().next().map_or(0, |header| header.spool);
            (0, CursorMark { spool, acked, ..CursorMark::default() })
        }
    };
    let mut unborn = Vec::new();
    while let (Some(&(first, size)), Some(None)) = (segments.last(), headers.last()) {
        if mark.durable >= first {
            break;
        }
        unborn.push((name(first), size));
        segments.pop();
        headers.pop();
    }
    let mut found = Vec::with_capacity(segments.len());
    for (number, (&(first, size), header)) in segments.iter().zip(headers).enumerate() {
        let following = segments.get(number + 1).map(|&(next, _)| next);
        found.push(segment(disk, first, size, header, following, &mark)?);
    }
    let mut tail = found.last().map_or(1, |last| last.next).max(mark.acked + 1).max(mark.durable + 1);
    let refused = mark.refused.filter(|gap| gap.last >= tail);
    let refused = refused.map(|gap| Gap { first: gap.first.max(tail), ..gap });
    if let Some(gap) = refused {
        // Durable records before this gap are missing.
        tail = gap.first;
    }
    let mark = CursorMark { refused, ..mark };
    Ok(Examination { cursor: state, generation, mark, segments: found, unborn, leftovers, bad, tail })
}

fn segment<D: Disk>(
    disk: &D,
    first: u64,
    size: u64,
    header: Option<SegmentHeader>,
    following: Option<u64>,
    mark: &CursorMark,
) -> io::Result<FoundSegment> {
    let mut found = FoundSegment {
        first,
        next: first,
        reached: first,
        header,
        size,
        good: 0,
        records: 0,
        unacked: Amount::default(),
        damaged: header.is_none(),
        gaps: Vec::new(),
    };
    // A segment ends where the next one begins. Behind that may be frames of a failed sync, which were
    // written again into the next one.
    let known = following.or_else(|| (mark.durable >= first).then_some(mark.durable + 1));
    let mut reason = GapReason::Damage;
    if header.is_some() {
        let name = name(first);
        let file = disk.open(&name, false)?;
        let mut walk =
            SegmentWalk::new(disk, &file, (first, HEADER as u64), size, following.unwrap_or(SEQ_END));
        let end = loop {
            let seq = walk.seq;
            match walk.step()? {
                WalkStep::Record(range) => {
                    found.records += 1;
                    if seq > mark.acked {
                        found.unacked.add(1, range.len() as u64);
                    }
                }
                WalkStep::Gap(gap) => {
                    found.damaged |= gap.reason == GapReason::Damage;
                    found.missing(gap, mark.acked);
                }
                WalkStep::End(end) => break end,
            }
        };
        (found.next, found.reached, found.good) = (walk.seq, walk.seq, walk.at);
        if end == WalkEnd::Clean {
            reason = GapReason::Missing;
        }
    }
    if let Some(known) = known.filter(|&known| known > found.next) {
        found.damaged |= reason == GapReason::Damage;
        found.missing(Gap { first: found.next, last: known - 1, reason, bytes: 0 }, mark.acked);
        found.next = known;
    }
    // An acknowledged segment is not read any more.
    found.damaged &= found.next > mark.acked + 1;
    Ok(found)
}

/// Maximum number of gaps to list for one segment; others are merged into the last one.
const SHOWN: usize = 256;

impl FoundSegment {
    fn missing(&mut self, gap: Gap, acked: u64) {
        if gap.last > acked {
            let gap = Gap { first: gap.first.max(acked + 1), ..gap };
            if self.gaps.len() < SHOWN {
                push(&mut self.gaps, gap);
            } else if let Some(last) = self.gaps.last_mut() {
                // Keeps the list short for a hostile segment.
                last.last = gap.last;
            }
        }
    }
}
