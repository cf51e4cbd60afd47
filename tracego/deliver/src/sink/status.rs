//! The state of a sink, for metrics, the heartbeat and the end of the run.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tracego_spool::{GapReason, QueueStats};

/// Reasons why a record never reached the receiver, in addition to those of the queue.
pub mod lost {
    /// The receiver refused the record for good; the dead letters have it, if there are any.
    pub const REFUSED: &str = "refused";
    /// The receiver failed at the record again and again, and took others; the dead letters have it, if there
    /// are any.
    pub const POISON: &str = "poison";
    /// The record cannot be written in the sink's format.
    pub const UNWRITABLE: &str = "unwritable";
    /// The sink's thread did not take the record in time, since its disk hangs.
    pub const STALLED: &str = "stalled";
    /// The record waited in memory when the sink ended.
    pub const STOPPED: &str = "stopped";
    /// All reasons.
    pub const ALL: [&str; 5] = [REFUSED, POISON, UNWRITABLE, STALLED, STOPPED];
}

/// Returns the name of a reason of the queue, as records and metrics have it.
#[must_use]
pub fn reason(reason: GapReason) -> &'static str {
    match reason {
        GapReason::DropOldest => "drop_oldest",
        GapReason::DropNewest => "drop_newest",
        GapReason::Age => "age",
        GapReason::Damage => "damage",
        GapReason::Missing => "missing",
        GapReason::TooLarge => "too_large",
        GapReason::Disk => "disk",
    }
}

/// Time without an update after which a worker counts as stuck. It updates its numbers twice a second.
const SILENCE: Duration = Duration::from_secs(10);

/// The counts of actions on files, since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FileCounts {
    /// Number of files that were rotated.
    pub rotated: u64,
    /// Number of rotated files that were compressed.
    pub compressed: u64,
    /// Number of rotated files that were removed because of `keep` and `keep-age`.
    pub removed: u64,
    /// Number of bytes that the removed files had on the disk.
    pub removed_bytes: u64,
    /// Number of times the path was reopened: on SIGHUP, or because another program moved the file.
    pub reopened: u64,
    /// Number of times removing or compressing failed; each failure is retried.
    pub cleanup_failures: u64,
}

/// The numbers of one sink.
#[derive(Clone, Debug, Default)]
pub struct SinkNumbers {
    /// Number of records that the filter left out.
    pub filtered: u64,
    /// Number of records that the filter took.
    pub given: u64,
    /// Number of records that were shortened to the length that the receiver takes.
    pub shortened: u64,
    /// Number of records that the receiver took.
    pub delivered: u64,
    /// Number of lost records by reason: [`lost`].
    pub lost: BTreeMap<&'static str, u64>,
    /// Statistics of the queue.
    pub queue: QueueStats,
    /// Number of bytes that the queue may take.
    pub queue_max: u64,
    /// Number of attempts that failed.
    pub failures: u64,
    /// Reason why the last attempt failed; `None` if it did not.
    pub trouble: Option<String>,
    /// Failure of the spool's disk; `None` while it works.
    pub spool_failure: Option<String>,
    /// Time at which the worker last updated these numbers; `None` before it starts and when it has ended.
    pub(crate) updated: Option<Instant>,
    /// Note for the operator about the way of delivery, if there is one: records are delivered, but not as
    /// the settings say.
    pub note: Option<String>,
    /// Counts of the sink's files, if it has some.
    pub files: Option<FileCounts>,
}

impl SinkNumbers {
    /// Returns the number of lost records by reason, including those of the queue.
    #[must_use]
    pub fn losses(&self) -> BTreeMap<&'static str, u64> {
        let queue = GapReason::ALL.into_iter().map(|of| (reason(of), self.queue.dropped(of).records));
        let own = self.lost.iter().map(|(&of, &count)| (of, count));
        queue.chain(own).filter(|&(_, count)| count > 0).collect()
    }

    /// Returns the reasons why records are not delivered, or would not survive a restart.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let silence = self.updated.map(|updated| updated.elapsed()).filter(|silence| *silence > SILENCE);
        let hangs = silence.map(|silence| {
            let seconds = silence.as_secs();
            format!("its thread gave no sign of life for {seconds} s; a disk or receiver may hang")
        });
        [self.trouble.clone(), self.spool_failure.clone(), hangs].into_iter().flatten().collect()
    }
}

