//! Times at which records were appended, accurate to about a sixtieth of the age of the oldest: some hundred
//! marks for the whole spool.

use std::collections::VecDeque;

/// Maximum number of marks.
const MOST: usize = 512;
/// Shortest time between two marks, in nanoseconds.
const FINEST: i64 = 100_000_000;

/// Marks of sequence number and time, both ascending; times are ns since boot.
#[derive(Debug)]
pub(super) struct Ages {
    marks: VecDeque<(u64, i64)>,
    spacing: i64,
    /// Time of the last record.
    newest: i64,
}

impl Ages {
    /// Creates ages without marks; existing records count as new.
    pub(super) fn new(now: i64) -> Self {
        Self { marks: VecDeque::new(), spacing: FINEST, newest: now }
    }

    /// Adds a record that was appended.
    pub(super) fn came(&mut self, seq: u64, at: i64) {
        self.newest = self.newest.max(at);
        self.mark(seq, at);
    }

    /// Adds a record that is known to be from a time.
    pub(super) fn mark(&mut self, seq: u64, at: i64) {
        let last = self.marks.back().map_or(i64::MIN, |&(_, last)| last);
        if at.saturating_sub(last) < self.spacing {
            return;
        }
        if self.marks.len() == MOST {
            let mut odd = false;
            self.marks.retain(|_| {
                odd = !odd;
                odd
            });
            self.spacing = self.spacing.saturating_mul(2);
        }
        self.marks.push_back((seq, at));
    }

    /// Removes marks up to a sequence number, which are not needed any more.
    pub(super) fn forget(&mut self, seq: u64) {
        while self.marks.get(1).is_some_and(|&(next, _)| next <= seq + 1) {
            self.marks.pop_front();
        }
        if self.marks.len() < MOST / 8 {
            self.spacing = FINEST;
        }
    }

    /// Returns the time of a record, or a little earlier.
    pub(super) fn not_after(&self, seq: u64) -> i64 {
        let behind = self.marks.partition_point(|&(mark, _)| mark <= seq);
        let mark = behind.checked_sub(1).or_else(|| (!self.marks.is_empty()).then_some(0));
        mark.and_then(|mark| self.marks.get(mark)).map_or(self.newest, |&(_, at)| at)
    }

    /// Returns the time of a record, or later.
    pub(super) fn not_before(&self, seq: u64) -> i64 {
        let behind = self.marks.partition_point(|&(mark, _)| mark < seq);
        self.marks.get(behind).map_or(self.newest, |&(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_bounds_and_marks_are_few() {
        const SECOND: i64 = 1_000_000_000;
        let mut ages = Ages::new(0);
        for seq in 1..=100_000_u64 {
            ages.came(seq, seq.cast_signed() * SECOND);
        }
        assert!(ages.marks.len() <= MOST);
        for seq in [1, 2, 777, 50_000, 99_999, 100_000] {
            let (low, true_time, high) =
                (ages.not_after(seq), seq.cast_signed() * SECOND, ages.not_before(seq));
            assert!(low <= true_time && true_time <= high, "{seq}: {low} {high}");
            // Within a sixtieth of the whole time.
            assert!(high - low <= 100_000 * SECOND / 60, "{seq}: {}", high - low);
        }
        ages.forget(99_999);
        assert!(ages.not_after(100_000) <= 100_000 * SECOND && ages.marks.len() <= 2);
    }
}
