//! Builder from records, in the order of the stream, to finished spans.

mod events;
mod limits;
mod open_process;

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

pub use limits::{BuilderCounts, BuilderLimits};
use open_process::OpenProcess;
use opentelemetry::{
    InstrumentationScope,
    trace::{SpanContext, SpanId},
};
use opentelemetry_sdk::trace::SpanData;
use tracego_golang::role::Role;
use tracego_model::{
    clock::Time,
    record::{Process, Record, SCHEMA_URL, event_name},
};

use super::{
    id::{self, JobId, JobTrace, JobTraces, ProcessId},
    job::TracedJob,
    span::{self, RunningProcess, SpanEnd},
};

/// Builder of spans from records.
#[derive(Debug)]
pub struct SpanBuilder {
    limits: BuilderLimits,
    traces: JobTraces,
    /// Open processes by PID. A process whose exit was lost is replaced by the next one with its PID.
    open: HashMap<u32, OpenProcess>,
    bytes: usize,
    jobs: HashMap<JobId, TracedJob>,
    now: Time,
    looked: Time,
    scope: InstrumentationScope,
    counts: BuilderCounts,
}

impl Default for SpanBuilder {
    fn default() -> Self {
        Self::new(BuilderLimits::default())
    }
}

impl SpanBuilder {
    /// Creates the builder of one run.
    #[must_use]
    pub fn new(limits: BuilderLimits) -> Self {
        let scope = InstrumentationScope::builder("tracego")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        Self {
            limits,
            traces: JobTraces::default(),
            open: HashMap::new(),
            bytes: 0,
            jobs: HashMap::new(),
            now: Time::default(),
            looked: Time::default(),
            scope,
            counts: BuilderCounts::default(),
        }
    }

    /// Takes a record and appends the spans that end with it to `out`. Every process start and every exit
    /// must be passed, whether or not it is written anywhere; records of other kinds are optional.
    pub fn take(&mut self, record: &Record, out: &mut Vec<SpanData>) {
        self.tick(record.observed_timestamp, out);
        match record.event_name {
            event_name::START => self.start(record, out),
            event_name::EXIT => self.exit(record, out),
            event_name::EXEC_FAILED => self.failed(record),
            event_name::FINDING | event_name::EXECUTABLE => self.finding(record),
            event_name::LOST => self.lost(record),
            _ => {}
        }
    }

    /// Advances the time: jobs that have waited long enough end. Call every few seconds while no record
    /// comes.
    pub fn tick(&mut self, now: Time, out: &mut Vec<SpanData>) {
        self.now = now;
        if now.0.abs_diff(self.looked.0) < 1_000_000_000 {
            return;
        }
        self.looked = now;
        let grace = i64::try_from(self.limits.grace.as_nanos()).unwrap_or(i64::MAX);
        let over = |job: &TracedJob| job.idle.is_some_and(|since| now.0.saturating_sub(since.0) >= grace);
        for (_, job) in self.jobs.extract_if(|_, job| over(job)) {
            self.counts.spans += 1;
            out.push(job.into_span().into_data(&self.scope));
        }
    }

    /// Ends everything that still runs, at the end of the stream.
    pub fn finish(&mut self, now: Time, out: &mut Vec<SpanData>) {
        let open = std::mem::take(&mut self.open);
        for open in open.into_values() {
            self.close(open, now, SpanEnd::NotSeen, out);
        }
        for (_, job) in self.jobs.drain() {
            self.counts.spans += 1;
            out.push(job.into_span().into_data(&self.scope));
        }
    }

