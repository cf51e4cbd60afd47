//! Pieces of input for the pipeline, from the kernel or from a capture file.

pub mod batch;
pub mod digest;
pub mod facts;
pub mod fsverity;
pub mod late_digest;
pub mod note;
pub mod pods;

use std::collections::BTreeMap;

pub use batch::Batch;
use facts::ServiceState;
use late_digest::{LateDigest, LateVerdict};
use pods::PodChanges;
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
    /// Programs that ran before the programs of the kernel side were attached, as events with
    /// [`BEFORE`](tracego_common::flags::BEFORE). No counter of the kernel side includes them.
    Inventory(Batch),
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
    /// Digests that came after their starts, as a capture holds them.
    Digests(Vec<LateDigest>, Reading),
    /// Verdicts that came after their starts, as a capture holds them. A capture that keeps them begins with an empty list.
    Verdicts(Vec<LateVerdict>, Reading),
    /// A call to take the digests and verdicts that have come.
    Answered(Reading),
    /// The ring was empty at this time: all events of before are in earlier inputs.
    Drained(Reading),
    /// Changes of this node's pods.
    Pods(PodChanges, Reading),
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
            Self::Batch(batch) | Self::Inventory(batch) => batch.clock,
            Self::Takeover(_, now)
            | Self::Seed(_, now)
            | Self::LostJobs(_, now)
            | Self::Counters(_, now)
            | Self::Heartbeat(_, now)
            | Self::Services(_, now)
            | Self::Digests(_, now)
            | Self::Verdicts(_, now)
            | Self::Answered(now)
            | Self::Drained(now)
            | Self::Pods(_, now)
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
    /// Arguments, as far as they were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Whether others follow that were not read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

/// The end of a batch in its ring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// Index of the ring, in reading order.
    pub ring: usize,
    /// Position behind the last event.
    pub position: u64,
}
