//! Settings → judgements of digests.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::SystemTime,
};

use lru::LruCache;

use crate::{
    bundle::{self, BundleForm},
    candidates::{self, Candidates},
    digest::Sha256Digest,
    explanation::{CheckStep, Explanation, Steps},
    judgement::{Judgement, OtherBundle, Verdict},
    key::{self, KeyProblem},
    listing::StoreListing,
    settings::Settings,
    signer::SignerProblem,
    statement::StatementDepth,
    store::{Index, StoreSummary, fingerprint, tree},
    trust_root::{RootAge, RootProblem, TrustRoots},
    verification::{JudgedFile, Trust, judge},
};

/// Judgements that are kept.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::new(2048).unwrap();
/// Bundles in one file that are judged.
const MOST_BUNDLES: usize = 64;
/// Beginning of the error of a verifier that panicked.
const PANICKED: &str = "the verifier failed";
/// Bundles that do not decide, and are named in a judgement.
const MOST_OTHERS: usize = 8;

/// Reason why settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A signer is refused.
    #[error("signers: entry {number}: {problem}")]
    Signer {
        /// The number of the signer, from 1.
        number: usize,
        /// The reason.
        problem: SignerProblem,
    },
    /// A key is refused.
    #[error("keys: {0}")]
    Key(KeyProblem),
    /// A trust root is refused.
    #[error("trusted-root: {0}")]
    Root(RootProblem),
}

// Neither is a source: the text has it already, and would be printed twice.
impl From<KeyProblem> for OpenError {
    fn from(problem: KeyProblem) -> Self {
        Self::Key(problem)
    }
}

impl From<RootProblem> for OpenError {
    fn from(problem: RootProblem) -> Self {
        Self::Root(problem)
    }
}

/// Bundles, and what is trusted. Threads may share one.
pub struct Provenance {
    settings: Settings,
    trust: Trust,
    generation: RwLock<Arc<Generation>>,
    unsigned: Arc<Judgement>,
}

/// The content of the store at one time, with the judgements that follow from it.
struct Generation {
    number: u64,
    index: Index,
    kept: Mutex<LruCache<JudgedKey, Arc<Judgement>>>,
    /// Documents that are not what the index found any more, by their numbers, with the reason.
    changed: Mutex<BTreeMap<u32, String>>,
}

/// A digest, with the number of the signature beside the file.
type JudgedKey = (Sha256Digest, Option<u32>);

impl Generation {
    fn read(number: u64, settings: &Settings) -> Arc<Self> {
        let index = Index::read(&settings.store, &settings.predicate_types);
        let kept = Mutex::new(LruCache::new(MOST_KEPT));
        Arc::new(Self { number, index, kept, changed: Mutex::default() })
    }

    /// Returns the documents about a file that are verified.
    fn candidates(&self, trust: &Trust, file: &JudgedFile<'_>, beside: Option<u32>) -> Candidates {
        Candidates::choose(&self.index, trust, self.index.about(file.digest).chain(beside))
    }

