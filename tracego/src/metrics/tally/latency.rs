//! Latency of records, from the kernel to the output.

use std::iter::zip;

/// Upper bounds of the buckets in nanoseconds. The reader looks every 10 ms, so most of the time passes
/// there.
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
    /// Adds a time in nanoseconds.
    pub fn add(&mut self, ns: u64) {
        if let Some(count) = self.counts.get_mut(BOUNDS.partition_point(|&bound| bound < ns)) {
            *count += 1;
        }
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// Returns the number of times.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the sum of all times, in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        seconds(self.sum_ns)
    }

    /// Returns the upper bounds of the buckets, in seconds.
    #[must_use]
    pub fn bounds() -> Vec<f64> {
        BOUNDS.into_iter().map(seconds).collect()
    }

    /// Returns times equivalent to those added since `before`: same buckets and same sum. Each is a time in
    /// seconds with its count.
    #[must_use]
    pub fn since(&self, before: &Self) -> Vec<(f64, u64)> {
        let more = |(now, then): (u64, u64)| now.saturating_sub(then);
        let upper = Self::bounds();
        let lower = std::iter::once(0.0).chain(upper.iter().copied());
        let counts: Vec<u64> = zip(self.counts, before.counts).map(more).collect();
        let beyond = more((self.count, before.count)).saturating_sub(counts.iter().sum());
        let sum = seconds(more((self.sum_ns, before.sum_ns)));
        // Each time lies at the same share of its bucket's width; one share gives the right sum.
        let buckets = zip(zip(lower, upper.iter().copied()), counts).filter(|&(_, count)| count > 0);
        let buckets: Vec<_> = buckets.collect();
        let all = |share: f64| -> f64 {
            buckets.iter().map(|&((low, high), count)| (low + share * (high - low)) * float(count)).sum()
        };
        let share =
            if beyond > 0 { 0.5 } else { ((sum - all(0.0)) / (all(1.0) - all(0.0))).clamp(1e-6, 1.0) };
        let rest = (sum - all(share)) / float(beyond.max(1));
        let mut times: Vec<_> = buckets
            .iter()
            .map(|&((low, high), count)| ((low + share * (high - low)).min(high), count))
            .collect();
        if beyond > 0 {
            let last = BOUNDS.last().copied().map_or(0.0, seconds);
            times.push((rest.max(last * 1.001), beyond));
        }
        times
    }

    /// Returns upper bounds in seconds, with the number of times between the previous bound and this one.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        zip(BOUNDS, self.counts).map(|(bound, count)| (seconds(bound), count)).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of times; 53 bits are enough for a share")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Converts nanoseconds to seconds, the unit of Prometheus.
#[expect(clippy::cast_precision_loss, reason = "a sum of times; 53 bits are 104 days to the nanosecond")]
pub(in crate::metrics) fn seconds(ns: u64) -> f64 {
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

    #[test]
    fn what_was_added_has_the_same_buckets_and_the_same_sum() {
        let mut before = Latency::default();
        [5, 2_000_000, 61_000_000_000].into_iter().for_each(|ns| before.add(ns));
        let sets: [&[u64]; 6] = [
            &[],
            &[0],
            &[1_000_000, 2_500_000, 60_000_000_000],
            &[1, 999_999, 1_000_001, 7_000_000, 7_000_001, 20_000_000_000],
            &[3_000_000; 1000],
            &[4_000_000, 61_000_000_000, 90_000_000_000],
        ];
        for set in sets {
            let mut now = before.clone();
            set.iter().for_each(|&ns| now.add(ns));
            let mut again = before.clone();
            for (time, count) in now.since(&before) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time")]
                (0..count).for_each(|_| again.add((time * 1e9) as u64));
            }
            assert_eq!((again.counts, again.count), (now.counts, now.count), "{set:?}");
            assert!((again.sum() - now.sum()).abs() < 1e-5, "{} {} {set:?}", again.sum(), now.sum());
        }
    }
}
