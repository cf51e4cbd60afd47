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
use tracego_model::meta::Meta;
use tracego_model::record::builder::RecordBuilder;

use lru::LruCache;
use table::Table;
use tracego_common::TaskId;
pub use tracego_model::record::Record;

use context::OpenJob;
use tracego_golang::{Image, task::Task};
use tracego_model::{
    clock::Reading,
    event::Event,
    input::{Seed, Takeover, facts::Surroundings, note::Note},
};

/// Jobs whose identity outlives their processes.
const RECENT_JOBS: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};

/// Turns events into records.
pub struct Enricher {
    builder: RecordBuilder,
    explicit: ci::Identity,
    table: Table,
    jobs: HashMap<TaskId, Weak<OpenJob>>,
    /// Jobs that were opened last: what is told about one when it is over, such as a loss, still says
    /// which it was.
    recent_jobs: LruCache<TaskId, Arc<OpenJob>>,
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
        Self {
            builder: RecordBuilder::new(meta),
            explicit,
            table: Table::default(),
            jobs: HashMap::new(),
            recent_jobs: LruCache::new(RECENT_JOBS),
            environments: env::Recent::default(),
            images: image::Recent::default(),
            rights: start::Rights::default(),
        }
    }

    /// The clocks when the coming events were taken from the ring.
    pub fn set_clock(&mut self, reading: Reading) {
        self.builder.set_clock(reading);
    }

    /// Goes on where another run was: events have the ids and times that it would have given them.
    pub fn take_over(&mut self, takeover: Takeover) {
        self.builder.take_over(takeover);
    }

    /// Nanoseconds from the boot clock to the wall clock.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.builder.clock.offset()
    }

    /// Processes in the table.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.table.len()
    }

    /// Takes the processes that run already into the table.
    pub fn seed(&mut self, seeds: &[Seed]) {
        let clock = self.builder.clock;
        self.table.seed(seeds, self.builder.meta.tick_hz, |ns| clock.wall(ns));
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
        self.builder.withdraw(record);
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
