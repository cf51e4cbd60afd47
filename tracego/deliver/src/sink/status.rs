//! What a sink says about itself, to metrics, to the heartbeat and at the end of the run.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::file::Counts;
use tracego_spool::{Reason, Stats};

/// Why a record never reached the receiver, beside the reasons of its queue.
pub mod lost {
    /// The receiver refused it for good; it is in the dead letters, if there are any.
    pub const REFUSED: &str = "refused";
    /// The receiver failed at it again and again, and took others; it is in the dead letters, if there are any.
    pub const POISON: &str = "poison";
    /// It cannot be written in the sink's format.
    pub const UNWRITABLE: &str = "unwritable";
    /// The sink's thread did not take it in time, since its disk hangs.
    pub const STALLED: &str = "stalled";
    /// It waited in memory when tracego ended.
    pub const STOPPED: &str = "stopped";
    /// All.
    pub const ALL: [&str; 5] = [REFUSED, POISON, UNWRITABLE, STALLED, STOPPED];
}

/// As the stream and the metrics name what a queue lost.
#[must_use]
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::DropOldest => "drop_oldest",
        Reason::DropNewest => "drop_newest",
        Reason::Age => "age",
        Reason::Damage => "damage",
        Reason::Missing => "missing",
        Reason::TooLarge => "too_large",
        Reason::Disk => "disk",
    }
}

/// Numbers of one sink.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Records that its filter left out.
    pub filtered: u64,
    /// Records that its filter took.
    pub given: u64,
    /// Records that the receiver took.
    pub delivered: u64,
    /// Lost, by the reason: [`lost`].
    pub lost: BTreeMap<&'static str, u64>,
    /// Its queue.
    pub queue: Stats,
    /// Bytes that the queue may take.
    pub queue_max: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Why the last attempt failed; nothing when it did not.
    pub trouble: Option<String>,
    /// What became of its files, where it has some.
    pub files: Option<Counts>,
}

impl Numbers {
    /// Everything that is lost, by the reason.
    #[must_use]
    pub fn losses(&self) -> BTreeMap<&'static str, u64> {
        let queue = Reason::ALL.into_iter().map(|of| (reason(of), self.queue.dropped(of).records));
        let own = self.lost.iter().map(|(&of, &count)| (of, count));
        queue.chain(own).filter(|&(_, count)| count > 0).collect()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.numbers();
        let Numbers { filtered, given, delivered, queue, .. } = &numbers;
        let waiting = queue.depth.records;
        let place = if self.durable { "in the spool" } else { "in memory" };
        write!(f, "sink {}: {given} given ({filtered} filtered), {delivered} delivered", self.name)?;
        if self.durable || waiting > 0 {
            write!(f, ", {waiting} {place}")?;
        }
        for (reason, count) in numbers.losses() {
            write!(f, "; lost {reason} {count}")?;
        }
        match &numbers.trouble {
            Some(trouble) => write!(f, "; {trouble}"),
            None => Ok(()),
        }
    }
}

/// One sink, as all threads see it.
#[derive(Debug)]
pub struct Status {
    /// The sink's name.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// Whether what waits survives the process.
    pub durable: bool,
    numbers: Mutex<Numbers>,
    /// Chunks of records that are in the queue, or are counted as lost.
    placed: AtomicU64,
    /// Nobody reads any more, and nobody will.
    ended: AtomicBool,
}

impl Status {
    /// Without records.
    #[must_use]
    pub fn new(name: String, kind: &'static str, durable: bool, queue_max: u64) -> Self {
        let numbers = Mutex::new(Numbers { queue_max, ..Numbers::default() });
        Self { name, kind, durable, numbers, placed: AtomicU64::new(0), ended: AtomicBool::new(false) }
    }

    pub(super) fn change(&self) -> MutexGuard<'_, Numbers> {
        // What is inside is whole at any time: each field stands alone.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records are lost, for a reason of [`lost`].
    pub fn lose(&self, reason: &'static str, records: u64) {
        *self.change().lost.entry(reason).or_default() += records;
    }

    /// What became of its files.
    pub fn set_files(&self, files: Option<Counts>) {
        self.change().files = files;
    }

    /// The reader is gone for good.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether the reader is gone for good; what it does not get is no loss then.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether all that were given are delivered, or will be: nothing is lost.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.has_ended() || self.numbers().losses().is_empty()
    }

    /// So many more chunks are in the queue.
    pub(super) fn place(&self, chunks: u64) {
        self.placed.fetch_add(chunks, Ordering::Release);
    }

    /// Whether so many chunks are in the queue.
    pub(super) fn has_placed(&self, chunks: u64) -> bool {
        self.placed.load(Ordering::Acquire) >= chunks
    }

    /// The numbers as they are now.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        self.change().clone()
    }
}
