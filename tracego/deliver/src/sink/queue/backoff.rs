//! Pauses between attempts to reach a receiver that takes nothing.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time::Instant;

/// The first and the longest pause.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause that a receiver may ask for.
const ASKED: Duration = Duration::from_hours(1);

/// Pauses that double and are shortened at random, so that many agents do not retry at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Resets the pauses after the receiver took something.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Begins a pause after a failed attempt. `asked` is the pause that the receiver asked for, if any.
    pub(super) fn wait(&mut self, asked: Option<Duration>) {
        let longest = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        // Half of the pause is random; std's hasher has a new seed each time.
        let chance = u32::try_from(RandomState::new().hash_one(self.tries) % 1000).unwrap_or(0);
        let pause = longest / 2 + longest / 2 * chance / 1000;
        self.until = Some(Instant::now() + pause.max(asked.unwrap_or_default().min(ASKED)));
    }

    /// Returns the time of the next attempt, or `None` if it is due now.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(backoff: &Backoff) -> Duration {
        backoff.until.unwrap().saturating_duration_since(Instant::now())
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.until(), None);
        backoff.wait(None);
        assert!(pause(&backoff) <= FIRST);
        for _ in 0..40 {
            backoff.wait(None);
            assert!(pause(&backoff) <= LONGEST);
        }
        assert!(pause(&backoff) >= LONGEST / 2 - Duration::from_secs(1));
        backoff.reset();
        backoff.wait(None);
        assert!(pause(&backoff) <= FIRST);
    }

    #[test]
    fn what_the_receiver_asks_for_is_kept_within_reason() {
        let mut backoff = Backoff::default();
        backoff.wait(Some(Duration::from_secs(60)));
        assert!(pause(&backoff) > Duration::from_secs(59));
        backoff.wait(Some(Duration::MAX));
        assert!(pause(&backoff) <= ASKED);
    }
}
