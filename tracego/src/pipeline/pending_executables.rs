//! Starts whose record leaves the digest of their executable or the verdict about it open.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_analyze::{
    enrich::{Enricher, started_program::StartedProgram},
    inspect::digest::requests::{HashedStart, LateDigest, WAITING_MAX},
};
use tracego_model::{
    event::Exec,
    input::{
        digest::{DigestGap, FileDigest, Sha256Digest},
        late_digest::LateVerdict,
    },
    process_key::ProcessKey,
    record::{Record, linux::ExecutableDigest},
};

use super::judgement::Judgement;
use crate::provenance::{JudgementGap, ProvenanceCounters, ProvenanceStage, SettledExecutable};

/// Maximum number of starts whose digest is to come: the inspector lets no more wait.
const STARTS_MAX: NonZeroUsize = match NonZeroUsize::new(WAITING_MAX) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// The record of a start, as far as it matters to the record that follows it.
pub(super) struct RecordedStart<'a> {
    pub(super) exec: &'a Exec<'a>,
    pub(super) record: &'a Record,
    /// Whether the record is written.
    pub(super) is_written: bool,
    /// Whether the process may still be stopped.
    pub(super) is_stoppable: bool,
    /// The digest whose verdict is not known.
    pub(super) unknown: Option<Sha256Digest>,
    /// Whether policies read what is not known, and did not refuse the start without it.
    pub(super) is_undecided: bool,
}

/// The starts that wait for the digest of their executable, and after that for the verdict about it.
pub(super) struct PendingExecutables {
    digests: LruCache<(ProcessKey, u64), StartedProgram>,
    /// The stage that says where executables come from, where it is configured.
    pub(super) provenance: Option<ProvenanceStage>,
    /// The stage of a replay, until the capture says that it has verdicts.
    pub(super) kept: Option<ProvenanceStage>,
}

impl Default for PendingExecutables {
    fn default() -> Self {
        Self { digests: LruCache::new(STARTS_MAX), provenance: None, kept: None }
    }
}

impl PendingExecutables {
    /// Whether executables are judged.
    pub(super) fn is_judging(&self) -> bool {
        self.provenance.is_some()
    }

    /// Whether a verdict about the executable of a start may come. `unknown`: the digest whose verdict is not known.
    pub(super) fn is_unjudged(&self, start: &Record, unknown: Option<Sha256Digest>) -> bool {
        let is_pending = start.is_digest_pending();
        unknown.is_some() || (is_pending && self.is_judging())
    }

    /// Returns the number of starts that wait for a verdict.
    pub(super) fn unjudged(&self) -> usize {
        self.provenance.as_ref().map_or(0, ProvenanceStage::waiting)
    }

    /// Returns the counts of the verdicts, where executables are judged.
    pub(super) fn counts(&self) -> Option<ProvenanceCounters> {
        self.provenance.as_ref().map(ProvenanceStage::counts)
    }

    /// Puts what is known about the provenance of its executable onto a record. Returns the digest whose verdict is not
    /// known.
    pub(super) fn see(&mut self, record: &mut Record, judgement: &Judgement) -> Option<Sha256Digest> {
        let stage = self.provenance.as_mut().filter(|_| record.tracego.executable.is_some())?;
        let place = judgement.place(record);
        stage.see(record, place)
    }

    /// Keeps a start whose record leaves something open. Returns it if that will not be known, or the one that it evicts.
    pub(super) fn follow(
        &mut self,
        start: &RecordedStart<'_>,
        enricher: &Enricher,
    ) -> Option<SettledExecutable> {
        let &RecordedStart { exec, record, is_written, is_stoppable, unknown, is_undecided } = start;
        let start = HashedStart::of(&exec.fixed.header);
        let is_pending = record.is_digest_pending();
        if unknown.is_none() && !(is_pending && (is_written || is_undecided || self.is_judging())) {
            return None;
        }
        let mut program = enricher.started_program(record, start, is_written)?;
        if (self.is_judging() || is_undecided) && is_stoppable {
            program.exec = Some(exec.into());
        }
        program.undecided = is_undecided.then(|| Box::new(record.clone()));
        program.is_digest_pending = is_pending;
        program.is_proof_required = record.tracego.provenance.is_some();
        match unknown {
            Some(sha256) => self.provenance.as_mut()?.ask(sha256, program),
            None => {
                let key = start.key();
                let (_, evicted) = self.digests.push(key, program).filter(|(other, _)| *other != key)?;
                Some(without_verdict(evicted, FileDigest::Absent(DigestGap::Busy)))
            }
        }
    }

    /// Takes the digest of a start that waits for it. Returns the start, unless it now waits for a verdict.
    pub(super) fn digest(&mut self, late: &LateDigest) -> Option<SettledExecutable> {
        let LateDigest { start, digest } = *late;
        let mut program = self.digests.pop(&start.key())?;
        match (digest.proven(), &mut self.provenance) {
            (Some(sha256), Some(stage)) => {
                program.set_digest(digest);
                stage.ask(sha256, program)
            }
            _ => Some(without_verdict(program, digest)),
        }
    }

    /// Takes verdicts of a capture, which has some if there is a first call.
    pub(super) fn take_kept(&mut self, verdicts: Vec<LateVerdict>) {
        self.provenance = self.kept.take().or(self.provenance.take());
        if let Some(stage) = &mut self.provenance {
            verdicts.into_iter().for_each(|verdict| stage.take_kept(verdict));
        }
    }

    /// Takes the next verdict that has come.
    pub(super) fn verdict(&mut self) -> Option<SettledExecutable> {
        self.provenance.as_mut()?.next()
    }

    /// Gives up waiting, because tracego ends. Returns the start that waits longest, if there is one.
    pub(super) fn give_up(&mut self) -> Option<SettledExecutable> {
        if let Some((_, program)) = self.digests.pop_lru() {
            return Some(without_verdict(program, FileDigest::Absent(DigestGap::TracegoEnded)));
        }
        self.provenance.as_mut()?.give_up(JudgementGap::Ended)
    }
}

/// Returns a start with its digest, which proves nothing, or whose executable nobody judges.
fn without_verdict(mut program: StartedProgram, digest: FileDigest) -> SettledExecutable {
    program.set_digest(digest);
    let state = ExecutableDigest::from(digest).state.unwrap_or_default();
    SettledExecutable::unjudged(program, JudgementGap::Digest(state))
}
