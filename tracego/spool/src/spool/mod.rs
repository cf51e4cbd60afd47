//! The spool itself: a queue of records in a folder.
//!
//! [`Spool`] decides when something happens: which record is accepted, when to sync, which segment is dropped.
//! The parts have one job each: the [`writer`] puts frames onto the disk, the [`reader`] gets them from there,
//! and the [set of segments](SegmentStore) removes them.

mod ages;
mod pending;
mod reader;
mod recovery;
mod status;
mod writer;

use std::{io, path::Path, time::Duration};

pub use self::recovery::Recovery;
use self::{
    ages::Ages,
    pending::PendingFrames,
    reader::{ItemKind, SpoolReader},
    recovery::RecoveredParts,
    status::SpoolStatus,
    writer::SpoolWriter,
};
use crate::{
    Moment,
    batch::QueueBatch,
    cursor::{self, CursorMark},
    disk::{Disk, DiskFolder, OpenError},
    frame::{HEAD, StoredRecord},
    gap::GapReason,
    limits::{OnFull, QueueLimits},
    packing::{Packer, RECORD_MAX},
    segment::{Segment, store::SegmentStore},
    stats::{Amount, DiskError, QueueStats, SpoolNotice},
};

/// The result of appending a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Appended {
    /// The record waits under this sequence number.
    Stored(u64),
    /// The record was dropped; the gap that the reader gets counts it under this sequence number.
    Dropped(u64, GapReason),
}

/// Error: there is no room and the queue blocks, so the caller keeps the record. There is room again when the
/// reader acknowledges, or when the disk works again.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the spool is full")]
pub struct QueueFull;

/// A durable queue. See the [crate's documentation](crate).
pub struct Spool<D: Disk = DiskFolder> {
    limits: QueueLimits,
    /// Time of the last [`due`](Self::due).
    now: Moment,
    segments: SegmentStore<D>,
    writer: SpoolWriter<D::File>,
    reader: SpoolReader<D::File>,
    /// Last acknowledged sequence number.
    acked: u64,
    ages: Ages,
    status: SpoolStatus,
    /// The compression of records, if there is one.
    packer: Option<Packer>,
}

const MILLI: i64 = 1_000_000;

impl Spool {
    /// Opens a folder, which is created if needed, and repairs what a crash left.
    ///
    /// # Errors
    /// Fails if another process has the folder open, or if the disk fails.
    pub fn open(path: &Path, limits: QueueLimits, now: Moment) -> Result<(Self, Recovery), OpenError> {
        let disk = DiskFolder::lock(path)?;
        Spool::open_on(disk, limits, now).map_err(|error| OpenError::Io(path.to_owned(), error))
    }
}

impl<D: Disk> Spool<D> {
    /// Opens a spool on any file system; the caller has to hold the lock.
    ///
    /// # Errors
    /// Fails if the disk fails.
    pub fn open_on(disk: D, limits: QueueLimits, now: Moment) -> io::Result<(Self, Recovery)> {
        let limits = limits.normalized();
        let (RecoveredParts { mut segments, open, refused, next, ages }, recovery) =
            recovery::recover(disk, &limits, now)?;
        segments.set_total(limits.total_bytes);
        let mut status = SpoolStatus::default();
        status.stats.depth = recovery.waiting;
        let acked = recovery.acked;
        let mut spool = Self {
            limits,
            now,
            segments,
            writer: SpoolWriter::new(PendingFrames::new(next, refused), open),
            reader: SpoolReader::new(acked + 1),
            acked,
            ages,
            status,
            // Without memory for it, records are stored as they are.
            packer: limits.compress.then(|| Packer::new().ok()).flatten(),
        };
        // Removes segments that were acknowledged, but not removed before the end of the last run.
        spool.reclaim(false).map_err(|fault| fault.error)?;
        Ok((spool, recovery))
    }

    /// Adds a record. The record is durable after the next [`sync`](Self::sync) that succeeds.
    ///
    /// # Errors
    /// Fails if there is no room; see [`QueueFull`].
    pub fn append(&mut self, payload: &[u8]) -> Result<Appended, QueueFull> {
        let bytes = payload.len() as u64;
        if payload.len() > RECORD_MAX {
            return Ok(self.refuse(GapReason::TooLarge, bytes));
        }
        let mut packer = self.packer.take();
        let packed = packer.as_mut().and_then(|packer| packer.pack(payload));
        let record = StoredRecord { bytes: packed.unwrap_or(payload), packed: packed.is_some() };
        let appended = self.append_stored(record, bytes);
        self.packer = packer;
        appended
    }

