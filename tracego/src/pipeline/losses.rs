//! Losses of the kernel side that were reported so far.

use std::collections::{BTreeMap, HashMap};

use tracego_model::counters::{Counters, JobLoss};

/// The losses that have records already. Counters only grow, so that the next record gets the difference.
#[derive(Default)]
pub(super) struct LossReporter {
    counters: Counters,
    /// Number of evicted argv pieces.
    evicted: u64,
    /// Losses by the process that opened the job.
    jobs: HashMap<(u32, u64), JobLoss>,
}

impl LossReporter {
    /// Returns each job whose losses grew, with the new losses alone. The counters that follow contain the
    /// same losses, so they are subtracted there.
    pub(super) fn of_jobs(&mut self, jobs: Vec<JobLoss>) -> Vec<JobLoss> {
        let before = std::mem::take(&mut self.jobs);
        let mut grown = Vec::new();
        for now in jobs {
            let reported = before.get(&now.root);
            // A smaller count means that the job's entry was evicted and created again.
            let more =
                |now: u64, before: Option<u64>| now - before.filter(|&before| before <= now).unwrap_or(0);
            let more = JobLoss {
                root: now.root,
                ring_full: more(now.ring_full, reported.map(|job| job.ring_full)),
                context_full: more(now.context_full, reported.map(|job| job.context_full)),
            };
            self.jobs.insert(now.root, now);
            if more.ring_full > 0 || more.context_full > 0 {
                self.counters.ring_full += more.ring_full;
                self.counters.context_full += more.context_full;
                grown.push(more);
            }
        }
        grown
    }

    /// Returns the new losses by reason. `evicted` is the number of argv pieces that were evicted before their
    /// event came.
    pub(super) fn of_counters(&mut self, counters: Counters, evicted: u64) -> BTreeMap<&'static str, u64> {
        let both = counters.losses().into_iter().zip(self.counters.losses());
        let grown = both.filter(|((_, now), (_, before))| now > before);
        let mut lost: BTreeMap<_, _> =
            grown.map(|((reason, now), (_, before))| (reason, now - before)).collect();
        if evicted > self.evicted {
            lost.insert("argv_piece_evicted", evicted - self.evicted);
        }
        (self.counters, self.evicted) = (counters, evicted);
        lost
    }
}
