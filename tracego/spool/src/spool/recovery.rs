//! Opening of a spool: repairs what a crash left, and reports what cannot be repaired.

use std::{collections::VecDeque, io, mem};

use serde::Serialize;

use super::{ages::Ages, writer::OpenSegment};
use crate::{
    Moment,
    cursor::{Cursor, CursorMark, CursorState},
    disk::Disk,
    frame::{HEADER, name},
    gap::{Gap, GapReason},
    inspection::{
        census::MOVED,
        examination::{Examination, FoundSegment, examine},
    },
    limits::QueueLimits,
    segment::{Segment, store::SegmentStore},
    stats::Amount,
};

/// The findings when a spool was opened.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Recovery {
    /// Records to deliver.
    pub waiting: Amount,
    /// Last acknowledged sequence number.
    pub acked: u64,
    /// State of the cursor; [`CursorState::Missing`] in a new spool.
    pub cursor: CursorState,
    /// Bytes of a torn end that were cut off: frames that were never synced completely.
    pub cut: u64,
    /// Missing records, which will be delivered as gaps; at most some hundred for each segment.
    pub gaps: Vec<Gap>,
    /// Damaged segments, which are read as far as possible, and kept as `.bad`.
    pub damaged: Vec<String>,
    /// Files that had the name of another segment and got their own back, and files that are not segments of
    /// this spool, which were kept as `.bad`.
    pub misplaced: Vec<String>,
    /// Incomplete files that a crash left, which were removed or kept as `.bad`.
    pub removed: Vec<String>,
}

impl Recovery {
    /// Whether the spool is as it was left.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_new = self.cursor == CursorState::Missing && self.acked == 0 && self.waiting.records == 0;
        (self.cursor == CursorState::Whole || is_new)
            && self.cut == 0
            && self.damaged.is_empty()
            && self.misplaced.is_empty()
            && self.removed.is_empty()
            && self.gaps.iter().all(|gap| !matches!(gap.reason, GapReason::Damage | GapReason::Missing))
    }
}

/// The parts of a spool that come from its folder.
pub(super) struct RecoveredParts<D: Disk> {
    pub(super) segments: SegmentStore<D>,
    /// The last segment, if writing can continue there.
    pub(super) open: Option<OpenSegment<D::File>>,
    /// Refused records that no segment names yet.
    pub(super) refused: Option<Gap>,
    /// First free sequence number.
    pub(super) next: u64,
    pub(super) ages: Ages,
}

/// Repairs a spool's folder. Returns the parts and the findings.
pub(super) fn recover<D: Disk>(
    disk: D,
    limits: &QueueLimits,
    now: Moment,
) -> io::Result<(RecoveredParts<D>, Recovery)> {
    let mut found = examine(&disk)?;
    let mut recovery = Recovery {
        waiting: Amount::default(),
        acked: found.mark.acked,
        cursor: found.cursor,
        cut: 0,
        gaps: Vec::new(),
        damaged: Vec::new(),
        misplaced: Vec::new(),
        removed: Vec::new(),
    };
    let mut bad: VecDeque<(String, u64)> = mem::take(&mut found.bad).into();
    clean(&disk, &found, &mut bad, &mut recovery)?;
    rename(&disk, &mut found, &mut bad, &mut recovery)?;
    let mut id = found.mark.spool;
    if found.generation == 0 && found.segments.is_empty() {
        id = now.unix_ns.cast_unsigned() ^ u64::from(std::process::id()).rotate_left(40);
    }
    let mark = CursorMark { spool: id, ..found.mark };
    let cursor = Cursor::start(&disk, found.generation, &mark, now)?;
    let open = resume(&disk, &mut found, limits, &mut recovery)?;
    for segment in &found.segments {
        recovery.waiting.add(segment.unacked.records, segment.unacked.bytes);
        recovery.gaps.extend(&segment.gaps);
        if segment.damaged {
            recovery.damaged.push(name(segment.first));
        }
    }
    recovery.gaps.extend(found.holes());
    recovery.gaps.sort_unstable_by_key(|gap| gap.first);
    let ages = ages(&found.segments, now);
    let segments = found.segments.iter().map(Segment::from).collect();
    let segments = SegmentStore::new(disk, cursor, id, segments, bad);
    Ok((RecoveredParts { segments, open, refused: found.mark.refused, next: found.tail, ages }, recovery))
}

