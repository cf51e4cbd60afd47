//! A receiver that cannot be opened yet, as after a change of settings while tracego runs.

use std::time::Duration;

use tokio::time::Instant;

/// Between two tries.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// How it is opened, and when that is tried next. What comes in the meantime waits in the queue.
pub(super) struct Opening<T> {
    open: Box<dyn FnMut() -> Result<T, String> + Send>,
    next: Instant,
}

impl<T> Opening<T> {
    /// Tried at once.
    pub(super) fn new(open: impl FnMut() -> Result<T, String> + Send + 'static) -> Self {
        Self { open: Box::new(open), next: Instant::now() }
    }

    /// When it is tried next.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// The transport, where it is time to try and it can be opened.
    pub(super) fn attempt(&mut self, sink: &str) -> Option<T> {
        if Instant::now() < self.next {
            return None;
        }
        match (self.open)() {
            Ok(transport) => Some(transport),
            Err(why) => {
                tracing::error!(sink, "the changed sink cannot be opened: {why}; it is tried again");
                self.next = Instant::now() + AGAIN;
                None
            }
        }
    }
}
