//! Appending: frames are collected in memory, written to the operating system in large writes, and synced to
//! the disk in groups. Frames stay in memory until they are on the disk.

use super::{
    Disk, OpenSegment, Segment, Spool, SpoolNotice,
    frame::{HEAD, HEADER, RECORD_MAX, SegmentHeader, put_gap, put_record},
    gap::{Gap, GapReason},
    limits::OnFull,
    recover::make,
    stats::{DiskContext as _, DiskError},
};

/// Number of bytes that are collected before a write.
const GATHER: usize = 64 * 1024;

/// The result of appending a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// The record waits under this sequence number.
    Stored(u64),
    /// The record was dropped; the gap that the reader gets counts it under this sequence number.
    Dropped(u64, GapReason),
}

/// Error: there is no room and the spool blocks, so the caller keeps the record. There is room again when the
/// reader acknowledges, or when the disk works again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the spool is full")]
pub struct QueueFull;

impl<D: Disk> Spool<D> {
    /// Adds a record. The record is durable after the next [`sync`](Self::sync) that succeeds.
    ///
    /// # Errors
    /// Fails if there is no room; see [`QueueFull`].
    pub fn append(&mut self, payload: &[u8]) -> Result<Appended, QueueFull> {
        let frame = (HEAD + payload.len()) as u64;
        if payload.len() > RECORD_MAX || frame > self.limits.total_bytes / 2 {
            return Ok(self.refuse(GapReason::TooLarge, payload.len()));
        }
        if !self.memory_for(frame) {
            return self.full(GapReason::Disk, payload.len());
        }
        if !self.room_for(frame) {
            return self.full(GapReason::DropNewest, payload.len());
        }
        self.name_refused();
        let seq = self.tail;
        put_record(&mut self.pending.bytes, seq, payload);
        self.tail += 1;
        self.pending.records += 1;
        self.pending.since.get_or_insert(self.now.boot_ns);
        self.ages.came(seq, self.now.boot_ns);
        self.stats.appended.add(1, payload.len() as u64);
        self.stats.depth.add(1, payload.len() as u64);
        let waiting = self.pending.bytes.len();
        if self.trouble.is_none() {
            let file = self.writing.as_ref().map_or(HEADER as u64, |writing| writing.len);
            if file + waiting as u64 >= self.limits.segment_bytes {
                self.sync();
            } else if waiting - self.pending.written >= GATHER {
                self.flush();
            }
        }
        Ok(Appended::Stored(seq))
    }

    /// Hands collected frames to the operating system. They then survive a killed process, but not a power
    /// loss.
    pub fn flush(&mut self) {
        if self.trouble.is_some() {
            return;
        }
        if let Err(fault) = self.write_pending() {
            self.failed(fault);
        }
    }

    /// Syncs all records to the disk, and removes records that were acknowledged or are too old.
    ///
    /// Returns whether all records are durable. If not, a [`notice`](Self::notice) has the reason; retry when
    /// [`due`](Self::due) returns true.
    pub fn sync(&mut self) -> bool {
        let mut stored = self.store();
        if stored.as_ref().is_err_and(DiskError::is_full) && self.reclaim(false).is_ok_and(|freed| freed) {
            // Acknowledged segments were removed, which freed space.
            stored = self.store();
        }
        if let Err(fault) = stored {
            self.failed(fault);
            return false;
        }
        match self.finish_sync() {
            Ok(()) => self.recovered(),
            Err(fault) => self.failed(fault),
        }
        true
    }

    fn full(&mut self, reason: GapReason, len: usize) -> Result<Appended, QueueFull> {
        if self.limits.on_full == OnFull::Block {
            self.stats.blocked += 1;
            return Err(QueueFull);
        }
        Ok(self.refuse(reason, len))
    }

    /// Counts a refused record, under the next sequence number.
    fn refuse(&mut self, reason: GapReason, len: usize) -> Appended {
        let crowded = self.pending.bytes.len() >= self.limits.memory_bytes;
        if self.refused.is_some_and(|gap| gap.reason != reason) && !crowded {
            self.name_refused();
        }
        let seq = self.refused.map_or(self.tail, |gap| gap.last + 1);
        let gap = self.refused.get_or_insert(Gap { first: seq, last: seq, reason, bytes: 0 });
        gap.last = seq;
        gap.bytes = gap.bytes.saturating_add(len as u64);
        // If there is no memory for a frame at each change of reason, one reason stands for both.
        let reason = gap.reason;
        self.stats.drop(reason, 1, len as u64);
        self.moved = true;
        Appended::Dropped(seq, reason)
    }

    /// Adds the gap of refused records to the pending frames.
    pub(super) fn name_refused(&mut self) {
        if let Some(gap) = self.refused.take() {
            put_gap(&mut self.pending.bytes, &gap);
            self.tail = gap.last + 1;
            self.pending.since.get_or_insert(self.now.boot_ns);
        }
    }

