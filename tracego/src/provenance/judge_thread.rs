//! The thread that verifies: a verdict takes milliseconds, and reads files that anybody may have written.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::mpsc::WeakSender;
use tracego_analyze::inspect::digest::{answers, requests::HashedStart};
use tracego_model::{
    input::{Input, digest::Sha256Digest},
    provenance::{Provenance as ProvenRecord, ProvenanceSource, ProvenanceVerdict},
};
use tracego_provenance::{Judgement, LogEvidence, Verdict};

use super::trust::{Trust, TrustInForce};

/// Time between two looks at the files of the store.
const LOOK: Duration = Duration::from_secs(5);
/// Time between two records about a stale trust root.
const DAY: Duration = Duration::from_secs(86_400);
/// Maximum number of verdicts that are handed on at once.
const BATCH: usize = 64;

/// A question about the executable of a start.
#[derive(Debug)]
pub(super) struct OriginQuestion {
    pub(super) start: HashedStart,
    pub(super) sha256: Sha256Digest,
    pub(super) path: String,
    pub(super) required: bool,
}

/// The state of the thread.
pub(super) struct Judge {
    pub(super) trust: TrustInForce,
    pub(super) stale_told: Option<Instant>,
    pub(super) verdicts: Sender<JudgedStart>,
}

/// A verdict about the executable of a start.
#[derive(Debug)]
pub(crate) struct JudgedStart {
    pub(super) start: HashedStart,
    /// Version of the trust that the verdict rests on.
    pub(super) version: (u64, u64),
    pub(super) sha256: Sha256Digest,
    pub(super) provenance: Arc<ProvenRecord>,
}

impl Judge {
    /// Starts the thread. It ends when nobody asks any more.
    pub(super) fn start(
        mut self,
        questions: Receiver<OriginQuestion>,
        queue: WeakSender<Input>,
    ) -> io::Result<()> {
        thread::Builder::new()
            .name("tracego-proofs".to_owned())
            .spawn(move || self.run(&questions, &queue))?;
        Ok(())
    }

    /// Answers questions, and reads the store again when it changes.
    fn run(&mut self, questions: &Receiver<OriginQuestion>, queue: &WeakSender<Input>) {
        let mut look = Instant::now() + LOOK;
        loop {
            match questions.recv_timeout(look.saturating_duration_since(Instant::now())) {
                Ok(first) => {
                    let more = std::iter::from_fn(|| questions.try_recv().ok()).take(BATCH - 1);
                    for question in std::iter::once(first).chain(more) {
                        let verdict = self.answer(&question);
                        if self.verdicts.send(verdict).is_err() {
                            return;
                        }
                    }
                    answers::call(queue);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= look {
                look = Instant::now() + LOOK;
                let Trust { provenance, .. } = self.trust.now();
                if provenance.reload_if_changed() {
                    tracing::info!(
                        generation = provenance.generation(),
                        "the store of bundles was read again"
                    );
                }
            }
        }
    }

    fn answer(&mut self, question: &OriginQuestion) -> JudgedStart {
        let OriginQuestion { start, sha256, path, required } = question;
        let trust = self.trust.now();
        let version = trust.version();
        let judgement = trust.provenance.judge(sha256, Path::new(path));
        let mut provenance = in_record(&judgement, *required);
        if *required {
            provenance.stale_root = self.stale_root(&trust);
        }
        JudgedStart { start: *start, version, sha256: *sha256, provenance: Arc::new(provenance) }
    }

    /// Returns what to say about a trust root that is too old, once a day.
    fn stale_root(&mut self, trust: &Trust) -> Option<String> {
        let most = trust.max_root_age?;
        if self.stale_told.is_some_and(|told| told.elapsed() < DAY) {
            return None;
        }
        let ages = trust.provenance.root_ages(SystemTime::now());
        let stale = ages.into_iter().find(|root| root.age > most)?;
        self.stale_told = Some(Instant::now());
        let name =
            stale.path.map_or("the trust root in tracego".to_owned(), |path| path.display().to_string());
        Some(format!("{name} is {} days old", stale.age.as_secs() / 86_400))
    }
}

/// Converts a judgement to members of a record.
fn in_record(judgement: &Judgement, required: bool) -> ProvenRecord {
    let origin = judgement.origin.clone();
    let source = ProvenanceSource {
        repository: origin.repository,
        reference: origin.reference,
        revision: origin.revision,
        statement_revision: origin.statement_revision,
    };
    let is_proven = matches!(judgement.verdict, Verdict::Verified | Verdict::UntrustedSigner);
    ProvenRecord {
        verdict: match judgement.verdict {
            Verdict::Verified => ProvenanceVerdict::Verified,
            Verdict::UntrustedSigner => ProvenanceVerdict::UntrustedSigner,
            Verdict::Incomplete => ProvenanceVerdict::Incomplete,
            Verdict::Unchecked => ProvenanceVerdict::Unchecked,
            Verdict::BadSignature => ProvenanceVerdict::BadSignature,
            Verdict::Unsigned => ProvenanceVerdict::Unsigned,
        },
        required,
        signer: origin.signer,
        issuer: origin.issuer,
        key: origin.key,
        source: Some(source).filter(|source| *source != ProvenanceSource::default()),
        builder: origin.builder,
        run_url: origin.run_url,
        runner_environment: origin.runner_environment,
        predicate_type: origin.predicate_type,
        log: is_proven.then_some(match judgement.log {
            LogEvidence::None => "none",
            LogEvidence::Rekor => "rekor",
        }),
        log_time: judgement.log_time.clone(),
        error: judgement.error.clone(),
        stale_root: None,
        bundle: judgement.bundle.as_ref().map(|path| path.display().to_string()),
    }
}
