//! The input of the pipeline, from the kernel or from a capture file.

use std::{collections::BTreeMap, fmt, io};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::{
    clock::Reading,
    enforce::after::AfterStart,
    inspect::{facts::ServiceState, note::Note},
    judge::Selection,
    kernel::{
        counters::{Counters, JobLoss},
        handover::Takeover,
    },
    ledger::Ledger,
    metrics::tally::Tally,
    policy::Engine,
    rules::settings::Settings,
    sink::feed::Feed,
    summary::Summary,
};

/// One piece of input.
#[derive(Debug)]
pub enum Input {
    /// The state taken over from earlier runs; always the first input of a run that takes over.
    Takeover(Takeover, Reading),
    /// The processes that were running when the programs were attached.
    Seed(Vec<Seed>, Reading),
    /// Events of the kernel side.
    Batch(Batch),
    /// Losses of each job since the start, sent ahead of the counters that include them.
    LostJobs(Vec<JobLoss>, Reading),
    /// The current counters; a growing loss becomes a record.
    Counters(Counters, Reading),
    /// The current counters, as in [`Self::Counters`], with a heartbeat due.
    Heartbeat(Counters, Reading),
    /// Results of inspecting running services.
    Services(Vec<ServiceState>, Reading),
    /// Records lost by a sink.
    SinkLoss(SinkLoss, Reading),
    /// Reloaded settings, in force from here on.
    Reload(Box<Reload>, Reading),
}

/// The settings that may change while tracego runs.
pub struct Reload {
    /// Selection of the records to write.
    pub selection: Selection,
    /// Settings of the rules.
    pub rules: Settings,
    /// The pipeline's ends of the sinks.
    pub feeds: Vec<Feed>,
    /// The direct output, reopened.
    pub output: Option<Box<dyn io::Write + Send>>,
    /// Findings that end a process.
    pub findings: Vec<String>,
    /// The policies, reloaded.
    pub policy: Option<Engine>,
    /// Signals that the old feeds are gone.
    pub done: oneshot::Sender<()>,
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("selection", &self.selection).finish_non_exhaustive()
    }
}

/// A loss of records by a sink.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SinkLoss {
    /// Name of the sink.
    pub sink: String,
    /// Number of lost records, by reason.
    pub lost: BTreeMap<&'static str, u64>,
    /// Number of the first lost record in the sink's queue; set if the lost records are consecutive.
    pub first: Option<u64>,
    /// Number of the last lost record in the sink's queue.
    pub last: Option<u64>,
    /// The receiver's error message.
    pub why: Option<String>,
}

impl Input {
    /// Returns the clocks at the time when the input was made.
    #[must_use]
    pub fn clock(&self) -> Reading {
        match self {
            Self::Batch(batch) => batch.clock,
            Self::Takeover(_, now)
            | Self::Seed(_, now)
            | Self::LostJobs(_, now)
            | Self::Counters(_, now)
            | Self::Heartbeat(_, now)
            | Self::Services(_, now)
            | Self::SinkLoss(_, now)
            | Self::Reload(_, now) => *now,
        }
    }
}

/// A consumer of input: the pipeline, or the writer of a capture file.
pub trait Consumer {
    /// Processes one piece of input.
    ///
    /// # Errors
    /// Fails if the output refuses the result. The caller may continue: refused records are counted.
    fn take(&mut self, input: Input) -> io::Result<()>;

    /// Ends the input.
    ///
    /// # Errors
    /// Fails if the output refuses what is left.
    fn end(&mut self) -> io::Result<()>;

    /// Returns the counts so far.
    fn ledger(&self) -> Ledger;

    /// Sets the stage that ends processes because of their findings.
    fn enforce(&mut self, _after: AfterStart) {}

    /// Returns the counts for metrics beside the ledger; `None` where no records are made.
    fn tally(&self) -> Option<Tally> {
        None
    }

    /// Returns why the output refused the latest write, if it did.
    fn refusal(&self) -> Option<String> {
        None
    }

    /// Returns a mark for all output produced so far.
    fn mark(&mut self) -> u64 {
        0
    }

    /// Returns the latest mark whose output survives a kill of this process.
    fn settled(&mut self) -> u64 {
        u64::MAX
    }

    /// Returns the nanoseconds from the boot clock to the wall clock in the records; `None` where none are
    /// made.
    fn offset(&self) -> Option<i64> {
        None
    }

    /// Returns the findings so far; empty where no rules run.
    fn summary(&self) -> Summary {
        Summary::default()
    }
}

/// A process that was running before the programs were attached.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Seed {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub ppid: u32,
    /// Start time in clock ticks since boot.
    pub start_ticks: u64,
    /// Task name.
    pub comm: String,
    /// Executable; empty for a kernel thread or when it cannot be read.
    pub exe: String,
}

/// The end of a batch in its ring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// Index of the ring, in reading order.
    pub ring: usize,
    /// Position behind the last event.
    pub position: u64,
}

/// Raw events, oldest first, in one block of memory.
#[derive(Debug, Default)]
pub struct Batch {
    /// Clocks at the time when the batch was drained.
    pub clock: Reading,
    /// End of the batch in its ring, if the ring's space is not released yet.
    pub end: Option<End>,
    /// The events, each preceded by its length: 32 bits in native byte order.
    bytes: Vec<u8>,
    records: usize,
    /// Inspection results, in the order of the events.
    notes: Vec<Note>,
}

impl Batch {
    /// Creates a batch from the bytes of a capture file. A damaged tail yields fewer events, never a panic.
    #[must_use]
    pub fn from_bytes(clock: Reading, bytes: Vec<u8>) -> Self {
        let mut batch = Self { clock, bytes, ..Self::default() };
        batch.records = batch.iter().count();
        batch
    }

    /// Appends an event.
    pub fn push(&mut self, record: &[u8]) {
        let Ok(len) = u32::try_from(record.len()) else { return };
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(record);
        self.records += 1;
    }

    /// Returns the number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether the batch has no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Returns the inspection results of the batch's program starts.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Sets the inspection results of the batch's program starts.
    pub fn set_notes(&mut self, mut notes: Vec<Note>) {
        notes.sort_by_key(|note| note.record);
        self.notes = notes;
    }

    /// Iterates over the events, each with its inspection result.
    pub fn noted(&self) -> impl Iterator<Item = (&[u8], Option<&Note>)> {
        let mut notes = self.notes.iter().peekable();
        self.iter().enumerate().map(move |(at, record)| {
            while notes.next_if(|note| (note.record as usize) < at).is_some() {}
            (record, notes.next_if(|note| note.record as usize == at))
        })
    }

    /// Returns the raw memory, for a capture file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Iterates over the events.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk::<4>()?;
            let (record, tail) = tail.split_at_checked(u32::from_ne_bytes(*len) as usize)?;
            rest = tail;
            Some(record)
        })
    }
}