    fn changed(&self) -> MutexGuard<'_, BTreeMap<u32, String>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provenance {
    /// Reads roots, keys and the index of the store. What cannot be read in the store is in its [summary](Self::summary).
    ///
    /// # Errors
    /// Fails if a signer, a key or a root is refused.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        crate::crypto_provider::install();
        for (number, signer) in (1..).zip(&settings.signers) {
            signer.check().map_err(|problem| OpenError::Signer { number, problem })?;
        }
        let trust = Trust {
            roots: TrustRoots::read(&settings.trusted_root)?,
            signers: settings.signers.clone(),
            keys: key::read_all(&settings.keys)?,
            predicate_types: settings.predicate_types.clone(),
        };
        let generation = RwLock::new(Generation::read(1, &settings));
        Ok(Self { settings, trust, generation, unsigned: Arc::new(Judgement::of(Verdict::Unsigned)) })
    }

    fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the judgement of a file. The best verdict of all bundles about its digest counts, in the order of
    /// [`Verdict`]. The path finds a signature beside the file, and its content where a signature is over that; a file
    /// without bundles is not opened.
    ///
    /// The first judgement of a digest takes milliseconds; it is kept until the store is read again.
    pub fn judge<'a>(&self, digest: &Sha256Digest, path: impl Into<Option<&'a Path>>) -> Arc<Judgement> {
        let generation = self.current();
        let file = JudgedFile { digest, path: path.into() };
        let beside = file.path.and_then(|path| generation.index.beside(path));
        if generation.index.about(digest).len() == 0 && beside.is_none() {
            return Arc::clone(&self.unsigned);
        }
        let key = (*digest, beside);
        let kept = || generation.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(judgement) = kept().get(&key) {
            return Arc::clone(judgement);
        }
        let mut found = Vec::new();
        let candidates = generation.candidates(&self.trust, &file, beside);
        for number in candidates.numbers {
            let Some((judgement, _)) = self.judge_current(&generation, number, &file, false) else {
                continue;
            };
            let is_verified = judgement.verdict == Verdict::Verified;
            found.push(judgement);
            if is_verified {
                break;
            }
        }
        let judgement = Arc::new(Judgement { left_out: candidates.left_out, ..best(found) });
        // The file may be there the next time.
        if judgement.verdict != Verdict::Unchecked {
            kept().put(key, Arc::clone(&judgement));
        }
        judgement
    }

    /// Judges one bundle that the index found. Returns nothing, and counts the bundle as damaged, if its file was written
    /// since and has no such bundle now: half of a new bundle says nothing against a file.
    fn judge_current(
        &self,
        generation: &Generation,
        number: u32,
        file: &JudgedFile<'_>,
        is_explained: bool,
    ) -> Option<(Judgement, Vec<CheckStep>)> {
        if let Some((place, path)) = generation.index.place(number)
            && let Ok(bytes) = place.read(path)
        {
            if let Some(reason) = candidates::changed(place.form, &bytes, file.digest) {
                generation.changed().insert(number, reason);
                return None;
            }
            return Some(self.judge_bytes((place.form, &bytes, path), file, is_explained));
        }
        Some(self.judge_bundle(&generation.index, number, file, is_explained))
    }

    /// Judges one bundle. A panic in the verifier is a judgement of this bundle alone.
    fn judge_bundle(
        &self,
        index: &Index,
        number: u32,
        file: &JudgedFile<'_>,
        is_explained: bool,
    ) -> (Judgement, Vec<CheckStep>) {
        let Some((place, path)) = index.place(number) else {
            return (Judgement::failed(Verdict::Unchecked, "the index is damaged"), Vec::new());
        };
        let bytes = match place.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let error = format!("{}: {error}; reload after changes in the store", path.display());
                let judgement = Judgement::failed(Verdict::Unchecked, error);
                return (Judgement { bundle: Some(path.to_owned()), ..judgement }, Vec::new());
            }
        };
        self.judge_bytes((place.form, &bytes, path), file, is_explained)
    }

    /// Judges one document. A panic in the verifier is a judgement of this document alone.
    fn judge_bytes(
        &self,
        document: (BundleForm, &[u8], &Path),
        file: &JudgedFile<'_>,
        is_explained: bool,
    ) -> (Judgement, Vec<CheckStep>) {
        let mut steps = Steps::new(is_explained);
        let work = || judge(&self.trust, document, file, &mut steps);
        let judgement = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            let judgement = Judgement::failed(Verdict::Unchecked, format!("{PANICKED}: {text}"));
            Judgement { bundle: Some(document.2.to_owned()), ..judgement }
        });
        (judgement, steps.list)
    }

    /// Returns the judgement of a document in memory, with the checks that were done, whatever the store holds.
    #[must_use]
    pub fn judge_document(&self, json: &[u8], digest: &Sha256Digest) -> Explanation {
        let file = JudgedFile { digest, path: None };
        let (judgement, steps) = match bundle::read(json, StatementDepth::Subjects) {
            Ok(document) => self.judge_bytes((document.form, json, Path::new("")), &file, true),
            Err(error) => (Judgement::failed(Verdict::BadSignature, error.to_string()), Vec::new()),
        };
        Explanation { bundle: PathBuf::new(), steps, judgement }
    }

    /// Returns the judgement of one bundle about a file, whatever the store holds.
    #[must_use]
    pub fn judge_bundle_file<'a>(
        &self,
        bundle: &Path,
        digest: &Sha256Digest,
        path: impl Into<Option<&'a Path>>,
    ) -> Judgement {
        let index = Index::read(&[bundle.to_owned()], &self.settings.predicate_types);
        let file = JudgedFile { digest, path: path.into() };
        let judged = index.numbers().map(|number| self.judge_bundle(&index, number, &file, false).0);
        best(judged.take(MOST_BUNDLES).collect())
    }

    /// Returns the checks of each bundle about a file.
    pub fn explain<'a>(&self, digest: &Sha256Digest, path: impl Into<Option<&'a Path>>) -> Vec<Explanation> {
        let generation = self.current();
        let file = JudgedFile { digest, path: path.into() };
        let beside = file.path.and_then(|path| generation.index.beside(path));
        let numbers = generation.candidates(&self.trust, &file, beside).numbers.into_iter();
        let explained = numbers.filter_map(|number| {
            let (judgement, steps) = self.judge_current(&generation, number, &file, true)?;
            Some(Explanation { bundle: judgement.bundle.clone().unwrap_or_default(), steps, judgement })
        });
        explained.collect()
    }

    /// Reads the store again. Judgements that were kept are forgotten, and the generation rises by one.
    pub fn reload(&self) {
        let read = Generation::read(self.generation() + 1, &self.settings);
        *self.generation.write().unwrap_or_else(PoisonError::into_inner) = read;
    }

    /// Reads the store again if its files have changed. Returns whether they have.
    pub fn reload_if_changed(&self) -> bool {
        let files = tree(&self.settings.store, &mut StoreSummary::default());
        let is_changed = fingerprint(&files) != self.current().index.fingerprint;
        if is_changed {
            self.reload();
        }
        is_changed
    }

    /// Number of times that the store was read.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.current().number
    }

    /// Returns what is in the store, in numbers, and what is wrong in it.
    #[must_use]
    pub fn summary(&self) -> StoreSummary {
        let generation = self.current();
        let mut summary = generation.index.summary.clone();
        for (number, reason) in generation.changed().iter() {
            if let Some((_, path)) = generation.index.place(*number) {
                summary.problem(path, None, format_args!("was written since the store was read: {reason}"));
            }
        }
        summary
    }

    /// Returns each document of the store, with what it claims. The store is read anew, and nothing is verified.
    #[must_use]
    pub fn listing(&self) -> StoreListing {
        StoreListing::read(&self.settings.store)
    }

    /// Returns the age of each trust root.
    #[must_use]
    pub fn root_ages(&self, now: SystemTime) -> Vec<RootAge> {
        self.trust.roots.ages(now)
    }

    /// The settings that are in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Returns the best judgement, with the others in it.
