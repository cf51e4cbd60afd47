//! Whether it is the record in front that a receiver fails at.

use std::time::Duration;

use tokio::time::Instant;

/// A record has to be in front for so many tries that failed, however quickly they came.
const TRIES: u32 = 8;

/// Which record was in front when deliveries failed, and for how long.
#[derive(Debug)]
pub(super) struct Suspicion {
    /// Nothing is given up where there is no end.
    patience: Option<Duration>,
    /// That failed with one record in front, at least.
    tries: u32,
    front: Option<Front>,
    /// The batch in hand is sent so that what the receiver fails at is found.
    isolating: bool,
}

#[derive(Debug)]
struct Front {
    seq: u64,
    tries: u32,
    since: Instant,
}

impl Suspicion {
    /// Of nothing.
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self::after(TRIES, patience)
    }

    /// Of nothing, with this bound on tries.
    pub(super) fn after(tries: u32, patience: Option<Duration>) -> Self {
        Self { patience, tries, front: None, isolating: false }
    }

    /// A delivery failed with this record in front.
    pub(super) fn failed(&mut self, seq: u64) {
        self.isolating = false;
        match &mut self.front {
            Some(front) if front.seq == seq => front.tries = front.tries.saturating_add(1),
            _ => self.front = Some(Front { seq, tries: 1, since: Instant::now() }),
        }
    }

    /// A delivery did not fail. `left`: there is more of its batch, and it is treated alike.
    pub(super) fn went_on(&mut self, left: bool) {
        if !(left && self.isolating) {
            *self = Self::after(self.tries, self.patience);
        }
    }

    /// Whether the next delivery looks for a record that the receiver fails at.
    pub(super) fn isolates(&self) -> bool {
        self.isolating
    }

    /// Whether it does so from now on, where it did not before.
    pub(super) fn begins(&mut self) -> bool {
        let ripe = |front: &Front| {
            front.tries >= self.tries
                && self.patience.is_some_and(|patience| front.since.elapsed() >= patience)
        };
        let begins = !self.isolating && self.front.as_ref().is_some_and(ripe);
        self.isolating |= begins;
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_has_to_be_in_front_often_and_for_long() {
        let mut suspicion = Suspicion::new(Some(Duration::ZERO));
        for _ in 1..TRIES {
            suspicion.failed(1);
        }
        assert!(!suspicion.begins());
        // Something was taken.
        suspicion.failed(2);
        assert!(!suspicion.begins());
        for _ in 1..TRIES {
            suspicion.failed(2);
        }
        assert!(suspicion.begins() && suspicion.isolates() && !suspicion.begins());
        // The rest of the batch is treated alike, the next one is not.
        suspicion.went_on(true);
        assert!(suspicion.isolates());
        suspicion.went_on(false);
        assert!(!suspicion.isolates() && !suspicion.begins());

        for patience in [None, Some(Duration::from_secs(60))] {
            let mut suspicion = Suspicion::new(patience);
            (0..100).for_each(|_| suspicion.failed(1));
            assert!(!suspicion.begins());
        }
    }
}
