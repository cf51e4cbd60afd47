//! A run while it is read: what its lines give, against what its seals say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{damage::Good, line::Sealed};
use crate::seal::{
    chain::Link,
    key::PublicKey,
    tally::{Counts, Tally, add_reason},
};
use tracego_model::record::seal::{Events, Scope, Seal};

/// Characters of a text of a log that are kept.
const TEXT_MAX: usize = 64;

/// What is known about a run; what `--json` prints of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Told {
    /// `service.instance.id`.
    pub instance: String,
    /// Its key, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The sink whose file it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// It was read from its first record on.
    pub opened: bool,
    /// It ended in order, and its last seal is there.
    pub closed: bool,
    /// Lines that are proven.
    pub records: u64,
    /// Number of the last of them.
    pub last_seq: u64,
    /// Seals among them.
    pub seals: u64,
    /// Lines behind the last seal of a window or of the run: they belong together, but no seal says yet
    /// that they are all.
    pub unsealed: u64,
    /// What a full disk left of records.
    pub torn: u64,
    /// Records that the output refused, as the seals say.
    pub refused: u64,
    /// What was lost, as the seals say.
    pub lost: BTreeMap<String, u64>,
    /// Events that are nowhere: not zero when the agent's own counts do not add up at the end of the run.
    pub pending: i64,
}

/// A run.
pub(super) struct Run {
    /// Behind its last line.
    pub(super) link: Link,
    /// What is said of it.
    pub(super) told: Told,
    /// Where its chain, or this window, begins; not known in the middle of a run.
    previous: Option<Link>,
    tally: Tally,
    /// A part of it was not read; whether of this window, too.
    partial: (bool, bool),
    windows: Events,
    /// It is of the file of a sink.
    pub(super) numbered: bool,
}

impl Run {
    /// From its first record; `partial`: from one in the middle, which is taken as it is.
    pub(super) fn new(record: &Sealed<'_>, start: Option<Link>) -> Self {
        let partial = start.is_none();
        let known = &record.known;
        let tally = Tally::behind(if partial { known.seq.saturating_sub(1) } else { 0 });
        let told = Told {
            instance: known.instance.chars().take(TEXT_MAX).collect(),
            sink: known
                .opening()
                .and_then(|opening| opening.sink.clone())
                .filter(|sink| sink.len() <= TEXT_MAX),
            key: known.opening().and_then(|opening| opening.key.clone()).filter(|key| key.len() <= TEXT_MAX),
            opened: !partial,
            ..Told::default()
        };
        let mut run = Self {
            link: record.parts.link,
            told,
            previous: start,
            tally,
            partial: (partial, partial),
            windows: Events::default(),
            numbered: known.is_numbered(),
        };
        run.count(record);
        run
    }

    /// Number of its last line.
    fn last_seq(&self) -> u64 {
        self.tally.last_seq()
    }

