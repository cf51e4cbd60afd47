//! Walk over the frames of one segment, which reads ahead in chunks and never changes anything.

use std::{io, ops::Range};

use super::resync::next_frame;
use crate::{
    disk::{Disk, read_full},
    frame::{GAP_FRAME, HEAD, HEADER, ParsedFrame, SegmentHeader, StoredRecord, parse},
    gap::{Gap, GapReason},
};

/// Number of bytes that are read at once.
const CHUNK: usize = 256 * 1024;
/// Maximum number of bytes behind damage that are searched for the next frame.
const SEARCH: u64 = 64 << 20;

/// The next element of a segment.
pub(crate) enum WalkStep {
    /// A record; its bytes are in [`SegmentWalk::record`].
    Record(Range<usize>),
    /// A gap: a gap frame, or damaged frames before a valid one.
    Gap(Gap),
    /// The end of the walk.
    End(WalkEnd),
}

/// The reason for the end of a walk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WalkEnd {
    /// The next segment begins with this sequence number.
    Limit,
    /// The bytes end after a complete frame.
    Clean,
    /// The bytes are not a frame, and the number of missing records is unknown.
    Bad,
}

/// A place in a segment.
pub(crate) struct SegmentWalk<'a, D: Disk> {
    disk: &'a D,
    file: &'a D::File,
    /// Sequence number of the next frame.
    pub(crate) seq: u64,
    /// Offset of the next frame.
    pub(crate) at: u64,
    /// Valid bytes of the file.
    end: u64,
    /// First sequence number after the segment.
    limit: u64,
    buffer: Vec<u8>,
    /// Offset of the buffer's first byte.
    base: u64,
}

/// Reads the header of a segment; returns `None` if it is not valid.
pub(crate) fn header<D: Disk>(disk: &D, file: &D::File) -> io::Result<Option<SegmentHeader>> {
    let mut bytes = [0; HEADER];
    let len = read_full(disk, file, &mut bytes, 0)?;
    Ok((len == HEADER).then(|| SegmentHeader::decode(&bytes)).flatten())
}

impl<'a, D: Disk> SegmentWalk<'a, D> {
    /// Creates a walk that starts at the frame with number `seq` at offset `at`, and ends at offset `end` or
    /// number `limit`.
    pub(crate) fn new(disk: &'a D, file: &'a D::File, (seq, at): (u64, u64), end: u64, limit: u64) -> Self {
        Self { disk, file, seq, at, end, limit, buffer: Vec::new(), base: at }
    }

    /// Returns the record that the last step found.
    pub(crate) fn record(&self, range: Range<usize>) -> StoredRecord<'_> {
        let frame = self.buffer.get(range.start.saturating_sub(HEAD)..range.end);
        StoredRecord::of(frame.unwrap_or_default())
    }

    /// Returns the next frame.
    pub(crate) fn step(&mut self) -> io::Result<WalkStep> {
        if self.seq >= self.limit {
            return Ok(WalkStep::End(WalkEnd::Limit));
        }
        if self.at >= self.end {
            return Ok(WalkStep::End(WalkEnd::Clean));
        }
        match self.look(self.at, self.seq)? {
            ParsedFrame::Record(len) => {
                let start = (self.at - self.base) as usize + HEAD;
                self.advance(HEAD + len, self.seq);
                Ok(WalkStep::Record(start..start + len))
            }
            ParsedFrame::Gap(mut gap) => {
                gap.last = gap.last.min(self.limit - 1);
                self.advance(GAP_FRAME, gap.last);
                Ok(WalkStep::Gap(gap))
            }
            ParsedFrame::Bad(Some(skip)) if self.resumes(skip)? => {
                let gap = Gap { first: self.seq, last: self.seq, reason: GapReason::Damage, bytes: 0 };
                self.advance(skip, self.seq);
                Ok(WalkStep::Gap(gap))
            }
            ParsedFrame::Bad(_) | ParsedFrame::Short(_) => self.resynchronize(),
        }
    }

    /// Skips damaged frames: the gap up to the next valid frame, or the end if there is none.
    fn resynchronize(&mut self) -> io::Result<WalkStep> {
        let rest = self.end.saturating_sub(self.at);
        let mut bytes = vec![0; usize::try_from(rest.min(SEARCH)).unwrap_or(0)];
        let len = read_full(self.disk, self.file, &mut bytes, self.at)?;
        bytes.truncate(len);
        let Some(found) = next_frame(&bytes, self.seq, self.limit, rest <= SEARCH) else {
            return Ok(WalkStep::End(WalkEnd::Bad));
        };
        let first = self.seq;
        (self.at, self.seq) = (self.at + found.skip as u64, found.seq);
        (self.base, self.buffer) = (self.at, bytes.split_off(found.skip));
        if first == found.seq {
            // Only bytes between two frames are damaged.
            return self.step();
        }
        Ok(WalkStep::Gap(Gap { first, last: found.seq - 1, reason: GapReason::Damage, bytes: 0 }))
    }

    fn advance(&mut self, bytes: usize, last: u64) {
        self.at += bytes as u64;
        self.seq = last + 1;
    }

    /// Whether the frame after a damaged one is valid, so that only one record is missing.
    fn resumes(&mut self, skip: usize) -> io::Result<bool> {
        let (next, seq) = (self.at + skip as u64, self.seq + 1);
        if next >= self.end || seq >= self.limit {
            return Ok(next == self.end && seq == self.limit);
        }
        Ok(matches!(self.look(next, seq)?, ParsedFrame::Record(_) | ParsedFrame::Gap(_)))
    }

    /// Parses the frame at an offset, and reads as many bytes as needed.
    fn look(&mut self, at: u64, seq: u64) -> io::Result<ParsedFrame> {
        let mut need = HEAD;
        loop {
            let here = self.window(at, need)?;
            match parse(here, seq) {
                ParsedFrame::Short(more) if at + more as u64 <= self.end => need = more,
                parsed => return Ok(parsed),
            }
        }
    }

    /// Returns the bytes from an offset on: at least `need`, or up to the end.
    fn window(&mut self, at: u64, need: usize) -> io::Result<&[u8]> {
        let mut skip = (at - self.base) as usize;
        if self.buffer.len() < skip + need {
            // Bytes from the start of the current frame on are kept, because they may be parsed again.
            let done = ((self.at - self.base) as usize).min(self.buffer.len());
            self.buffer.drain(..done);
            self.base += done as u64;
            skip = (at - self.base) as usize;
            let have = self.buffer.len();
            let left = self.end.saturating_sub(self.base + have as u64);
            let more = CHUNK.max(skip + need - have).min(usize::try_from(left).unwrap_or(usize::MAX));
            self.buffer.resize(have + more, 0);
            let at = self.base + have as u64;
            let got = read_full(self.disk, self.file, &mut self.buffer[have..], at);
            self.buffer.truncate(have + *got.as_ref().unwrap_or(&0));
            if got? < more {
                // The file is shorter than expected.
                self.end = self.base + self.buffer.len() as u64;
            }
        }
        Ok(self.buffer.get(skip..).unwrap_or_default())
    }
}
