//! The gaps that a segment leaves when its records are dropped.

use super::{
    Segment,
    walk::{SegmentWalk, WalkEnd, WalkStep},
};
use crate::{
    disk::Disk,
    frame::{HEADER, name, put_gap},
    gap::{Gap, GapReason, push},
    stats::Amount,
};

/// Maximum number of separate gaps that a dropped segment leaves; others are merged.
pub(super) const APART: usize = 1024;

/// The gaps in place of a segment's records, and the amount of records that are lost.
pub(super) struct SegmentRemains {
    /// Gaps, in order. Gaps that were in the segment already keep their reasons.
    pub(super) gaps: Vec<Gap>,
    pub(super) lost: Amount,
}

impl SegmentRemains {
    /// Reads a segment that is about to be dropped. Records before `from` are acknowledged, and leave no gap.
    pub(super) fn read<D: Disk>(disk: &D, segment: &Segment, from: u64, reason: GapReason) -> Self {
        let (first, next) = (segment.first, segment.next);
        let mut gaps = Vec::<Gap>::new();
        let mut lost = Amount::default();
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
        if let Ok(file) = disk.open(&name(first), false) {
            let mut walk = SegmentWalk::new(disk, &file, (first, HEADER as u64), segment.len, next);
            loop {
                seq = walk.seq;
                match walk.step() {
                    Ok(WalkStep::Record(range)) => {
                        let bytes = walk.record(range).record_len() as u64;
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
        Self { gaps, lost }
    }
}

/// Returns the frames of a segment of gaps that begins with number `start`. If there are too many gaps, the
/// first of them are merged, for one reason.
pub(super) fn gap_frames(gaps: &[Gap], start: u64, reason: GapReason) -> Vec<u8> {
    let mut frames = Vec::new();
    let (merged, separate) = gaps.split_at(gaps.len().saturating_sub(APART));
    if let Some(last) = merged.last() {
        let bytes = merged.iter().map(|gap| gap.bytes).sum();
        put_gap(&mut frames, &Gap { first: start, last: last.last, reason, bytes });
    }
    separate.iter().for_each(|gap| put_gap(&mut frames, gap));
    frames
}
