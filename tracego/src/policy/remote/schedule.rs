//! Pauses between requests, drawn at random, so that ten thousand machines that start together do not ask together.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// The longest pause behind the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// The bounds of pauses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollSchedule {
    /// Shortest pause behind an answer.
    pub(crate) least: Duration,
    /// Longest pause.
    pub(crate) most: Duration,
}

/// Returns a random number from 0 to 1.
pub(crate) fn chance() -> f64 {
    // std's hasher has a new seed each time.
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

impl PollSchedule {
    /// Returns the pause before the first request of a run that has a bundle: up to the shortest pause.
    pub(crate) fn first(self, chance: f64) -> Duration {
        self.least.mul_f64(chance)
    }

    /// Returns the pause behind an answer, with a bundle or without a change.
    pub(crate) fn answered(self, chance: f64) -> Duration {
        self.least + self.most.saturating_sub(self.least).mul_f64(chance)
    }

    /// Returns the pause behind a failure. It doubles with `failures`, the number of those in a row, up to the longest
    /// one; the upper half of it is random. `asked`: the pause that the server asks for, after which not all may come at
    /// once.
    pub(crate) fn failed(self, failures: u32, asked: Option<Duration>, chance: f64) -> Duration {
        let longest = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.most.max(FIRST));
        let own = longest / 2 + (longest / 2).mul_f64(chance);
        let asked = asked.map(|asked| asked + self.least.mul_f64(chance));
        own.max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type DrawnPause = fn(PollSchedule, u32) -> Duration;

    const SECONDS: fn(u64) -> Duration = Duration::from_secs;

    proptest! {
        #[test]
        fn pauses_are_within_their_bounds(
            least in 1_u64..1000, more in 0_u64..1000, failures in 0_u32..100, asked in 0_u64..4000, at in 0.0_f64..=1.0,
        ) {
            let schedule = PollSchedule { least: SECONDS(least), most: SECONDS(least + more) };
            prop_assert!(schedule.first(at) <= schedule.least);
            prop_assert!(schedule.answered(at) >= schedule.least && schedule.answered(at) <= schedule.most);
            prop_assert!(schedule.failed(failures, None, at) <= schedule.most);
            prop_assert!(schedule.failed(failures, None, at) >= FIRST / 2);
            prop_assert!(schedule.failed(failures + 1, None, at) >= schedule.failed(failures, None, at));
            let asked = SECONDS(asked);
            prop_assert!(schedule.failed(failures, Some(asked), at) >= asked);
            prop_assert!(schedule.failed(0, Some(asked), at) <= asked.max(FIRST) + schedule.least);
        }

        #[test]
        fn ten_thousand_machines_spread_evenly(least in 1_u64..600, more in 1_u64..600, failures in 1_u32..20) {
            let schedule = PollSchedule { least: SECONDS(least), most: SECONDS(least + more) };
            let pauses: [(Duration, Duration, DrawnPause); 3] = [
                (Duration::ZERO, schedule.least, |schedule, _| schedule.first(chance())),
                (schedule.least, schedule.most, |schedule, _| schedule.answered(chance())),
                (schedule.failed(failures, None, 0.0), schedule.failed(failures, None, 1.0), |schedule, failures| {
                    schedule.failed(failures, None, chance())
                }),
            ];
            for (from, to, pause) in pauses {
                let mut parts = [0_u32; 10];
                for _ in 0..10_000 {
                    let at = (pause(schedule, failures) - from).as_secs_f64() / (to - from).as_secs_f64();
                    parts[((at * 10.0) as usize).min(9)] += 1;
                }
                // 1000 each, and thirteen standard deviations to either side.
                prop_assert!(parts.iter().all(|count| (600..1400).contains(count)), "{parts:?}");
            }
        }
    }
}
