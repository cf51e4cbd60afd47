//! The state that records lead to.

use std::sync::Arc;

use tracego_model::{clock::Time, record::event_name, text::printable};

use super::{
    activity::{Activity, ActivityTable},
    finding::LatestFindings,
    host::HostTable,
    job::{JobContexts, JobFacts},
    process_table::{LiveProcess, ProcessTable},
    verdicts::command_of,
};
use crate::{
    history::{LineProblem, RecordCompleteness},
    wire::{self, LineError, WireRecord, WireVerdict, cut},
};

/// Limits of what a state keeps.
#[derive(Clone, Copy, Debug)]
pub struct LiveLimits {
    /// Number of jobs.
    pub jobs: usize,
    /// Number of programs.
    pub programs: usize,
    /// Number of processes that run.
    pub processes: usize,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self { jobs: 500, programs: 2000, processes: 50_000 }
    }
}

/// Maximum number of bytes of a path, a name or a message that are kept.
pub(super) const TEXT_MAX: usize = 1000;
/// The state of what runs.
#[derive(Clone, Debug)]
pub struct LiveState {
    /// Time of the newest record.
    pub newest: Option<Time>,
    /// Time of the first record.
    pub since: Option<Time>,
    /// Program starts of all.
    pub total: Activity,
    /// Jobs by their ids. The empty one stands for programs of no job.
    pub jobs: ActivityTable<JobFacts>,
    /// Programs by the paths of their executables.
    pub programs: ActivityTable<()>,
    /// Processes that run.
    pub processes: ProcessTable,
    /// The latest findings and decisions.
    pub findings: LatestFindings,
    /// Machines.
    pub hosts: HostTable,
    /// Losses and lines that could not be read.
    pub completeness: RecordCompleteness,
    contexts: JobContexts,
}

impl Default for LiveState {
    fn default() -> Self {
        Self::new(LiveLimits::default())
    }
}

impl LiveState {
    /// Creates a state without a record.
    #[must_use]
    pub fn new(limits: LiveLimits) -> Self {
        Self {
            newest: None,
            since: None,
            total: Activity::default(),
            jobs: ActivityTable::new(limits.jobs),
            programs: ActivityTable::new(limits.programs),
            processes: ProcessTable::new(limits.processes),
            findings: LatestFindings::default(),
            hosts: HostTable::default(),
            completeness: RecordCompleteness::default(),
            contexts: JobContexts::default(),
        }
    }

