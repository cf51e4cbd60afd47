//! The chain of a sealed file: lines are linked where they are written, since what is written is known here.
//!
//! The chain goes on for as long as the file ends with its last line; a file that was rotated away is followed by an
//! empty one. Otherwise (the first time, after a crash, when others wrote to it) a new one is opened, which
//! names the line that the file ends with.

use std::{fmt, io, time::Duration};

use super::settings::Settings;
use crate::{
    clock::{Reading, Time},
    enrich::{Enricher, Meta, Record},
    format::Format,
    seal::{
        ChainStart, Scope, Seal, Span,
        before::Before,
        chain::{LINK, Link, close_numbered, digest, hex},
        key::Key,
        nonce,
        tally::Tally,
        verify::line::{Known, Sealed},
    },
    sink::{blocking::Batch, deliver::Refused},
};

/// Between two seals, unless given.
const INTERVAL: Duration = Duration::from_mins(1);

/// Links the lines of one sink.
pub(super) struct Chain {
    name: String,
    key: Option<Key>,
    interval: Duration,
    /// Makes what the chain itself has to say.
    enricher: Enricher,
    state: Option<State>,
    /// A write failed: an empty file is none that was just begun.
    doubt: bool,
    /// What the next opening follows.
    follows: Option<[u8; LINK]>,
}

/// As far as is written.
#[derive(Clone)]
struct State {
    /// Behind the last line.
    link: Link,
    /// Of the last line.
    last: [u8; LINK],
    /// Of the last line, from 1.
    number: u64,
    tally: Tally,
    /// Where the chain starts, and when that was.
    first: (Link, Time),
    /// Where the window starts, and when that was.
    window: (Link, Reading),
}

/// A batch whose lines are linked.
pub(super) struct Linked {
    lines: Batch,
    /// The record that each line is; none where the chain itself speaks.
    of: Vec<Option<usize>>,
    records: usize,
    refused: Vec<Refused>,
    /// Where a chain starts.
    begins: Option<State>,
    now: Reading,
}

impl Linked {
    /// Finished lines.
    pub(super) fn lines(&self) -> &Batch {
        &self.lines
    }

    /// How many records are settled when so many lines are written, and which of them cannot be linked.
    pub(super) fn settled(mut self, lines: usize) -> (usize, Vec<Refused>) {
        let done = self.of.iter().skip(lines).find_map(|of| *of);
        // Before a line that is missing nothing is settled but what was written.
        let done = if lines < self.of.len() { done.unwrap_or(0) } else { self.records };
        self.refused.retain(|refused| refused.first < done);
        (done, self.refused)
    }
}

impl Chain {
    /// Reads the key.
    ///
    /// # Errors
    /// When it cannot be used; names the key of the settings.
    pub(super) fn new(settings: &Settings, name: &str, meta: &Meta) -> Result<Self, String> {
        let read = |path: &std::path::PathBuf| {
            Key::read(path).map_err(|error| format!("seal-key: {}: {error:#}", path.display()))
        };
        let random = nonce().map_err(|error| format!("seal: /dev/urandom: {error}"))?;
        // Its records are not those of the run, which are numbered, too.
        let apart = u32::from_ne_bytes([random[0], random[1], random[2], random[3]]);
        let meta = Meta { instance: meta.instance ^ apart, ..meta.clone() };
        Ok(Self {
            name: name.to_owned(),
            key: settings.seal_key.as_ref().map(read).transpose()?,
            interval: settings.seal_interval.map_or(INTERVAL, |span| span.0),
            enricher: Enricher::new(meta),
            state: None,
            doubt: false,
            follows: None,
        })
    }

    /// Whether it has begun.
    pub(super) fn is_open(&self) -> bool {
        self.state.is_some()
    }

    /// What the file ends with, where it is not known to be the last line.
    pub(super) fn meet(&mut self, file: &Before) {
        let doubt = std::mem::take(&mut self.doubt);
        let last = self.state.as_ref().map(|state| state.last);
        let goes_on = |state: &State| match file.link {
            Some(link) => link == state.link && file.last == last,
            None => file.last.is_none() && !doubt,
        };
        if !self.state.as_ref().is_some_and(goes_on) {
            self.follows = file.last.or(last).or(self.follows);
            self.state = None;
        }
    }

