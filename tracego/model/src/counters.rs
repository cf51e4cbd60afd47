//! The counters of the kernel side, as data.

use serde::{Deserialize, Serialize};

/// Sums over all CPUs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Counters {
    /// Hooks entered.
    pub hooked: u64,
    /// Left out by the user's filters.
    pub filtered: u64,
    /// Lost because the ring was full.
    pub ring_full: u64,
    /// Lost because a CPU has no scratch area.
    pub no_scratch: u64,
    /// Contexts that could not be stored; the records themselves are delivered.
    pub context_full: u64,
    /// Delivered into the ring.
    pub sent: u64,
    /// Pieces of a long argv that found the ring full; their records are marked as truncated.
    pub chunk_lost: u64,
    /// Pieces of long argv delivered, beside the records.
    pub chunk_sent: u64,
    /// Hooks that the kernel skipped because a program of the same kind was running on the CPU.
    pub recursion_misses: u64,
    /// Diagnostics that their own ring had no room for.
    #[serde(default)]
    pub diagnostics_lost: u64,
    /// Records that another version of tracego left in its ring, and that this one cannot read.
    #[serde(default)]
    pub discarded: u64,
}

impl Counters {
    /// Records that were hooked and wanted but are not in the ring, or cannot be read.
    ///
    /// The sums here saturate, because a capture file can hold any numbers.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let own = self.ring_full.saturating_add(self.no_scratch).saturating_add(self.recursion_misses);
        own.saturating_add(self.discarded)
    }

    /// Everything that happened, whether a program ran or not.
    #[must_use]
    pub fn happened(&self) -> u64 {
        self.hooked.saturating_add(self.recursion_misses)
    }

    /// Whether no program is between its first counter and its last.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.hooked == self.filtered + self.ring_full + self.no_scratch + self.sent
    }

    /// Losses by the name that they have in the stream.
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

    /// Each with its counterpart in another.
    fn zip(&mut self, other: &Self) -> [(&mut u64, u64); 11] {
        // Whole, so that a new counter cannot be forgotten.
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

    /// The sums of both.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.zip(other).into_iter().for_each(|(own, more)| *own = own.saturating_add(more));
        self
    }

    /// What is left without those of another, which are not larger.
    #[must_use]
    pub fn minus(mut self, other: &Self) -> Self {
        self.zip(other).into_iter().for_each(|(own, less)| *own = own.saturating_sub(less));
        self
    }
}

/// What a job lost since the start.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JobLoss {
    /// Process that opened the job: pid, and start in nanoseconds since boot.
    pub root: (u32, u64),
    /// Its records that found the ring full.
    pub ring_full: u64,
}
