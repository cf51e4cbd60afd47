//! Looking at a spool without touching it: what `tracego spool ls` and `verify` show.

use std::{fs, io, path::Path};

use serde::Serialize;

use super::{
    CursorState, cursor,
    disk::{Files, LOCK},
    examine::examine,
    frame::{first_of, name},
    gap::{Gap, Reason},
    stats::Amount,
};

/// A spool as it stands on the disk.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// Nothing is damaged, and nothing is missing without a gap that says why.
    pub whole: bool,
    /// What is not acknowledged.
    pub waiting: Amount,
    /// Everything up to this sequence number was acknowledged.
    pub acked: u64,
    /// The next free sequence number.
    pub next: u64,
    /// The file that says so.
    pub cursor: CursorState,
    /// Each segment.
    pub segments: Vec<Segment>,
    /// Missing records that were not acknowledged.
    pub gaps: Vec<Gap>,
    /// Bytes behind the last whole frame; a spool that is in use, or whose owner was killed, has some.
    pub unfinished: u64,
    /// Damaged segments that were put aside.
    pub bad: Vec<String>,
    /// Process that opened it last.
    pub pid: Option<u32>,
}

/// A segment as it stands on the disk.
#[derive(Clone, Debug, Serialize)]
pub struct Segment {
    /// File.
    pub name: String,
    /// First sequence number.
    pub first: u64,
    /// Last sequence number.
    pub last: u64,
    /// Records in it.
    pub records: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// When its first record came, nanoseconds since 1970.
    #[serde(skip)]
    pub made: Option<i64>,
    /// Something in it is not as it was written.
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

/// Reads a whole spool and changes nothing; also beside the process that has it in use.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn survey(path: &Path) -> io::Result<Survey> {
    let found = examine(&Files::look(path)?)?;
    let mut waiting = Amount::default();
    let mut gaps = found.holes();
    let mut unfinished: u64 = found.unborn.iter().map(|(_, size)| size).sum();
    let mut segments = Vec::with_capacity(found.segments.len());
    for segment in &found.segments {
        waiting.add(segment.unacked.records, segment.unacked.bytes);
        gaps.extend(&segment.gaps);
        segments.push(Segment {
            name: name(segment.first),
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
    let explained = gaps.iter().all(|gap| !matches!(gap.reason, Reason::Damage | Reason::Missing));
    let cursor =
        found.cursor == CursorState::Whole || segments.is_empty() && found.cursor == CursorState::Missing;
    Ok(Survey {
        whole: cursor && explained && !segments.iter().any(|segment| segment.damaged),
        waiting,
        acked: found.mark.acked,
        next: found.mark.refused.map_or(found.tail, |gap| gap.last + 1),
        cursor: found.cursor,
        segments,
        gaps,
        unfinished,
        bad: found.bad.into_iter().map(|(name, _)| name).collect(),
        pid: fs::read_to_string(path.join(LOCK)).ok().and_then(|text| text.trim().parse().ok()),
    })
}