    /// Whether memory has room for another frame, after an attempt to empty it.
    fn memory_for(&mut self, frame: u64) -> bool {
        let fits = |spool: &Self| {
            let waiting = spool.pending.bytes.len() as u64;
            waiting == 0 || waiting + frame <= spool.limits.memory_bytes as u64
        };
        if fits(self) {
            return true;
        }
        if self.trouble.as_ref().is_none_or(|trouble| self.now.boot_ns >= trouble.retry_at) {
            self.sync();
        }
        while !fits(self)
            && self.limits.on_full == OnFull::DropOldest
            && self.disk_is_full()
            && self.drop_oldest()
        {
            self.sync();
        }
        fits(self)
    }

    /// Writes and syncs all pending frames.
    pub(super) fn store(&mut self) -> Result<(), DiskError> {
        if self.pending.bytes.is_empty() {
            return Ok(());
        }
        self.write_pending()?;
        match self.sync_writing() {
            Ok(()) => {}
            Err(fault) => {
                // The content of this file after its durable part is unknown from now on.
                self.abandon();
                self.stats.errors += 1;
                if self.trouble.is_none() {
                    self.push_notice(SpoolNotice::Rewritten(fault.doing, fault.error));
                }
                self.write_pending()?;
                self.sync_writing().inspect_err(|_| self.abandon())?;
            }
        }
        self.commit();
        Ok(())
    }

    /// Hands pending frames to the operating system.
    fn write_pending(&mut self) -> Result<(), DiskError> {
        if self.pending.written == self.pending.bytes.len() {
            return Ok(());
        }
        if self.writing.is_none() {
            self.begin()?;
        }
        let Some(writing) = &self.writing else { return Ok(()) };
        while let Some(rest) = self.pending.bytes.get(self.pending.written..).filter(|rest| !rest.is_empty())
        {
            let at = writing.len + self.pending.written as u64;
            match self.disk.write_at(&writing.file, rest, at) {
                Ok(0) => {
                    return Err(DiskError { doing: "write", error: std::io::ErrorKind::WriteZero.into() });
                }
                Ok(done) => self.pending.written += done,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DiskError { doing: "write", error }),
            }
        }
        Ok(())
    }

    /// Begins a segment with the first frame that is not on the disk.
    fn begin(&mut self) -> Result<(), DiskError> {
        let waited = self.pending.since.map_or(0, |since| self.now.boot_ns.saturating_sub(since));
        let made = self.now.unix_ns.saturating_sub(waited);
        let header = SegmentHeader { spool: self.id, first: self.durable, made };
        let file = make(&self.disk, &header, &[]).context("begin a segment")?;
        self.writing = Some(OpenSegment { file, first: self.durable, len: HEADER as u64, listed: false });
        self.pending.written = 0;
        Ok(())
    }

    fn sync_writing(&mut self) -> Result<(), DiskError> {
        let Some(writing) = &self.writing else { return Ok(()) };
        let start = std::time::Instant::now();
        self.disk.sync(&writing.file).context("sync a segment")?;
        if !writing.listed {
            self.disk.sync_folder().context("sync the folder")?;
        }
        self.stats.syncs += 1;
        self.stats.sync_max = self.stats.sync_max.max(start.elapsed());
        Ok(())
    }

    /// Updates the state after all pending frames were synced.
    fn commit(&mut self) {
        let Some(writing) = &mut self.writing else { return };
        let (len, records) = (self.pending.bytes.len() as u64, self.pending.records);
        if !writing.listed {
            writing.listed = true;
            self.bytes += writing.len;
            self.segments.push_back(Segment {
                first: writing.first,
                next: writing.first,
                len: writing.len,
                records: 0,
                damaged: false,
                reported: false,
                readable: true,
            });
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.len += len;
            segment.next = self.tail;
            segment.records += records;
        }
        writing.len += len;
        self.bytes += len;
        self.durable = self.tail;
        self.pending.bytes.clear();
        self.pending.written = 0;
        self.pending.records = 0;
        self.pending.since = None;
        if writing.len >= self.limits.segment_bytes {
            self.writing = None;
        }
    }

    /// Ends the segment after its durable part. Pending frames go to a new one.
    pub(super) fn abandon(&mut self) {
        if let Some(writing) = self.writing.take() {
            // This only frees space: a segment ends where the next one begins, whatever follows.
            drop(self.disk.truncate(&writing.file, writing.len));
            if writing.listed && self.segments.pop_back_if(|last| last.first == last.next).is_some() {
                // The segment has no frame: the next one gets its name.
                self.bytes = self.bytes.saturating_sub(writing.len);
            }
        }
        self.pending.written = 0;
    }
}
