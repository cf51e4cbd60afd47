//! A durable queue of records for one sink, which a kill or a power loss at any moment does not harm.
//!
//! A spool is a folder: segments `<first sequence number>.seg` of frames (length, CRC32C, payload), a
//! `cursor` that says what was acknowledged, and a `lock`. Records are bytes that the spool does not look
//! into. The owner appends, calls [`due`](Spool::due) with the time and [`sync`](Spool::sync) when that
//! says so, reads batches and acknowledges them. There are no threads: one owner, or one mutex around it.
//!
//! What holds, whatever happens:
//!
//! - A record is delivered at least once if a sync came after it. Only what was not acknowledged comes
//!   again, in order.
//! - Whatever is dropped is a [`Gap`] in the place where the records were: the reader gets it like a
//!   record, acknowledges it like a record, and gets it again after a restart until it did.
//! - `read` gives what is on the disk, since the number of a record that the power took is given again to
//!   another one. Only while the disk fails it gives what is in memory: else a dead disk would stop a sink
//!   that works.
//! - After a sync that failed nothing behind the last good one is believed. Linux marks pages as clean
//!   whose write failed, so another fsync of the same file would say that all is well. The segment ends
//!   there, and the frames, which are kept in memory until a sync, are written to a new one.
//! - The cursor is synced, in both of its slots, before a segment goes; the folder after each new name.
//! - Damage stays where it is: nothing is written to a disk that just proved unreliable. The reader steps
//!   over it and says exactly which numbers are missing, at each reading anew; once acknowledged, the
//!   segment is renamed to `.bad` instead of being removed.

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

pub use batch::{Batch, Item};
pub use cursor::CursorState;
pub use disk::{Disk, Files, OpenError};
pub use frame::RECORD_MAX;
pub use gap::{Gap, Reason};
pub use limits::{Limits, OnFull, SyncPolicy};
pub use moment::Moment;
pub use queue::Queue;
pub use ram::Ram;
pub use recover::Recovery;
pub use stats::{Amount, Notice, Stats};
pub use survey::{Segment as SurveyedSegment, Survey, is_spool, survey};
pub use write::{Appended, Full};

use ages::Ages;
use cursor::{Cursor, Mark};
use stats::Fault;

/// A file of records that are on the disk.
#[derive(Debug)]
struct Segment {
    first: u64,
    /// One past its last sequence number.
    next: u64,
    /// Bytes that count.
    len: u64,
    /// Frames of records; 0 for one that holds nothing but gaps.
    records: u64,
    /// Not as it was written; nothing is removed that people may want to look at.
    damaged: bool,
    /// What is missing in it was told before, and is not counted as waiting.
    told: bool,
    /// It has a valid header.
    readable: bool,
}

/// The file that is written.
struct Writing<F> {
    file: F,
    first: u64,
    /// Bytes that are on the disk.
    len: u64,
    /// Its name is on the disk, and it is the last of the segments.
    listed: bool,
}

/// Frames that are not on the disk.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Handed to the operating system, from the start of `bytes`.
    written: usize,
    /// Frames of records.
    records: u64,
    /// When the first of them came.
    since: Option<i64>,
}

/// The disk fails.
struct Trouble {
    since: i64,
    retry_at: i64,
    tries: u32,
    /// For want of room.
    full: bool,
}

/// A durable queue. See the [module](self).
pub struct Spool<D: Disk = Files> {
    disk: D,
    limits: Limits,
    /// As of the last call that said.
    now: Moment,
    /// In segments and cursor.
    id: u64,

    segments: VecDeque<Segment>,
    /// Bytes of all segments.
    bytes: u64,
    /// Damaged segments that were put aside, and their bytes.
    bad: VecDeque<(String, u64)>,
    writing: Option<Writing<D::File>>,
    pending: Pending,
    /// First sequence number that is not on the disk.
    durable: u64,
    /// First sequence number behind the pending frames.
    tail: u64,
    /// Refused records behind them.
    refused: Option<Gap>,
    /// Missing records that no file names; only why they are missing.
    holes: Vec<Gap>,

    cursor: Cursor<D::File>,
    /// Something changed that the cursor should hold.
    moved: bool,
    /// When it was last written.
    marked_at: i64,
    acked: u64,
    reading: read::Reading<D::File>,

    ages: Ages,
    trouble: Option<Trouble>,
    notices: VecDeque<Notice>,
    stats: Stats,
}

/// Notices that are kept until somebody asks.
const NOTICES: usize = 64;
/// First and longest pause between two tries while the disk fails, in nanoseconds.
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

    /// When [`due`](Self::due) will be so if nothing else happens, in ns since boot.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        if let Some(trouble) = &self.trouble {
            return Some(trouble.retry_at);
        }
        let wait = i64::try_from(self.limits.sync.millis).unwrap_or(i64::MAX).saturating_mul(MILLI);
        let since = [self.pending.since, self.moved.then_some(self.marked_at)];
        since.into_iter().flatten().min().map(|since| since.saturating_add(wait))
    }

    /// Syncs what is left; how many records are lost since the disk did not take them. A spool that is
    /// dropped without this loses what was not synced, as in a crash.
    #[must_use]
    pub fn close(mut self) -> u64 {
        while !self.sync() && self.limits.on_full == OnFull::DropOldest && self.disk_is_full() {
            if !self.drop_oldest() {
                break;
            }
        }
        self.pending.records
    }

    /// Counters, and how it is now.
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

    /// Bounds from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits.fit();
    }

    /// What there is to tell people; each thing once.
    pub fn notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Everything up to this sequence number was acknowledged.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// Everything up to this sequence number is on the disk, or was acknowledged.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable - 1
    }

    /// The first record that was not acknowledged; gaps have no age.
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
