//! The agent's side: digests that are known, files that are being hashed, and what an answer proves.
//!
//! Nothing can change a file while a process runs it, and a change after that shows in the change time, unless it
//! comes within a tick of the last one. So a digest is that of what ran if the process ran the file a tick longer than
//! the file's last change, and the file did not change until it was hashed.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use lru::LruCache;
use tracego_common::TaskId;
use tracego_model::input::{
    digest::{DigestGap, FileDigest},
    fsverity::FsverityDigest,
};

pub use tracego_model::input::late_digest::{HashedStart, LateDigest};

use super::job::{DigestOrder, Handing, HashAnswer, HashLimits, HashedFile};
use crate::inspect::image::cache::FileKey;

/// Maximum number of digests that are known.
const KNOWN: NonZeroUsize = match NonZeroUsize::new(32 << 10) {
    Some(known) => known,
    None => NonZeroUsize::MIN,
};
/// Maximum number of starts that wait for a digest. The stages behind keep as many.
pub const WAITING_MAX: usize = 4096;
/// Maximum time without an answer while files wait; longer, the hasher counts as lost.
const SILENCE: Duration = Duration::from_secs(30);

/// Figures about the digests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DigestCounters {
    /// Number of starts whose digest was known.
    pub known: u64,
    /// Number of files that were hashed.
    pub hashed: u64,
    /// Number of starts whose digest may not be that of what ran.
    pub unproven: u64,
    /// Number of starts without a digest, in the order of [`DigestGap::ALL`].
    pub absent: [u64; DigestGap::ALL.len()],
    /// Number of starts that wait for a digest.
    pub waiting: usize,
    /// Number of times that the hasher was lost.
    pub lost: u64,
}

/// A file that is being hashed.
#[derive(Debug)]
struct PendingFile {
    key: FileKey,
    is_lasting: bool,
    fsverity: Option<FsverityDigest>,
    starts: Vec<HashedStart>,
}

/// A start whose process has to have run until a time for the digest to be that of what ran.
#[derive(Debug)]
struct UnprovenStart {
    start: HashedStart,
    number: u64,
    until_ns: u64,
    /// The time at which the process ended or executed another file, nanoseconds since 1970.
    ended_ns: Option<u64>,
    /// The answer, and the key of the file if the digest may be kept for it.
    answer: Option<(Result<HashedFile, DigestGap>, Option<FileKey>)>,
}

/// The digests of executed files, as the agent knows them.
#[derive(Debug)]
pub struct DigestRequests {
    answers: Receiver<HashAnswer>,
    limits: HashLimits,
    /// Digests of files, or why they have none.
    known: LruCache<FileKey, FileDigest>,
    pending: HashMap<u64, PendingFile>,
    numbers: HashMap<FileKey, u64>,
    unproven: VecDeque<UnprovenStart>,
    /// Results to hand on.
    late: Vec<LateDigest>,
    number: u64,
    heard: Instant,
    counts: DigestCounters,
}

impl DigestRequests {
    /// Creates the agent's side of a hasher.
    #[must_use]
    pub fn new(answers: Receiver<HashAnswer>, limits: HashLimits) -> Self {
        Self {
            answers,
            limits,
            known: LruCache::new(KNOWN),
            pending: HashMap::new(),
            numbers: HashMap::new(),
            unproven: VecDeque::new(),
            late: Vec::new(),
            number: 0,
            heard: Instant::now(),
            counts: DigestCounters::default(),
        }
    }

    /// Returns the current figures.
    #[must_use]
    pub fn counts(&self) -> DigestCounters {
        DigestCounters { waiting: self.waiting(), ..self.counts }
    }

