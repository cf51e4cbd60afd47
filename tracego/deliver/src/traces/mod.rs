//! OTLP traces: a CI job as one trace, a span for each of its processes.
//!
//! ```text
//! id        which job a record belongs to; ids of traces and spans
//! span      a process that runs, and the span that it becomes
//! attribute what a record says, as attributes
//! helpers   compilers and linkers, folded into their go command
//! job       a job that runs, and the span above those of its processes
//! builder   records in the order of the stream → finished spans
//! export    a thread that sends them, and counts each that it cannot
//! ```
//!
//! A span ends with its process and is sent at once: what is kept is a few hundred bytes for each process
//! that runs, however long the job does. Nothing here is an audit trail; the records have their own way.
//!
//! What a trace looks like:
//!
//! - The trace is that of TRACEPARENT in the environment of the process that opened the job, where it is
//!   sampled; without TRACEPARENT its id follows from the job (see [`id`]). A job whose TRACEPARENT is not
//!   sampled has no spans, as OpenTelemetry's default sampler decides.
//! - The job is a span of kind INTERNAL (semantic conventions, "Pipeline task run"), named
//!   `cicd.pipeline.task.name`. It ends with the last of its processes, and is sent when no other has
//!   started for [`builder::Limits::grace`]: the steps of a job are often processes one after the other.
//! - A process is a span from its first program start to its exit (semantic conventions, "CLI programs"),
//!   below the nearest ancestor that runs and has a span. A process that only forks has none.
//! - A process that starts another program in its place keeps its span, which takes that program's name
//!   and attributes; the event `tracego.exec` has what it was before.
//! - Attributes have the names of the native record. The job's are on each span, because an exporter has
//!   one resource and a machine many jobs.

pub mod attribute;
pub mod builder;
pub mod export;
mod helpers;
pub mod id;
mod job;
mod span;

use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;

use crate::collector::TargetError;
use tracego_model::{
    clock::Time,
    record::{Record, Trace},
};

/// What became of the processes of jobs and of their spans.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Processes.
    pub built: builder::Counts,
    /// Spans.
    pub sent: export::Counts,
    /// Processes that run and have a span, and compilers.
    pub open: usize,
    /// Jobs that run or wait for their next process.
    pub jobs: usize,
    /// Bytes of these, about.
    pub bytes: usize,
}

/// Records → spans → a collector.
#[derive(Debug)]
pub struct Traces {
    builder: builder::Builder,
    ids: id::Traces,
    exporter: export::Exporter,
    ended: Vec<SpanData>,
}

impl Traces {
    /// Starts to send.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub fn start(limits: builder::Limits, settings: export::Settings) -> Result<Self, TargetError> {
        let exporter = export::Exporter::start(settings)?;
        Ok(Self {
            builder: builder::Builder::new(limits),
            ids: id::Traces::default(),
            exporter,
            ended: Vec::new(),
        })
    }

    /// Takes a record; never waits. Every start and every exit has to come, written or not.
    pub fn take(&mut self, record: &Record) {
        self.builder.take(record, &mut self.ended);
        self.send();
    }

    /// A record of a job that has no trace context of its own gets that of its span, so that records and
    /// spans are found together. After [`take`](Self::take), which goes by what the process itself has.
    pub fn mark(&mut self, record: &mut Record) {
        // Of every record: what the first of a job says holds for those that follow.
        let of = self.ids.of(record);
        if record.trace.is_none()
            && let Some(exec_id) = &record.tracego.exec_id
            && let Some(of) = of
        {
            let flags = u8::from(of.sampled);
            record.trace = Some(Trace {
                trace_id: of.trace.to_string(),
                span_id: id::span_id(of.trace, exec_id).to_string(),
                trace_flags: format!("{flags:02x}"),
            });
        }
    }

    /// Time passes, and no record comes.
    pub fn tick(&mut self, now: Time) {
        self.builder.tick(now, &mut self.ended);
        self.send();
    }

    fn send(&mut self) {
        for span in self.ended.drain(..) {
            self.exporter.push(span);
        }
    }

    /// See [`Counts`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (open, jobs, bytes) = (self.builder.open(), self.builder.jobs(), self.builder.bytes());
        Counts { built: self.builder.counts(), sent: self.exporter.counts(), open, jobs, bytes }
    }

    /// Ends what still runs and sends what waits, for no longer than this.
    pub fn close(mut self, within: Duration) -> Counts {
        let now = self.builder.now();
        self.builder.end(now, &mut self.ended);
        for span in self.ended.drain(..) {
            self.exporter.push_last(span);
        }
        let mut counts = self.counts();
        counts.sent = self.exporter.close(within);
        counts
    }
}