impl fmt::Display for SinkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.numbers();
        let SinkNumbers { filtered, given, delivered, queue, .. } = &numbers;
        let waiting = queue.depth.records;
        let place = if self.durable { "in the spool" } else { "in memory" };
        write!(f, "sink {}: {given} given ({filtered} filtered), {delivered} delivered", self.name)?;
        if self.durable || waiting > 0 {
            write!(f, ", {waiting} {place}")?;
        }
        if numbers.shortened > 0 {
            write!(f, ", {} shortened", numbers.shortened)?;
        }
        for (reason, count) in numbers.losses() {
            write!(f, "; lost {reason} {count}")?;
        }
        for text in numbers.trouble.iter().chain(&numbers.note) {
            write!(f, "; {text}")?;
        }
        Ok(())
    }
}

/// The state of one sink, shared by all threads.
#[derive(Debug)]
pub struct SinkStatus {
    /// The sink's name.
    pub name: String,
    /// Whether waiting records survive the process.
    pub durable: bool,
    numbers: Mutex<SinkNumbers>,
    /// Number of chunks of records that are in the queue, or counted as lost.
    placed: AtomicU64,
    /// Whether the reader is gone for good.
    ended: AtomicBool,
    /// Number of the stream's last record before this sink was started; set once the queue is open.
    stream_begin: OnceLock<u64>,
    /// Number of times that the receiver may have come to lack records that others refer to.
    epoch: AtomicU64,
}

impl SinkStatus {
    /// Creates the status of a sink without records.
    #[must_use]
    pub fn new(name: String, durable: bool, queue_max: u64) -> Self {
        let numbers = Mutex::new(SinkNumbers { queue_max, ..SinkNumbers::default() });
        Self {
            name,
            durable,
            numbers,
            placed: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            stream_begin: OnceLock::new(),
            epoch: AtomicU64::new(0),
        }
    }

    pub(crate) fn numbers_mut(&self) -> MutexGuard<'_, SinkNumbers> {
        // The content is consistent at any time: each field stands alone.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts lost records, for a reason of [`lost`].
    pub fn count_lost(&self, reason: &'static str, records: u64) {
        // A record that was refused for what it is would be refused again.
        if ![lost::REFUSED, lost::POISON, lost::UNWRITABLE].contains(&reason) {
            self.next_epoch();
        }
        *self.numbers_mut().lost.entry(reason).or_default() += records;
    }

    /// Sets the note about the way of delivery.
    pub(crate) fn set_note(&self, note: Option<String>) {
        self.numbers_mut().note = note;
    }

    /// Sets the counts of the sink's files.
    pub fn set_files(&self, files: Option<FileCounts>) {
        let before = std::mem::replace(&mut self.numbers_mut().files, files);
        let begun = |counts: Option<FileCounts>| counts.map(|counts| (counts.rotated, counts.reopened));
        if begun(before) != begun(files) {
            self.next_epoch();
        }
    }

    /// Notes that the receiver may lack records that others refer to: it was lost and found, or is another file.
    pub(crate) fn next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of times that the receiver may have come to lack records that others refer to.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Forgets what belongs to the receiver, since the sink gets another one. The counts of records continue.
    pub(crate) fn redirect(&self, queue_max: u64) {
        self.next_epoch();
        let mut numbers = self.numbers_mut();
        (numbers.trouble, numbers.note, numbers.files, numbers.queue_max) = (None, None, None, queue_max);
        self.ended.store(false, Ordering::Relaxed);
    }

    /// Marks the reader as gone for good.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Returns whether the reader is gone for good; records that it does not get are then no loss.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Returns whether no record is lost: all records given to the sink are delivered, or will be, or its
    /// reader is gone for good.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.has_ended() || self.numbers().losses().is_empty()
    }

    /// Sets the number of the stream's last record before this sink was started.
    pub(crate) fn set_stream_begin(&self, number: u64) {
        self.stream_begin.get_or_init(|| number);
    }

    /// Returns the number of the stream's last record before this sink was started; `None` until the queue is
    /// open.
    pub(crate) fn stream_begin(&self) -> Option<u64> {
        self.stream_begin.get().copied()
    }

    /// Adds to the number of chunks in the queue.
    pub(crate) fn place(&self, chunks: u64) {
        self.placed.fetch_add(chunks, Ordering::Release);
    }

    /// Returns whether at least this number of chunks is in the queue.
    pub(crate) fn has_placed(&self, chunks: u64) -> bool {
        self.placed.load(Ordering::Acquire) >= chunks
    }

    /// Returns the current numbers.
    #[must_use]
    pub fn numbers(&self) -> SinkNumbers {
        self.numbers_mut().clone()
    }
}