    /// Takes a line without its newline. A line that is no record is counted, and named if it is one of the first. Empty
    /// lines are passed over.
    ///
    /// # Errors
    /// Returns the reason why the line is no record.
    pub fn take(&mut self, line: &[u8], file: &str, number: u64) -> Result<(), LineError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let record = wire::parse(line).inspect_err(|error| {
            let problem = LineProblem { file: file.to_owned(), line: number, reason: error.to_string() };
            self.completeness.add_problem(problem);
        })?;
        self.record(&record);
        Ok(())
    }

    /// Whether ends are recorded, so that it is known what runs.
    #[must_use]
    pub fn knows_ends(&self) -> bool {
        self.completeness.has_exits
    }

    fn record(&mut self, record: &WireRecord<'_>) {
        let Some(time) = Time::parse(&record.timestamp) else { return };
        let is_reference = event_name::REFERENCES.contains(&&*record.event_name);
        if !is_reference {
            self.completeness.records += 1;
            self.newest = Some(self.newest.map_or(time, |newest| newest.max(time)));
            self.since = Some(self.since.map_or(time, |since| since.min(time)));
        }
        let (run, before) = self.hosts.run(record, time);
        // Ends between two runs are in no record.
        for process in before.map(|before| self.processes.remove_run(before)).unwrap_or_default() {
            self.left(&process);
        }
        match &*record.event_name {
            event_name::START => self.start(record, time, run),
            event_name::EXIT => self.exit(record, time),
            event_name::FORK | event_name::PROCESS => self.forked(record, run),
            event_name::JOB => {
                self.job_of(record);
            }
            event_name::FINDING => self.late_finding(record, time),
            event_name::ENFORCEMENT => self.decision(record, time),
            event_name::EXEC_FAILED => self.completeness.failed_starts += 1,
            event_name::LOST => self.loss(record),
            _ => {}
        }
    }

    fn start(&mut self, record: &WireRecord<'_>, time: Time, run: usize) {
        let Some(process) = &record.process else { return };
        let own = &record.tracego;
        let id = cut(&own.exec_id, TEXT_MAX);
        // A sink that was stopped may write a record twice.
        if self.processes.get(id).is_some_and(|known| known.began == Some(time)) {
            return;
        }
        let job = self.job_of(record);
        let path =
            if process.executable.path.is_empty() { &process.command } else { &process.executable.path };
        let program = self.programs.key(&printable(cut(path, TEXT_MAX)));
        let verdict = WireVerdict::of(own);
        let worst = verdict.findings.iter().map(|finding| finding.severity).max();
        self.total.started(time);
        let rows = (self.jobs.row(&job), self.programs.row(&program));
        for activity in [rows.0.map(|row| &mut row.activity), rows.1.map(|row| &mut row.activity)] {
            activity.into_iter().for_each(|activity| activity.started(time));
        }
        if process.exit.is_some() {
            if let Some(known) = self.processes.remove(id) {
                self.left(&known);
            }
            self.ended(record, &job, time);
        } else if !id.is_empty() {
            let user = process.user.as_ref().map_or_else(String::new, |user| match &*user.name {
                "" => user.id.to_string(),
                name => printable(cut(name, TEXT_MAX)),
            });
            self.put(LiveProcess {
                exec_id: id.into(),
                parent: self.parent_of(record, id),
                pid: process.pid,
                command: command_of(record, process),
                program: Some(program),
                job: Arc::clone(&job),
                began: Some(time),
                user: user.into(),
                worst,
                run,
            });
        }
        self.found(verdict, record, process, &job, time);
    }

    /// Notes a process that another one forked, or that ran before tracego: it is above others.
    fn forked(&mut self, record: &WireRecord<'_>, run: usize) {
        let Some(process) = &record.process else { return };
        let id = cut(&record.tracego.exec_id, TEXT_MAX);
        if id.is_empty() || self.processes.get(id).is_some() {
            return;
        }
        let job = self.job_of(record);
        self.put(LiveProcess {
            exec_id: id.into(),
            parent: self.parent_of(record, id),
            pid: process.pid,
            command: printable(cut(&process.command, TEXT_MAX)),
            program: None,
            job,
            began: None,
            user: "".into(),
            worst: None,
            run,
        });
    }

    fn parent_of(&self, record: &WireRecord<'_>, id: &str) -> Box<str> {
        let parent = cut(&record.tracego.parent_exec_id, TEXT_MAX);
        if !parent.is_empty() {
            return parent.into();
        }
        if let Some(known) = self.processes.get(id) {
            return known.parent.clone();
        }
        // A full record names the processes above by pid and start.
        let Some(above) = record.tracego.ancestors.first() else { return "".into() };
        let boot = id.rsplitn(3, '-').last().unwrap_or_default();
        let of_pid = self.processes.by_pid(boot, above.pid);
        of_pid.map_or_else(|| "".into(), |process| process.exec_id.clone())
    }

    /// Adds a process, and counts it as alive.
    fn put(&mut self, process: LiveProcess) {
        let is_program = process.program.is_some();
        let (job, program) = (Arc::clone(&process.job), process.program.clone());
        if let Some(gone) = self.processes.put(process) {
            self.left(&gone);
        }
        if is_program {
            self.alive(&job, program.as_ref(), |alive| *alive += 1);
        }
    }

    /// Counts a process no longer as alive.
    fn left(&mut self, process: &LiveProcess) {
        if process.program.is_some() {
            self.alive(&process.job, process.program.as_ref(), |alive| *alive = alive.saturating_sub(1));
        }
    }

    fn alive(&mut self, job: &str, program: Option<&Arc<str>>, change: impl Fn(&mut u64)) {
        change(&mut self.total.alive);
        self.jobs.row(job).into_iter().for_each(|row| change(&mut row.activity.alive));
        let program = program.and_then(|program| self.programs.row(program));
        program.into_iter().for_each(|row| change(&mut row.activity.alive));
    }

    fn exit(&mut self, record: &WireRecord<'_>, time: Time) {
        self.completeness.has_exits = true;
        let known = self.processes.remove(cut(&record.tracego.exec_id, TEXT_MAX));
        let job = match &known {
            Some(process) => Arc::clone(&process.job),
            None => self.job_of(record),
        };
        if let Some(process) = known {
            self.left(&process);
        }
        self.ended(record, &job, time);
    }

    /// Counts what the record of an end says.
    fn ended(&mut self, record: &WireRecord<'_>, job: &str, time: Time) {
        self.completeness.has_exits = true;
        let Some(row) = self.jobs.row(job) else { return };
        row.activity.touched(time);
        let exit = record.process.as_ref().and_then(|process| process.exit.as_ref());
        row.facts.failed += u64::from(exit.is_some_and(|exit| exit.code != 0));
        let rss = record.tracego.exit.as_ref().map_or(0, |exit| exit.max_rss_bytes);
        row.facts.max_rss_bytes = row.facts.max_rss_bytes.max(rss);
    }

    fn loss(&mut self, record: &WireRecord<'_>) {
        let own = &record.tracego;
        let sink = own.sink.as_ref().map(|sink| cut(&sink.name, TEXT_MAX));
        let lost = own.lost.values().copied().fold(0, u64::saturating_add);
        let short = own.lost.iter().map(|(reason, count)| (cut(reason, TEXT_MAX).to_owned(), *count));
        self.completeness.add_loss(sink, short.collect());
        let job = self.job_of(record);
        if let Some(row) = self.jobs.row(&job).filter(|_| !job.is_empty()) {
            row.facts.lost = row.facts.lost.saturating_add(lost);
        }
    }

    pub(super) fn job_of(&mut self, record: &WireRecord<'_>) -> Arc<str> {
        self.contexts.key(record, &mut self.jobs)
    }
}
