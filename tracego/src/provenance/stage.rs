//! Verdicts that are known, and starts that wait for one.

use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, SyncSender, TryRecvError, TrySendError, channel, sync_channel},
    },
};

use lru::LruCache;
use tokio::sync::mpsc::WeakSender;
use tracego_analyze::{enrich::started_program::StartedProgram, rules::place::Place};
use tracego_model::{
    input::{
        Input,
        digest::{DigestGap, Sha256Digest},
        late_digest::{HashedStart, LateVerdict},
    },
    process_key::ProcessKey,
    provenance::{Provenance as ProvenRecord, ProvenanceVerdict},
    record::{Record, linux::ExecutableDigest},
};
use tracego_provenance::Provenance;

use super::{
    gap::JudgementGap,
    judge_thread::{Judge, JudgedStart, OriginQuestion},
    trust::TrustInForce,
};
use crate::config::{ProvenanceScope, ProvenanceSettings};

/// Maximum number of starts that wait for a verdict, and of verdicts that are known.
const STARTS_MAX: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// Figures about the verdicts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProvenanceCounters {
    /// Number of verdicts of the thread.
    pub judged: u64,
    /// Number of starts that were not judged because too many waited.
    pub busy: u64,
    /// Number of starts that were not judged because tracego ended.
    pub ended: u64,
    /// Number of starts that were not judged because the thread was lost.
    pub lost: u64,
    /// Number of starts that wait for a verdict.
    pub waiting: usize,
}

/// A start of whose executable everything is known that will be.
pub(crate) struct SettledExecutable {
    pub(crate) program: StartedProgram,
    /// The verdict about the executable, where there is anything to say.
    pub(crate) provenance: Option<Arc<ProvenRecord>>,
    /// Whether tracego ends, so that nothing is stopped for it any more.
    pub(crate) is_too_late: bool,
}

impl SettledExecutable {
    /// Returns a start whose executable could not be judged.
    pub(crate) fn unjudged(program: StartedProgram, gap: JudgementGap) -> Self {
        let provenance = program.is_proof_required.then(|| Arc::new(gap.unchecked()));
        let ended = [JudgementGap::Ended, JudgementGap::Digest(DigestGap::TracegoEnded.as_str())];
        Self { program, provenance, is_too_late: ended.contains(&gap) }
    }
}

/// A verdict's key: digest, path, and whether it is demanded.
type VerdictKey = (Sha256Digest, Box<str>, bool);

/// The stage that says where executables come from.
pub struct ProvenanceStage {
    scope: ProvenanceScope,
    trust: TrustInForce,
    /// Questions to the thread; `None` in a replay, which has the verdicts of the capture.
    questions: Option<SyncSender<OriginQuestion>>,
    verdicts: Receiver<JudgedStart>,
    /// The way of the capture's verdicts, in a replay.
    kept: Option<Sender<JudgedStart>>,
    known: LruCache<VerdictKey, Arc<ProvenRecord>>,
    /// Version of the trust that the known verdicts rest on.
    version: (u64, u64),
    waiting: LruCache<(ProcessKey, u64), StartedProgram>,
    counts: ProvenanceCounters,
}

