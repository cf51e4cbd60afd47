//! The writing side of a spool: frames are collected in memory, written to the operating system in large
//! writes, and synced to the disk in groups. Frames stay in memory until they are on the disk.

use std::{io, time::Instant};

use super::{pending::PendingFrames, status::SpoolStatus};
use crate::{
    Moment,
    disk::Disk,
    frame::{HEADER, name},
    segment::store::SegmentStore,
    stats::{DiskContext as _, DiskError},
};

/// Number of bytes that are collected before a write.
const GATHER: usize = 64 * 1024;

/// The segment that is being written.
pub(super) struct OpenSegment<F> {
    pub(super) file: F,
    pub(super) first: u64,
    /// Bytes on the disk.
    pub(super) len: u64,
    /// Whether the name is on the disk, which makes this the last of the segments.
    pub(super) listed: bool,
}

/// The frames that are not on the disk, and the segment that they are written to.
pub(super) struct SpoolWriter<F> {
    pub(super) pending: PendingFrames,
    open: Option<OpenSegment<F>>,
}

impl<F> SpoolWriter<F> {
    pub(super) fn new(pending: PendingFrames, open: Option<OpenSegment<F>>) -> Self {
        Self { pending, open }
    }

    /// Returns the first sequence number of the open segment.
    pub(super) fn open_first(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.first)
    }

    /// Returns the first sequence number of the open segment if it has frames on the disk.
    pub(super) fn filled_first(&self) -> Option<u64> {
        self.open.as_ref().filter(|open| open.len > HEADER as u64).map(|open| open.first)
    }

    /// Ends the open segment, all of whose frames are on the disk.
    pub(super) fn end_segment(&mut self) {
        self.open = None;
    }

    /// Ends the open segment if it is the one that was removed. Its frames that were not synced are written
    /// again to the next one.
    pub(super) fn segment_removed(&mut self, first: u64) {
        if self.open_first() == Some(first) {
            self.open = None;
            self.pending.reset_written();
        }
    }

    /// Whether the frames fill a segment, so that they should be synced.
    pub(super) fn fills_segment(&self, segment_bytes: u64) -> bool {
        let file = self.open.as_ref().map_or(HEADER as u64, |open| open.len);
        file + self.pending.len() as u64 >= segment_bytes
    }

    /// Whether enough frames are collected for a write.
    pub(super) fn has_gathered(&self) -> bool {
        self.pending.unwritten().len() >= GATHER
    }

    /// Hands pending frames to the operating system.
    pub(super) fn write<D: Disk<File = F>>(
        &mut self,
        segments: &SegmentStore<D>,
        now: Moment,
    ) -> Result<(), DiskError> {
        if self.pending.unwritten().is_empty() {
            return Ok(());
        }
        if self.open.is_none() {
            self.begin(segments, now)?;
        }
        let Some(open) = &self.open else { return Ok(()) };
        while !self.pending.unwritten().is_empty() {
            let at = open.len + self.pending.written() as u64;
            match segments.disk.write_at(&open.file, self.pending.unwritten(), at) {
                Ok(0) => return Err(DiskError { doing: "write", error: io::ErrorKind::WriteZero.into() }),
                Ok(done) => self.pending.add_written(done),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DiskError { doing: "write", error }),
            }
        }
        Ok(())
    }

    /// Writes and syncs all pending frames. Ends the segment if it has `segment_bytes` then.
    pub(super) fn store<D: Disk<File = F>>(
        &mut self,
        segments: &mut SegmentStore<D>,
        status: &mut SpoolStatus,
        now: Moment,
        segment_bytes: u64,
    ) -> Result<(), DiskError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.write(segments, now)?;
        match self.sync(segments, status) {
            Ok(()) => {}
            Err(fault) => {
                // The content of this file after its durable part is unknown from now on.
                self.abandon(segments);
                status.rewritten(fault);
                self.write(segments, now)?;
                self.sync(segments, status).inspect_err(|_| self.abandon(segments))?;
            }
        }
        self.commit(segments, segment_bytes);
        Ok(())
    }

    /// Removes frames from memory that were delivered while the disk failed.
    pub(super) fn remove_acked<D: Disk<File = F>>(&mut self, segments: &mut SegmentStore<D>, acked: u64) {
        if !self.pending.remove_acked(acked) {
            return;
        }
        // Parts of these frames in the file are not needed; the next segment begins after them.
        if let Some(open) = self.open.as_ref().filter(|open| !open.listed) {
            drop(segments.disk.remove(&name(open.first)));
        }
        self.abandon(segments);
    }

    /// Begins a segment with the first frame that is not on the disk.
    fn begin<D: Disk<File = F>>(&mut self, segments: &SegmentStore<D>, now: Moment) -> Result<(), DiskError> {
        let waited = self.pending.since().map_or(0, |since| now.boot_ns.saturating_sub(since));
        let first = self.pending.first();
        let file = segments.create(first, now.unix_ns.saturating_sub(waited)).context("begin a segment")?;
        self.open = Some(OpenSegment { file, first, len: HEADER as u64, listed: false });
        self.pending.reset_written();
        Ok(())
    }

    fn sync<D: Disk<File = F>>(
        &self,
        segments: &SegmentStore<D>,
        status: &mut SpoolStatus,
    ) -> Result<(), DiskError> {
        let Some(open) = &self.open else { return Ok(()) };
        let start = Instant::now();
        segments.disk.sync(&open.file).context("sync a segment")?;
        if !open.listed {
            segments.disk.sync_folder().context("sync the folder")?;
        }
        status.stats.syncs += 1;
        status.stats.sync_max = status.stats.sync_max.max(start.elapsed());
        Ok(())
    }

    /// Moves all pending frames into the set of segments, after they were synced.
    fn commit<D: Disk<File = F>>(&mut self, segments: &mut SegmentStore<D>, segment_bytes: u64) {
        let Some(open) = &mut self.open else { return };
        let len = self.pending.len() as u64;
        if !open.listed {
            open.listed = true;
            segments.list(open.first, open.len);
        }
        segments.grow(self.pending.next(), len, self.pending.records());
        open.len += len;
        self.pending.clear();
        if open.len >= segment_bytes {
            self.open = None;
        }
    }

    /// Ends the segment after its durable part. Pending frames go to a new one.
    fn abandon<D: Disk<File = F>>(&mut self, segments: &mut SegmentStore<D>) {
        if let Some(open) = self.open.take() {
            // This only frees space: a segment ends where the next one begins, whatever follows.
            drop(segments.disk.truncate(&open.file, open.len));
            if open.listed {
                segments.unlist_empty(open.len);
            }
        }
        self.pending.reset_written();
    }
}
