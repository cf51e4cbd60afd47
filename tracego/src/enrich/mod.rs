//! Event + process table → [`Record`].
//!
//! What the kernel record holds is never looked up again in /proc, so a process that lives a
//! millisecond is as complete as one that lives a day.

pub mod cgroup;
pub mod ci;
pub mod context;
pub mod env;
pub mod frozen;
pub mod go;
pub mod image;
pub mod linux;
pub mod record;
pub mod sanitize;
mod start;
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
pub use record::Record;
use record::{At, Exit, ExitFacts, Failure, Log, LogRecord, Origin, Own, Process, Severity, event_name};
use table::{Entry, Line, Lineage, Table};
use tracego_common::{
    TaskId, flags,
    record::{ExitRecord, ForkRecord, Header},
};
use uid::Stamp;
use users::Users;

use crate::{
    clock::{Clock, Reading, Time},
    enforce::shared::Shared,
    event::{Event, Failed},
    golang::{Image, task::Task},
    input::{Seed, SinkLoss},
    inspect::{facts::Surroundings, note::Note},
    kernel::handover::Takeover,
    ledger::Ledger,
    seal::{ChainStart, Scope, Seal},
};
use context::OpenJob;

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

    /// Events were lost since the last such record; `root` is the process that opened their job, where
    /// they are told apart by it.
    pub fn lost(
        &mut self,
        lost: BTreeMap<&'static str, u64>,
        root: Option<TaskId>,
        reading: Reading,
    ) -> Record {
        self.set_clock(reading);
        let body =
            lost.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ");
        let (context, job) = root.and_then(|root| self.identity(root)).unzip();
        let own = Own { lost: Some(lost), job, ..self.own() };
        let record =
            self.envelope(event_name::LOST, Severity::Warn, self.now(reading), format!("lost: {body}"), own);
        Record { context, ..record }
    }

    /// A sink lost records.
    pub fn sink_lost(&mut self, loss: SinkLoss, reading: Reading) -> Record {
        self.set_clock(reading);
        let SinkLoss { sink, lost, first, last, why } = loss;
        let mut body = format!("sink {sink} lost:");
        for (reason, count) in &lost {
            body.push_str(&format!(" {reason} {count}"));
        }
        if let Some(why) = &why {
            body.push_str(&format!(": {why}"));
        }
        let sink = Some(Box::new(record::SinkFacts { name: sink, first, last, error: why }));
        let own = Own { lost: Some(lost), sink, ..self.own() };
        self.envelope(event_name::LOST, Severity::Warn, self.now(reading), body, own)
    }

    /// Something is found about a process that started before; the findings are the caller's.
    pub fn finding(&mut self, id: TaskId, body: String, reading: Reading) -> Record {
        self.set_clock(reading);
        let boot_ns = reading.boot_ns.unsigned_abs();
        let header = Header { id, boot_ns, ..Header::default() };
        let (mut own, mut process) = (self.own(), self.process(&header, &[0; 16]));
        let context = self.known(&header, &mut own, &mut process);
        // Nothing is read anew here: the parent now and the name are those of the start.
        own.reparented = false;
        if let Some(entry) = self.entry(id) {
            process.command.clone_from(&entry.line.command);
            process.parent_pid = entry.line.up.as_ref().map_or(0, |up| up.id.tgid);
        }
        let record = self.envelope(event_name::FINDING, Severity::Info, self.now(reading), body, own);
        Record { process: Some(process), context, ..record }
    }

    /// Sign of life.
    pub fn heartbeat(&mut self, ledger: Ledger, reading: Reading) -> Record {
        self.set_clock(reading);
        let body = format!("{} events, {} lost", ledger.kernel.happened(), ledger.kernel.lost());
        let own = Own { ledger: Some(Box::new(ledger)), ..self.own() };
        self.envelope(event_name::HEARTBEAT, Severity::Info, self.now(reading), body, own)
    }

    /// The first record of a sealed output.
    pub fn opening(&mut self, start: ChainStart, reading: Reading) -> Record {
        self.set_clock(reading);
        let own = Own { chain_start: Some(Box::new(start)), ..self.own() };
        let body = "the chain of this run starts".to_owned();
        self.envelope(event_name::SEAL_OPENED, Severity::Info, self.now(reading), body, own)
    }

    /// What has to be in the log.
    pub fn seal(&mut self, seal: Seal, reading: Reading) -> Record {
        self.set_clock(reading);
        let root = seal
            .job
            .as_ref()
            .and_then(|wanted| self.jobs.keys().find(|root| self.exec_id(**root) == *wanted).copied());
        let (context, job) = root.and_then(|root| self.identity(root)).unzip();
        let of = match seal.scope {
            Scope::Window => "window",
            Scope::Job => "job",
            Scope::Run => "run",
        };
        let dropped = seal.dropped.values().fold(0, |sum: u64, more| sum.saturating_add(*more));
        let body = format!("seal of a {of}: {} records, {dropped} lost", seal.records);
        let own = Own { seal: Some(Box::new(seal)), job, ..self.own() };
        let record = self.envelope(event_name::SEAL, Severity::Info, self.now(reading), body, own);
        Record { context, ..record }
    }

    /// The last record is not written after all: the next one takes its number.
    pub fn withdraw(&mut self, record: &Record) {
        if record.seq == self.seq {
            self.seq -= 1;
        }
    }

    /// What the process that opened a job said of it.
    fn identity(&self, root: TaskId) -> Option<context::Identified> {
        let job = self.jobs.get(&root)?.upgrade()?;
        let id = self.exec_id(job.root);
        context::merge(&self.explicit, &job.identity, Some((&job, id)), true)
    }

    /// Jobs of which a process runs, by the identity of the one that opened them.
    #[must_use]
    pub fn running_jobs(&self) -> BTreeSet<String> {
        let running = |(root, job): &(&TaskId, &Weak<OpenJob>)| {
            job.strong_count() > usize::from(self.recent_jobs.contains(root))
        };
        self.jobs.iter().filter(running).map(|(root, _)| self.exec_id(*root)).collect()
    }

    fn own(&self) -> Own {
        let enforcement = self.enforcement();
        Own { boot_id: Arc::clone(&self.meta.boot_id), enforcement, ..Own::default() }
    }

    fn envelope(
        &mut self,
        name: &'static str,
        severity: Severity,
        stamp: Stamp,
        body: String,
        own: Own,
    ) -> Record {
        self.seq += 1;
        let timestamp = self.clock.wall(stamp.boot_ns);
        let uid = self.uid(stamp, timestamp);
        let (severity_number, severity_text) = severity.parts();
        Record {
            schema: record::SCHEMA,
            schema_url: record::SCHEMA_URL,
            event_name: name,
            timestamp,
            observed_timestamp: self.clock.wall(self.observed.boot_ns.unsigned_abs()),
            severity_number,
            severity_text,
            trace: None,
            body,
            log: Log { record: LogRecord { uid } },
            seq: self.seq,
            origin: Arc::clone(&self.meta.origin),
            process: None,
            context: None,
            container: None,
            k8s: None,
            tracego: Box::new(own),
        }
    }

    /// Of what tracego itself says.
    fn now(&self, reading: Reading) -> Stamp {
        Stamp::own(reading.boot_ns.unsigned_abs(), self.seq + 1)
    }

    fn uid(&self, stamp: Stamp, timestamp: Time) -> String {
        let Some(generation) = stamp.generation else {
            return stamp.uid(timestamp.0, self.meta.instance);
        };
        // The run that took the event may have written its record already, before the wall clock was set.
        let before = self.takeover.offset.filter(|_| generation != self.takeover.generation);
        let time = before.map_or(timestamp, |offset| Clock::continued(offset).wall(stamp.boot_ns));
        stamp.uid(time.0, self.takeover.instance)
    }

    fn exec_id(&self, id: TaskId) -> String {
        exec_id(&self.meta.boot_id, id)
    }

    /// What records of all kinds say about a process.
    fn process(&self, header: &Header, command: &[u8; 16]) -> Box<Process> {
        Box::new(Process {
            pid: header.id.tgid,
            parent_pid: header.parent.tgid,
            creation: At { time: self.clock.wall(header.id.start_boottime) },
            command: text::lossy(text::comm(command)),
            ..Process::default()
        })
    }

    fn entry(&mut self, id: TaskId) -> Option<Entry> {
        let clock = self.clock;
        self.table.get(id, |ns| clock.wall(ns)).cloned()
    }

    /// A child starts as a copy of the process that forked it.
    fn note_fork(&mut self, fork: &ForkRecord) {
        let header = fork.header;
        let parent = self.entry(header.parent).unwrap_or_default();
        let up = (parent.line.id.tgid != 0).then(|| Arc::clone(&parent.line));
        let line = Line {
            id: header.id,
            created: self.clock.wall(header.id.start_boottime),
            command: text::lossy(text::comm(&fork.comm)),
            executable: parent.line.executable.clone(),
            ..Line::default()
        };
        let task = parent.task.forked();
        self.table.put(Entry { line: Line::below(up, line), task, ..parent });
    }

    /// What the table knows goes into a record of a process that does not start a program.
    fn known(
        &mut self,
        header: &Header,
        own: &mut Own,
        process: &mut Process,
    ) -> Option<Arc<context::Context>> {
        own.exec_id = Some(self.exec_id(header.id));
        own.in_tree = header.flags & flags::IN_TREE != 0;
        let entry = self.entry(header.id)?;
        if !entry.line.executable.is_empty() {
            process.executable = Some(start::executable(entry.line.executable.clone()));
        }
        own.reparented = entry.line.up.as_ref().is_some_and(|up| up.id.tgid != header.parent.tgid);
        own.ancestors = entry.line.up.clone().map(|up| Lineage(Some(up)));
        let (context, job) = entry.identity?;
        own.job = Some(job);
        Some(context)
    }

    fn fork(&mut self, fork: &ForkRecord) -> Record {
        let (mut own, mut process) = (self.own(), self.process(&fork.header, &fork.comm));
        let context = self.known(&fork.header, &mut own, &mut process);
        process.real_user = Some(self.meta.users.get(fork.uid));
        let body = format!("fork {} by {}", process.pid, process.parent_pid);
        let record =
            self.envelope(event_name::FORK, Severity::Info, Stamp::event(&fork.header, 0), body, own);
        Record { process: Some(process), context, ..record }
    }

    fn exit(&mut self, exit: &ExitRecord) -> Record {
        let header = &exit.header;
        let (mut own, mut process) = (self.own(), self.process(header, &exit.comm));
        let context = self.known(header, &mut own, &mut process);
        process.real_user = Some(self.meta.users.get(exit.uid));
        let signal = Some(exit.status & 0x7f).filter(|&signal| signal != 0);
        let code = signal.map_or((exit.status >> 8) & 0xff, |signal| 128 + signal);
        process.exit = Some(Exit { code, time: self.clock.wall(header.boot_ns) });
        own.exit = Some(ExitFacts {
            signal,
            core_dumped: header.flags & flags::CORE_DUMPED != 0,
            run_time_ns: header.boot_ns.saturating_sub(header.id.start_boottime),
            max_rss_bytes: exit.maxrss_pages.saturating_mul(self.meta.page_size),
        });
        let body = match signal {
            Some(signal) => format!("{} ended by signal {signal}", process.command),
            None => format!("{} ended with {code}", process.command),
        };
        let record = self.envelope(event_name::EXIT, Severity::Info, Stamp::event(header, 0), body, own);
        Record { process: Some(process), context, ..record }
    }

    fn failed(&mut self, failed: &Failed<'_>) -> Record {
        let fixed = &failed.fixed;
        let (mut own, mut process) = (self.own(), self.process(&fixed.header, &fixed.comm));
        let context = self.known(&fixed.header, &mut own, &mut process);
        process.real_user = Some(self.meta.users.get(fixed.uid));
        let args = self.args(failed.args(), &mut own.completeness);
        let filename = text::keep(failed.filename, "tracego.exec.filename", &mut own.completeness);
        let (flags, table) = (fixed.header.flags, &linux::TRUNCATED);
        own.completeness.truncated.extend(linux::names(flags, table));
        own.completeness.unavailable.extend(linux::names(flags, &linux::UNREADABLE));
        let error = Failure { errno: fixed.errno, name: crate::errno::name(fixed.errno) };
        let body = format!("{}: {}", text::one_line(std::slice::from_ref(&filename)), error.name);
        own.error = Some(error);
        own.exec = Some(linux::ExecCall {
            filename,
            thread_id: (fixed.tid != fixed.header.id.tgid).then_some(fixed.tid),
            syscall: Some(if fixed.at == 0 { "execve" } else { "execveat" }),
            ..linux::ExecCall::default()
        });
        process.command_args = Some(args);
        let stamp = Stamp::event(&fixed.header, fixed.tid);
        let record = self.envelope(event_name::EXEC_FAILED, Severity::Info, stamp, body, own);
        Record { process: Some(process), context, ..record }
    }
}

/// Boot id, start and pid: never a bare pid.
pub(crate) fn exec_id(boot_id: &str, id: TaskId) -> String {
    format!("{boot_id}-{:x}-{:x}", id.start_boottime, id.tgid)
}
