//! The segments of a spool: the bytes of their frames, the walk over them, and the set of all segments.

pub(crate) mod remains;
mod resync;
pub(crate) mod store;
pub(crate) mod walk;

use std::io;

use crate::disk::{Disk, write_all};
use crate::frame::{HEADER, SegmentHeader, name};

/// A segment whose records are on the disk.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    /// One past the last sequence number.
    pub(crate) next: u64,
    /// Valid bytes.
    pub(crate) len: u64,
    /// Number of record frames; 0 for a segment that holds only gaps.
    pub(crate) records: u64,
    /// Whether the content is damaged; damaged segments are kept for inspection.
    pub(crate) damaged: bool,
    /// Whether missing records were already reported, and are not counted as waiting.
    pub(crate) reported: bool,
    /// Whether the file can be read.
    pub(crate) readable: bool,
}

impl Segment {
    /// Creates the description of an undamaged segment without records.
    fn empty(first: u64, next: u64, len: u64) -> Self {
        Self { first, next, len, records: 0, damaged: false, reported: false, readable: true }
    }
}

/// Temporary name of a new segment.
const FRESH: &str = "segment.tmp";

/// Creates a segment with the given frames under a temporary name, and only then renames it. The frames are
/// synced, the name is not.
fn create<D: Disk>(disk: &D, header: &SegmentHeader, frames: &[u8]) -> io::Result<D::File> {
    let file = disk.create(FRESH)?;
    let mut bytes = Vec::with_capacity(HEADER + frames.len());
    bytes.extend_from_slice(&header.encode());
    bytes.extend_from_slice(frames);
    write_all(disk, &file, &bytes, 0)?;
    if !frames.is_empty() {
        disk.sync(&file)?;
    }
    disk.rename(FRESH, &name(header.first))?;
    Ok(file)
}
