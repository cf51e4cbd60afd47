//! A durable queue of records for one sink, which survives a kill or a power loss at any moment.
//!
//! A spool is a folder: segments `<first sequence number>.seg` of frames (length, CRC32C, payload), a
//! `cursor` with the acknowledged position, and a `lock`. Records are opaque bytes. The owner appends, calls
//! [`due`](Spool::due) with the time and [`sync`](Spool::sync) if that returns true, reads batches and
//! acknowledges them. There are no threads: a spool has one owner, or one mutex around it.
//!
//! Guarantees:
//!
//! - A record is delivered at least once if a sync succeeded after it was appended. Only records that were
//!   not acknowledged are delivered again, in order.
//! - Dropped records leave a [`Gap`] in their place: the reader gets it like a record, acknowledges it like a
//!   record, and gets it again after a restart until it is acknowledged.
//! - `read` returns records that are on the disk, because the number of a record that was lost in a power
//!   loss is given to another one. Records in memory are returned only while the disk fails: otherwise a dead
//!   disk would stop a sink that works.
//! - After a failed sync, nothing behind the last good one is trusted. Linux marks pages as clean whose write
//!   failed, so another fsync of the same file would succeed. The segment ends there, and the frames, which
//!   are kept in memory until a sync, are written to a new one.
//! - The cursor is synced, in both of its slots, before a segment is removed; the folder is synced after each
//!   new name.
//! - Damaged data stays in place: nothing is written to a disk that just proved unreliable. The reader skips
//!   it and reports exactly which numbers are missing, at each reading. Once acknowledged, the segment is
//!   renamed to `.bad` instead of being removed.

mod ages;
mod batch;
mod cursor;
mod disk;
mod examine;
mod frame;
mod gap;
mod limits;
mod memory;
pub mod moment;
mod queue;
mod ram;
mod read;
mod reclaim;
mod recover;
mod room;
mod stats;
mod survey;
mod walk;
mod write;

use std::{collections::VecDeque, path::Path, time::Duration};

use ages::Ages;
pub use batch::{Batch, Item};
pub use cursor::CursorState;
use cursor::{Cursor, Mark};
pub use disk::{Disk, Files, OpenError};
pub use frame::RECORD_MAX;
pub use gap::{Gap, Reason};
pub use limits::{Limits, OnFull, SyncPolicy};
pub use moment::Moment;
pub use queue::Queue;
pub use ram::Ram;
pub use recover::Recovery;
use stats::Fault;
pub use stats::{Amount, Notice, Stats};
pub use survey::{Segment as SurveyedSegment, Survey, is_spool, survey};
pub use write::{Appended, Full};

/// A segment whose records are on the disk.
#[derive(Debug)]
struct Segment {
    first: u64,
    /// One past the last sequence number.
    next: u64,
    /// Valid bytes.
    len: u64,
    /// Number of record frames; 0 for a segment that holds only gaps.
    records: u64,
    /// Whether the content is damaged; damaged segments are kept for inspection.
    damaged: bool,
    /// Whether missing records were already reported, and are not counted as waiting.
    told: bool,
    /// Whether the header is valid.
    readable: bool,
}

/// The segment that is being written.
struct Writing<F> {
    file: F,
    first: u64,
    /// Bytes on the disk.
    len: u64,
    /// Whether the name is on the disk, which makes this the last of the segments.
    listed: bool,
}

/// Frames that are not on the disk yet.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Bytes that were handed to the operating system, from the start of `bytes`.
    written: usize,
    /// Number of record frames.
    records: u64,
    /// Time of the first frame, in ns since boot.
    since: Option<i64>,
}

/// State while the disk fails.
struct Trouble {
    since: i64,
    retry_at: i64,
    tries: u32,
    /// Whether the disk is full.
    full: bool,
}

/// A durable queue. See the [module](self).
pub struct Spool<D: Disk = Files> {
    disk: D,
    limits: Limits,
    /// Time of the last call that passed one.
    now: Moment,
    /// Id of the spool, written to segments and cursor.
    id: u64,

    segments: VecDeque<Segment>,
    /// Bytes of all segments.
    bytes: u64,
    /// Damaged segments that were set aside, with their sizes in bytes.
    bad: VecDeque<(String, u64)>,
    writing: Option<Writing<D::File>>,
    pending: Pending,
    /// First sequence number that is not on the disk.
    durable: u64,
    /// First sequence number after the pending frames.
    tail: u64,
    /// Refused records after the pending frames.
    refused: Option<Gap>,
    /// Missing records that no file names, kept only for their reasons.
    holes: Vec<Gap>,

    cursor: Cursor<D::File>,
    /// Whether the cursor has to be written.
    moved: bool,
    /// Time when the cursor was last written, in ns since boot.
    marked_at: i64,
    acked: u64,
    reading: read::Reading<D::File>,

