//! The rate of program starts, by second.

use tracego_model::clock::Time;

/// Number of seconds that are remembered; a power of two.
const SECONDS: usize = 64;
const SECOND_NS: i64 = 1_000_000_000;

/// Program starts in each of the last seconds.
#[derive(Clone, Debug)]
pub struct StartRate {
    counts: [u32; SECONDS],
    /// The last second with a start, since 1970.
    latest: i64,
}

impl Default for StartRate {
    fn default() -> Self {
        Self { counts: [0; SECONDS], latest: i64::MIN }
    }
}

impl StartRate {
    /// Counts a start.
    pub(super) fn add(&mut self, time: Time) {
        let second = time.0.div_euclid(SECOND_NS);
        if second > self.latest {
            let passed = second.saturating_sub(self.latest).min(SECONDS as i64);
            (0..passed).for_each(|back| self.counts[place(second.saturating_sub(back))] = 0);
            self.latest = second;
        }
        if self.latest.saturating_sub(second) < SECONDS as i64 {
            let count = &mut self.counts[place(second)];
            *count = count.saturating_add(1);
        }
    }

    /// Returns the starts per second in the last `seconds` seconds, at most 60. `since`: the first record, before which
    /// nothing is known.
    #[must_use]
    pub fn per_second(&self, now: Time, seconds: u32, since: Time) -> f64 {
        let seconds = i64::from(seconds.clamp(1, 60));
        let current = now.0.div_euclid(SECOND_NS);
        let known = (0..seconds)
            .map(|back| current.saturating_sub(back))
            .filter(|second| *second <= self.latest && self.latest.saturating_sub(*second) < SECONDS as i64);
        let count: u64 = known.map(|second| u64::from(self.counts[place(second)])).sum();
        // The current second is not over yet.
        let window = (seconds - 1) * SECOND_NS + now.0.rem_euclid(SECOND_NS);
        let window = window.min(now.0.saturating_sub(since.0)).max(SECOND_NS);
        count as f64 * SECOND_NS as f64 / window as f64
    }
}

/// Returns the place of a second.
fn place(second: i64) -> usize {
    usize::try_from(second.rem_euclid(SECONDS as i64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Time {
        Time((seconds * 1e9) as i64)
    }

    #[test]
    fn a_rate_is_that_of_the_window() {
        let mut rate = StartRate::default();
        for n in 0..100 {
            rate.add(at(1000.0 + f64::from(n) / 10.0));
        }
        let since = at(1000.0);
        assert!((rate.per_second(at(1010.0), 5, since) - 10.0).abs() < 0.01);
        // Before the first record nothing is known, so the window ends there.
        assert!((rate.per_second(at(1010.0), 60, since) - 10.0).abs() < 0.01);
        assert!((rate.per_second(at(1060.0), 60, since) - 100.0 / 60.0).abs() < 0.2);
        assert!(rate.per_second(at(1070.0), 60, since) < 0.01);
    }

    #[test]
    fn a_jump_forgets_and_an_old_start_does_not_count() {
        let mut rate = StartRate::default();
        rate.add(at(1000.0));
        rate.add(at(2000.0));
        rate.add(at(1000.0));
        assert!((rate.per_second(at(2000.5), 60, at(0.0)) - 1.0 / 59.5).abs() < 0.001);
        rate.add(Time(i64::MAX));
        rate.add(Time(i64::MIN));
        assert!(rate.per_second(Time(i64::MIN), 60, at(0.0)) < 0.001);
    }
}
