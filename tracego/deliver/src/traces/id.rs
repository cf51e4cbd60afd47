//! Job of a record, and the ids that follow from it.
//!
//! A job is identified by the names that its CI system gives it, on this boot of this machine. A job whose
//! steps are processes one after the other is one trace, and so is a job that tracego sees again after a
//! restart. Jobs are not matched across machines, because numbers of jobs are small and many CI systems count
//! them for each repository.

use std::num::NonZeroUsize;

use lru::LruCache;
use opentelemetry::trace::{SpanId, TraceId};
use sha2::{Digest as _, Sha256};
use tracego_model::record::{Record, job::Context};

/// Names of `cicd.pipeline.run.id` and `cicd.pipeline.task.run.id` in the context.
const RUN: &str = "pipeline.run.id";
const TASK_RUN: &str = "pipeline.task.run.id";
/// First bytes of every hash. The number changes with the way ids are made.
const TAG: &str = "tracego.trace/1";
/// Number of jobs and openers whose trace is remembered, so that a late record still finds it.
const REMEMBERED: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// Job, by the SHA-256 of its names.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct JobId([u8; 32]);

impl JobId {
    /// Returns the trace of a job that has no TRACEPARENT: the first 16 bytes.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[..16]);
        // All zeros is not a valid id; in practice this never happens.
        TraceId::from_bytes(if id == [0; 16] { [1; 16] } else { id })
    }
}

/// Returns the job of a record, judged by that record alone. Returns `None` for a process outside of any job.
///
/// The SHA-256 is over texts that each end with a zero byte: `tracego.trace/1`, `tracego.boot_id`, and then
///
/// - `job`, `cicd.system.component`, `vcs.repository.url.full`, `cicd.pipeline.name`, `cicd.pipeline.run.id`
///   and `cicd.pipeline.task.run.id`, if one of the last two is there (missing texts are empty);
/// - otherwise `opener` and `tracego.job.root.exec_id`;
/// - otherwise, for a process of the command of `tracego run`, `run` and `service.instance.id`.
#[must_use]
pub fn job_id(record: &Record) -> Option<JobId> {
    let boot = &*record.tracego.boot_id;
    if let Some(context) = record.context.as_ref().filter(|context| is_named(context)) {
        let cicd = |name| context.cicd.get(name).unwrap_or_default();
        let repository = context.vcs.get("repository.url.full").unwrap_or_default();
        let (system, pipeline) = (cicd("system.component"), cicd("pipeline.name"));
        let (run, task) = (cicd(RUN), cicd(TASK_RUN));
        return Some(JobId(hash([boot, "job", system, repository, pipeline, run, task])));
    }
    if let Some(opener) = opener(record) {
        return Some(JobId(hash([boot, "opener", opener])));
    }
    record.tracego.in_tree.then(|| JobId(hash([boot, "run", &record.origin.service.instance.id])))
}

/// Whether the job belongs to a CI system.
pub(super) fn is_ci(record: &Record) -> bool {
    record.context.as_ref().is_some_and(|context| is_named(context)) || opener(record).is_some()
}

/// Whether a CI system has a name for this run of the job.
fn is_named(context: &Context) -> bool {
    [RUN, TASK_RUN].into_iter().any(|name| context.cicd.get(name).is_some_and(|value| !value.is_empty()))
}

/// Returns the exec id of the process that opened the job of a record.
fn opener(record: &Record) -> Option<&str> {
    record.tracego.job.as_ref()?.root.as_ref().map(|root| root.exec_id.as_str())
}

fn hash<const N: usize>(parts: [&str; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [TAG].into_iter().chain(parts) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

/// Returns the trace of a record, judged by that record alone. The result is right for each record of a job
/// without TRACEPARENT whose processes all name the same job. [`JobTraces`] handles the others, too.
#[must_use]
pub fn trace_id_of(record: &Record) -> Option<TraceId> {
    let job = job_id(record)?;
    let own = parent(record).filter(|_| is_opener(record));
    Some(own.map_or_else(|| job.trace_id(), |(trace, ..)| trace))
}

/// Returns the id of a span in a trace: the first 8 bytes of the SHA-256 over the tag, the trace id in
/// hexadecimal and `name`. Each ends with a zero byte. `name` is `tracego.exec_id` for the span of a process.
#[must_use]
pub fn span_id(trace: TraceId, name: &str) -> SpanId {
    let mut id = [0; 8];
    id.copy_from_slice(&hash([&trace.to_string(), name])[..8]);
    SpanId::from_bytes(if id == [0; 8] { [1; 8] } else { id })
}

/// Whether the process of a record opened its job.
fn is_opener(record: &Record) -> bool {
    opener(record).is_none_or(|opener| record.tracego.exec_id.as_deref() == Some(opener))
}

/// Returns the process's own TRACEPARENT: trace, span, and whether the trace is sampled.
pub(super) fn parent(record: &Record) -> Option<(TraceId, SpanId, bool)> {
    let trace = record.trace.as_ref()?;
    let flags = u8::from_str_radix(&trace.trace_flags, 16).ok()?;
    let (id, span) = (TraceId::from_hex(&trace.trace_id).ok()?, SpanId::from_hex(&trace.span_id).ok()?);
    Some((id, span, flags & 1 != 0))
}

/// Trace of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JobTrace {
    /// Id of the job.
    pub job: JobId,
    /// Id of the trace.
    pub trace: TraceId,
    /// Span in TRACEPARENT, which is the parent of the job's span.
    pub parent: Option<SpanId>,
    /// Whether the trace is sampled.
    pub sampled: bool,
}

/// Traces of jobs. The first process of a job decides for all that come after it.
#[derive(Debug)]
pub struct JobTraces {
    /// Job by the exec id of the process that opened it.
    openers: LruCache<Box<str>, JobId>,
    jobs: LruCache<JobId, JobTrace>,
}

impl Default for JobTraces {
    fn default() -> Self {
        Self { openers: LruCache::new(REMEMBERED), jobs: LruCache::new(REMEMBERED) }
    }
}

impl JobTraces {
    /// Returns the trace of a record. Records must come in the order of the stream.
    pub fn trace_of(&mut self, record: &Record) -> Option<JobTrace> {
        let opener = opener(record);
        let known = opener.and_then(|opener| self.openers.get(opener).copied());
        let job = match known {
            Some(job) => job,
            None => {
                let job = job_id(record)?;
                if let Some(opener) = opener {
                    self.openers.put(opener.into(), job);
                }
                job
            }
        };
        if let Some(&trace) = self.jobs.get(&job) {
            return Some(trace);
        }
        let trace = match parent(record).filter(|_| is_opener(record)) {
            Some((trace, span, sampled)) => JobTrace { job, trace, parent: Some(span), sampled },
            None => JobTrace { job, trace: job.trace_id(), parent: None, sampled: true },
        };
        self.jobs.put(job, trace);
        Some(trace)
    }
}

/// Process, by its start in nanoseconds since boot and its PID. Both are the end of `tracego.exec_id`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct ProcessId {
    pub(super) start: u64,
    pub(super) pid: u32,
}

impl ProcessId {
    /// Parses `…-start-pid`, both in hexadecimal.
    pub(super) fn parse(exec_id: &str) -> Option<Self> {
        let mut parts = exec_id.rsplit('-');
        let pid = u32::from_str_radix(parts.next()?, 16).ok()?;
        let start = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self { start, pid })
    }
}