    /// Its last line.
    pub(super) fn good(&self) -> Good<'_> {
        Good { link: self.link, seq: self.last_seq(), instance: &self.told.instance }
    }

    fn count(&mut self, record: &Sealed<'_>) {
        self.link = record.parts.link;
        self.tally.add(&record.known.facts());
        self.told.records += 1;
        self.told.last_seq = self.last_seq();
        self.told.unsealed += 1;
    }

    /// Takes a line that follows the one before.
    ///
    /// # Errors
    /// What of a seal is not so.
    pub(super) fn take(&mut self, record: &Sealed<'_>, key: Option<&PublicKey>) -> Result<(), String> {
        let seq = record.known.seq;
        if seq <= self.last_seq() {
            return Err(format!("its seq does not grow: {} is the one before", self.last_seq()));
        }
        if let Some(seal) = record.known.seal() {
            signed(record, self.link, key)?;
            self.tally.reach(seq);
            self.check(seal)?;
            self.told.seals += 1;
            self.told.closed = seal.scope == Scope::Run;
        }
        self.count(record);
        if let Some(seal) = record.known.seal() {
            self.sealed(seal, record.parts.link);
        }
        Ok(())
    }

    /// What follows from a seal for the next.
    fn sealed(&mut self, seal: &Seal, link: Link) {
        if seal.scope == Scope::Job {
            return;
        }
        self.told.unsealed = 0;
        let events = seal.events.unwrap_or_default();
        self.told.pending = events.pending;
        if seal.scope == Scope::Run {
            return;
        }
        (self.previous, self.partial.1) = (Some(link), false);
        let windows = &mut self.windows;
        for (sum, more) in [
            (&mut windows.hooked, events.hooked),
            (&mut windows.filtered, events.filtered),
            (&mut windows.undecodable, events.undecodable),
            (&mut windows.unrequested, events.unrequested),
            (&mut windows.refused_events, events.refused_events),
        ] {
            *sum = sum.saturating_add(more);
        }
        windows.pending = events.pending;
        self.told.refused = self.told.refused.saturating_add(seal.refused);
        for (reason, count) in &seal.dropped {
            add_reason(&mut self.told.lost, reason, *count);
        }
    }

    /// Holds a seal against the lines.
    fn check(&self, seal: &Seal) -> Result<(), String> {
        same("link", &seal.link, &self.link.text())?;
        let counts = match (seal.scope, &seal.job) {
            (Scope::Window, _) if self.partial.1 => return Ok(()),
            (Scope::Job | Scope::Run, _) if self.partial.0 => return Ok(()),
            (Scope::Window, _) => &self.tally.window,
            (Scope::Run, _) => &self.tally.run,
            (Scope::Job, Some(job)) => {
                let counts = self.tally.jobs.get(job).ok_or("no line is of its job")?;
                return counted(seal, counts, false);
            }
            (Scope::Job, None) => return Err("it does not say of which job".to_owned()),
        };
        counted(seal, counts, true)?;
        let whole = seal.scope == Scope::Run;
        let previous = if whole { None } else { self.previous };
        if let (Some(said), Some(previous)) = (&seal.previous, previous) {
            same("previous", said, &previous.text())?;
        }
        if self.numbered && seal.sink.is_some() {
            return Ok(());
        }
        let Some(events) = &seal.events else { return Err("it does not say what happened".to_owned()) };
        let before = if whole { 0 } else { self.windows.pending };
        if !seal.balanced(before) {
            return Err("its counts do not add up".to_owned());
        }
        if whole && *events != self.windows {
            return Err("its counts are not the sum of the windows".to_owned());
        }
        Ok(())
    }
}

/// Whether a record that has to be signed is, where a key is asked for.
///
/// # Errors
/// What is not so.
pub(super) fn signed(record: &Sealed<'_>, before: Link, key: Option<&PublicKey>) -> Result<(), String> {
    let Some(key) = key else { return Ok(()) };
    let (body, signature) = record.parts.signed.ok_or("it is not signed")?;
    let valid = key.verifies(before.record(body), &signature);
    valid.then_some(()).ok_or_else(|| format!("its signature is not by the key {}", key.id()))
}

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(name: &str, said: &T, found: &T) -> Result<(), String> {
    if said == found { Ok(()) } else { Err(format!("it says {name} {said:?}, the log has {found:?}")) }
}

/// Holds counts against the lines. Losses and gaps are compared only where no record was refused that
/// would have told them.
fn counted(seal: &Seal, counts: &Counts, gaps: bool) -> Result<(), String> {
    same("records", &seal.records, &counts.records)?;
    same("first_seq", &seal.first_seq, &counts.first_seq)?;
    same("last_seq", &seal.last_seq, &counts.last_seq)?;
    same("written", &seal.written, &counts.written)?;
    same("truncated", &seal.truncated, &counts.truncated)?;
    same("unread", &seal.unread, &counts.unread)?;
    if gaps {
        same("refused", &seal.refused, &counts.gaps)?;
    }
    if seal.refused == 0 {
        same("dropped", &seal.dropped, &counts.dropped)?;
    }
    Ok(())
}
