//! Losses by job. A machine runs any number of jobs, which choose their own names, so the number of names is
//! bounded.

use std::num::NonZeroUsize;

use lru::LruCache;

/// Maximum number of jobs with a count of their own: those with the most recent losses.
pub const JOBS: usize = 100;
/// Label of all evicted jobs together.
pub const OTHER: &str = "other";
/// Maximum length of a name in characters; the rest is cut off.
const NAME_MAX: usize = 128;

/// The losses by job.
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
    /// Adds losses of a job. A job named [`OTHER`] is counted with the evicted ones.
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

    /// Returns every job that has its own count, then the rest.
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
