//! Running process, and the span that it becomes.

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tracego_golang::{role::Role, subcommand::Subcommand};
use tracego_model::{
    clock::Time,
    record::{Exit, ExitFacts, Process, Record},
};

use super::{
    attribute,
    helpers::Helpers,
    id::{JobId, ProcessId},
};

/// Maximum number of events of a span; further ones are counted.
const EVENTS_MAX: usize = 32;

/// Events of a span.
#[derive(Debug, Default)]
pub(super) struct BoundedEvents {
    kept: Vec<Event>,
    dropped: u32,
}

impl BoundedEvents {
    pub(super) fn push(&mut self, event: Event) {
        if self.kept.len() < EVENTS_MAX {
            self.kept.push(event);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    fn size(&self) -> usize {
        let event = |event: &Event| size_of::<Event>() + attribute::size(&event.attributes);
        self.kept.iter().map(event).sum()
    }
}

/// Running process that has a span.
#[derive(Debug)]
pub(super) struct RunningProcess {
    pub(super) id: ProcessId,
    pub(super) job: JobId,
    pub(super) span: SpanId,
    /// Parent within the job; `None` directly below the job.
    pub(super) parent: Option<SpanId>,
    began: Time,
    name: String,
    attributes: Vec<KeyValue>,
    events: BoundedEvents,
    pub(super) helpers: Helpers,
    link: Option<SpanContext>,
}

/// End of the span of a process.
#[derive(Clone, Copy, Debug)]
pub(super) enum SpanEnd {
    /// The process exited.
    Exit(Exit, Option<ExitFacts>),
    /// The end was not seen.
    NotSeen,
    /// The process continues as part of another job.
    OtherJob,
}

impl RunningProcess {
    /// Creates the span of a process that starts its first program in a job. `link`: the process's own trace
    /// context, if it differs from that of its job.
    pub(super) fn new(
        id: ProcessId,
        job: JobId,
        span: SpanId,
        parent: Option<SpanId>,
        link: Option<SpanContext>,
        (record, process): (&Record, &Process),
    ) -> Self {
        let mut running = Self {
            id,
            job,
            span,
            parent,
            began: record.timestamp,
            name: name(record, process),
            attributes: attribute::program(record, process),
            events: BoundedEvents::default(),
            helpers: Helpers::default(),
            link,
        };
        running.findings(record);
        running
    }

    /// Notes that the process executed another program. If `full`, only the name is kept.
    pub(super) fn exec(&mut self, record: &Record, process: &Process, full: bool) {
        let before = std::mem::replace(&mut self.name, name(record, process));
        if full {
            return;
        }
        self.events.push(attribute::exec(&self.attributes, before, record.timestamp));
        self.attributes = attribute::program(record, process);
        self.findings(record);
    }

    /// Adds the findings of a record.
    pub(super) fn findings(&mut self, record: &Record) {
        for finding in &record.tracego.findings {
            self.events.push(attribute::finding(finding, record.timestamp));
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Returns the approximate size in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + attribute::size(&self.attributes) + self.events.size()
    }

    /// Returns the finished span; without another parent, it is below the job's span.
    pub(super) fn into_span(
        self,
        trace: TraceId,
        job_span: SpanId,
        job: &[KeyValue],
        ended: Time,
        end: SpanEnd,
    ) -> FinishedSpan {
        let mut attributes = self.attributes;
        attributes.extend(self.helpers.attributes());
        let mut status = Status::Unset;
        match end {
            SpanEnd::Exit(exit, facts) => {
                attributes.extend(attribute::exit(exit, facts));
                if exit.code != 0 {
                    let signal = facts.and_then(|facts| facts.signal);
                    status = Status::error(match signal {
                        Some(signal) => format!("ended by signal {signal}"),
                        None => format!("ended with {}", exit.code),
                    });
                }
            }
            SpanEnd::NotSeen => attributes.push(KeyValue::new("tracego.span.end", "not seen")),
            SpanEnd::OtherJob => attributes.push(KeyValue::new("tracego.span.end", "other job")),
        }
        attributes.extend_from_slice(job);
        FinishedSpan {
            trace,
            span: self.span,
            parent: Some(self.parent.unwrap_or(job_span)),
            parent_is_remote: false,
            name: self.name,
            began: self.began,
            ended,
            attributes,
            events: self.events,
            link: self.link,
            status,
        }
    }
}

/// Returns the name of a span: the name of the executable and, for a go command, its subcommand. There are
/// few names, so that spans of a kind can be found and compared.
fn name(record: &Record, process: &Process) -> String {
    let executable = process.executable.as_ref().map_or(process.command.as_str(), |file| file.name.as_str());
    let executable = if executable.is_empty() { "process" } else { executable };
    let go = record.tracego.go.as_deref();
    let command = go.and_then(|go| {
        go.command.as_ref().filter(|command| {
            let itself = record.tracego.exec_id.as_deref() == Some(command.exec_id.as_str());
            // A toolchain that another one hands over to is the same run of the go command.
            let handed =
                go.repeated && go.role != Some(Role::GoRunChild) && go.role != Some(Role::GoTestBinary);
            itself || handed
        })
    });
    let known = command
        .and_then(|command| Subcommand::ALL.into_iter().find(|known| known.as_str() == command.subcommand));
    match known {
        Some(subcommand) => format!("{executable} {}", subcommand.as_str()),
        None => executable.to_owned(),
    }
}

/// Finished span.
#[derive(Debug)]
pub(super) struct FinishedSpan {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) parent_is_remote: bool,
    pub(super) name: String,
    pub(super) began: Time,
    pub(super) ended: Time,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) events: BoundedEvents,
    pub(super) link: Option<SpanContext>,
    pub(super) status: Status,
}

/// Returns the span context of a TRACEPARENT.
pub(super) fn remote(trace: TraceId, span: SpanId, sampled: bool) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(sampled);
    SpanContext::new(trace, span, flags, true, TraceState::default())
}

impl FinishedSpan {
    /// Converts the span for exporters.
    pub(super) fn into_data(self, scope: &InstrumentationScope) -> SpanData {
        let (mut events, mut links) = (SpanEvents::default(), SpanLinks::default());
        events.events = self.events.kept;
        events.dropped_count = self.events.dropped;
        links.links.extend(self.link.map(Link::with_context));
        let own = TraceState::default();
        SpanData {
            span_context: SpanContext::new(self.trace, self.span, TraceFlags::SAMPLED, false, own),
            parent_span_id: self.parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: self.parent_is_remote,
            span_kind: SpanKind::Internal,
            name: self.name.into(),
            start_time: attribute::system_time(self.began),
            // The wall clock may have been set back in between.
            end_time: attribute::system_time(self.ended.max(self.began)),
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events,
            links,
            status: self.status,
            instrumentation_scope: scope.clone(),
        }
    }
}
