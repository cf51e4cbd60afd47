//! Examination of a spool's folder, without changes: `open` acts on the result, `ls` and `verify` show it.

use std::io;

use super::census::{Census, ListedSegment, is_blank};
use crate::{
    cursor::{self, CursorMark, CursorState},
    disk::Disk,
    frame::{HEADER, SEQ_END, SegmentHeader, name},
    gap::{Gap, GapReason, push},
    segment::walk::{SegmentWalk, WalkEnd, WalkStep},
    stats::Amount,
};

/// A segment as it was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundSegment {
    /// Name of the file, which is not that of the segment if files were renamed.
    pub(crate) file: String,
    pub(crate) first: u64,
    /// One past the last sequence number of the segment.
    pub(crate) next: u64,
    /// One past the last sequence number that a frame in the segment stands for.
    pub(crate) reached: u64,
    /// Header, if it is valid.
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
    /// Segment files that are not segments of this spool: copies, or those of another spool.
    pub(crate) extra: Vec<(String, u64)>,
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
///
/// The spool may be in use: what was durable is read before the segments, and what was acknowledged behind
/// them, so that neither refers to records of segments that were not listed.
pub(crate) fn examine<D: Disk>(disk: &D) -> io::Result<Examination> {
    let (_, before) = cursor::read(disk)?;
    let mut census = Census::take(disk)?;
    let (mut state, read) = cursor::read(disk)?;
    let ids: Vec<u64> =
        census.segments.iter().filter_map(|listed| listed.header).map(|header| header.spool).collect();
    let ours = |mark: &CursorMark| ids.is_empty() || ids.contains(&mark.spool);
    let (generation, mark) = match read.map(|(generation, mark)| (generation, mark, ours(&mark))) {
        Some((generation, mark, true)) => {
            census.exclude_foreign(mark.spool);
            let before = before.map_or(mark, |(_, before)| before);
            (generation, CursorMark { durable: before.durable, refused: before.refused, ..mark })
        }
        other => {
            if other.is_some() {
                state = CursorState::Foreign;
            }
            // Delivering everything again is better than missing something.
            let acked = census.segments.first().map_or(0, |listed| listed.first - 1);
            let spool = census.segments.iter().find_map(|listed| listed.header);
            let spool = spool.map_or(0, |header| header.spool);
            (0, CursorMark { spool, acked, ..CursorMark::default() })
        }
    };
    let mut unborn = Vec::new();
    while let Some(listed) = census.segments.last()
        && listed.header.is_none()
        && mark.durable < listed.first
        && is_blank(disk, listed)?
    {
        unborn.push((listed.file.clone(), listed.size));
        census.segments.pop();
    }
    let mut found = Vec::with_capacity(census.segments.len());
    let following = census.segments.iter().skip(1).map(|listed| Some(listed.first)).chain([None]);
    for (listed, following) in census.segments.iter().zip(following) {
        found.push(segment(disk, listed, following, &mark)?);
    }
    let mut tail = found.last().map_or(1, |last| last.next).max(mark.acked + 1).max(mark.durable + 1);
    let refused = mark.refused.filter(|gap| gap.last >= tail);
    let refused = refused.map(|gap| Gap { first: gap.first.max(tail), ..gap });
    if let Some(gap) = refused {
        // Durable records before this gap are missing.
        tail = gap.first;
    }
    let mark = CursorMark { refused, ..mark };
    let Census { extra, leftovers, bad, .. } = census;
    Ok(Examination { cursor: state, generation, mark, segments: found, unborn, extra, leftovers, bad, tail })
}

fn segment<D: Disk>(
    disk: &D,
    listed: &ListedSegment,
    following: Option<u64>,
    mark: &CursorMark,
) -> io::Result<FoundSegment> {
    let &ListedSegment { first, size, header, .. } = listed;
    let mut found = FoundSegment {
        file: listed.file.clone(),
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
    let file = disk.open(&listed.file, false)?;
    // The number of the first frame comes from the name where the header does not show it.
    let mut walk = SegmentWalk::new(disk, &file, (first, HEADER as u64), size, following.unwrap_or(SEQ_END));
    let end = loop {
        let seq = walk.seq;
        match walk.step()? {
            WalkStep::Record(range) => {
                found.records += 1;
                if seq > mark.acked {
                    found.unacked.add(1, walk.record(range).record_len() as u64);
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
    let is_clean = end == WalkEnd::Clean && size >= HEADER as u64;
    let reason = if is_clean { GapReason::Missing } else { GapReason::Damage };
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
    /// Whether the file has the name of another segment.
    pub(crate) fn is_misnamed(&self) -> bool {
        self.file != name(self.first)
    }

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
