//! How long records take from the kernel to the output.

use std::iter::zip;

/// Upper bounds in nanoseconds. The reader looks every 10 ms, so most of the time passes there.
const BOUNDS: [u64; 15] = [
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
];

/// A histogram of times.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum_ns: u64,
}

impl Latency {
    /// Takes one time, in nanoseconds.
    pub fn add(&mut self, ns: u64) {
        if let Some(count) = self.counts.get_mut(BOUNDS.partition_point(|&bound| bound < ns)) {
            *count += 1;
        }
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together, in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        seconds(self.sum_ns)
    }

    /// Upper bounds in seconds, and how many are up to there but above the one before.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        zip(BOUNDS, self.counts).map(|(bound, count)| (seconds(bound), count)).collect()
    }
}

/// Nanoseconds as Prometheus wants them.
#[expect(clippy::cast_precision_loss, reason = "a sum of times; 53 bits are 104 days to the nanosecond")]
pub(super) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_at_its_bound_and_beyond_the_last_one_in_the_total_alone() {
        let mut latency = Latency::default();
        for ns in [0, 1_000_000, 1_000_001, 60_000_000_000, 60_000_000_001, u64::MAX] {
            latency.add(ns);
        }
        let buckets = latency.buckets();
        assert_eq!(buckets.first(), Some(&(0.001, 2)));
        assert_eq!(buckets.get(1), Some(&(0.0025, 1)));
        assert_eq!(buckets.last(), Some(&(60.0, 1)));
        assert_eq!(latency.count(), 6);
        assert!(latency.sum() > 1e9);
        assert!(BOUNDS.is_sorted());
    }
}
