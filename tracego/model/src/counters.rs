//! The counters of the kernel side, as data.

use serde::{Deserialize, Serialize};

/// Counters of the kernel side, summed over all CPUs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Counters {
    /// Number of hook runs.
    pub hooked: u64,
    /// Number of events dropped by the user's filters.
    pub filtered: u64,
    /// Number of events lost because the ring was full.
    pub ring_full: u64,
    /// Number of events lost because a CPU has no scratch area.
    pub no_scratch: u64,
    /// Number of processes whose context could not be stored: they and their children are in no job and in no
    /// followed tree. Events of the first are delivered, those outside the tree are filtered.
    pub context_full: u64,
    /// Number of events delivered into the ring.
    pub sent: u64,
    /// Number of argv pieces lost because the ring was full; their records are marked as truncated.
    pub chunk_lost: u64,
    /// Number of argv pieces delivered, in addition to the events.
    pub chunk_sent: u64,
    /// Number of hook runs that the kernel skipped because a program of the same kind was running on the CPU.
    pub recursion_misses: u64,
    /// Number of diagnostics lost because their own ring was full.
    #[serde(default)]
    pub diagnostics_lost: u64,
    /// Number of events that another version of tracego left in its ring in an unreadable format.
    #[serde(default)]
    pub discarded: u64,
}

impl Counters {
    /// Returns the number of wanted events that are not in the ring or cannot be read.
    ///
    /// These sums saturate, because a capture file can hold any numbers.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let own = self.ring_full.saturating_add(self.no_scratch).saturating_add(self.recursion_misses);
        own.saturating_add(self.discarded)
    }

    /// Returns whether every event that was wanted is there, under the right job.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.lost() == 0 && self.context_full == 0
    }

    /// Returns the number of all hook runs, including skipped ones.
    #[must_use]
    pub fn happened(&self) -> u64 {
        self.hooked.saturating_add(self.recursion_misses)
    }

    /// Returns whether no program is between its first and its last counter.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.hooked == self.filtered + self.ring_full + self.no_scratch + self.sent
    }

    /// Returns the losses by their names in records.
    #[must_use]
    pub fn losses(&self) -> [(&'static str, u64); 7] {
        [
            ("ring_full", self.ring_full),
            ("no_scratch", self.no_scratch),
            ("recursion_misses", self.recursion_misses),
            ("context_full", self.context_full),
            ("argv_piece", self.chunk_lost),
            ("diagnostic", self.diagnostics_lost),
            ("discarded", self.discarded),
        ]
    }

    /// Pairs each counter with its counterpart in another set.
    fn zip(&mut self, other: &Self) -> [(&mut u64, u64); 11] {
        // Destructured completely, so that a new counter cannot be forgotten.
        let Self {
            hooked,
            filtered,
            ring_full,
            no_scratch,
            context_full,
            sent,
            chunk_lost,
            chunk_sent,
            recursion_misses,
            diagnostics_lost,
            discarded,
        } = self;
        [
            (hooked, other.hooked),
            (filtered, other.filtered),
            (ring_full, other.ring_full),
            (no_scratch, other.no_scratch),
            (context_full, other.context_full),
            (sent, other.sent),
            (chunk_lost, other.chunk_lost),
            (chunk_sent, other.chunk_sent),
            (recursion_misses, other.recursion_misses),
            (diagnostics_lost, other.diagnostics_lost),
            (discarded, other.discarded),
        ]
    }

    /// Returns the sums of both.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.zip(other).into_iter().for_each(|(own, more)| *own = own.saturating_add(more));
        self
    }

    /// Returns the differences to another set, whose counters are not larger.
    #[must_use]
    pub fn minus(mut self, other: &Self) -> Self {
        self.zip(other).into_iter().for_each(|(own, less)| *own = own.saturating_sub(less));
        self
    }
}

/// Losses of one job since the start.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JobLoss {
    /// Process that opened the job: pid, and start in nanoseconds since boot.
    pub root: (u32, u64),
    /// Number of the job's events lost because the ring was full.
    pub ring_full: u64,
    /// Number of the job's processes that could not be followed, and so are in no job.
    #[serde(default)]
    pub context_full: u64,
}
