//! A run during verification: compares its lines with what its seals state.

use std::collections::BTreeMap;

use serde::Serialize;
use tracego_model::record::seal::{Events, Scope, Seal};

use super::{damage::Good, line::Sealed, proof::Signatures};
use crate::seal::{
    chain::Link,
    tally::{Counts, Tally, add_reason},
};

/// Maximum number of characters kept of a text from a log.
const TEXT_MAX: usize = 64;

/// The report about one run, as printed by `--json`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Told {
    /// Id of the run, `service.instance.id`.
    pub instance: String,
    /// Id of the key, if the run is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Name of the sink that wrote the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// Whether the run was read from its first record on.
    pub opened: bool,
    /// Whether the run ended in order and its last seal is there.
    pub closed: bool,
    /// Number of proven lines.
    pub records: u64,
    /// Number of the first line.
    pub first_seq: u64,
    /// Number of the last proven line.
    pub last_seq: u64,
    /// Number of seals among the proven lines.
    pub seals: u64,
    /// Number of lines after the last seal of a window or of the run. They are linked, but no seal confirms
    /// yet that none is missing.
    pub unsealed: u64,
    /// Number of the run among those of its evolving key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// Whether the run names the line or the seal that it follows. The first run of a log follows nothing.
    pub linked: bool,
    /// Number of torn records, which a full disk cut off.
    pub torn: u64,
    /// Number of records that the output refused, according to the seals.
    pub refused: u64,
    /// Losses by reason, according to the seals.
    pub lost: BTreeMap<String, u64>,
    /// Number of events that the kernel side counted, according to the seals; absent in the file of a sink, which does not
    /// say it, and without a seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooked: Option<u64>,
    /// Number of events unaccounted for; not zero if the agent's own counts do not add up at the end of the
    /// run.
    pub pending: i64,
}

/// The state of a run during verification.
pub(super) struct Run {
    /// Link of the last line.
    pub(super) link: Link,
    /// Report about the run so far.
    pub(super) told: Told,
    /// Link at which the chain or this window begins; unknown in the middle of a run.
    previous: Option<Link>,
    tally: Tally,
    /// Whether a part of the run was not read, and whether that includes a part of this window.
    partial: (bool, bool),
    windows: Events,
    /// Whether the run is in the file of a sink.
    pub(super) numbered: bool,
}

impl Run {
    /// Starts a run at its first record, or, without `start`, at a record in the middle, which is trusted.
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
            run: known.opening().and_then(|opening| opening.run),
            first_seq: known.seq,
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

    /// Returns the number of the last line.
    fn last_seq(&self) -> u64 {
        self.tally.last_seq()
    }

    /// Returns the position of the last line.
    pub(super) fn good(&self) -> Good<'_> {
        Good { link: self.link, seq: self.last_seq(), instance: &self.told.instance }
    }

    fn count(&mut self, record: &Sealed<'_>) {
        self.link = record.parts.link;
        if self.told.instance.is_empty() && !self.numbered {
            // A lean record does not say of which run it is.
            self.told.instance = record.known.instance.chars().take(TEXT_MAX).collect();
        }
        self.tally.add(&record.known.facts());
        self.told.records += 1;
        self.told.last_seq = self.last_seq();
        self.told.unsealed += 1;
    }

    /// Checks and counts a line that follows the one before. Returns whether its signature proves the lines
    /// up to there.
    ///
    /// # Errors
    /// Fails if a statement of a seal is not true, and describes it.
    pub(super) fn take(
        &mut self,
        record: &Sealed<'_>,
        signatures: Option<&mut Signatures>,
    ) -> Result<bool, String> {
        let mut is_proof = false;
        let seq = record.known.seq;
        if seq <= self.last_seq() {
            return Err(format!("its seq does not grow: {} is the one before", self.last_seq()));
        }
        if let Some(seal) = record.known.seal() {
            if let Some(signatures) = signatures {
                is_proof = signatures.verify(record, self.link)?;
            }
            self.tally.reach(seq);
            self.check(seal)?;
            self.told.seals += 1;
            self.told.closed = seal.scope == Scope::Run;
        }
        self.count(record);
        if let Some(seal) = record.known.seal() {
            self.sealed(seal, record.parts.link);
        }
        Ok(is_proof)
    }

    /// Resets and sums up what the next seal is compared with.
    fn sealed(&mut self, seal: &Seal, link: Link) {
        if seal.scope == Scope::Job {
            return;
        }
        self.told.unsealed = 0;
        let events = seal.events.unwrap_or_default();
        if let (Some(events), Scope::Window) = (&seal.events, seal.scope) {
            self.told.hooked = Some(self.told.hooked.unwrap_or(0).saturating_add(events.hooked));
        }
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

    /// Compares a seal with the lines that it covers.
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

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(name: &str, said: &T, found: &T) -> Result<(), String> {
    if said == found { Ok(()) } else { Err(format!("it says {name} {said:?}, the log has {found:?}")) }
}

/// Compares counts with those of the lines. Losses and gaps are compared only if no record that would have
/// reported them was refused.
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
