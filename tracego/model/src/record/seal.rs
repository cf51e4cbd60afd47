//! What shows that a log is whole: `tracego.chain_start.*` and `tracego.seal.*`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// `tracego.chain_start.*`: how a run begins.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct ChainStart {
    /// 64 hexadecimal digits, random for each run.
    pub nonce: String,
    /// Seconds between two seals.
    pub interval_s: u64,
    /// SHA-256 of the line that was the last of the file; absent where there was none or it cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// The key that signs; see [`key::PublicKey::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The sink whose file it is. What such a chain has is what the file has, whatever runs it is of, so its lines
    /// count in `tracego.chain_seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
}

/// What a seal is about.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The lines behind the window seal before, or from the first of the run.
    #[default]
    Window,
    /// The lines of a job behind its seal before.
    Job,
    /// All lines of the run. Nothing of the run follows.
    Run,
}

/// `tracego.seal.*`. The numbers are those of the window, job or run alone.
///
/// Of windows and runs, what happened is somewhere:
///
/// ```text
/// hooked + pending of the window before =
///     filtered + ring_full + no_scratch + recursion_misses + discarded
///     + undecodable + unrequested + written + refused_events + pending
/// ```
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Seal {
    /// See [`Scope`].
    pub scope: Scope,
    /// From the first that it is about to the seal.
    pub window: Span,
    /// Of a job: `tracego.job.root.exec_id` of its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Of a job: no process of it runs any more; absent where it is not known, in the file of a sink. A job that
    /// goes on gets another seal; they add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<bool>,
    /// Lines, those that a full disk cut left out. A window's own seal is in no window.
    pub records: u64,
    /// `seq` of the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<u64>,
    /// `seq` of the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<u64>,
    /// Of these the ones that stand for an event of the kernel side.
    pub written: u64,
    /// Records that have something in `tracego.completeness.truncated`.
    pub truncated: u64,
    /// Records that have something in `tracego.completeness.unavailable`, or an executable that could
    /// not be read.
    pub unread: u64,
    /// Records that the output refused: their `seq` is missing.
    pub refused: u64,
    /// What was lost, by reason. Of a job, what `tracego.lost` records say of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
    /// The sink whose file it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// Not known by job, nor by sink.
    #[serde(flatten)]
    pub events: Option<Events>,
    /// Link behind the window seal before, or where the chain starts. Absent for a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Link behind the line before this one.
    pub link: String,
}

/// `tracego.seal.window.*`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Span {
    /// Its begin.
    #[serde(skip_deserializing)]
    pub start: Time,
    /// Its end.
    #[serde(skip_deserializing)]
    pub end: Time,
}

/// What became of what the kernel side saw, beside what a seal counts in lines.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Events {
    /// All that happened, also where the kernel skipped the hook, and what a run before left in the ring.
    pub hooked: u64,
    /// Left out by the user's filters.
    pub filtered: u64,
    /// Not decoded.
    pub undecodable: u64,
    /// For the process table alone.
    pub unrequested: u64,
    /// Of those that the output refused, the ones that stand for an event.
    pub refused_events: u64,
    /// Events that are counted but were still in the ring, or in the kernel side, when the counters were read; less than
    /// zero when records were read that came after. It is what the next window begins with, and zero at
    /// the end of a run that ends in order.
    pub pending: i64,
}

/// Losses that are a record less; the others leave records that are not whole.
pub const LOST_RECORDS: [&str; 4] = ["ring_full", "no_scratch", "recursion_misses", "discarded"];

impl Seal {
    /// Whether what happened is somewhere, when so many were pending before; true of jobs, of which it
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
