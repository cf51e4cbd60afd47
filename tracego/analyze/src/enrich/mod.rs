//! Turns an event and the process table into a [`Record`].
//!
//! Data that is in the event is never looked up again in /proc. So the record of a process that lives a
//! millisecond is as complete as the record of one that lives a day.

pub mod ci;
pub mod context;
pub mod enforcement;
pub mod env;
mod exec;
pub mod image;
mod late;
mod lifecycle;
mod link_runs;
mod pod_records;
pub mod pods;
pub mod process_table;
pub mod started_program;
pub mod trace;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::{Arc, Weak},
};

use context::OpenJob;
use lru::LruCache;
use pods::PodTable;
use process_table::{ProcessEntry, ProcessTable};
use tracego_common::{TaskId, event::EventHeader, flags};
use tracego_golang::{Image, task::GoTask};
pub use tracego_model::record::Record;
use tracego_model::{
    clock::{Reading, TICK_NS, Time},
    event::{Event, Exec},
    input::{Seed, SinkLoss, Takeover, facts::Surroundings, note::StartNote},
    ledger::Ledger,
    linux::users::User,
    meta::Meta,
    record::{
        At, OtelSeverity, Own, Process,
        builder::RecordBuilder,
        event_name,
        job::{Context, Identified},
        lineage::Lineage,
        parent::ShownArgs,
        seal::{ChainStart, Seal},
        uid::Stamp,
    },
    text,
};

use crate::{redact::Redactor, shared_parts::SharedParts};

/// Maximum number of jobs whose identity outlives their processes.
const RECENT_JOBS: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};

/// Maximum number of images that are kept with their described parts.
const IMAGES_KEPT: usize = 64;

/// The stage that turns events into records.
pub struct Enricher {
    builder: RecordBuilder,
    explicit: ci::CiIdentity,
    table: ProcessTable,
    jobs: HashMap<TaskId, Weak<OpenJob>, lru::DefaultHasher>,
    /// The most recently opened jobs. A record about a job that is over, such as a loss, can still name the
    /// job.
    recent_jobs: LruCache<TaskId, Arc<OpenJob>>,
    environments: env::RecentEnvironments,
    images: SharedParts<Image, image::ImageParts>,
    /// Whether records keep the whole image of an executable for the outputs.
    keeps_images: bool,
    rights: exec::SharedRights,
    unread: late::UnreadStarts,
    links: link_runs::LinkRuns,
    pods: PodTable,
    /// Redacts the arguments of processes that get no record of their own; `None` where arguments are left as they are.
    redactor: Option<Arc<Redactor>>,
}

/// A record, and for a program start the further input of the rules.
#[derive(Debug)]
pub struct EnrichedRecord {
    /// The record.
    pub record: Record,
    /// Further input of the rules; only for a program start.
    pub start: Option<StartInput>,
}

/// The input of the rules beside the record of a program start.
#[derive(Clone, Debug)]
pub struct StartInput {
    /// The process.
    pub id: TaskId,
    /// Role of the process in an execution of the go command.
    pub task: GoTask,
    /// Image of the executable, if it could be read.
    pub image: Option<Arc<Image>>,
    /// Surroundings of the process, if they were inspected.
    pub surroundings: Option<Arc<Surroundings>>,
    /// All allow-listed variables of the process itself.
    pub variables: Arc<BTreeMap<Arc<str>, String>>,
}

/// Sets the arguments of a process that records of its children show. `is_cut`: whether others follow that are not known.
fn show(place: &ShownArgs, args: &mut [String], is_cut: bool, redactor: Option<&Redactor>) {
    if let Some(redactor) = redactor {
        redactor.args(args);
    }
    place.set(args, is_cut);
}

impl From<Record> for EnrichedRecord {
    fn from(record: Record) -> Self {
        Self { record, start: None }
    }
}

impl Enricher {
    /// Creates the enricher for one run.
    #[must_use]
    pub fn new(meta: Meta) -> Self {
        let explicit = context::explicit(&meta.injected);
        let redactor = (!meta.raw).then(Redactor::standard);
        Self {
            builder: RecordBuilder::new(meta),
            explicit,
            table: ProcessTable::default(),
            jobs: HashMap::default(),
            recent_jobs: LruCache::new(RECENT_JOBS),
            environments: env::RecentEnvironments::default(),
            images: SharedParts::new(IMAGES_KEPT),
            keeps_images: false,
            rights: exec::SharedRights::default(),
            unread: late::UnreadStarts::default(),
            links: link_runs::LinkRuns::default(),
            pods: PodTable::default(),
            redactor,
        }
    }

    /// Sets whether records keep the whole image of an executable for the outputs.
    pub fn keep_images(&mut self, is_asked: bool) {
        if self.keeps_images != is_asked {
            self.images.clear();
        }
        self.keeps_images = is_asked;
    }

