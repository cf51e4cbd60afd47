//! The proof that a log is whole: `tracego.chain_start.*` and `tracego.seal.*`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// The start of a chain, `tracego.chain_start.*`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ChainStart {
    /// Random number of the run, 64 hexadecimal digits.
    pub nonce: String,
    /// Seconds between two window seals.
    pub interval_s: u64,
    /// SHA-256 of the line that was the last of the file; absent if there was none or it cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// Id of the signing key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Evolving key that signs; absent without one.
    #[serde(flatten)]
    pub epoch: Option<KeyEpoch>,
    /// Number of runs that used the evolving key before, and this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// Link of a signed record of the run before, as the evolving key keeps it; absent in its first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Name of the sink that writes this file. Such a chain covers the whole file, whatever runs its records
    /// belong to, so its lines are counted by `tracego.chain_seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
}

/// The epoch of an evolving key, in records that it signs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct KeyEpoch {
    /// Number of the epoch.
    pub epoch: u64,
    /// Public key of the next epoch, 64 hexadecimal digits.
    pub next_key: String,
}

/// The part of a log that a seal covers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The lines since the last window seal, or since the first line of the run.
    #[default]
    Window,
    /// The lines of a job since its last seal.
    Job,
    /// All lines of the run. No line of the run follows.
    Run,
}

/// The content of a seal, `tracego.seal.*`. All numbers are of this window, job or run only.
///
/// For windows and runs, every event is accounted for:
///
/// ```text
/// hooked + pending of the window before =
///     filtered + ring_full + no_scratch + recursion_misses + discarded
///     + undecodable + unrequested + written + refused_events + pending
/// ```
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Seal {
    /// Part of the log that the seal covers; see [`Scope`].
    pub scope: Scope,
    /// Time from the first covered line to the seal.
    pub window: Span,
    /// Id of the job, `tracego.job.root.exec_id` or `tracego.job.pod` of its records; only in seals of jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Whether no process of the job runs any more; only in seals of jobs, and absent in the file of a sink,
    /// where it is not known. A job that continues gets another seal; the seals add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<bool>,
    /// Number of lines, without those that a full disk cut off. A window's own seal belongs to no window.
    pub records: u64,
    /// `seq` of the first covered line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<u64>,
    /// `seq` of the last covered line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
    /// Number of lines that stand for an event of the kernel side.
    pub written: u64,
    /// Number of records with an entry in `tracego.completeness.truncated`.
    pub truncated: u64,
    /// Number of records with an entry in `tracego.completeness.unavailable`, or with an executable that
    /// could not be read.
    pub unread: u64,
    /// Number of records that the output refused: their `seq` is missing.
    pub refused: u64,
    /// Losses by reason. For a job, the losses that its `tracego.lost` records report.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
    /// Name of the sink that writes this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// Counts of events; absent for jobs and in files of sinks.
    #[serde(flatten)]
    pub events: Option<Events>,
    /// Link of the last window seal, or the start of the chain. Absent for a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Link of the line before this one.
    pub link: String,
    /// Evolving key that signs; absent without one.
    #[serde(flatten)]
    pub epoch: Option<KeyEpoch>,
}

/// A period of time, `tracego.seal.window.*`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Span {
    /// Beginning of the period.
    #[serde(skip_deserializing)]
    pub start: Time,
    /// End of the period.
    #[serde(skip_deserializing)]
    pub end: Time,
}

/// Outcomes of the kernel side's events that are not among the lines a seal counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Events {
    /// All events, including those whose hook the kernel skipped and those that an earlier run left in the
    /// ring.
    pub hooked: u64,
    /// Events dropped by the user's filters.
    pub filtered: u64,
    /// Events that could not be decoded.
    pub undecodable: u64,
    /// Events that only the process table needs.
    pub unrequested: u64,
    /// Events among the records that the output refused.
    pub refused_events: u64,
    /// Events that were counted but still in the ring or in the kernel side when the counters were read;
    /// negative when later events were read first. The next window begins with this number. Zero at the end
    /// of a run that ends in order.
    pub pending: i64,
}

/// Reasons of losses that cost whole records; other losses leave incomplete records.
pub const LOST_RECORDS: [&str; 4] = ["ring_full", "no_scratch", "recursion_misses", "discarded"];

impl Seal {
    /// Whether every event is accounted for, given the number pending before. Always true for jobs, where it
    /// cannot be known.
    #[must_use]
    pub fn balanced(&self, pending: i64) -> bool {
        let Some(events) = &self.events else { return true };
        let lost = self.dropped.iter().filter(|(reason, _)| LOST_RECORDS.contains(&reason.as_str()));
        let parts =
            [events.filtered, events.undecodable, events.unrequested, events.refused_events, self.written];
        let there: i128 = parts.into_iter().chain(lost.map(|(_, &count)| count)).map(i128::from).sum();
        i128::from(events.hooked) + i128::from(pending) == there + i128::from(events.pending)
    }
}
