//! A receiver that cannot be opened yet, as after a reload while tracego runs.

use std::time::Duration;

use tokio::time::Instant;

/// Pause between two attempts.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

/// The way to open a receiver, and the time of the next attempt. Until it succeeds, records wait in the
/// queue.
pub(crate) struct OpenRetry<T> {
    open: Box<dyn FnMut() -> Result<T, String> + Send>,
    next: Instant,
}

impl<T> OpenRetry<T> {
    /// Creates an opening whose first attempt is due at once.
    pub(crate) fn new(open: impl FnMut() -> Result<T, String> + Send + 'static) -> Self {
        Self { open: Box::new(open), next: Instant::now() }
    }

    /// Returns the time of the next attempt.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Tries to open the receiver if an attempt is due. Returns the transport if that succeeds.
    pub(crate) fn attempt(&mut self, sink: &str) -> Option<T> {
        if Instant::now() < self.next {
            return None;
        }
        match (self.open)() {
            Ok(transport) => Some(transport),
            Err(why) => {
                tracing::error!(sink, "the changed sink cannot be opened: {why}; tracego retries");
                self.next = Instant::now() + AGAIN;
                None
            }
        }
    }
}