    ages: Ages,
    trouble: Option<Trouble>,
    notices: VecDeque<Notice>,
    stats: Stats,
}

/// Maximum number of notices that are kept until they are read.
const NOTICES: usize = 64;
/// First and longest pause between two retries while the disk fails, in nanoseconds.
const RETRY: (i64, i64) = (100_000_000, 5_000_000_000);
const MILLI: i64 = 1_000_000;

impl Spool {
    /// Opens a folder, which is made where needed, and repairs what a crash left.
    ///
    /// # Errors
    /// When another process has it, or the disk fails.
    pub fn open(path: &Path, limits: Limits, now: Moment) -> Result<(Self, Recovery), OpenError> {
        let disk = Files::lock(path)?;
        Spool::open_on(disk, limits, now).map_err(|error| OpenError::Io(path.to_owned(), error))
    }
}

impl<D: Disk> Spool<D> {
    /// Sets the time; whether [`sync`](Self::sync) should be called.
    pub fn due(&mut self, now: Moment) -> bool {
        self.now = now;
        if let Some(trouble) = &self.trouble {
            return now.boot_ns >= trouble.retry_at;
        }
        let wait = i64::try_from(self.limits.sync.millis).unwrap_or(i64::MAX).saturating_mul(MILLI);
        let over = |since: i64| now.boot_ns.saturating_sub(since) >= wait;
        self.pending.records >= self.limits.sync.records.max(1) as u64
            || self.pending.since.is_some_and(over)
            || self.moved && over(self.marked_at)
            || self.is_aged()
    }

    /// Returns the time at which [`due`](Self::due) returns true if nothing else happens, in ns since boot.
    /// Records that become too old are not considered.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        if let Some(trouble) = &self.trouble {
            return Some(trouble.retry_at);
        }
        let wait = i64::try_from(self.limits.sync.millis).unwrap_or(i64::MAX).saturating_mul(MILLI);
        let since = [self.pending.since, self.moved.then_some(self.marked_at)];
        since.into_iter().flatten().min().map(|since| since.saturating_add(wait))
    }

    /// Syncs the remaining records. Returns the number of records that are lost because the disk did not take
    /// them. A spool that is dropped without this call loses records that were not synced, as in a crash.
    #[must_use]
    pub fn close(mut self) -> u64 {
        while !self.sync() && self.limits.on_full == OnFull::DropOldest && self.disk_is_full() {
            if !self.drop_oldest() {
                break;
            }
        }
        self.pending.records
    }

    /// Returns the counters and the current state.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let oldest = (self.stats.depth.records > 0).then(|| {
            let age = self.now.boot_ns.saturating_sub(self.ages.not_after(self.oldest()));
            Duration::from_nanos(u64::try_from(age).unwrap_or(0))
        });
        Stats {
            used: self.used(),
            segments: self.segments.len(),
            oldest,
            failing: self.trouble.is_some(),
            ..self.stats
        }
    }

    /// Replaces the limits.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits.fit();
    }

    /// Returns the next notice to report, each only once.
    pub fn notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Returns the last acknowledged sequence number.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// Returns the last sequence number that is on the disk or was acknowledged.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable - 1
    }

    /// Returns the first record that was not acknowledged; gaps have no age.
    fn oldest(&self) -> u64 {
        let mut segments = self.segments.iter();
        let waits = segments.find(|segment| segment.records > 0 && segment.next > self.acked + 1);
        waits.map_or(self.durable, |segment| segment.first).max(self.acked + 1)
    }

    fn used(&self) -> u64 {
        let bad: u64 = self.bad.iter().map(|(_, bytes)| bytes).sum();
        self.bytes + bad + self.pending.bytes.len() as u64 + cursor::SIZE
    }

    fn mark(&self) -> Mark {
        Mark { spool: self.id, acked: self.acked, durable: self.durable - 1, refused: self.refused }
    }

    fn tell(&mut self, notice: Notice) {
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    fn failed(&mut self, fault: Fault) {
        self.stats.errors += 1;
        let now = self.now.boot_ns;
        let tries = self.trouble.as_ref().map_or(0, |trouble| trouble.tries);
        let since = self.trouble.as_ref().map_or(now, |trouble| trouble.since);
        let pause = RETRY.0.saturating_mul(1 << tries.min(8)).min(RETRY.1);
        let full = fault.is_full();
        if tries == 0 {
            self.tell(Notice::Failing(fault.doing, fault.error));
        }
        let tries = tries.saturating_add(1);
        self.trouble = Some(Trouble { since, retry_at: now.saturating_add(pause), tries, full });
    }

    fn disk_is_full(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.full)
    }

    fn works(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            let nanos = self.now.boot_ns.saturating_sub(trouble.since);
            self.tell(Notice::Recovered(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))));
        }
    }
}
