//! How far the chain of a sealed file has come, and what its seals say of that.

use std::time::Duration;

use crate::seal::{
    chain::{LINK, Link, close_numbered},
    key::Key,
    tally::{Counts, Facts, Tally},
    verify::line::Known,
};
use tracego_model::{
    clock::{Reading, Time},
    record::seal::{Scope, Seal, Span},
};

/// As far as is written.
#[derive(Clone)]
pub(super) struct State {
    /// Behind the last line.
    pub(super) link: Link,
    /// Of the last line.
    pub(super) last: [u8; LINK],
    /// Of the last line, from 1.
    pub(super) number: u64,
    tally: Tally,
    /// Where the chain starts, and when that was.
    first: (Link, Time),
    /// Where the window starts, and when that was.
    window: (Link, Reading),
}

/// A line that is linked.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    /// Behind it.
    pub(super) link: Link,
    pub(super) facts: Facts<'static>,
    /// The record that it is; none where the chain itself speaks.
    pub(super) of: Option<usize>,
}

/// Links a line; nothing for what is no record, and cannot be checked.
pub(super) fn linked(
    mut bytes: Vec<u8>,
    number: u64,
    before: Link,
    key: Option<&Key>,
    now: Reading,
) -> Option<Line> {
    let link = close_numbered(&mut bytes, 0, number, before, key)?;
    let facts = Known::of(bytes.strip_suffix(b"\n")?)?.facts().into_owned();
    Some(Line { bytes, link, facts: Facts { time: Time(now.unix_ns), ..facts }, of: None })
}

impl State {
    pub(super) fn new(link: Link, now: Reading) -> Self {
        let first = (link, Time(now.unix_ns));
        Self { link, last: [0; LINK], number: 0, tally: Tally::default(), first, window: (link, now) }
    }

    /// A line is there.
    pub(super) fn take(&mut self, line: &Line, now: Reading) {
        self.tally.add(&line.facts);
        (self.link, self.number) = (line.link, line.facts.seq);
        if matches!(line.facts.seal, Some(Scope::Window | Scope::Run)) {
            self.window = (self.link, now);
        }
    }

    /// Those that no line of the window is of; `all`: the others, too.
    pub(super) fn jobs(&self, all: bool) -> impl Iterator<Item = (&String, &Counts)> {
        let window = self.tally.window.first_seq;
        let quiet = move |counts: &Counts| all || window.is_none_or(|first| counts.last_seq < Some(first));
        self.tally.jobs.iter().filter(move |(_, counts)| quiet(counts))
    }

    pub(super) fn is_due(&self, interval: Duration, now: Reading) -> bool {
        let age = now.boot_ns.saturating_sub(self.window.1.boot_ns);
        u128::try_from(age).is_ok_and(|age| age >= interval.as_nanos())
    }

    /// Of the window or of the whole.
    pub(super) fn seal(&self, scope: Scope) -> Seal {
        let whole = scope == Scope::Run;
        let counts = if whole { &self.tally.run } else { &self.tally.window };
        let (previous, start) = if whole { self.first } else { (self.window.0, Time(self.window.1.unix_ns)) };
        Seal { scope, previous: Some(previous.text()), ..counted(counts, start) }
    }
}

/// Of a job; whether it has ended is not known.
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
