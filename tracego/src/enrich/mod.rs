//! Turns an event and the process table into a [`Record`].
//!
//! Data that is in the event is never looked up again in /proc. So the record of a process that lives a
//! millisecond is as complete as the record of one that lives a day.

pub mod cgroup;
pub mod ci;
pub mod context;
pub mod env;
mod envelope;
pub mod frozen;
pub mod go;
pub mod image;
mod lifecycle;
pub mod linux;
pub mod record;
pub mod sanitize;
mod start;
mod stream;
pub mod table;
pub mod text;
pub mod trace;
pub mod tree;
mod uid;
pub mod users;
pub mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::{Arc, Weak},
};

use lru::LruCache;
use record::Origin;
pub use record::Record;
use table::Table;
use tracego_common::TaskId;
use users::Users;

use crate::{
    clock::{Clock, Reading},
    enforce::shared::Shared,
    event::Event,
    golang::{Image, task::Task},
    input::Seed,
    inspect::{facts::Surroundings, note::Note},
    kernel::handover::Takeover,
};
use context::OpenJob;

/// Facts that do not change during a run.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Host and agent, as written in every record.
    pub origin: Arc<Origin>,
    /// Id of this boot.
    pub boot_id: Arc<str>,
    /// Variables given by `--env KEY=VALUE`.
    pub injected: Vec<(String, String)>,
    /// Names of the users.
    pub users: Users,
    /// Clock ticks per second.
    pub tick_hz: u64,
    /// Page size in bytes.
    pub page_size: u64,
    /// Random number of the run. Part of the `log.record.uid` of tracego's own records, and of event records
    /// where no other run continues this one.
    pub instance: u32,
    /// Whether arguments and variables are left unredacted.
    pub raw: bool,
    /// Variables that only rules look at; records do not show them.
    pub unshown: Arc<BTreeSet<String>>,
    /// Enforcement state, where programs are stopped.
    pub enforcement: Option<Arc<Shared>>,
}

/// Maximum number of jobs whose identity outlives their processes.
const RECENT_JOBS: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};

/// The stage that turns events into records.
pub struct Enricher {
    meta: Meta,
    explicit: ci::Identity,
    table: Table,
    jobs: HashMap<TaskId, Weak<OpenJob>>,
    /// The most recently opened jobs. A record about a job that is over, such as a loss, can still name the
    /// job.
    recent_jobs: LruCache<TaskId, Arc<OpenJob>>,
    clock: Clock,
    observed: Reading,
    /// State shared by the runs that continue each other.
    takeover: Takeover,
    seq: u64,
    environments: env::Recent,
    images: image::Recent,
    rights: start::Rights,
}

/// A record, and for a program start the further input of the rules.
#[derive(Debug)]
pub struct Enriched {
    /// The record.
    pub record: Record,
    /// Further input of the rules; only for a program start.
    pub start: Option<Started>,
}

/// The input of the rules beside the record of a program start.
#[derive(Clone, Debug)]
pub struct Started {
    /// The process.
    pub id: TaskId,
    /// Role of the process in an execution of the go command.
    pub task: Task,
    /// Image of the executable, if it could be read.
    pub image: Option<Arc<Image>>,
    /// Surroundings of the process, if they were inspected.
    pub surroundings: Option<Arc<Surroundings>>,
    /// All allow-listed variables of the process itself.
    pub variables: Arc<BTreeMap<Arc<str>, String>>,
}

impl From<Record> for Enriched {
    fn from(record: Record) -> Self {
        Self { record, start: None }
    }
}

impl Enricher {
    /// Creates the enricher for one run.
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

    /// Sets the clocks for the events that follow, read when they were taken from the ring.
    pub fn set_clock(&mut self, reading: Reading) {
        self.clock.set(reading);
        self.observed = reading;
    }

    /// Continues another run: events get the ids and times that the other run would have given them.
    pub fn take_over(&mut self, takeover: Takeover) {
        self.takeover = takeover;
        if let Some(offset) = takeover.offset {
            self.clock = Clock::continued(offset);
        }
    }

    /// Returns the nanoseconds from the boot clock to the wall clock.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.clock.offset()
    }

    /// Returns the number of processes in the table.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.table.len()
    }

    /// Adds the processes that are already running to the table.
    pub fn seed(&mut self, seeds: &[Seed]) {
        let clock = self.clock;
        self.table.seed(seeds, self.meta.tick_hz, |ns| clock.wall(ns));
    }

    /// Updates the state for later records from an event that is not written.
    pub fn note(&mut self, event: &Event<'_>, note: Option<&Note>) {
        match event {
            Event::Exec(exec) => self.note_start(exec, note),
            Event::Fork(fork) => self.note_fork(fork),
            Event::Exit(exit) => self.table.remove(exit.header.id),
            Event::Failed(_) | Event::Chunk(_) | Event::Verdict(_) => {}
        }
    }

    /// Makes the record of an event and updates the state for later records. Returns `None` for a part of
    /// argv, and for decisions about tracego's own rules.
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

    /// Withdraws the latest record, which is not written. The next record takes its sequence number.
    pub fn withdraw(&mut self, record: &Record) {
        if record.seq == self.seq {
            self.seq -= 1;
        }
    }

    /// Returns the jobs with a running process, by the exec id of the process that opened them.
    #[must_use]
    pub fn running_jobs(&self) -> BTreeSet<String> {
        let running = |(root, job): &(&TaskId, &Weak<OpenJob>)| {
            job.strong_count() > usize::from(self.recent_jobs.contains(root))
        };
        self.jobs.iter().filter(running).map(|(root, _)| self.exec_id(*root)).collect()
    }
}

/// Whether a number is zero and therefore left out of a record.
pub(crate) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Returns the exec id of a process: boot id, start time and pid. Never a bare pid.
pub(crate) fn exec_id(boot_id: &str, id: TaskId) -> String {
    format!("{boot_id}-{:x}-{:x}", id.start_boottime, id.tgid)
}
