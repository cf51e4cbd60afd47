//! Pauses between requests to an API server that fails.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// Longest pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// Longest pause after any failure.
const LONGEST: Duration = Duration::from_secs(60);
/// Least pause: a server that fails at once is not asked in a loop.
const LEAST: Duration = Duration::from_millis(100);
/// Longest pause that a server may ask for.
const ASKED: Duration = Duration::from_secs(300);

/// Pauses that double. Each is a random part of its length, so that the nodes of a cluster do not ask at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// Begins anew after a success.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }

    /// Returns the next pause. `asked`: the pause that the server asked for, if any.
    pub(crate) fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        random(longest).max(LEAST).max(asked.unwrap_or_default().min(ASKED))
    }
}

/// Returns a random part of a duration.
pub(crate) fn random(longest: Duration) -> Duration {
    // std's hasher has a new seed each time.
    let chance = u32::try_from(RandomState::new().hash_one(longest) % 1000).unwrap_or(0);
    longest * chance / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_random_grow_up_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::default();
        assert!(backoff.pause(None) <= FIRST);
        let pauses: Vec<Duration> = (0..200).map(|_| backoff.pause(None)).collect();
        assert!(pauses.iter().all(|pause| (LEAST..=LONGEST).contains(pause)));
        let late = &pauses[20..];
        assert!(
            late.iter().any(|pause| *pause > LONGEST / 2) && late.iter().any(|pause| *pause < LONGEST / 2)
        );
        backoff.reset();
        assert!(backoff.pause(None) <= FIRST);
    }

    #[test]
    fn a_server_may_ask_for_a_pause_within_reason() {
        let mut backoff = Backoff::default();
        assert!(backoff.pause(Some(Duration::from_secs(30))) >= Duration::from_secs(30));
        assert!(backoff.pause(Some(Duration::MAX)) <= ASKED);
    }
}
