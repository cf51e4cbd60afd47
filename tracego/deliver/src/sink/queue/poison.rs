//! The decision whether a receiver fails because of the record in front.

use std::time::Duration;

use tokio::time::Instant;

/// Number of failed attempts that a record has to be in front for, however quickly they came.
const TRIES: u32 = 8;

/// The record that was in front when deliveries failed, and for how long.
#[derive(Debug)]
pub(super) struct PoisonDetector {
    /// Time that a record has to be in front; `None` if records are never given up.
    patience: Option<Duration>,
    /// Least number of failed attempts with one record in front.
    tries: u32,
    front: Option<FrontRecord>,
    /// Whether the current batch is sent in a way that finds the record at fault.
    isolating: bool,
}

#[derive(Debug)]
struct FrontRecord {
    seq: u64,
    tries: u32,
    since: Instant,
}

impl PoisonDetector {
    /// Creates a state without a suspected record.
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self::after(TRIES, patience)
    }

    /// Creates a state without a suspected record, with this bound on attempts.
    pub(super) fn after(tries: u32, patience: Option<Duration>) -> Self {
        Self { patience, tries, front: None, isolating: false }
    }

    /// Notes that a delivery failed with this record in front.
    pub(super) fn failed(&mut self, seq: u64) {
        self.isolating = false;
        match &mut self.front {
            Some(front) if front.seq == seq => front.tries = front.tries.saturating_add(1),
            _ => self.front = Some(FrontRecord { seq, tries: 1, since: Instant::now() }),
        }
    }

    /// Notes that a delivery did not fail. `left`: whether its batch has more records, which are sent in the
    /// same way.
    pub(super) fn succeeded(&mut self, left: bool) {
        if !(left && self.isolating) {
            *self = Self::after(self.tries, self.patience);
        }
    }

    /// Returns whether the next delivery looks for a record that the receiver fails at.
    pub(super) fn isolates(&self) -> bool {
        self.isolating
    }

    /// Begins to look for such a record if that is due. Returns whether it began now.
    pub(super) fn begin_isolation(&mut self) -> bool {
        let ripe = |front: &FrontRecord| {
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
        let mut suspicion = PoisonDetector::new(Some(Duration::ZERO));
        for _ in 1..TRIES {
            suspicion.failed(1);
        }
        assert!(!suspicion.begin_isolation());
        // Another record is in front, since something was taken.
        suspicion.failed(2);
        assert!(!suspicion.begin_isolation());
        for _ in 1..TRIES {
            suspicion.failed(2);
        }
        assert!(suspicion.begin_isolation() && suspicion.isolates() && !suspicion.begin_isolation());
        // The rest of the batch is sent in the same way, the next batch is not.
        suspicion.succeeded(true);
        assert!(suspicion.isolates());
        suspicion.succeeded(false);
        assert!(!suspicion.isolates() && !suspicion.begin_isolation());

        for patience in [None, Some(Duration::from_secs(60))] {
            let mut suspicion = PoisonDetector::new(patience);
            (0..100).for_each(|_| suspicion.failed(1));
            assert!(!suspicion.begin_isolation());
        }
    }
}