    /// Returns the number of starts that wait for a digest.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pending.values().map(|file| file.starts.len()).sum::<usize>() + self.unproven.len()
    }

    /// Returns whether so many starts wait that the places left are for programs that start now, and no more for those that
    /// ran before.
    #[must_use]
    pub fn is_half_full(&self) -> bool {
        self.waiting() >= WAITING_MAX / 2
    }

    /// Returns what is known about a file, or joins the start to those that wait for it. `None` if the file has to be
    /// asked for. Files that were just changed when they were started are none of the known ones.
    pub fn find(&mut self, key: FileKey, start: HashedStart) -> Option<FileDigest> {
        if let Some(&known) = self.known.get(&key) {
            self.counts.known += u64::from(known.proven().is_some());
            return Some(match known {
                FileDigest::Absent(gap) => self.absent(gap),
                known => known,
            });
        }
        let number = *self.numbers.get(&key)?;
        if self.waiting() >= WAITING_MAX {
            return Some(self.absent(DigestGap::Busy));
        }
        self.pending.get_mut(&number)?.starts.push(start);
        Some(FileDigest::Pending)
    }

    /// Returns an order for a worker. `None` if too many starts wait.
    pub fn order(&mut self) -> Option<DigestOrder> {
        if self.waiting() >= WAITING_MAX {
            return None;
        }
        if self.pending.is_empty() {
            self.heard = Instant::now();
        }
        self.number += 1;
        Some(DigestOrder { number: self.number, limits: self.limits })
    }

    /// Takes what a worker says about an order, and returns what is known by now.
    pub fn handed(
        &mut self,
        order: Option<DigestOrder>,
        handing: Handing,
        key: FileKey,
        start: HashedStart,
    ) -> FileDigest {
        let number = match order {
            Some(order) => order.number,
            None => return self.absent(DigestGap::Busy),
        };
        match handing {
            Handing::Refused(gap) => {
                if gap == DigestGap::TooLarge {
                    self.known.put(key, FileDigest::Absent(gap));
                }
                self.absent(gap)
            }
            Handing::Handed { until_ns: 0, is_lasting, fsverity } => {
                self.pending.insert(number, PendingFile { key, is_lasting, fsverity, starts: vec![start] });
                if is_lasting {
                    self.numbers.insert(key, number);
                }
                FileDigest::Pending
            }
            Handing::Handed { until_ns, is_lasting, fsverity } => {
                self.pending.insert(number, PendingFile { key, is_lasting, fsverity, starts: Vec::new() });
                self.unproven.push_back(UnprovenStart {
                    start,
                    number,
                    until_ns,
                    ended_ns: None,
                    answer: None,
                });
                FileDigest::Pending
            }
        }
    }

    /// Notes that a process ended or executed another file, at a time in nanoseconds since 1970.
    pub fn ended(&mut self, id: TaskId, at_ns: u64) {
        for one in self.unproven.iter_mut().filter(|one| one.start.is_of(id) && one.ended_ns.is_none()) {
            one.ended_ns = Some(at_ns);
        }
    }

    /// Takes the answers that have come. `seen_ns`: the time of the latest event, nanoseconds since 1970; the ends of
    /// processes before that are known. Returns the digests of starts that had none, and whether the hasher is lost.
    pub fn take(&mut self, seen_ns: u64) -> (Vec<LateDigest>, bool) {
        while let Ok(answer) = self.answers.try_recv() {
            self.heard = Instant::now();
            self.answered(answer);
        }
        let is_lost = !self.pending.is_empty() && self.heard.elapsed() > SILENCE;
        if is_lost {
            self.counts.lost += 1;
            self.give_up(DigestGap::Failed);
        }
        self.prove(seen_ns);
        (std::mem::take(&mut self.late), is_lost)
    }

    /// Takes it that no more answers come. `gap`: why there is no digest.
    pub fn give_up(&mut self, gap: DigestGap) {
        let lost: Vec<u64> = self.pending.keys().copied().collect();
        for number in lost {
            self.answered(HashAnswer { number, result: Err(gap) });
        }
    }

    fn answered(&mut self, HashAnswer { number, result }: HashAnswer) {
        let Some(PendingFile { key, is_lasting, fsverity, starts }) = self.pending.remove(&number) else {
            return;
        };
        if self.numbers.get(&key) == Some(&number) {
            self.numbers.remove(&key);
        }
        self.counts.hashed += u64::from(result.is_ok_and(|file| file.is_read));
        let key = is_lasting.then_some(key);
        for start in starts {
            let digest = self.digest(result, true, key, fsverity);
            self.late.push(LateDigest { start, digest });
        }
        for one in self.unproven.iter_mut().filter(|one| one.number == number) {
            one.answer = Some((result, key));
        }
    }

    /// Hands on the digests of starts of which it is known by now whether their process ran long enough.
    fn prove(&mut self, seen_ns: u64) {
        for one in std::mem::take(&mut self.unproven) {
            let ran = one.ended_ns.map(|at| at >= one.until_ns).or((seen_ns > one.until_ns).then_some(true));
            match one.answer.zip(ran) {
                Some(((result, key), is_proven)) => {
                    let digest = self.digest(result, is_proven, key, None);
                    self.late.push(LateDigest { start: one.start, digest });
                }
                None => self.unproven.push_back(one),
            }
        }
    }

    /// Returns what an answer says about a start. `is_proven`: whether a change since the process ran the file would have
    /// moved the change time. `key`: the file that a proven digest is kept for; `fsverity`: the digest of a content that cannot
    /// change.
    fn digest(
        &mut self,
        result: Result<HashedFile, DigestGap>,
        is_proven: bool,
        key: Option<FileKey>,
        fsverity: Option<FsverityDigest>,
    ) -> FileDigest {
        match result {
            Err(gap) => self.absent(gap),
            Ok(HashedFile { sha256, is_unchanged, .. }) if is_proven && is_unchanged => {
                let fixed = fsverity.map(|fsverity| FileDigest::Fixed { sha256, fsverity });
                let digest = fixed.unwrap_or(FileDigest::Known(sha256));
                if let Some(key) = key {
                    self.known.put(key, digest);
                }
                digest
            }
            Ok(HashedFile { sha256, .. }) => {
                self.counts.unproven += 1;
                FileDigest::Unproven(sha256)
            }
        }
    }

    /// Counts a start without a digest.
    pub fn absent(&mut self, gap: DigestGap) -> FileDigest {
        let at = DigestGap::ALL.iter().position(|&one| one == gap);
        if let Some(count) = at.and_then(|at| self.counts.absent.get_mut(at)) {
            *count += 1;
        }
        FileDigest::Absent(gap)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use tracego_model::{
        clock::TICK_NS,
        input::{digest::Sha256Digest, fsverity::FsverityAlgorithm},
    };

    use super::*;

    const KEY: FileKey = (1, 2, 3);
    const DIGEST: Sha256Digest = Sha256Digest([9; 32]);

    const HASHED: HashedFile = HashedFile { sha256: DIGEST, is_unchanged: true, is_read: true };

    struct Trial {
        requests: DigestRequests,
        hasher: Sender<HashAnswer>,
    }

    impl Trial {
        fn new() -> Self {
            let (hasher, answers) = channel();
            let limits = HashLimits { file_bytes: 1, bytes_per_second: 1 };
            Self { requests: DigestRequests::new(answers, limits), hasher }
        }

        fn hand(&mut self, until_ns: u64, start: HashedStart) -> u64 {
            let order = self.requests.order();
            let handing = Handing::Handed { until_ns, is_lasting: true, fsverity: None };
            assert_eq!(self.requests.handed(order, handing, KEY, start), FileDigest::Pending);
            order.unwrap().number
        }

        fn answer(&mut self, number: u64, result: Result<HashedFile, DigestGap>) {
            self.hasher.send(HashAnswer { number, result }).unwrap();
        }

        fn take(&mut self, seen_ns: u64) -> Vec<(u64, FileDigest)> {
            let (late, is_lost) = self.requests.take(seen_ns);
            assert!(!is_lost);
            late.iter().map(|late| (late.start.boot_ns, late.digest)).collect()
        }
    }

    fn start(boot_ns: u64) -> HashedStart {
        HashedStart { id: TaskId { tgid: 4, start_boottime: 5, ..TaskId::default() }, boot_ns }
    }

    #[test]
    fn starts_of_one_file_share_its_digest() {
        let mut trial = Trial::new();
        assert_eq!(trial.requests.find(KEY, start(1)), None);
        let number = trial.hand(0, start(1));
        assert_eq!(trial.requests.find(KEY, start(2)), Some(FileDigest::Pending));
        assert_eq!((trial.take(0), trial.requests.waiting()), (vec![], 2));
        trial.answer(number, Ok(HASHED));
        let known = FileDigest::Known(DIGEST);
        assert_eq!(trial.take(0), [(1, known), (2, known)]);
        assert_eq!(trial.requests.find(KEY, start(3)), Some(known));
        let counts = trial.requests.counts();
        assert_eq!((counts.hashed, counts.known, counts.waiting), (1, 1, 0));
    }

    #[test]
    fn a_digest_counts_only_if_the_process_ran_long_enough() {
        let mut trial = Trial::new();
        // It ended too early, late enough, or was seen to run on.
        for (ended, seen, is_proven) in [(Some(99), 500, false), (Some(100), 0, true), (None, 101, true)] {
            let number = trial.hand(100, start(1));
            trial.answer(number, Ok(HASHED));
            assert_eq!(trial.take(100), []);
            if let Some(ended) = ended {
                trial.requests.ended(start(1).id, ended);
            }
            let wanted = if is_proven { FileDigest::Known(DIGEST) } else { FileDigest::Unproven(DIGEST) };
            assert_eq!(trial.take(seen), [(1, wanted)], "{ended:?} {seen}");
        }
        assert_eq!(trial.requests.waiting(), 0);
    }

    #[test]
    fn the_digest_of_fs_verity_comes_with_the_other_and_is_known_with_it() {
        let mut trial = Trial::new();
        let fsverity = FsverityDigest::new(FsverityAlgorithm::Sha256, &[5; 32]).unwrap();
        let fixed = FileDigest::Fixed { sha256: DIGEST, fsverity };
        let order = trial.requests.order();
        let handing = Handing::Handed { until_ns: 0, is_lasting: true, fsverity: Some(fsverity) };
        assert_eq!(trial.requests.handed(order, handing, KEY, start(1)), FileDigest::Pending);
        // Another file had the same digest of fs-verity.
        trial.answer(order.unwrap().number, Ok(HashedFile { is_read: false, ..HASHED }));
        assert_eq!(trial.take(0), [(1, fixed)]);
        assert_eq!(trial.requests.find(KEY, start(2)), Some(fixed));
        let DigestCounters { hashed, known, .. } = trial.requests.counts();
        assert_eq!((hashed, known), (0, 1));
    }

    #[test]
    fn the_end_of_a_process_that_ran_before_is_met_within_a_tick() {
        let id = |start_boottime| TaskId { tgid: 4, start_boottime, ..TaskId::default() };
        let start = HashedStart { id: id(3 * TICK_NS), boot_ns: 1 };
        for (ended, is_proven) in [(3 * TICK_NS + 7, false), (4 * TICK_NS, true), (3 * TICK_NS - 1, true)] {
            let mut trial = Trial::new();
            let number = trial.hand(100, start);
            trial.answer(number, Ok(HASHED));
            trial.requests.ended(id(ended), 99);
            let wanted = if is_proven { FileDigest::Known(DIGEST) } else { FileDigest::Unproven(DIGEST) };
            assert_eq!(trial.take(101), [(1, wanted)], "{ended}");
        }
    }

    #[test]
    fn what_ran_before_leaves_half_of_the_places() {
        let mut trial = Trial::new();
        trial.hand(0, start(0));
        for boot_ns in 1..WAITING_MAX as u64 / 2 {
            assert!(!trial.requests.is_half_full());
            assert_eq!(trial.requests.find(KEY, start(boot_ns)), Some(FileDigest::Pending));
        }
        assert!(trial.requests.is_half_full());
        assert_eq!(trial.requests.find(KEY, start(9)), Some(FileDigest::Pending), "a start has a place");
    }

    #[test]
    fn a_digest_of_a_file_whose_change_time_moved_is_not_proven() {
        let mut trial = Trial::new();
        let number = trial.hand(0, start(1));
        trial.answer(number, Ok(HashedFile { is_unchanged: false, ..HASHED }));
        assert_eq!(trial.take(0), [(1, FileDigest::Unproven(DIGEST))]);
        assert_eq!(trial.requests.find(KEY, start(2)), None, "it is not kept");
    }

    #[test]
    fn what_has_no_digest_says_why_and_only_a_size_is_remembered() {
        let mut trial = Trial::new();
        let number = trial.hand(0, start(1));
        trial.answer(number, Err(DigestGap::Changed));
        assert_eq!(trial.take(0), [(1, FileDigest::Absent(DigestGap::Changed))]);
        assert_eq!(trial.requests.find(KEY, start(1)), None);
        for gap in [DigestGap::Busy, DigestGap::TooLarge] {
            let order = trial.requests.order();
            let found = trial.requests.handed(order, Handing::Refused(gap), KEY, start(1));
            assert_eq!(found, FileDigest::Absent(gap));
        }
        assert_eq!(trial.requests.find(KEY, start(1)), Some(FileDigest::Absent(DigestGap::TooLarge)));
        assert_eq!(trial.requests.counts().absent, [2, 1, 0, 0, 1, 0, 0]);
    }
}
