//! State about earlier processes, for rules that look at more than one. Every part has a bound; evictions are
//! counted.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroUsize,
    sync::Arc,
};

use lru::LruCache;
use tracego_common::TaskId;

use super::{
    job::{
        commit::is_explicit,
        identity::JobMember,
        shared_state::RunningBuild,
        tracked_job::{JobCheckouts, TrackedJob},
    },
    subject::Subject,
};

/// Maximum number of go commands that run at once.
const COMMANDS: NonZeroUsize = bound(1024);
/// Maximum number of jobs.
pub(super) const JOBS: NonZeroUsize = bound(1024);
/// Maximum number of processes of jobs.
const MEMBERS: NonZeroUsize = bound(8192);
/// Maximum number of containers whose first process belongs to a job.
const CONTAINERS: NonZeroUsize = bound(1024);
/// Maximum number of remembered findings that are reported once.
const TOLD: NonZeroUsize = bound(4096);

const fn bound(entries: usize) -> NonZeroUsize {
    match NonZeroUsize::new(entries) {
        Some(entries) => entries,
        None => NonZeroUsize::MIN,
    }
}

/// The state about earlier processes; see the module.
#[derive(Debug)]
pub struct RuleState {
    commands: LruCache<TaskId, RunningBuild>,
    told: LruCache<u64, ()>,
    hasher: RandomState,
    pub(super) jobs: LruCache<Arc<str>, TrackedJob>,
    pub(super) members: LruCache<TaskId, JobMember>,
    pub(super) containers: LruCache<Arc<str>, (TaskId, Arc<str>)>,
    without_job: JobCheckouts,
    forgotten: u64,
}

impl Default for RuleState {
    fn default() -> Self {
        Self {
            commands: LruCache::new(COMMANDS),
            told: LruCache::new(TOLD),
            hasher: RandomState::new(),
            jobs: LruCache::new(JOBS),
            members: LruCache::new(MEMBERS),
            containers: LruCache::new(CONTAINERS),
            without_job: JobCheckouts::default(),
            forgotten: 0,
        }
    }
}

impl RuleState {
    /// Returns the number of entries evicted so far.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Returns the go commands that run.
    pub(super) fn builders(&self) -> impl Iterator<Item = (&TaskId, &RunningBuild)> {
        self.commands.iter()
    }

    /// Adds a running go command of a job.
    pub(super) fn builds(&mut self, id: TaskId, building: RunningBuild) {
        push(&mut self.commands, id, building, &mut self.forgotten);
    }

    /// Whether a finding is reported for the first time. Remembers it.
    pub(super) fn is_new(&mut self, what: &impl Hash) -> bool {
        let key = self.hasher.hash_one(what);
        let known = self.told.get(&key).is_some();
        if !known {
            push(&mut self.told, key, (), &mut self.forgotten);
        }
        !known
    }

    /// Returns the job of a process, as a text that all its processes share.
    pub(super) fn job_key(&mut self, subject: &Subject<'_>) -> Option<Arc<str>> {
        let key = subject.job()?;
        let known = self.jobs.get_key_value(key).map(|(key, _)| Arc::clone(key));
        Some(known.unwrap_or_else(|| key.into()))
    }

    /// Returns the checkouts of the subject's job; `None` without a job. All that `--env` gives a commit to is one.
    pub(super) fn checkouts_of(&self, subject: &Subject<'_>) -> Option<&JobCheckouts> {
        let job = subject.job().and_then(|key| self.jobs.peek(key));
        job.map(|job| &job.checkouts).or_else(|| is_explicit(subject).then_some(&self.without_job))
    }

    /// Updates the state from a program start, after the rules have run on it.
    pub(super) fn note(&mut self, subject: &Subject<'_>, member: Option<JobMember>) {
        if subject.invocation().is_none() && !self.commands.is_empty() {
            // The process now runs another program.
            self.commands.pop(&subject.id);
        }
        let opens = member.as_ref().is_some_and(|member| member.opens);
        let job = member.map(|member| {
            let job = Arc::clone(&member.job);
            self.enter(subject.id, member);
            job
        });
        let checkouts = match job.and_then(|job| self.jobs.get_mut(&job)) {
            Some(job) => &mut job.checkouts,
            // Processes without a job have nothing in common, unless --env says so.
            None if is_explicit(subject) => &mut self.without_job,
            None => return,
        };
        let process = subject.record.process.as_ref().filter(|_| opens);
        let folder = process.and_then(|process| process.working_directory.as_ref());
        checkouts.begin(folder, subject.record.timestamp);
        if let (Some(around), Some(_)) = (subject.surroundings, subject.invocation())
            && let Some(module) = &around.go_mod
        {
            checkouts.builds(&module.module, around.checkout.as_ref());
        }
    }

    /// Adds a process of a job.
    pub(super) fn enter(&mut self, id: TaskId, member: JobMember) {
        let job = Arc::clone(&member.job);
        let before = push(&mut self.members, id, member, &mut self.forgotten);
        if let Some(before) = before {
            self.left(&before, 0);
        }
        let Some(member) = self.members.peek(&id) else { return };
        let (opens, container) = (member.opens, member.first_of.clone());
        if self.jobs.peek(&job).is_none() {
            push(&mut self.jobs, Arc::clone(&job), TrackedJob::default(), &mut self.forgotten);
        }
        if let Some(state) = self.jobs.get_mut(&job)
            && opens
        {
            state.openers += 1;
            state.ended = None;
        }
        if let Some(container) = container {
            push(&mut self.containers, container, (id, job), &mut self.forgotten);
        }
    }

    /// Handles the exit of a process; `now` is in nanoseconds since boot.
    pub(super) fn exit(&mut self, id: TaskId, now: u64) {
        self.commands.pop(&id);
        if let Some(member) = self.members.pop(&id) {
            self.left(&member, now);
            if let Some(container) = &member.first_of
                && self.containers.peek(container).is_some_and(|(first, _)| *first == id)
            {
                self.containers.pop(container);
            }
        }
    }

    fn left(&mut self, member: &JobMember, now: u64) {
        if let Some(job) = self.jobs.get_mut(&member.job)
            && member.opens
        {
            job.openers = job.openers.saturating_sub(1);
            if job.openers == 0 {
                job.ended = Some(now);
            }
        }
    }
}

/// Inserts a value. Returns the previous value of the same key. An evicted entry is counted.
fn push<K: Hash + Eq + Clone, V>(
    cache: &mut LruCache<K, V>,
    key: K,
    value: V,
    forgotten: &mut u64,
) -> Option<V> {
    let (old, before) = cache.push(key.clone(), value)?;
    if old == key {
        return Some(before);
    }
    *forgotten += 1;
    None
}
