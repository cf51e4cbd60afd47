//! Pieces of input for the pipeline, from the kernel or from a capture file.

pub mod facts;
pub mod note;

use std::collections::BTreeMap;

use facts::ServiceState;
use note::Note;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Reading,
    counters::{Counters, JobLoss},
};

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
    /// Other settings from here on; the pipeline has them.
    Reload(Reading),
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
            | Self::Reload(now) => *now,
        }
    }
}

/// What a run has to know of those before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Takeover {
    /// Number of its own load.
    pub generation: u32,
    /// Events that the loads before lost, and that no record tells of yet.
    pub lost: u64,
    /// Part of every `log.record.uid` of an event.
    pub instance: u32,
    /// Nanoseconds from the boot clock to the wall clock in the records before; nothing where there are none.
    pub offset: Option<i64>,
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