    /// Adds a record of `bytes` bytes in the form in which it is stored.
    fn append_stored(&mut self, record: StoredRecord<'_>, bytes: u64) -> Result<Appended, QueueFull> {
        let frame = (HEAD + record.bytes.len()) as u64;
        if frame > self.limits.total_bytes / 2 {
            return Ok(self.refuse(GapReason::TooLarge, bytes));
        }
        if !self.free_memory(frame) {
            return self.refuse_or_block(GapReason::Disk, bytes);
        }
        if !self.free_space(frame) {
            return self.refuse_or_block(GapReason::DropNewest, bytes);
        }
        let seq = self.writer.pending.put_record(record, self.now.boot_ns);
        self.ages.came(seq, self.now.boot_ns);
        self.status.stats.appended.add(1, bytes);
        self.status.stats.depth.add(1, bytes);
        if !self.status.is_failing() {
            if self.writer.fills_segment(self.limits.segment_bytes) {
                self.sync();
            } else if self.writer.has_gathered() {
                self.flush();
            }
        }
        Ok(Appended::Stored(seq))
    }

    /// Returns the sequence number of the next record.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.writer.pending.next_record()
    }

    /// Hands collected frames to the operating system. They then survive a killed process, but not a power
    /// loss.
    pub fn flush(&mut self) {
        if self.status.is_failing() {
            return;
        }
        if let Err(fault) = self.writer.write(&self.segments, self.now) {
            self.failed(fault);
        }
    }

    /// Sets the time. Returns whether [`sync`](Self::sync) should be called.
    pub fn due(&mut self, now: Moment) -> bool {
        self.now = now;
        if let Some(retry_at) = self.status.retry_at() {
            return now.boot_ns >= retry_at;
        }
        self.writer.pending.records() >= self.limits.sync.records.max(1) as u64
            || self.sync_deadline().is_some_and(|deadline| now.boot_ns >= deadline)
            || self.is_aged()
    }

    /// Returns the time at which [`due`](Self::due) returns true if nothing else happens, in ns since boot.
    /// Records that become too old are not considered.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.status.retry_at().or_else(|| self.sync_deadline())
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
            Ok(()) => self.status.recovered(self.now.boot_ns),
            Err(fault) => self.failed(fault),
        }
        true
    }

    /// Returns the next items after the last call: about `max_bytes` in all, and at least one if there is
    /// any. Items are not read twice before a [`rewind`](Self::rewind) or a restart.
    pub fn read(&mut self, max_bytes: usize) -> QueueBatch {
        let (pending, now) = (&self.writer.pending, self.now.boot_ns);
        let batch = self.reader.read(&mut self.segments, pending, &mut self.status, now, max_bytes);
        let idle = batch.is_empty() && self.reader.is_idle();
        if idle && pending.is_empty() && self.reader.seq() == pending.next() {
            // There is nothing else to deliver: the reader must not have to wait for a record to learn of a
            // gap.
            self.writer.pending.put_refused(now);
        }
        batch
    }

    /// Acknowledges all items up to a sequence number. Items that were not read since the last
    /// [`rewind`](Self::rewind) are not acknowledged.
    pub fn ack(&mut self, seq: u64) {
        let stats = &mut self.status.stats;
        while let Some(item) = self.reader.ack_next(seq) {
            self.acked = item.last;
            match item.kind {
                ItemKind::Record(bytes) => {
                    stats.depth.take(1, u64::from(bytes));
                    stats.acked.add(1, u64::from(bytes));
                }
                // Other gaps were counted when their records were dropped.
                ItemKind::Gap(gap) if matches!(gap.reason, GapReason::Damage | GapReason::Missing) => {
                    stats.missing(&gap);
                }
                ItemKind::Gap(_) => {}
            }
            self.segments.cursor.touch();
        }
        self.ages.forget(self.acked);
        if self.acked + 1 == self.writer.pending.next() {
            // The bytes of damaged records cannot be counted.
            stats.depth = Amount::default();
        }
        if self.acked >= self.writer.pending.first() {
            self.writer.remove_acked(&mut self.segments, self.acked);
        }
    }

    /// Rewinds the reader: items that were read and not acknowledged are read again.
    pub fn rewind(&mut self) {
        self.reader.rewind(self.acked);
    }

    /// Syncs the remaining records. Returns the number of records that are lost because the disk did not take
    /// them. A spool that is dropped without this call loses records that were not synced, as in a crash.
    #[must_use]
    pub fn close(mut self) -> u64 {
        while !self.sync() && self.limits.on_full == OnFull::DropOldest && self.status.is_disk_full() {
            if !self.drop_oldest() {
                break;
            }
        }
        self.writer.pending.records()
    }

    /// Returns the counters and the current state.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let stats = self.status.stats;
        let oldest = (stats.depth.records > 0).then(|| {
            let age = self.now.boot_ns.saturating_sub(self.ages.not_after(self.oldest_seq()));
            Duration::from_nanos(u64::try_from(age).unwrap_or(0))
        });
        let failing = self.status.is_failing();
        QueueStats { used: self.used(), segments: self.segments.len(), oldest, failing, ..stats }
    }

    /// Replaces the limits.
    pub fn set_limits(&mut self, limits: QueueLimits) {
        self.limits = limits.normalized();
        if self.limits.compress != self.packer.is_some() {
            self.packer = self.limits.compress.then(|| Packer::new().ok()).flatten();
        }
        self.segments.set_total(self.limits.total_bytes);
    }

    /// Returns the next notice to report, each only once.
    pub fn notice(&mut self) -> Option<SpoolNotice> {
        self.status.next_notice()
    }

    /// Returns the last acknowledged sequence number.
    #[must_use]
    pub fn acked_seq(&self) -> u64 {
        self.acked
    }

    /// Returns the last sequence number that is on the disk or was acknowledged.
    #[must_use]
    pub fn durable_seq(&self) -> u64 {
        self.writer.pending.first() - 1
    }

    /// Returns the time at which waiting frames or acknowledgements have to be synced, in ns since boot.
    fn sync_deadline(&self) -> Option<i64> {
        let wait = i64::try_from(self.limits.sync.millis).unwrap_or(i64::MAX).saturating_mul(MILLI);
        let since = [self.writer.pending.since(), self.segments.cursor.dirty_since()];
        since.into_iter().flatten().min().map(|since| since.saturating_add(wait))
    }

    /// Returns the first record that was not acknowledged; gaps have no age.
    fn oldest_seq(&self) -> u64 {
        let mut segments = self.segments.iter();
        let waits = segments.find(|segment| segment.records > 0 && segment.next > self.acked + 1);
        waits.map_or(self.writer.pending.first(), |segment| segment.first).max(self.acked + 1)
    }

    fn used(&self) -> u64 {
        self.segments.bytes() + self.writer.pending.len() as u64 + cursor::SIZE
    }

    fn mark(&self) -> CursorMark {
        CursorMark {
            spool: self.segments.id(),
            acked: self.acked,
            durable: self.durable_seq(),
            refused: self.writer.pending.refused(),
        }
    }

    fn failed(&mut self, fault: DiskError) {
        self.status.failed(fault, self.now.boot_ns);
    }

    fn refuse_or_block(&mut self, reason: GapReason, bytes: u64) -> Result<Appended, QueueFull> {
        if self.limits.on_full == OnFull::Block {
            self.status.stats.blocked += 1;
            return Err(QueueFull);
        }
        Ok(self.refuse(reason, bytes))
    }

    /// Counts a refused record.
    fn refuse(&mut self, reason: GapReason, bytes: u64) -> Appended {
        let (memory, now) = (self.limits.memory_bytes, self.now.boot_ns);
        let (seq, reason) = self.writer.pending.refuse(reason, bytes, memory, now);
        self.status.stats.drop(reason, 1, bytes);
        self.segments.cursor.touch();
        Appended::Dropped(seq, reason)
    }

    /// Whether memory has room for a frame of this size, after an attempt to empty it.
    fn free_memory(&mut self, frame: u64) -> bool {
        let fits = |spool: &Self| {
            let waiting = spool.writer.pending.len() as u64;
            waiting == 0 || waiting + frame <= spool.limits.memory_bytes as u64
        };
        if fits(self) {
            return true;
        }
        if self.status.retry_at().is_none_or(|retry_at| self.now.boot_ns >= retry_at) {
            self.sync();
        }
        while !fits(self)
            && self.limits.on_full == OnFull::DropOldest
            && self.status.is_disk_full()
            && self.drop_oldest()
        {
            self.sync();
        }
        fits(self)
    }

    /// Whether the spool has room for a frame of this size, after an attempt to free some.
    fn free_space(&mut self, frame: u64) -> bool {
        while self.used() + frame > self.limits.total_bytes {
            match self.reclaim(true) {
                Ok(true) => {}
                Ok(false) if self.limits.on_full == OnFull::DropOldest && self.drop_oldest() => {}
                Ok(false) => return false,
                Err(fault) => {
                    self.failed(fault);
                    return false;
                }
            }
        }
        true
    }

    fn store(&mut self) -> Result<(), DiskError> {
        self.writer.store(&mut self.segments, &mut self.status, self.now, self.limits.segment_bytes)
    }

    /// Drops old segments, writes the cursor and removes acknowledged segments.
    fn finish_sync(&mut self) -> Result<(), DiskError> {
        self.drop_aged()?;
        let mark = self.mark();
        self.segments.save_cursor(&mark, self.now)?;
        self.reclaim(false)?;
        Ok(())
    }

    /// Removes segments that were acknowledged completely; the segment being written only if `all` is true.
    /// Returns whether there was one.
    fn reclaim(&mut self, all: bool) -> Result<bool, DiskError> {
        let keep = self.writer.open_first().filter(|_| !all);
        let mark = self.mark();
        let Some(first) = self.segments.remove_acked(&mark, keep, self.now)? else { return Ok(false) };
        self.writer.segment_removed(first);
        Ok(true)
    }

    /// Drops the oldest segment that the reader has no part of in hand. Returns whether a segment was
    /// dropped.
    fn drop_oldest(&mut self) -> bool {
        let mut number = self.droppable().map(|(number, _)| number);
        if number.is_none() && !self.status.is_failing() && self.is_open_droppable() && self.sync() {
            self.writer.end_segment();
            number = self.droppable().map(|(number, _)| number);
        }
        let Some(number) = number else { return false };
        match self.drop_segment(number, GapReason::DropOldest) {
            Ok(()) => true,
            Err(fault) => {
                self.failed(fault);
                false
            }
        }
    }

    /// Returns the oldest segment, and its number, that may be dropped.
    fn droppable(&self) -> Option<(usize, &Segment)> {
        let in_hand = self.reader.last_in_hand();
        let open = self.writer.open_first();
        self.segments.iter().enumerate().find(|(_, segment)| {
            let read = in_hand.is_some_and(|last| segment.first <= last);
            !read && segment.records > 0 && segment.next > self.acked + 1 && open != Some(segment.first)
        })
    }

    fn is_open_droppable(&self) -> bool {
        let first = self.writer.open_first().unwrap_or(self.writer.pending.first());
        self.reader.last_in_hand().is_none_or(|last| last < first)
    }

    /// Whether a segment is too old, or the segment being written has to end.
    fn is_aged(&self) -> bool {
        self.limits
            .max_age_ns()
            .is_some_and(|limit| self.aged_segment(limit).is_some() || self.is_open_aged(limit))
    }

    /// Returns the number of a segment all of whose records are too old.
    fn aged_segment(&self, limit: i64) -> Option<usize> {
        let (number, segment) = self.droppable()?;
        let age = self.now.boot_ns.saturating_sub(self.ages.not_before(segment.next - 1));
        (age > limit).then_some(number)
    }

    /// Whether the first record in the segment being written is so old that the segment has to end.
    /// Otherwise the record would stay until the segment is full.
    fn is_open_aged(&self, limit: i64) -> bool {
        self.writer
            .filled_first()
            .is_some_and(|first| self.now.boot_ns.saturating_sub(self.ages.not_after(first)) > limit / 8)
    }

    fn drop_aged(&mut self) -> Result<(), DiskError> {
        let Some(limit) = self.limits.max_age_ns() else { return Ok(()) };
        if self.is_open_aged(limit) {
            self.writer.end_segment();
        }
        while let Some(number) = self.aged_segment(limit) {
            self.drop_segment(number, GapReason::Age)?;
        }
        Ok(())
    }

    fn drop_segment(&mut self, number: usize, reason: GapReason) -> Result<(), DiskError> {
        let mark = self.mark();
        let lost = self.segments.drop_records(number, reason, &mark, self.reader.seq(), self.now)?;
        self.status.stats.drop(reason, lost.records, lost.bytes);
        self.status.stats.depth.take(lost.records, lost.bytes);
        self.reader.forget_place();
        Ok(())
    }
}
