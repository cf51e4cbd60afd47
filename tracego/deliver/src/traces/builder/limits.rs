//! How much the builder keeps, and what became of the rest.

use std::time::Duration;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Processes that run and have a span.
    pub spans: usize,
    /// Bytes of these, about.
    pub bytes: usize,
    /// Jobs that run.
    pub jobs: usize,
    /// How long a job waits for another process when none of it runs any more.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { spans: 65_536, bytes: 32 << 20, jobs: 1024, grace: Duration::from_secs(30) }
    }
}

/// What became of processes of jobs. Each number only grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Spans that were made.
    pub made: u64,
    /// Of these, those whose end nobody saw.
    pub not_seen: u64,
    /// Compilers and linkers, which are counted on the span of their go command.
    pub folded: u64,
    /// Processes without a span, because too many had one.
    pub no_room: u64,
    /// Processes without a span, because too many jobs ran.
    pub no_room_for_job: u64,
    /// Processes without a span, because the TRACEPARENT of their job is not sampled.
    pub unsampled: u64,
}