/// Removes incomplete files that a crash left.
fn clean<D: Disk>(
    disk: &D,
    found: &Examination,
    bad: &mut VecDeque<(String, u64)>,
    recovery: &mut Recovery,
) -> io::Result<()> {
    for (name, _) in &found.leftovers {
        disk.remove(name)?;
        recovery.removed.push(name.clone());
    }
    for (name, size) in &found.unborn {
        recovery.cut += size;
        recovery.removed.push(name.clone());
        if *size > HEADER as u64 {
            // The cause may be more than a crash, so the file is kept for inspection.
            let aside = format!("{name}.bad");
            disk.rename(name, &aside)?;
            bad.push_back((aside, *size));
        } else {
            disk.remove(name)?;
        }
    }
    Ok(())
}

/// Gives segments their own names back, and sets files aside that are not segments of this spool.
fn rename<D: Disk>(
    disk: &D,
    found: &mut Examination,
    bad: &mut VecDeque<(String, u64)>,
    recovery: &mut Recovery,
) -> io::Result<()> {
    for (file, size) in mem::take(&mut found.extra) {
        let aside = format!("{file}.bad");
        disk.rename(&file, &aside)?;
        bad.push_back((aside, size));
        recovery.misplaced.push(file);
    }
    let misnamed = || found.segments.iter().filter(|segment| segment.is_misnamed());
    let moved = |first| format!("{}{MOVED}", name(first));
    // In two steps, since two segments may have each other's name.
    for segment in misnamed() {
        disk.rename(&segment.file, &moved(segment.first))?;
        recovery.misplaced.push(segment.file.clone());
    }
    for segment in misnamed() {
        disk.rename(&moved(segment.first), &name(segment.first))?;
    }
    if !recovery.misplaced.is_empty() {
        disk.sync_folder()?;
    }
    for segment in &mut found.segments {
        segment.file = name(segment.first);
    }
    Ok(())
}

/// Cuts the torn end off the last segment. Returns the segment if writing can continue there.
fn resume<D: Disk>(
    disk: &D,
    found: &mut Examination,
    limits: &QueueLimits,
    recovery: &mut Recovery,
) -> io::Result<Option<OpenSegment<D::File>>> {
    let usable = |last: &&mut FoundSegment| last.header.is_some() && !last.damaged;
    let Some(last) = found.segments.last_mut().filter(usable) else { return Ok(None) };
    let file = disk.open(&name(last.first), true)?;
    if last.size > last.good {
        disk.truncate(&file, last.good)?;
        recovery.cut += last.size - last.good;
        last.size = last.good;
    }
    // Data that a killed process handed to the operating system may not be on the disk yet.
    disk.sync(&file)?;
    disk.sync_folder()?;
    let goes_on = last.reached == found.tail && last.good < limits.segment_bytes;
    Ok(goes_on.then(|| OpenSegment { file, first: last.first, len: last.good, listed: true }))
}

/// Returns the ages from the times in the headers. The wall clock is used only here, so that setting it later
/// makes no record older.
fn ages(segments: &[FoundSegment], now: Moment) -> Ages {
    let mut ages = Ages::new(now.boot_ns);
    let mut newest = i64::MIN;
    for (first, header) in segments.iter().filter_map(|segment| Some((segment.first, segment.header?))) {
        let age = now.unix_ns.saturating_sub(header.made).max(0);
        newest = newest.max(now.boot_ns.saturating_sub(age));
        ages.mark(first, newest);
    }
    ages
}

impl From<&FoundSegment> for Segment {
    fn from(found: &FoundSegment) -> Self {
        Self {
            first: found.first,
            next: found.next,
            len: found.size,
            records: found.records,
            damaged: found.damaged,
            reported: found.damaged || found.reached < found.next,
            readable: true,
        }
    }
}
