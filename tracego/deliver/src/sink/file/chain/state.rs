//! The state of a sealed file's chain, and the contents of its seals.

use std::time::Duration;

use tracego_model::{
    clock::{Reading, Time},
    record::seal::{Scope, Seal, Span},
};

use crate::seal::{
    chain::{LINK, Link, close_numbered},
    key::Key,
    tally::{Counts, Facts, Tally},
    verify::line::Known,
};

/// The state of a chain behind the last line written.
#[derive(Clone)]
pub(super) struct ChainState {
    /// Link behind the last line.
    pub(super) link: Link,
    /// Digest of the last line.
    pub(super) last: [u8; LINK],
    /// Number of the last line, from 1.
    pub(super) number: u64,
    tally: Tally,
    /// Link and time of the chain's start.
    first: (Link, Time),
    /// Link and time of the window's start.
    window: (Link, Reading),
    /// Whether evidence was written since the last seal of a window.
    urgent: bool,
}

/// A linked line.
pub(super) struct LinkedLine {
    pub(super) bytes: Vec<u8>,
    /// Link behind the line.
    pub(super) link: Link,
    pub(super) facts: Facts<'static>,
    /// Index of the record in the batch; `None` for a line of the chain itself.
    pub(super) of: Option<usize>,
    /// Whether an earlier file has the line, too.
    pub(super) again: bool,
}

/// Links a line. Returns `None` for bytes that are no record, and cannot be checked.
pub(super) fn linked(
    mut bytes: Vec<u8>,
    number: u64,
    before: Link,
    key: Option<&Key>,
    now: Reading,
) -> Option<LinkedLine> {
    let link = close_numbered(&mut bytes, 0, number, before, key)?;
    let facts = Known::of(bytes.strip_suffix(b"\n")?)?.facts().into_owned();
    Some(LinkedLine {
        bytes,
        link,
        facts: Facts { time: Time(now.unix_ns), ..facts },
        of: None,
        again: false,
    })
}

impl ChainState {
    pub(super) fn new(link: Link, now: Reading) -> Self {
        let first = (link, Time(now.unix_ns));
        Self {
            link,
            last: [0; LINK],
            number: 0,
            tally: Tally::default(),
            first,
            window: (link, now),
            urgent: false,
        }
    }

    /// Adds a line that is written.
    pub(super) fn take(&mut self, line: &LinkedLine, now: Reading) {
        self.tally.add(&line.facts);
        (self.link, self.number) = (line.link, line.facts.seq);
        self.urgent |= line.facts.urgent;
        if matches!(line.facts.seal, Some(Scope::Window | Scope::Run)) {
            (self.window, self.urgent) = ((self.link, now), false);
        }
    }

    /// Returns the jobs without a line in the current window; with `all`, every job.
    pub(super) fn jobs(&self, all: bool) -> impl Iterator<Item = (&String, &Counts)> {
        let window = self.tally.window.first_seq;
        let quiet = move |counts: &Counts| all || window.is_none_or(|first| counts.last_seq < Some(first));
        self.tally.jobs.iter().filter(move |(_, counts)| quiet(counts))
    }

    pub(super) fn is_due(&self, interval: Duration, now: Reading) -> bool {
        let age = now.boot_ns.saturating_sub(self.window.1.boot_ns);
        self.urgent || u128::try_from(age).is_ok_and(|age| age >= interval.as_nanos())
    }

    /// Returns the seal of the window or of the whole chain.
    pub(super) fn seal(&self, scope: Scope) -> Seal {
        let whole = scope == Scope::Run;
        let counts = if whole { &self.tally.run } else { &self.tally.window };
        let (previous, start) = if whole { self.first } else { (self.window.0, Time(self.window.1.unix_ns)) };
        Seal { scope, previous: Some(previous.text()), ..counted(counts, start) }
    }
}

/// Returns the seal of a job; whether the job has ended is not known.
pub(super) fn job_seal(job: &str, counts: &Counts) -> Seal {
    Seal { scope: Scope::Job, job: Some(job.to_owned()), ..counted(counts, counts.began) }
}

fn counted(counts: &Counts, start: Time) -> Seal {
    Seal {
        window: Span { start, end: start },
        records: counts.records,
        first_seq: counts.first_seq,
        last_seq: counts.last_seq,
        written: counts.written,
        truncated: counts.truncated,
        unread: counts.unread,
        dropped: counts.dropped.clone(),
        ..Seal::default()
    }
}
