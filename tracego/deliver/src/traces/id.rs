//! Which job a record belongs to, and the ids that follow from that.
//!
//! A job is known by what its CI system calls it, on this boot of this machine: a job whose steps are
//! processes one after the other is one trace, and so is one that tracego sees again after a restart. It
//! is not known across machines, because numbers of jobs are small and many CI systems count them for each
//! repository.

use std::num::NonZeroUsize;

use lru::LruCache;
use opentelemetry::trace::{SpanId, TraceId};
use sha2::{Digest as _, Sha256};

use tracego_model::record::{Record, job::Context};

/// `cicd.pipeline.run.id` and `cicd.pipeline.task.run.id`.
const RUN: &str = "pipeline.run.id";
const TASK_RUN: &str = "pipeline.task.run.id";
/// The first bytes of every hash: another way to make ids gets another number.
const TAG: &str = "tracego.trace/1";
/// Jobs and their openers whose trace is remembered, so that a late record still finds it.
const REMEMBERED: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// A job, by the SHA-256 of what identifies it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct JobId([u8; 32]);

impl JobId {
    /// The trace of a job that has no TRACEPARENT: the first 16 bytes.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[..16]);
        // All zeros is no id; nobody will ever see it.
        TraceId::from_bytes(if id == [0; 16] { [1; 16] } else { id })
    }
}

/// The job that a record says it belongs to, by itself; nothing for a process that is in none.
///
/// The SHA-256 is over texts that each end with a zero byte: `tracego.trace/1`, `tracego.boot_id`, and then
///
/// - `job`, `cicd.system.component`, `vcs.repository.url.full`, `cicd.pipeline.name`,
///   `cicd.pipeline.run.id` and `cicd.pipeline.task.run.id`, where one of the last two is there (what is
///   missing is empty);
/// - else `opener` and `tracego.job.root.exec_id`;
/// - else, for a process of the command of `tracego run`, `run` and `service.instance.id`.
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

/// The job is one of a CI system.
pub(super) fn is_ci(record: &Record) -> bool {
    record.context.as_ref().is_some_and(|context| is_named(context)) || opener(record).is_some()
}

/// A CI system has a name for this run of the job.
fn is_named(context: &Context) -> bool {
    [RUN, TASK_RUN].into_iter().any(|name| context.cicd.get(name).is_some_and(|value| !value.is_empty()))
}

/// The process that opened the job of a record.
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

/// The trace that a record belongs to, by itself: right for each record of a job without TRACEPARENT whose
/// processes all say the same of it. [`Traces`] knows the others, too.
#[must_use]
pub fn trace_id_of(record: &Record) -> Option<TraceId> {
    let job = job_id(record)?;
    let own = parent(record).filter(|_| opens(record));
    Some(own.map_or_else(|| job.trace_id(), |(trace, ..)| trace))
}

/// The id of a span in a trace: the first 8 bytes of the SHA-256 over the tag, the trace id in hexadecimal
/// and `name`, which is `tracego.exec_id` for the span of a process. Each ends with a zero byte.
#[must_use]
pub fn span_id(trace: TraceId, name: &str) -> SpanId {
    let mut id = [0; 8];
    id.copy_from_slice(&hash([&trace.to_string(), name])[..8]);
    SpanId::from_bytes(if id == [0; 8] { [1; 8] } else { id })
}

/// The record is the start of the process that opened its job.
fn opens(record: &Record) -> bool {
    opener(record).is_none_or(|opener| record.tracego.exec_id.as_deref() == Some(opener))
}

/// What the process's own TRACEPARENT says: trace, span, and whether that is sampled.
pub(super) fn parent(record: &Record) -> Option<(TraceId, SpanId, bool)> {
    let trace = record.trace.as_ref()?;
    let flags = u8::from_str_radix(&trace.trace_flags, 16).ok()?;
    let (id, span) = (TraceId::from_hex(&trace.trace_id).ok()?, SpanId::from_hex(&trace.span_id).ok()?);
    Some((id, span, flags & 1 != 0))
}

/// The trace of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JobTrace {
    /// The job.
    pub job: JobId,
    /// Its trace.
    pub trace: TraceId,
    /// The span of TRACEPARENT, which the job is below.
    pub parent: Option<SpanId>,
    /// Whether anybody wants to see it.
    pub sampled: bool,
}

/// The traces of jobs. What the first process of a job said holds for all that come after it.
#[derive(Debug)]
pub struct Traces {
    /// By the process that opened the job.
    openers: LruCache<Box<str>, JobId>,
    jobs: LruCache<JobId, JobTrace>,
}

impl Default for Traces {
    fn default() -> Self {
        Self { openers: LruCache::new(REMEMBERED), jobs: LruCache::new(REMEMBERED) }
    }
}

impl Traces {
    /// The trace that a record belongs to. Records are given in the order of the stream.
    pub fn of(&mut self, record: &Record) -> Option<JobTrace> {
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
        let trace = match parent(record).filter(|_| opens(record)) {
            Some((trace, span, sampled)) => JobTrace { job, trace, parent: Some(span), sampled },
            None => JobTrace { job, trace: job.trace_id(), parent: None, sampled: true },
        };
        self.jobs.put(job, trace);
        Some(trace)
    }
}

/// A process: start in nanoseconds since boot, and pid. It is what `tracego.exec_id` ends with.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct ProcessId {
    pub(super) start: u64,
    pub(super) pid: u32,
}

impl ProcessId {
    /// Reads `…-start-pid`, both in hexadecimal.
    pub(super) fn parse(exec_id: &str) -> Option<Self> {
        let mut parts = exec_id.rsplit('-');
        let pid = u32::from_str_radix(parts.next()?, 16).ok()?;
        let start = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some(Self { start, pid })
    }
}
