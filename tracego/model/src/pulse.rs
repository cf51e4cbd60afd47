//! Signs of life of threads.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A thread's sign of life.
#[derive(Debug)]
pub struct Pulse {
    begun: Instant,
    /// Time of the last beat, in milliseconds since `begun`.
    last: AtomicU64,
}

impl Pulse {
    /// Creates a pulse with its first beat.
    #[must_use]
    pub fn new() -> Self {
        Self { begun: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Records that the thread is at work.
    pub fn beat(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    /// Returns the time since the last beat.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}