    /// Links lines behind those that are written.
    pub(super) fn link(&mut self, batch: &Batch, now: Reading) -> io::Result<Linked> {
        let mut lines = Vec::with_capacity(batch.len() + 1);
        let mut of = Vec::with_capacity(batch.len() + 1);
        let mut begins = None;
        let first = match &self.state {
            Some(state) if state.is_due(self.interval, now) => {
                let seal = state.seal(Scope::Window, &self.name, now);
                Some(self.enricher.seal(seal, now))
            }
            Some(_) => None,
            None => {
                let nonce = nonce()?;
                let start = ChainStart {
                    nonce: hex(&nonce),
                    interval_s: self.interval.as_secs().max(1),
                    follows: self.follows.map(|follows| hex(&follows)),
                    key: self.key.as_ref().map(|key| key.public().id()),
                    sink: Some(self.name.clone()),
                };
                let link = Link::start(&nonce);
                begins = Some(State::new(link, now));
                Some(self.enricher.opening(start, now))
            }
        };
        let state = self.state.as_ref().or(begins.as_ref());
        let (mut link, mut number) = state.map_or((Link([0; LINK]), 0), |state| (state.link, state.number));
        if let Some(record) = first {
            let line;
            (line, link) = self.own(record, number + 1, link)?;
            number += 1;
            lines.push(line);
            of.push(None);
        }
        let mut refused = Vec::new();
        for n in 0..batch.len() {
            let mut line = batch.bytes(n..n + 1).to_vec();
            // What is no record cannot be checked.
            let known = line.strip_suffix(b"\n").is_some_and(|line| Known::of(line).is_some());
            match known.then(|| close_numbered(&mut line, 0, number + 1, link, None)).flatten() {
                Some(behind) => {
                    (link, number) = (behind, number + 1);
                    lines.push(line);
                    of.push(Some(n));
                }
                None => refused.push(Refused {
                    first: n,
                    among: 1,
                    count: 1,
                    why: "it is no JSON record, and cannot be sealed".to_owned(),
                    poison: false,
                }),
            }
        }
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        Ok(Linked { lines: Batch::new(&lines), of, records: batch.len(), refused, begins, now })
    }

    /// So many of the lines are in the file; `failed`: something went wrong with the next.
    pub(super) fn wrote(&mut self, linked: &Linked, lines: usize, failed: bool) {
        self.doubt |= failed;
        if lines == 0 {
            return;
        }
        if let Some(begins) = &linked.begins {
            self.state = Some(begins.clone());
        }
        let Some(state) = &mut self.state else { return };
        for n in 0..lines {
            let line = linked.lines.bytes(n..n + 1);
            state.take(line.strip_suffix(b"\n").unwrap_or(line), linked.now);
        }
    }

    /// The seal of the whole, where there is a chain. Nothing of it follows.
    pub(super) fn end(&mut self, now: Reading) -> io::Result<Option<Vec<u8>>> {
        let Some(state) = self.state.take() else { return Ok(None) };
        let record = self.enricher.seal(state.seal(Scope::Run, &self.name, now), now);
        self.own(record, state.number + 1, state.link).map(|(line, _)| Some(line))
    }

    /// A line that the chain itself has to say.
    fn own(&self, record: Record, number: u64, before: Link) -> io::Result<(Vec<u8>, Link)> {
        let mut line = Vec::new();
        Format::Json.write(&Record { seq: number, ..record }, &mut line)?;
        let link = close_numbered(&mut line, 0, number, before, self.key.as_ref());
        let link = link.ok_or_else(|| io::Error::other("a seal that cannot be linked"))?;
        Ok((line, link))
    }
}

impl State {
    fn new(link: Link, now: Reading) -> Self {
        let first = (link, Time(now.unix_ns));
        Self { link, last: [0; LINK], number: 0, tally: Tally::default(), first, window: (link, now) }
    }

    /// A line of it is in the file.
    fn take(&mut self, line: &[u8], now: Reading) {
        let Some(sealed) = Sealed::of(line) else { return };
        self.tally.add(&sealed.known.facts());
        (self.link, self.number, self.last) = (sealed.parts.link, sealed.known.seq, digest(line));
        if sealed.known.seal().is_some() {
            self.window = (self.link, now);
        }
    }

    fn is_due(&self, interval: Duration, now: Reading) -> bool {
        let age = now.boot_ns.saturating_sub(self.window.1.boot_ns);
        u128::try_from(age).is_ok_and(|age| age >= interval.as_nanos())
    }

    fn seal(&self, scope: Scope, sink: &str, now: Reading) -> Seal {
        let whole = scope == Scope::Run;
        let counts = if whole { &self.tally.run } else { &self.tally.window };
        let (previous, began) = if whole { self.first } else { (self.window.0, Time(self.window.1.unix_ns)) };
        Seal {
            scope,
            window: Span { start: began, end: Time(now.unix_ns) },
            records: counts.records,
            first_seq: counts.first_seq,
            last_seq: counts.last_seq,
            written: counts.written,
            truncated: counts.truncated,
            unread: counts.unread,
            dropped: counts.dropped.clone(),
            sink: Some(sink.to_owned()),
            previous: Some(previous.text()),
            link: self.link.text(),
            ..Seal::default()
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("name", &self.name).finish_non_exhaustive()
    }
}
