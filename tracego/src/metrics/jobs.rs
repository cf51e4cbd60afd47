//! What each job lost. A machine runs any number of jobs, and what they are called is theirs to choose, so
//! the number of names is bounded.

use std::num::NonZeroUsize;

use lru::LruCache;

/// Jobs with a count of their own: those that lost something last.
pub const JOBS: usize = 100;
/// Those that had to make room, together.
pub const OTHER: &str = "other";
/// Characters of a name that are kept.
const NAME_MAX: usize = 128;

/// Losses by job.
#[derive(Clone, Debug)]
pub struct JobLosses {
    jobs: LruCache<String, u64>,
    other: u64,
}

impl Default for JobLosses {
    fn default() -> Self {
        Self { jobs: LruCache::new(NonZeroUsize::new(JOBS).unwrap_or(NonZeroUsize::MIN)), other: 0 }
    }
}

impl JobLosses {
    /// A job lost more. One that is called [`OTHER`] is counted there.
    pub fn add(&mut self, job: &str, more: u64) {
        let job: String = job.chars().take(NAME_MAX).collect();
        if job == OTHER {
            self.other += more;
            return;
        }
        if let Some(count) = self.jobs.get_mut(&job) {
            *count += more;
            return;
        }
        if let Some((_, count)) = self.jobs.push(job, more) {
            self.other += count;
        }
    }

    /// Every job that has a count of its own, and then the rest.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let rest = (self.other > 0).then_some((OTHER, self.other));
        self.jobs.iter().map(|(job, &count)| (job.as_str(), count)).chain(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_jobs_makes_a_hundred_and_one_counts_and_no_loss_goes_missing() {
        let mut losses = JobLosses::default();
        for n in 0..1000 {
            losses.add(&format!("job-{n}"), 2);
            losses.add("steady", 1);
            losses.add(OTHER, 1);
        }
        losses.add(&"x".repeat(100_000), 5);
        let all: Vec<_> = losses.iter().collect();
        assert_eq!(all.len(), JOBS + 1);
        assert!(all.contains(&("steady", 1000)));
        assert_eq!(all.iter().filter(|(job, _)| *job == OTHER).count(), 1);
        assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 2000 + 1000 + 1000 + 5);
        assert!(all.iter().all(|(job, _)| job.len() <= NAME_MAX));
    }
}
