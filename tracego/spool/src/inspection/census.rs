//! The segment files of a folder: which file has which records, whatever its name and its header say.

use std::{collections::BTreeMap, io};

use crate::{
    disk::Disk,
    frame::{HEADER, SEQ_END, SegmentHeader, first_of, name},
    segment::walk::{SegmentWalk, WalkStep, header},
};

/// Suffix of a segment that is about to get its own name back.
pub(crate) const MOVED: &str = ".moved";

/// A segment file.
#[derive(Clone, Debug)]
pub(crate) struct ListedSegment {
    /// Name of the file.
    pub(crate) file: String,
    /// Number of the first record.
    pub(crate) first: u64,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Header, if it is valid.
    pub(crate) header: Option<SegmentHeader>,
}

/// The files of a folder.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// Segments by first record; each number has one.
    pub(crate) segments: Vec<ListedSegment>,
    /// Further segment files with the first record of another one.
    pub(crate) extra: Vec<(String, u64)>,
    /// Incomplete files that a crash left.
    pub(crate) leftovers: Vec<(String, u64)>,
    /// Damaged segments that were set aside.
    pub(crate) bad: Vec<(String, u64)>,
}

impl Census {
    /// Lists the files of a folder.
    ///
    /// A valid header and the name of the file usually agree. If they do not, because files were renamed or a
    /// block was overwritten, the frames decide. If two files begin with the same record, the one with more
    /// records is the segment.
    pub(crate) fn take<D: Disk>(disk: &D) -> io::Result<Self> {
        let mut census = Self::default();
        let mut found: BTreeMap<u64, ListedSegment> = BTreeMap::new();
        let mut files = disk.list()?;
        files.sort_unstable();
        for (file, size) in files {
            if let Some(named) = first_of(file.strip_suffix(MOVED).unwrap_or(&file)) {
                let listed = listed(disk, file, size, named)?;
                let Some(other) = found.remove(&listed.first) else {
                    found.insert(listed.first, listed);
                    continue;
                };
                let [one, two] = [records(disk, &other, other.first)?, records(disk, &listed, listed.first)?];
                let second = two > one || two == one && listed.file == name(listed.first);
                let (kept, extra) = if second { (listed, other) } else { (other, listed) };
                census.extra.push((extra.file, extra.size));
                found.insert(kept.first, kept);
            } else if file.ends_with(".tmp") {
                census.leftovers.push((file, size));
            } else if file.ends_with(".bad") {
                census.bad.push((file, size));
            }
        }
        census.segments = found.into_values().collect();
        Ok(census)
    }

    /// Moves segments with the id of another spool to the extra ones.
    pub(crate) fn exclude_foreign(&mut self, spool: u64) {
        let is_foreign =
            |listed: &mut ListedSegment| listed.header.is_some_and(|header| header.spool != spool);
        let foreign = self.segments.extract_if(.., is_foreign);
        self.extra.extend(foreign.map(|listed| (listed.file, listed.size)));
    }
}

fn listed<D: Disk>(disk: &D, file: String, size: u64, named: u64) -> io::Result<ListedSegment> {
    let header = header(disk, &disk.open(&file, false)?)?;
    let mut listed = ListedSegment { file, first: named, size, header };
    let Some(first) = header.map(|header| header.first).filter(|first| *first != named) else {
        return Ok(listed);
    };
    if (1..SEQ_END).contains(&first) && records(disk, &listed, first)? >= records(disk, &listed, named)? {
        listed.first = first;
    } else {
        listed.header = None;
    }
    Ok(listed)
}

/// Returns the number of records that a file has if its first one has this number.
pub(crate) fn records<D: Disk>(disk: &D, listed: &ListedSegment, first: u64) -> io::Result<u64> {
    let file = disk.open(&listed.file, false)?;
    let mut walk = SegmentWalk::new(disk, &file, (first, HEADER as u64), listed.size, SEQ_END);
    let mut records = 0;
    loop {
        match walk.step()? {
            WalkStep::Record(_) => records += 1,
            WalkStep::Gap(_) => {}
            WalkStep::End(_) => return Ok(records),
        }
    }
}

/// Whether a file has no valid frame.
pub(crate) fn is_blank<D: Disk>(disk: &D, listed: &ListedSegment) -> io::Result<bool> {
    let file = disk.open(&listed.file, false)?;
    let mut walk = SegmentWalk::new(disk, &file, (listed.first, HEADER as u64), listed.size, SEQ_END);
    Ok(matches!(walk.step()?, WalkStep::End(_)))
}
