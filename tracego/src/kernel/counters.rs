//! The kernel side's counters.

use aya::{Ebpf, maps::PerCpuArray};
use serde::Serialize;
use tracego_common::Loss;

use super::load::LoadError;

/// Sums over all CPUs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
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
}

impl Counters {
    /// Records that were hooked and wanted but are not in the ring.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.ring_full + self.no_scratch
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
        })
    }
}
