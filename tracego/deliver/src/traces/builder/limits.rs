//! Limits of the builder, and counts of outcomes.

use std::time::Duration;

/// Limits of the builder.
#[derive(Clone, Copy, Debug)]
pub struct BuilderLimits {
    /// Maximum number of running processes with a span, including compilers.
    pub spans: usize,
    /// Approximate maximum size of open spans, in bytes.
    pub bytes: usize,
    /// Maximum number of open jobs.
    pub jobs: usize,
    /// Time that a job waits for another process after its last one ended.
    pub grace: Duration,
}

impl Default for BuilderLimits {
    fn default() -> Self {
        Self { spans: 65_536, bytes: 32 << 20, jobs: 1024, grace: Duration::from_secs(30) }
    }
}

/// Counts of the processes of jobs by outcome. Each number only grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BuilderCounts {
    /// Spans that were made.
    pub spans: u64,
    /// Spans of processes whose end was not seen.
    pub not_seen: u64,
    /// Compilers and linkers, which are counted on the span of their go command.
    pub folded: u64,
    /// Processes without a span, because the limit on spans or bytes was reached.
    pub span_limit: u64,
    /// Processes without a span, because the limit on jobs was reached.
    pub job_limit: u64,
    /// Processes without a span, because the TRACEPARENT of their job is not sampled.
    pub unsampled: u64,
}