    /// Returns the time of the newest record or tick.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn counts(&self) -> BuilderCounts {
        self.counts
    }

    /// Returns the number of running processes that have a span, and of compilers.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Returns the number of jobs that run or wait.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// Returns the approximate size of open spans, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn start(&mut self, record: &Record, out: &mut Vec<SpanData>) {
        let (Some(process), Some((exec_id, id))) = (record.process.as_deref(), identity(record)) else {
            return;
        };
        let trace = self.traces.trace_of(record);
        if let Entry::Occupied(mut entry) = self.open.entry(id.pid) {
            let same = entry.get().id() == id;
            if same && trace.is_none_or(|trace| trace.job == entry.get().job()) {
                let full = self.bytes >= self.limits.bytes;
                if let OpenProcess::Span(running) = entry.get_mut() {
                    self.bytes -= running.size();
                    running.exec(record, process, full);
                    self.bytes += running.size();
                }
                return;
            }
            let open = entry.remove();
            let (ended, end) = if same {
                (record.timestamp, SpanEnd::OtherJob)
            } else {
                (process.creation.time, SpanEnd::NotSeen)
            };
            self.close(open, ended, end, out);
        }
        let Some(trace) = trace else { return };
        if !trace.sampled {
            self.counts.unsampled += 1;
            return;
        }
        if !self.has_job(trace, record, out) {
            self.counts.job_limit += 1;
            return;
        }
        let open = match self.fold(record, id, trace.job) {
            Some(folded) => Some(folded),
            None => self.span(record, process, exec_id, id, trace.job),
        };
        let Some(job) = self.jobs.get_mut(&trace.job) else { return };
        match open {
            Some(open) => {
                job.process_started();
                self.open.insert(id.pid, open);
            }
            None => {
                job.skipped += 1;
                self.counts.span_limit += 1;
                // A job without a known running process must not stay forever.
                if job.running == 0 {
                    job.idle = Some(self.now);
                }
            }
        }
    }

    /// Opens a job that is not open yet. Returns whether the job is open then.
    fn has_job(&mut self, trace: JobTrace, record: &Record, out: &mut Vec<SpanData>) -> bool {
        if self.jobs.contains_key(&trace.job) {
            return true;
        }
        if self.jobs.len() >= self.limits.jobs {
            // The job that has waited longest ends early.
            let waiting = self.jobs.iter().filter_map(|(id, job)| job.idle.map(|since| (since, *id)));
            let Some(job) = waiting.min_by_key(|&(since, _)| since).and_then(|(_, id)| self.jobs.remove(&id))
            else {
                return false;
            };
            self.counts.spans += 1;
            out.push(job.into_span().into_data(&self.scope));
        }
        self.jobs.insert(trace.job, TracedJob::new(trace, record));
        true
    }

    /// Counts a compiler on its go command, if that has a span.
    fn fold(&mut self, record: &Record, id: ProcessId, job: JobId) -> Option<OpenProcess> {
        let go = record.tracego.go.as_deref().filter(|go| go.role == Some(Role::CompilerHelper))?;
        let command = ProcessId::parse(&go.command.as_ref()?.exec_id)?;
        if self.open.len() >= self.limits.spans {
            return None;
        }
        let Some(OpenProcess::Span(running)) = self.open.get_mut(&command.pid) else { return None };
        if running.id != command || running.job != job {
            return None;
        }
        let executable = record.process.as_ref().and_then(|process| process.executable.as_ref());
        let before = running.size();
        let place = running.helpers.started(executable.map_or("", |file| file.name.as_str()));
        running.findings(record);
        self.bytes = self.bytes - before + running.size();
        self.counts.folded += 1;
        Some(OpenProcess::Folded { id, job, command, place, began: record.timestamp })
    }

    /// Opens a span for a process, unless a limit is reached.
    fn span(
        &mut self,
        record: &Record,
        process: &Process,
        exec_id: &str,
        id: ProcessId,
        job: JobId,
    ) -> Option<OpenProcess> {
        if self.open.len() >= self.limits.spans {
            return None;
        }
        let trace = self.jobs.get(&job)?.trace;
        let span = id::span_id(trace.trace, exec_id);
        let parent = self.above(record, job);
        let running = RunningProcess::new(id, job, span, parent, link(record, trace), (record, process));
        let size = running.size();
        if self.bytes + size > self.limits.bytes {
            return None;
        }
        self.bytes += size;
        Some(OpenProcess::Span(Box::new(running)))
    }

    /// Returns the span of the nearest ancestor that has one in the same job.
    fn above(&self, record: &Record, job: JobId) -> Option<SpanId> {
        let ancestors = record.tracego.ancestors.as_ref()?;
        ancestors.iter().find_map(|line| match self.open.get(&line.id.tgid)? {
            OpenProcess::Span(running)
                if running.id.start == line.id.start_boottime && running.job == job =>
            {
                Some(running.span)
            }
            _ => None,
        })
    }

    fn exit(&mut self, record: &Record, out: &mut Vec<SpanData>) {
        let Some((_, id)) = identity(record) else { return };
        if self.open.get(&id.pid).is_none_or(|open| open.id() != id) {
            return;
        }
        let (Some(open), Some(process)) = (self.open.remove(&id.pid), record.process.as_deref()) else {
            return;
        };
        let end = process.exit.map_or(SpanEnd::NotSeen, |exit| SpanEnd::Exit(exit, record.tracego.exit));
        self.close(open, record.timestamp, end, out);
    }

    /// Ends an open process, and with it its span.
    fn close(&mut self, open: OpenProcess, ended: Time, end: SpanEnd, out: &mut Vec<SpanData>) {
        let job = open.job();
        match open {
            OpenProcess::Span(running) => {
                self.bytes -= running.size();
                let Some(job) = self.jobs.get_mut(&job) else { return };
                let exit = if let SpanEnd::Exit(exit, _) = end { Some(exit) } else { None };
                job.span_finished(running.parent.is_none(), exit);
                self.counts.spans += 1;
                self.counts.not_seen += u64::from(matches!(end, SpanEnd::NotSeen));
                let span = running.into_span(job.trace.trace, job.span, &job.attributes, ended, end);
                out.push(span.into_data(&self.scope));
            }
            OpenProcess::Folded { command, place, began, .. } => {
                if let Some(OpenProcess::Span(running)) = self.open.get_mut(&command.pid)
                    && running.id == command
                    && let SpanEnd::Exit(exit, _) = end
                {
                    let time = Duration::from_nanos(u64::try_from(ended.0 - began.0).unwrap_or(0));
                    running.helpers.ended(place, time, exit.code != 0);
                }
            }
        }
        if let Some(job) = self.jobs.get_mut(&job) {
            job.process_ended(ended, self.now);
        }
    }
}

/// Returns the exec id of a record's process, as text and parsed.
fn identity(record: &Record) -> Option<(&str, ProcessId)> {
    let exec_id = record.tracego.exec_id.as_deref()?;
    Some((exec_id, ProcessId::parse(exec_id)?))
}

/// Returns a link to the process's own TRACEPARENT, if that is not the parent of its job.
fn link(record: &Record, trace: JobTrace) -> Option<SpanContext> {
    let (id, span, sampled) = id::parent(record)?;
    (trace.trace != id || trace.parent != Some(span)).then(|| span::remote(id, span, sampled))
}

#[cfg(test)]
mod tests;
