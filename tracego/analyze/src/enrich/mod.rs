//! Event + process table → [`Record`].
//!
//! What the kernel record holds is never looked up again in /proc, so a process that lives a
//! millisecond is as complete as one that lives a day.

pub mod ci;
pub mod context;
pub mod env;
mod envelope;
pub mod image;
mod lifecycle;
mod start;
mod stream;
pub mod table;
pub mod trace;
pub mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::{Arc, Weak},
};

use lru::LruCache;
use table::Table;
use tracego_common::TaskId;
use tracego_model::linux::users::Users;
use tracego_model::record::Origin;
pub use tracego_model::record::Record;

use context::OpenJob;
use tracego_golang::{Image, task::Task};
use tracego_model::{
    clock::{Clock, Reading},
    enforcement::Shared,
    event::Event,
    input::{Seed, Takeover, facts::Surroundings, note::Note},
};

/// What does not change during a run.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Host and agent.
    pub origin: Arc<Origin>,
    /// This boot.
    pub boot_id: Arc<str>,
    /// `--env KEY=VALUE`.
    pub injected: Vec<(String, String)>,
    /// Names of users.
    pub users: Users,
    /// Clock ticks a second.
    pub tick_hz: u64,
    /// Bytes of a page.
    pub page_size: u64,
    /// Random for each run: part of the `log.record.uid` of what tracego itself says, and of events where no
    /// other run continues this one.
    pub instance: u32,
    /// Leave arguments and variables as they are.
    pub raw: bool,
    /// Variables that only rules look at: records do not show them.
    pub unshown: Arc<BTreeSet<String>>,
    /// What is in force, where programs are stopped.
    pub enforcement: Option<Arc<Shared>>,
}

/// Jobs whose identity outlives their processes.
const RECENT_JOBS: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};

/// Turns events into records.
pub struct Enricher {
    meta: Meta,
    explicit: ci::Identity,
    table: Table,
    jobs: HashMap<TaskId, Weak<OpenJob>>,
    /// Jobs that were opened last: what is told about one when it is over, such as a loss, still says
    /// which it was.
    recent_jobs: LruCache<TaskId, Arc<OpenJob>>,
    clock: Clock,
    observed: Reading,
    /// Of the runs that continue each other.
    takeover: Takeover,
    seq: u64,
    environments: env::Recent,
    images: image::Recent,
    rights: start::Rights,
}

/// A record, and of a program start what rules look at beside it.
#[derive(Debug)]
pub struct Enriched {
    /// The record.
    pub record: Record,
    /// Of a program start.
    pub start: Option<Started>,
}

/// What rules look at beside the record of a program start.
#[derive(Clone, Debug)]
pub struct Started {
    /// The process.
    pub id: TaskId,
    /// What it is in Go's world.
    pub task: Task,
    /// What its executable says, where it could be read.
    pub image: Option<Arc<Image>>,
    /// What is around it, where it was looked at.
    pub surroundings: Option<Arc<Surroundings>>,
    /// All allowed variables of the process itself.
    pub variables: Arc<BTreeMap<Arc<str>, String>>,
}

impl From<Record> for Enriched {
    fn from(record: Record) -> Self {
        Self { record, start: None }
    }
}

impl Enricher {
    /// For one run.
    #[must_use]
    pub fn new(meta: Meta) -> Self {
        let explicit = context::explicit(&meta.injected);
        let (clock, observed) = (Clock::default(), Reading::default());
        let takeover = Takeover { instance: meta.instance, ..Takeover::default() };
        Self {
            meta,
            explicit,
            table: Table::default(),
            jobs: HashMap::new(),
            recent_jobs: LruCache::new(RECENT_JOBS),
            clock,
            observed,
            takeover,
            seq: 0,
            environments: env::Recent::default(),
            images: image::Recent::default(),
            rights: start::Rights::default(),
        }
    }

    /// The clocks when the coming events were taken from the ring.
    pub fn set_clock(&mut self, reading: Reading) {
        self.clock.set(reading);
        self.observed = reading;
    }

    /// Goes on where another run was: events have the ids and times that it would have given them.
    pub fn take_over(&mut self, takeover: Takeover) {
        self.takeover = takeover;
        if let Some(offset) = takeover.offset {
            self.clock = Clock::continued(offset);
        }
    }

    /// Nanoseconds from the boot clock to the wall clock.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.clock.offset()
    }

    /// Processes in the table.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.table.len()
    }

    /// Takes the processes that run already into the table.
    pub fn seed(&mut self, seeds: &[Seed]) {
        let clock = self.clock;
        self.table.seed(seeds, self.meta.tick_hz, |ns| clock.wall(ns));
    }

    /// Remembers what later records need from an event that is not written.
    pub fn note(&mut self, event: &Event<'_>, note: Option<&Note>) {
        match event {
            Event::Exec(exec) => self.note_start(exec, note),
            Event::Fork(fork) => self.note_fork(fork),
            Event::Exit(exit) => self.table.remove(exit.header.id),
            Event::Failed(_) | Event::Chunk(_) | Event::Verdict(_) => {}
        }
    }

    /// Makes the record of an event and remembers what later ones need; nothing for a piece of argv.
    pub fn record(&mut self, event: &Event<'_>, note: Option<&Note>) -> Option<Enriched> {
        match event {
            Event::Exec(exec) => Some(self.start(exec, note)),
            Event::Fork(fork) => {
                self.note_fork(fork);
                Some(self.fork(fork).into())
            }
            Event::Exit(exit) => {
                let record = self.exit(exit);
                self.table.remove(exit.header.id);
                Some(record.into())
            }
            Event::Failed(failed) => Some(self.failed(failed).into()),
            Event::Verdict(verdict) => self.verdict(verdict).map(Into::into),
            Event::Chunk(_) => None,
        }
    }

    /// The last record is not written after all: the next one takes its number.
    pub fn withdraw(&mut self, record: &Record) {
        if record.seq == self.seq {
            self.seq -= 1;
        }
    }

    /// Jobs of which a process runs, by the identity of the one that opened them.
    #[must_use]
    pub fn running_jobs(&self) -> BTreeSet<String> {
        let running = |(root, job): &(&TaskId, &Weak<OpenJob>)| {
            job.strong_count() > usize::from(self.recent_jobs.contains(root))
        };
        self.jobs.iter().filter(running).map(|(root, _)| self.exec_id(*root)).collect()
    }
}

/// Whether a number is left out of a record.
pub(crate) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Boot id, start and pid: never a bare pid.
pub(crate) fn exec_id(boot_id: &str, id: TaskId) -> String {
    format!("{boot_id}-{:x}-{:x}", id.start_boottime, id.tgid)
}
