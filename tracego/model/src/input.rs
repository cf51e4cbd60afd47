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
    /// Other settings from here on; the pipeline has them.
    Reload(Reading),
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
            | Self::Reload(now) => *now,
        }
    }
}

/// Facts about earlier runs that the pipeline needs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Takeover {
    /// Number of this load.
    pub generation: u32,
    /// Number of events that earlier loads lost and that no record reports yet.
    pub lost: u64,
    /// Random part of every `log.record.uid` of an event.
    pub instance: u32,
    /// Nanoseconds from the boot clock to the wall clock in earlier records; `None` without such records.
    pub offset: Option<i64>,
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
