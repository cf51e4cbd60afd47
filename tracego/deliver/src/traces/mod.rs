//! OTLP traces: a CI job as one trace, a span for each of its processes.
//!
//! ```text
//! id        the job of a record; ids of traces and spans
//! span      a running process, and the span that it becomes
//! attribute the attributes of a span, from a record
//! helpers   compilers and linkers, folded into their go command
//! job       a running job, and the span above those of its processes
//! builder   records in the order of the stream → finished spans
//! export    a thread that sends spans, and counts each that it cannot
//! ```
//!
//! A span ends with its process and is sent at once: memory holds a few hundred bytes for each running
//! process, however long the job runs. Traces are no audit trail; records are delivered separately.
//!
//! Shape of a trace:
//!
//! - The trace is that of TRACEPARENT in the environment of the process that opened the job, if it is
//!   sampled. Without TRACEPARENT, the trace id follows from the job (see [`id`]). A job whose TRACEPARENT is
//!   not sampled has no spans, as OpenTelemetry's default sampler decides.
//! - The job is a span of kind INTERNAL (semantic conventions, "Pipeline task run"), named
//!   `cicd.pipeline.task.name`. The span ends with the last of the job's processes, and is sent when no other
//!   has started for [`builder::BuilderLimits::grace`]: the steps of a job are often processes one after the other.
//! - A process is a span from its first program start to its exit (semantic conventions, "CLI programs"),
//!   below the nearest running ancestor that has a span. A process that only forks has none.
//! - A process that executes another program keeps its span, which takes that program's name and attributes;
//!   the event `tracego.exec` has the previous ones.
//! - Attributes have the names of the native record. The job's are on each span, because an exporter has one
//!   resource and a machine many jobs.

pub mod attribute;
pub mod builder;
pub mod export;
mod helpers;
pub mod id;
mod job;
mod span;

use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use tracego_model::{
    clock::Time,
    record::{Record, Trace},
};

use crate::collector::TargetError;

/// Counts of the processes of jobs and of their spans.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TraceCounts {
    /// Counts of processes.
    pub built: builder::BuilderCounts,
    /// Counts of spans.
    pub sent: export::ExportCounts,
    /// Number of running processes that have a span, and of compilers.
    pub open: usize,
    /// Number of jobs that run or wait for their next process.
    pub jobs: usize,
    /// Approximate size of open spans, in bytes.
    pub bytes: usize,
}

/// Pipeline from records to spans to a collector.
#[derive(Debug)]
pub struct TracePipeline {
    builder: builder::SpanBuilder,
    ids: id::JobTraces,
    exporter: export::TraceExporter,
    ended: Vec<SpanData>,
}

impl TracePipeline {
    /// Starts the exporter.
    ///
    /// # Errors
    /// Fails if the settings are invalid or the thread cannot be started.
    pub fn start(
        limits: builder::BuilderLimits,
        settings: export::TraceExportSettings,
    ) -> Result<Self, TargetError> {
        let exporter = export::TraceExporter::start(settings)?;
        Ok(Self {
            builder: builder::SpanBuilder::new(limits),
            ids: id::JobTraces::default(),
            exporter,
            ended: Vec::new(),
        })
    }

    /// Takes a record; never blocks. Every process start and every exit must be passed, written or not.
    pub fn take(&mut self, record: &Record) {
        self.builder.take(record, &mut self.ended);
        self.send();
    }

    /// Gives a record of a job, if it has no trace context of its own, that of its span, so that records and
    /// spans are found together. Call after [`take`](Self::take), which uses the process's own trace context.
    pub fn set_trace_context(&mut self, record: &mut Record) {
        // Every record is looked up: the first record of a job decides for those that follow.
        let of = self.ids.trace_of(record);
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

    /// Advances the time while no record comes.
    pub fn tick(&mut self, now: Time) {
        self.builder.tick(now, &mut self.ended);
        self.send();
    }

    fn send(&mut self) {
        for span in self.ended.drain(..) {
            self.exporter.push(span);
        }
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn counts(&self) -> TraceCounts {
        let (open, jobs, bytes) = (self.builder.open(), self.builder.jobs(), self.builder.bytes());
        TraceCounts { built: self.builder.counts(), sent: self.exporter.counts(), open, jobs, bytes }
    }

    /// Ends everything that still runs, sends queued spans for at most `within`, and returns the final
    /// counts.
    pub fn close(mut self, within: Duration) -> TraceCounts {
        let now = self.builder.now();
        self.builder.finish(now, &mut self.ended);
        for span in self.ended.drain(..) {
            self.exporter.push_last(span);
        }
        let mut counts = self.counts();
        counts.sent = self.exporter.close(within);
        counts
    }
}
