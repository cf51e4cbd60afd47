//! What goes into the pipeline, from the kernel or from a capture file.

pub mod facts;
pub mod note;

use std::{collections::BTreeMap, fmt, io};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::{
    clock::Reading,
    counters::{Counters, JobLoss},
    input::{Takeover, facts::ServiceState, note::Note},
    ledger::Ledger,
};
use tracego::metrics::tally::Tally;
use tracego_analyze::{judge::Selection, rules::settings::Settings, summary::Summary};
use tracego_deliver::sink::feed::Feed;
use tracego_policy::Engine;
use tracego_probe::enforce::after::AfterStart;

/// One piece of input.
#[derive(Debug)]
pub enum Input {
    /// What the run has to know of those that it takes over from; the first piece, where it does.
    Takeover(Takeover, Reading),
    /// The processes that ran when the programs were attached.
    Seed(Vec<Seed>, Reading),
    /// Records of the kernel side.
    Batch(Batch),
    /// What each job lost since the start, ahead of the counters that hold the same losses.
    LostJobs(Vec<JobLoss>, Reading),
    /// The counters as they are now; a growing loss becomes a record.
    Counters(Counters, Reading),
    /// As [`Self::Counters`], and a heartbeat is due.
    Heartbeat(Counters, Reading),
    /// What looks at running services gave.
    Services(Vec<ServiceState>, Reading),
    /// A sink lost records.
    SinkLoss(SinkLoss, Reading),
    /// Other settings from here on.
    Reload(Box<Reload>, Reading),
}

/// Settings that may change while tracego runs.
pub struct Reload {
    /// Which records are written.
    pub selection: Selection,
    /// Of the rules.
    pub rules: Settings,
    /// The pipeline's ends of the sinks.
    pub feeds: Vec<Feed>,
    /// The direct output, opened anew.
    pub output: Option<Box<dyn io::Write + Send>>,
    /// Findings that end a process.
    pub findings: Vec<String>,
    /// Policies, loaded anew.
    pub policy: Option<Engine>,
    /// Told when the old feeds are gone.
    pub done: oneshot::Sender<()>,
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("selection", &self.selection).finish_non_exhaustive()
    }
}

/// What a sink lost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SinkLoss {
    /// Its name.
    pub sink: String,
    /// Records by the reason.
    pub lost: BTreeMap<&'static str, u64>,
    /// The first of them, by its number in the sink's queue, where they are one run.
    pub first: Option<u64>,
    /// The last.
    pub last: Option<u64>,
    /// The receiver's words.
    pub why: Option<String>,
}

impl Input {
    /// The clocks when it was made.
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

/// What takes input: the pipeline, or the writer of a capture file.
pub trait Consumer {
    /// Takes one piece.
    ///
    /// # Errors
    /// When the output refuses it. The caller may go on: what is refused is counted.
    fn take(&mut self, input: Input) -> io::Result<()>;

    /// No more comes.
    ///
    /// # Errors
    /// When the output refuses what is left.
    fn end(&mut self) -> io::Result<()>;

    /// The counts so far.
    fn ledger(&self) -> Ledger;

    /// Ends processes by what is found about them.
    fn enforce(&mut self, _after: AfterStart) {}

    /// The counts beside the ledger, for metrics; nothing where no records are made.
    fn tally(&self) -> Option<Tally> {
        None
    }

    /// Why the output took nothing the last time it was given something.
    fn refusal(&self) -> Option<String> {
        None
    }

    /// The point that the output has come to with what was taken so far.
    fn mark(&mut self) -> u64 {
        0
    }

    /// The point up to which all output is where a kill of this process does not reach it.
    fn settled(&mut self) -> u64 {
        u64::MAX
    }

    /// Nanoseconds from the boot clock to the wall clock in the records; nothing where none are made.
    fn offset(&self) -> Option<i64> {
        None
    }

    /// What was found so far; nothing where nobody looks.
    fn summary(&self) -> Summary {
        Summary::default()
    }
}

/// A process that was there before.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Seed {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub ppid: u32,
    /// Start in clock ticks since boot.
    pub start_ticks: u64,
    /// Task name.
    pub comm: String,
    /// Executable; empty for a kernel thread or when it cannot be read.
    pub exe: String,
}

/// Where a batch ends in its ring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// The ring, in the order in which they are read.
    pub ring: usize,
    /// Behind the last record.
    pub position: u64,
}

/// Raw records, oldest first, in one piece of memory.
#[derive(Debug, Default)]
pub struct Batch {
    /// When it was drained.
    pub clock: Reading,
    /// Where it ends in its ring, where its room is not handed back yet.
    pub end: Option<End>,
    /// Each record preceded by its length, 32 bits in this machine's order.
    bytes: Vec<u8>,
    records: usize,
    /// In the order of the records.
    notes: Vec<Note>,
}

impl Batch {
    /// From the bytes of a capture file; a damaged tail yields fewer records, never a panic.
    #[must_use]
    pub fn from_bytes(clock: Reading, bytes: Vec<u8>) -> Self {
        let mut batch = Self { clock, bytes, ..Self::default() };
        batch.records = batch.iter().count();
        batch
    }

    /// Appends a record.
    pub fn push(&mut self, record: &[u8]) {
        let Ok(len) = u32::try_from(record.len()) else { return };
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(record);
        self.records += 1;
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// What was found out about its program starts.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Takes what was found out about its program starts.
    pub fn set_notes(&mut self, mut notes: Vec<Note>) {
        notes.sort_by_key(|note| note.record);
        self.notes = notes;
    }

    /// The records, each with what was found out about it.
    pub fn noted(&self) -> impl Iterator<Item = (&[u8], Option<&Note>)> {
        let mut notes = self.notes.iter().peekable();
        self.iter().enumerate().map(move |(at, record)| {
            while notes.next_if(|note| (note.record as usize) < at).is_some() {}
            (record, notes.next_if(|note| note.record as usize == at))
        })
    }

    /// The memory, for a capture file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The records.
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
