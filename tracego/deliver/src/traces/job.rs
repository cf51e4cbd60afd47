//! Running job, and the span above those of its processes.

use opentelemetry::{
    KeyValue,
    trace::{Event, SpanId, Status},
};
use tracego_model::{
    clock::Time,
    record::{Exit, Record},
};

use super::{
    attribute,
    id::{self, JobTrace},
    span::{BoundedEvents, FinishedSpan},
};

/// Job with a running process, or with one that ended a moment ago.
#[derive(Debug)]
pub(super) struct TracedJob {
    pub(super) trace: JobTrace,
    pub(super) span: SpanId,
    name: String,
    began: Time,
    /// End of the last of its processes.
    pub(super) ended: Time,
    /// Time since which no process runs; `None` while one does.
    pub(super) idle: Option<Time>,
    /// Number of running processes: those with a span, and compilers.
    pub(super) running: usize,
    /// Attributes of each of its spans.
    pub(super) attributes: Vec<KeyValue>,
    is_ci: bool,
    events: BoundedEvents,
    /// First non-zero exit of a process directly below the job.
    failed: Option<Exit>,
    succeeded: bool,
    spans: u64,
    /// Number of processes that have no span because a limit was reached.
    pub(super) skipped: u64,
}

impl TracedJob {
    /// Creates a job from the first program start in it.
    pub(super) fn new(trace: JobTrace, record: &Record) -> Self {
        let context = record.context.as_deref();
        let named = |name| context.and_then(|context| context.cicd.get(name));
        let first = record.process.as_ref().and_then(|process| process.executable.as_ref());
        let name = named("pipeline.task.name").or_else(|| named("pipeline.name"));
        let is_ci = id::is_ci(record);
        let other = || if is_ci { "job" } else { first.map_or("command", |file| file.name.as_str()) };
        let opened_by = record.tracego.exec_id.as_deref().unwrap_or_default();
        Self {
            trace,
            // A job that continues after a long pause is another span.
            span: id::span_id(trace.trace, &format!("job {opened_by} {}", record.timestamp.0)),
            name: name.unwrap_or_else(other).to_owned(),
            began: record.timestamp,
            ended: record.timestamp,
            idle: None,
            running: 0,
            attributes: context.map(attribute::job).unwrap_or_default(),
            is_ci,
            events: BoundedEvents::default(),
            failed: None,
            succeeded: false,
            spans: 0,
            skipped: 0,
        }
    }

    /// Counts the start of a process.
    pub(super) fn process_started(&mut self) {
        self.running += 1;
        self.idle = None;
    }

    /// Counts the end of a process. `now`: the time when the end was seen.
    pub(super) fn process_ended(&mut self, end: Time, now: Time) {
        self.running = self.running.saturating_sub(1);
        self.ended = self.ended.max(end);
        if self.running == 0 {
            self.idle = Some(now);
        }
    }

    /// Counts the end of a span. `top`: whether it is directly below the job.
    pub(super) fn span_finished(&mut self, top: bool, exit: Option<Exit>) {
        self.spans += 1;
        if let Some(exit) = exit.filter(|_| top) {
            self.succeeded |= exit.code == 0;
            if exit.code != 0 {
                self.failed.get_or_insert(exit);
            }
        }
    }

    /// Adds an event that no process's span can have.
    pub(super) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Returns the job's span. Its result comes from the processes directly below the job: a job fails when a
    /// step does.
    pub(super) fn into_span(self) -> FinishedSpan {
        let mut attributes = self.attributes;
        if self.is_ci && (self.failed.is_some() || self.succeeded) {
            let result = if self.failed.is_some() { "failure" } else { "success" };
            attributes.push(KeyValue::new("cicd.pipeline.task.run.result", result));
        }
        let mut status = Status::Unset;
        if let Some(exit) = self.failed {
            attributes.push(KeyValue::new("error.type", exit.code.to_string()));
            status = Status::error(format!("a process of the job ended with {}", exit.code));
        }
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new("tracego.job.spans", count(self.spans)));
        if self.skipped > 0 {
            attributes.push(KeyValue::new("tracego.job.spans_skipped", count(self.skipped)));
        }
        FinishedSpan {
            trace: self.trace.trace,
            span: self.span,
            parent: self.trace.parent,
            parent_is_remote: self.trace.parent.is_some(),
            name: self.name,
            began: self.began,
            ended: self.ended,
            attributes,
            events: self.events,
            link: None,
            status,
        }
    }
}
