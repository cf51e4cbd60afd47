//! Inspection of a spool without changes.

use std::{fs, io, path::Path};

use serde::Serialize;

use super::examination::examine;
use crate::{
    cursor::{self, CursorState},
    disk::{DiskFolder, LOCK},
    frame::first_of,
    gap::{Gap, GapReason},
    stats::Amount,
};

/// The state of a spool on the disk.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// Whether nothing is damaged, and nothing is missing without a gap that gives the reason.
    pub whole: bool,
    /// Records that were not acknowledged.
    pub waiting: Amount,
    /// Last acknowledged sequence number.
    pub acked: u64,
    /// The next free sequence number.
    pub next: u64,
    /// State of the cursor file.
    pub cursor: CursorState,
    /// Segments.
    pub segments: Vec<SurveyedSegment>,
    /// Missing records that were not acknowledged.
    pub gaps: Vec<Gap>,
    /// Bytes after the last complete frame, as in a spool that is in use or whose owner was killed.
    pub unfinished: u64,
    /// Files with the name of another segment, and those that are not segments of this spool.
    pub misplaced: Vec<String>,
    /// Damaged segments that were set aside.
    pub bad: Vec<String>,
    /// Pid of the process that opened the spool last.
    pub pid: Option<u32>,
}

/// The state of a segment on the disk.
#[derive(Clone, Debug, Serialize)]
pub struct SurveyedSegment {
    /// Name of the file.
    pub name: String,
    /// First sequence number.
    pub first: u64,
    /// Last sequence number.
    pub last: u64,
    /// Number of records.
    pub records: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Time of the first record, nanoseconds since 1970.
    #[serde(skip)]
    pub made: Option<i64>,
    /// Whether the content is damaged.
    pub damaged: bool,
}

/// Whether a folder is a spool.
#[must_use]
pub fn is_spool(path: &Path) -> bool {
    let ours = |name: &str| name == cursor::NAME || first_of(name).is_some();
    fs::read_dir(path).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(ours)))
    })
}

/// Number of tries to inspect a spool from which another process removes segments.
const TRIES: usize = 10;

/// Inspects a whole spool without changes, even while another process uses it.
///
/// # Errors
/// Fails if the folder or a file in it cannot be read.
pub fn survey(path: &Path) -> io::Result<Survey> {
    let disk = DiskFolder::open_unlocked(path)?;
    let mut examined = examine(&disk);
    for _ in 1..TRIES {
        if examined.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            examined = examine(&disk);
        }
    }
    let found = examined?;
    let mut waiting = Amount::default();
    let mut gaps = found.holes();
    let mut unfinished: u64 = found.unborn.iter().map(|(_, size)| size).sum();
    let mut segments = Vec::with_capacity(found.segments.len());
    for segment in &found.segments {
        waiting.add(segment.unacked.records, segment.unacked.bytes);
        gaps.extend(&segment.gaps);
        segments.push(SurveyedSegment {
            name: segment.file.clone(),
            first: segment.first,
            last: segment.next - 1,
            records: segment.records,
            bytes: segment.size,
            made: segment.header.map(|header| header.made),
            damaged: segment.damaged,
        });
    }
    if let Some(last) = found.segments.last().filter(|last| !last.damaged) {
        unfinished += last.size.saturating_sub(last.good);
    }
    gaps.extend(found.mark.refused);
    gaps.sort_unstable_by_key(|gap| gap.first);
    let explained = gaps.iter().all(|gap| !matches!(gap.reason, GapReason::Damage | GapReason::Missing));
    let cursor =
        found.cursor == CursorState::Whole || segments.is_empty() && found.cursor == CursorState::Missing;
    let misnamed = found.segments.iter().filter(|segment| segment.is_misnamed());
    let misplaced: Vec<String> = misnamed
        .map(|segment| &segment.file)
        .chain(found.extra.iter().map(|(name, _)| name))
        .cloned()
        .collect();
    Ok(Survey {
        whole: misplaced.is_empty() && cursor && explained && !segments.iter().any(|segment| segment.damaged),
        waiting,
        acked: found.mark.acked,
        next: found.mark.refused.map_or(found.tail, |gap| gap.last + 1),
        cursor: found.cursor,
        segments,
        gaps,
        unfinished,
        misplaced,
        bad: found.bad.into_iter().map(|(name, _)| name).collect(),
        pid: fs::read_to_string(path.join(LOCK)).ok().and_then(|text| text.trim().parse().ok()),
    })
}