    /// Uses the operator's forms of secrets.
    pub fn set_redactor(&mut self, redactor: &Arc<Redactor>) {
        self.redactor = self.redactor.is_some().then(|| Arc::clone(redactor));
    }

    /// Sets the clocks for the events that follow, read when they were taken from the ring.
    pub fn set_clock(&mut self, reading: Reading) {
        self.builder.set_clock(reading);
    }

    /// Continues another run: events get the ids and times that the other run would have given them.
    pub fn take_over(&mut self, takeover: Takeover) {
        self.builder.take_over(takeover);
    }

    /// Returns the nanoseconds from the boot clock to the wall clock.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.builder.clock.offset()
    }

    /// Returns the number of processes in the table.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.table.len()
    }

    /// Adds the processes that are already running to the table.
    pub fn seed(&mut self, seeds: &[Seed]) {
        let clock = self.builder.clock;
        let Self { redactor, builder, .. } = self;
        let args = |seed: &Seed| {
            let place = ShownArgs::default();
            let mut args = seed.args.clone();
            show(&place, &mut args, seed.is_cut, redactor.as_deref());
            place
        };
        self.table.seed(seeds, builder.meta.tick_hz, |ns| clock.wall(ns), args);
    }

    /// Updates the state for later records from an event that is not written.
    pub fn note(&mut self, event: &Event<'_>, note: Option<&StartNote>) {
        match event {
            Event::Exec(exec) => {
                self.keep_unread(exec, note);
                self.note_start(exec, note);
            }
            Event::Fork(fork) => self.note_fork(fork),
            Event::Exit(exit) => self.forget(exit),
            Event::Failed(_) | Event::Chunk(_) | Event::Verdict(_) => {}
        }
    }

    /// Makes the record of an event and updates the state for later records. Returns `None` for a part of
    /// argv, and for decisions about tracego's own rules.
    pub fn record(&mut self, event: &Event<'_>, note: Option<&StartNote>) -> Option<EnrichedRecord> {
        match event {
            Event::Exec(exec) => {
                self.keep_unread(exec, note);
                Some(self.start(exec, note))
            }
            Event::Fork(fork) => {
                self.note_fork(fork);
                Some(self.fork(fork).into())
            }
            Event::Exit(exit) => {
                let record = self.exit(exit);
                self.forget(exit);
                Some(record.into())
            }
            Event::Failed(failed) => Some(self.failed(failed).into()),
            Event::Verdict(verdict) => self.verdict(verdict).map(Into::into),
            Event::Chunk(_) => None,
        }
    }

    /// Makes the record of a program that ran before, and updates the state for later records. Returns `None` for a
    /// process that is known from events, which say more.
    pub fn running(
        &mut self,
        exec: &Exec<'_>,
        note: Option<&StartNote>,
        reading: Reading,
    ) -> Option<EnrichedRecord> {
        self.entry(exec.fixed.header.id).filter(|entry| entry.is_seed)?;
        self.keep_unread(exec, note);
        let EnrichedRecord { record, start } = self.start(exec, note);
        Some(EnrichedRecord { record: self.later(record, reading), start })
    }

    /// Makes a record about a program that started before out of the one of its start.
    fn later(&mut self, start: Record, reading: Reading) -> Record {
        let Record {
            trace,
            severity_number,
            severity_text,
            body,
            process,
            context,
            container,
            k8s,
            tracego,
            ..
        } = start;
        let stamp = self.builder.stamp(reading);
        let record = self.envelope(event_name::FINDING, OtelSeverity::Info, stamp, body, *tracego);
        Record { trace, severity_number, severity_text, process, context, container, k8s, ..record }
    }

    /// Returns the running jobs: those with a running process, by the exec id of the process that opened them, and those
    /// of pods, by the uid of the pod.
    #[must_use]
    pub fn running_jobs(&self) -> BTreeSet<String> {
        let running = |(root, job): &(&TaskId, &Weak<OpenJob>)| {
            job.strong_count() > usize::from(self.recent_jobs.contains(root))
        };
        let mut jobs = self.pods.running_jobs();
        jobs.extend(self.jobs.iter().filter(running).map(|(root, _)| self.exec_id(*root)));
        jobs
    }

    /// Makes the record of events that were lost since the last such record; `root` is the process that opened their
    /// job, where losses are told apart by it.
    pub fn lost(
        &mut self,
        lost: BTreeMap<&'static str, u64>,
        root: Option<TaskId>,
        reading: Reading,
    ) -> Record {
        let job = root.and_then(|root| self.identity(root));
        self.builder.lost(lost, job, reading)
    }

    /// Makes the record of a sink that lost records.
    pub fn sink_lost(&mut self, loss: SinkLoss, reading: Reading) -> Record {
        self.builder.sink_lost(loss, reading)
    }

    /// Makes a sign of life.
    pub fn heartbeat(&mut self, ledger: Ledger, reading: Reading) -> Record {
        self.builder.heartbeat(ledger, reading)
    }

    /// Makes the first record of a sealed output.
    pub fn opening(&mut self, start: ChainStart, reading: Reading) -> Record {
        self.builder.opening(start, reading)
    }

    /// Makes the first record of a sealed output anew, with the number that it had when the output refused it.
    pub fn reopening(&mut self, start: ChainStart, seq: u64, reading: Reading) -> Record {
        self.builder.reopening(start, seq, reading)
    }

    /// Makes a seal.
    pub fn seal(&mut self, seal: Seal, reading: Reading) -> Record {
        let root = seal
            .job
            .as_ref()
            .and_then(|wanted| self.jobs.keys().find(|root| self.exec_id(**root) == *wanted).copied());
        let of_pod = || self.pod_identity(self.pods.get(seal.job.as_deref()?)?);
        let job = root.and_then(|root| self.identity(root)).or_else(of_pod);
        self.builder.seal(seal, job, reading)
    }

    /// Makes a record about a process that started before. The caller adds the findings and the body.
    pub fn finding(&mut self, id: TaskId, reading: Reading) -> Record {
        self.set_clock(reading);
        let boot_ns = reading.boot_ns.unsigned_abs();
        let header = EventHeader { id, boot_ns, ..EventHeader::default() };
        let (mut own, mut process) = (self.own(), self.process(&header, &[0; 16]));
        let context = self.known(&header, &mut own, &mut process);
        // Nothing is read anew here: parent and name are those of the start.
        own.reparented = false;
        let entry = self.entry(id);
        if entry.is_none() && id.start_boottime.is_multiple_of(TICK_NS) {
            // The process is gone, and its start was known to the tick alone.
            own.exec_id = None;
        }
        if let Some(entry) = entry {
            own.inventory = entry.inventory;
            if entry.inventory {
                own.exec_id = (!entry.line.seeded).then(|| self.exec_id(entry.line.id));
            }
            process.command.clone_from(&entry.line.command);
            process.parent_pid = entry.line.up.as_ref().map_or(0, |up| up.id.tgid);
        }
        let record = self.envelope(
            event_name::FINDING,
            OtelSeverity::Info,
            self.builder.stamp(reading),
            String::new(),
            own,
        );
        Record { process: Some(process), context, ..record }
    }

    /// Returns the commit and the job as the process that opened it stated them.
    fn identity(&self, root: TaskId) -> Option<Identified> {
        let job = self.jobs.get(&root)?.upgrade()?;
        let id = self.exec_id(job.root);
        context::merge(&self.explicit, &job.identity, Some((&job, id)), true, None)
    }

    pub(super) fn own(&self) -> Own {
        self.builder.own()
    }

    pub(super) fn envelope(
        &mut self,
        name: &'static str,
        severity: OtelSeverity,
        stamp: Stamp,
        body: String,
        own: Own,
    ) -> Record {
        self.builder.envelope(name, severity, stamp, body, own)
    }

    pub(super) fn exec_id(&self, id: TaskId) -> String {
        self.builder.exec_id(id)
    }

    /// Creates the process part that all kinds of records share.
    pub(super) fn process(&self, header: &EventHeader, command: &[u8; 16]) -> Box<Process> {
        Box::new(Process {
            pid: header.id.tgid,
            parent_pid: header.parent.tgid,
            creation: At { time: self.created(header.id) },
            command: text::lossy(text::comm(command)),
            ..Process::default()
        })
    }

    /// Returns a user of a process by the names of its last program start.
    pub(super) fn user(&mut self, header: &EventHeader, uid: u32) -> User {
        let users = self.entry(header.id).and_then(|entry| entry.users);
        users.as_ref().unwrap_or(&self.builder.meta.users).get(uid)
    }

    pub(super) fn entry(&mut self, id: TaskId) -> Option<ProcessEntry> {
        self.table.get(id).cloned()
    }

    /// Returns the creation time of a process: the one that was computed first.
    pub(super) fn created(&self, id: TaskId) -> Time {
        self.table.created(id).unwrap_or_else(|| self.builder.clock.wall(id.start_boottime))
    }

    /// Adds the known facts about a process to a record that is not about a program start.
    pub(super) fn known(
        &mut self,
        header: &EventHeader,
        own: &mut Own,
        process: &mut Process,
    ) -> Option<Arc<Context>> {
        own.exec_id = Some(self.exec_id(header.id));
        own.in_tree = header.flags & flags::IN_TREE != 0;
        let entry = self.entry(header.id)?;
        if !entry.line.executable.is_empty() {
            process.executable =
                Some(exec::executable(entry.line.executable.to_string(), entry.line.elsewhere));
        }
        own.reparented = entry.line.up.as_ref().is_some_and(|up| up.id.tgid != header.parent.tgid);
        own.ancestors = entry.line.up.clone().map(|up| Lineage(Some(up)));
        let (context, job) = entry.identity?;
        own.job = Some(job);
        Some(context)
    }
}
