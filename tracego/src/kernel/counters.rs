//! The kernel side's counters.

use aya::{Ebpf, maps::PerCpuArray};
use serde::{Deserialize, Serialize};
use tracego_common::Loss;

use super::load::LoadError;

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
}

impl Counters {
    /// Records that were hooked and wanted but are not in the ring.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.ring_full + self.no_scratch + self.recursion_misses
    }

    /// Everything that happened, whether a program ran or not.
    #[must_use]
    pub fn happened(&self) -> u64 {
        self.hooked + self.recursion_misses
    }

    /// Whether no program is between its first counter and its last.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.hooked == self.filtered + self.ring_full + self.no_scratch + self.sent
    }

    /// Losses by the name that they have in the stream.
    #[must_use]
    pub fn losses(&self) -> [(&'static str, u64); 5] {
        [
            ("ring_full", self.ring_full),
            ("no_scratch", self.no_scratch),
            ("recursion_misses", self.recursion_misses),
            ("context_full", self.context_full),
            ("argv_piece", self.chunk_lost),
        ]
    }

    /// Reads the counters.
    ///
    /// # Errors
    /// When the map is missing or cannot be read.
    pub fn read(ebpf: &Ebpf) -> Result<Self, LoadError> {
        let map = ebpf.map("COUNTERS").ok_or(LoadError::Lacks("COUNTERS"))?;
        let map: PerCpuArray<_, u64> =
            PerCpuArray::try_from(map).map_err(|e| LoadError::Map("COUNTERS", e))?;
        let sum = |counter: Loss| {
            let values = map.get(&(counter as u32), 0).map_err(|e| LoadError::Map("COUNTERS", e))?;
            Ok::<u64, LoadError>(values.iter().sum())
        };
        Ok(Self {
            hooked: sum(Loss::Hooked)?,
            filtered: sum(Loss::Filtered)?,
            ring_full: sum(Loss::RingFull)?,
            no_scratch: sum(Loss::NoScratch)?,
            context_full: sum(Loss::ContextFull)?,
            sent: sum(Loss::Sent)?,
            chunk_lost: sum(Loss::ChunkLost)?,
            chunk_sent: sum(Loss::ChunkSent)?,
            recursion_misses: 0,
        })
    }
}
