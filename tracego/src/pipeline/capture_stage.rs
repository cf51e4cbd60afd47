//! A capture that keeps the verdicts about executables, too.

use std::{io, num::NonZeroUsize};

use lru::LruCache;
use tracego_analyze::inspect::digest::requests::{HashedStart, LateDigest};
use tracego_model::{
    capture::CaptureWriter,
    clock::Reading,
    event::Event,
    input::{
        Input,
        batch::{Batch, DecodedEvent},
        digest::{FileDigest, Sha256Digest},
    },
    ledger::Ledger,
    process_key::ProcessKey,
};

use super::Consumer;
use crate::provenance::ProvenanceStage;

/// Maximum number of starts that wait for a digest or a verdict, and of verdicts that are known.
const STARTS_MAX: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// The writer of a capture, and the stage that judges executables, where it is configured.
///
/// Each digest is judged once for each path, as it is in a run that makes records.
pub(crate) struct CaptureStage {
    writer: CaptureWriter,
    provenance: Option<ProvenanceStage>,
    /// Paths of starts whose digest is to come.
    undigested: LruCache<(ProcessKey, u64), String>,
    /// Paths of starts whose verdict is to come.
    unjudged: LruCache<(ProcessKey, u64), String>,
    known: LruCache<(Sha256Digest, String), ()>,
}

impl CaptureStage {
    /// Creates the stage around a writer.
    pub(crate) fn new(writer: CaptureWriter) -> Self {
        let known = LruCache::new(STARTS_MAX);
        let (undigested, unjudged) = (LruCache::new(STARTS_MAX), LruCache::new(STARTS_MAX));
        Self { writer, provenance: None, undigested, unjudged, known }
    }

    /// Asks about the executables of starts.
    fn follow(&mut self, events: &[DecodedEvent<'_>]) {
        if self.provenance.is_none() {
            return;
        }
        for DecodedEvent { event, note, .. } in events {
            let (Ok(Event::Exec(exec)), Some(note)) = (event, note) else { continue };
            let start = HashedStart::of(&exec.fixed.header);
            let path = String::from_utf8_lossy(&exec.exe).into_owned();
            match note.digest {
                Some(FileDigest::Pending) => {
                    self.undigested.put(start.key(), path);
                }
                Some(digest) => self.ask(start, digest, path),
                None => {}
            }
        }
    }

    fn ask(&mut self, start: HashedStart, digest: FileDigest, path: String) {
        let (Some(stage), Some(sha256)) = (&mut self.provenance, digest.proven()) else { return };
        if stage.forget_outdated() {
            self.known.clear();
        }
        if self.known.get(&(sha256, path.clone())).is_none() && stage.inquire(start, sha256, path.clone()) {
            self.unjudged.put(start.key(), path);
        }
    }
}

impl Consumer for CaptureStage {
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.writer.take(input)
    }

    fn take_batch(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.follow(&events);
        self.writer.take_batch(batch, events)
    }

    fn take_inventory(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.follow(&events);
        self.writer.take_inventory(batch, events)
    }

    fn take_digests(&mut self, digests: Vec<LateDigest>) -> io::Result<()> {
        for LateDigest { start, digest } in &digests {
            if let Some(path) = self.undigested.pop(&start.key()) {
                self.ask(*start, *digest, path);
            }
        }
        self.writer.take_digests(digests)
    }

    fn take_verdicts(&mut self) -> io::Result<()> {
        let Some(stage) = &mut self.provenance else { return Ok(()) };
        let verdicts: Vec<_> = std::iter::from_fn(|| stage.heard()).collect();
        if verdicts.is_empty() {
            return Ok(());
        }
        for verdict in &verdicts {
            let start = verdict.start;
            if let Some(path) = self.unjudged.pop(&start.key()) {
                self.known.put((verdict.sha256, path), ());
            }
        }
        self.writer.take(Input::Verdicts(verdicts, Reading::now()))
    }

    fn awaited(&self) -> usize {
        self.unjudged.len()
    }

    fn set_provenance(&mut self, stage: ProvenanceStage) {
        self.provenance = Some(stage);
        // A replay learns by it that verdicts will come.
        if let Err(error) = self.writer.take(Input::Verdicts(Vec::new(), Reading::now())) {
            tracing::error!(%error, "the capture cannot be written");
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.writer.end()
    }

    fn ledger(&self) -> Ledger {
        Consumer::ledger(&self.writer)
    }

    fn refusal(&self) -> Option<String> {
        Consumer::refusal(&self.writer)
    }
}
