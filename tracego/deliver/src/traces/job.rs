//! A job that runs, and the span above those of its processes.

use opentelemetry::{
    KeyValue,
    trace::{Event, SpanId, Status},
};

use super::{
    attribute,
    id::{self, JobTrace},
    span::{Ended, Events},
};
use tracego_model::{
    clock::Time,
    record::{Exit, Record},
};

/// A job of which a process runs, or did until a moment ago.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) trace: JobTrace,
    pub(super) span: SpanId,
    name: String,
    began: Time,
    /// The end of the last of its processes.
    pub(super) ended: Time,
    /// Since when none runs.
    pub(super) idle: Option<Time>,
    /// Processes that run: those with a span, and compilers.
    pub(super) running: usize,
    /// On each of its spans.
    pub(super) attributes: Vec<KeyValue>,
    is_ci: bool,
    events: Events,
    /// The first exit code but 0 of a process that nothing of the job is above.
    failed: Option<Exit>,
    succeeded: bool,
    spans: u64,
    /// Processes that have no span, because there were too many.
    pub(super) skipped: u64,
}

impl Job {
    /// Of the first program start in it.
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
            // A job that goes on after a long pause is another span.
            span: id::span_id(trace.trace, &format!("job {opened_by} {}", record.timestamp.0)),
            name: name.unwrap_or_else(other).to_owned(),
            began: record.timestamp,
            ended: record.timestamp,
            idle: None,
            running: 0,
            attributes: context.map(attribute::job).unwrap_or_default(),
            is_ci,
            events: Events::default(),
            failed: None,
            succeeded: false,
            spans: 0,
            skipped: 0,
        }
    }

    /// A process of it was started.
    pub(super) fn started(&mut self) {
        self.running += 1;
        self.idle = None;
    }

    /// A process of it ended; `now` is when that was seen.
    pub(super) fn stopped(&mut self, end: Time, now: Time) {
        self.running = self.running.saturating_sub(1);
        self.ended = self.ended.max(end);
        if self.running == 0 {
            self.idle = Some(now);
        }
    }

    /// One of its spans ended; `top` when it is right below the job.
    pub(super) fn finished(&mut self, top: bool, exit: Option<Exit>) {
        self.spans += 1;
        if let Some(exit) = exit.filter(|_| top) {
            self.succeeded |= exit.code == 0;
            if exit.code != 0 {
                self.failed.get_or_insert(exit);
            }
        }
    }

    /// Something happened that no span of a process can tell.
    pub(super) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Its span. The result is what the processes right below the job say: a job fails when a step does.
    pub(super) fn into_span(self) -> Ended {
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
        Ended {
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