impl ProvenanceStage {
    /// Starts the stage and its thread, which answers through `queue` without keeping that open.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub(crate) fn start(
        settings: ProvenanceSettings,
        provenance: Arc<Provenance>,
        queue: WeakSender<Input>,
    ) -> io::Result<Self> {
        let (questions, asked) = sync_channel(STARTS_MAX.get());
        let (told, verdicts) = channel();
        let trust = TrustInForce::new(provenance, settings.max_root_age);
        let judge = Judge { trust: trust.clone(), stale_told: None, verdicts: told };
        judge.start(asked, queue)?;
        Ok(Self { questions: Some(questions), ..Self::new(settings.scope, trust, verdicts) })
    }

    /// Creates the stage of a replay, whose verdicts are those of the capture. What has to have provenance is decided anew.
    pub(crate) fn replayed(settings: ProvenanceSettings, provenance: Arc<Provenance>) -> Self {
        let (kept, verdicts) = channel();
        let trust = TrustInForce::new(provenance, settings.max_root_age);
        Self { kept: Some(kept), ..Self::new(settings.scope, trust, verdicts) }
    }

    fn new(scope: ProvenanceScope, trust: TrustInForce, verdicts: Receiver<JudgedStart>) -> Self {
        Self {
            scope,
            version: trust.now().version(),
            trust,
            questions: None,
            verdicts,
            kept: None,
            known: LruCache::new(STARTS_MAX),
            waiting: LruCache::new(STARTS_MAX),
            counts: ProvenanceCounters::default(),
        }
    }

    /// Creates a stage whose questions nobody answers, and what stands for its thread: dropped, the thread is lost.
    #[cfg(test)]
    pub(crate) fn silent(settings: ProvenanceSettings, provenance: Arc<Provenance>) -> (Self, impl Sized) {
        let ((questions, asked), (told, verdicts)) = (sync_channel(STARTS_MAX.get()), channel());
        let trust = TrustInForce::new(provenance, settings.max_root_age);
        let stage = Self { questions: Some(questions), ..Self::new(settings.scope, trust, verdicts) };
        (stage, (asked, told))
    }

    /// Takes a verdict of a capture.
    pub(crate) fn take_kept(&mut self, LateVerdict { start, sha256, provenance }: LateVerdict) {
        if let Some(kept) = &self.kept {
            let _kept = kept.send(JudgedStart { start, version: self.version, sha256, provenance });
        }
    }

    /// Returns the current figures.
    pub(crate) fn counts(&self) -> ProvenanceCounters {
        ProvenanceCounters { waiting: self.waiting.len(), ..self.counts }
    }

    /// Puts what is known about the executable onto the record of a start. Returns the digest to [ask](Self::ask) about, if
    /// the verdict is not known.
    pub(crate) fn see(&mut self, record: &mut Record, place: Place) -> Option<Sha256Digest> {
        let path = record.process.as_ref().and_then(|process| process.executable.as_ref())?.path.as_str();
        let required = self.scope.contains(path, place);
        let digest = record.executable_digest();
        let state = digest.map_or(Some("unread"), |digest| digest.state);
        let pending = || required.then(|| Arc::new(ProvenRecord { required, ..ProvenRecord::default() }));
        match (digest.and_then(|digest| digest.sha256), state) {
            (Some(sha256), None) => {
                let Some(known) = self.find(sha256, path, required) else {
                    record.tracego.provenance = pending();
                    return Some(sha256);
                };
                record.tracego.provenance = Some(known).filter(|known| is_worth_saying(known));
            }
            (None, Some(ExecutableDigest::PENDING)) => record.tracego.provenance = pending(),
            // Without a proven digest, nothing proves what ran.
            (_, why) => {
                let gap = JudgementGap::Digest(why.unwrap_or_default());
                record.tracego.provenance = required.then(|| Arc::new(gap.unchecked()));
            }
        }
        None
    }

    /// Forgets the verdicts that rest on a trust or a store of before. Returns whether there was a change.
    pub(crate) fn forget_outdated(&mut self) -> bool {
        let version = self.trust.now().version();
        let has_changed = version != self.version;
        if has_changed {
            self.version = version;
            self.known.clear();
        }
        has_changed
    }

    fn find(&mut self, sha256: Sha256Digest, path: &str, required: bool) -> Option<Arc<ProvenRecord>> {
        self.forget_outdated();
        self.known.get(&(sha256, path.into(), required)).map(Arc::clone)
    }

    /// Asks for a verdict. Returns the start if there will be none.
    pub(crate) fn ask(&mut self, sha256: Sha256Digest, program: StartedProgram) -> Option<SettledExecutable> {
        let start = program.start;
        let (path, required) = (program.path().to_owned(), program.is_proof_required);
        let question = OriginQuestion { start, sha256, path, required };
        let sent = match &self.questions {
            _ if self.waiting.len() >= STARTS_MAX.get() => Err(TrySendError::Full(question)),
            Some(questions) => questions.try_send(question),
            None => Ok(()),
        };
        let gap = match sent {
            Ok(()) => {
                self.waiting.put(start.key(), program);
                return None;
            }
            Err(TrySendError::Full(_)) => JudgementGap::Busy,
            Err(TrySendError::Disconnected(_)) => JudgementGap::Lost,
        };
        Some(self.unjudged(program, gap))
    }

    /// Counts a start whose executable is not judged.
    fn unjudged(&mut self, program: StartedProgram, gap: JudgementGap) -> SettledExecutable {
        match gap {
            JudgementGap::Busy => self.counts.busy += 1,
            JudgementGap::Ended => self.counts.ended += 1,
            JudgementGap::Lost => self.counts.lost += 1,
            JudgementGap::Digest(_) => {}
        }
        SettledExecutable::unjudged(program, gap)
    }

    /// Gives up waiting for a verdict. Returns the start that waits longest, if there is one.
    pub(crate) fn give_up(&mut self, gap: JudgementGap) -> Option<SettledExecutable> {
        let (_, program) = self.waiting.pop_lru()?;
        Some(self.unjudged(program, gap))
    }

    /// Takes the next verdict that has come, of a start that waits for it.
    pub(crate) fn next(&mut self) -> Option<SettledExecutable> {
        loop {
            let JudgedStart { start, version, sha256, mut provenance } = match self.verdicts.try_recv() {
                Ok(judged) => judged,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => return self.give_up(JudgementGap::Lost),
            };
            self.counts.judged += 1;
            let Some(program) = self.waiting.pop(&start.key()) else { continue };
            // A capture knows nothing of what has to have provenance.
            let required = program.is_proof_required;
            if provenance.required != required {
                let provenance = Arc::make_mut(&mut provenance);
                provenance.required = required;
                provenance.stale_root = provenance.stale_root.take().filter(|_| required);
            }
            if version == self.trust.now().version() && version == self.version {
                // A stale root is reported once.
                let known = ProvenRecord { stale_root: None, ..ProvenRecord::clone(&provenance) };
                // A capture has one verdict for a path, whatever its place demands.
                if self.kept.is_some() {
                    let other = ProvenRecord { required: !required, ..known.clone() };
                    self.known.put((sha256, program.path().into(), other.required), Arc::new(other));
                }
                self.known.put((sha256, program.path().into(), known.required), Arc::new(known));
            }
            let provenance = Some(provenance).filter(|known| is_worth_saying(known));
            return Some(SettledExecutable { program, provenance, is_too_late: false });
        }
    }

    /// Asks for a verdict that no start of this stage waits for. Returns whether there was room.
    pub(crate) fn inquire(&self, start: HashedStart, sha256: Sha256Digest, path: String) -> bool {
        let question = OriginQuestion { start, sha256, path, required: true };
        self.questions.as_ref().is_some_and(|ask| ask.try_send(question).is_ok())
    }

    /// Returns the next verdict that has come, for a caller of [`Self::inquire`].
    pub(crate) fn heard(&mut self) -> Option<LateVerdict> {
        let JudgedStart { start, sha256, provenance, .. } = self.verdicts.try_recv().ok()?;
        Some(LateVerdict { start, sha256, provenance })
    }

    /// Returns the number of starts that wait for a verdict.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Applies new settings.
    pub(crate) fn change(&mut self, settings: ProvenanceSettings, provenance: Arc<Provenance>) {
        self.scope = settings.scope;
        self.trust.change(provenance, settings.max_root_age);
    }
}

/// Whether a verdict belongs into a record: nobody asked for a proof of an executable outside of the scope that no bundle is
/// about.
fn is_worth_saying(provenance: &ProvenRecord) -> bool {
    provenance.required || provenance.verdict != ProvenanceVerdict::Unsigned
}
