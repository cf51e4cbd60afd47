//! A state at a time.

use tracego_model::clock::Time;
use tracego_report::live::LiveState;

/// Age of the newest record from which on records are of the past, in nanoseconds. A running tracego writes one at least
/// every minute, unless it was told not to.
const PAST_NS: i64 = 600_000_000_000;

/// A message about the source of records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceNote {
    /// The message.
    pub text: String,
    /// Whether something is wrong.
    pub is_bad: bool,
}

/// A state with the time at which it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The state.
    pub state: &'a LiveState,
    /// Time of the clock.
    pub clock: Time,
    /// Message about the source of records.
    pub note: Option<&'a SourceNote>,
}

impl Moment<'_> {
    /// Whether no tracego writes the records any more, as far as their times say.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.state.newest.is_some_and(|newest| self.clock.0.saturating_sub(newest.0) > PAST_NS)
    }

    /// Returns the time that rates are of: that of the clock, and of records of the past that of their end. Records of a
    /// machine whose clock is ahead have their own time.
    #[must_use]
    pub fn time(&self) -> Time {
        match self.state.newest {
            Some(newest) if self.is_past() => newest,
            Some(newest) => newest.max(self.clock),
            None => self.clock,
        }
    }

    /// Returns the time of the first record.
    #[must_use]
    pub fn since(&self) -> Time {
        self.state.since.unwrap_or_else(|| self.time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_records_are_shown_as_of_their_end() {
        let second = |n: i64| Time(n * 1_000_000_000);
        let time = |newest: Option<Time>, clock: Time| {
            let mut state = LiveState::default();
            state.newest = newest;
            Moment { state: &state, clock, note: None }.time()
        };
        assert_eq!(time(None, second(9)), second(9));
        assert_eq!(time(Some(second(9)), second(300)), second(300));
        assert_eq!(time(Some(second(9)), second(1000)), second(9));
        assert_eq!(time(Some(second(9)), second(5)), second(9));
    }
}