fn best(mut found: Vec<Judgement>) -> Judgement {
    // Stable: of equal verdicts the first bundle counts.
    found.sort_by_key(|judgement| judgement.verdict);
    let mut found = found.into_iter();
    let Some(mut best) = found.next() else { return Judgement::of(Verdict::Unsigned) };
    best.others = found
        .take(MOST_OTHERS)
        .map(|judgement| OtherBundle {
            bundle: judgement.bundle.unwrap_or_default(),
            verdict: judgement.verdict,
            error: judgement.error,
        })
        .collect();
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256_of;

    #[test]
    fn threads_may_share_it() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<Provenance>();
    }

    #[test]
    fn a_reason_is_given_once() {
        let settings = Settings { trusted_root: vec!["/no/such/root".into()], ..Settings::default() };
        let error = Provenance::open(settings).err().unwrap();
        assert!(std::error::Error::source(&error).is_none());
        assert_eq!(error.to_string().matches("/no/such/root").count(), 1, "{error}");
    }

    #[test]
    fn the_best_verdict_counts_and_the_others_are_named() {
        let of = |verdict| Judgement::failed(verdict, "x");
        let all = [Verdict::BadSignature, Verdict::Unchecked, Verdict::UntrustedSigner, Verdict::Incomplete];
        let judgement = best(all.map(of).to_vec());
        assert_eq!(judgement.verdict, Verdict::UntrustedSigner);
        let others: Vec<Verdict> = judgement.others.iter().map(|other| other.verdict).collect();
        assert_eq!(others, [Verdict::Incomplete, Verdict::Unchecked, Verdict::BadSignature]);
        assert_eq!(best(vec![of(Verdict::BadSignature); 20]).others.len(), MOST_OTHERS);
    }

    #[test]
    fn without_a_store_everything_is_unsigned() {
        let provenance = Provenance::open(Settings::default()).unwrap();
        let judgement = provenance.judge(&sha256_of(b""), None);
        assert_eq!((judgement.verdict, provenance.generation()), (Verdict::Unsigned, 1));
        provenance.reload();
        assert_eq!(provenance.generation(), 2);
        assert!(!provenance.reload_if_changed());
    }
}
