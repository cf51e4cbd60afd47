//! The counters of the kernel side.

use std::borrow::Borrow;

use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray, PerCpuHashMap},
};
use serde::{Deserialize, Serialize};
use tracego_common::{Loss, TaskId};
use zerocopy::FromBytes as _;

use super::{load::LoadError, maps};

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
    /// Number of contexts that could not be stored; the events themselves are delivered.
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

    /// Reads the counters of the loaded object.
    ///
    /// # Errors
    /// Fails if the map is missing or cannot be read.
    pub fn read(ebpf: &Ebpf) -> Result<Self, LoadError> {
        Self::of(&array(ebpf)?)
    }

    /// Reads the counters of a map.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn of(map: &PerCpuArray<impl Borrow<MapData>, u64>) -> Result<Self, LoadError> {
        let sum = |counter| sum(map, counter);
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
            diagnostics_lost: 0,
            discarded: 0,
        })
    }
}

/// Losses of one job since the start.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JobLoss {
    /// Process that opened the job: pid, and start in nanoseconds since boot.
    pub root: (u32, u64),
    /// Number of the job's events lost because the ring was full.
    pub ring_full: u64,
}

impl JobLoss {
    /// Reads the losses of every job. Read [`Counters`] afterwards: they then include at least these losses.
    ///
    /// # Errors
    /// Fails if the map is missing or cannot be read.
    pub fn read(ebpf: &Ebpf) -> Result<Vec<Self>, LoadError> {
        const MAP: &str = "LOST_JOBS";
        let map: PerCpuHashMap<_, [u8; size_of::<TaskId>()], u64> = maps::read(ebpf, MAP)?;
        // An entry evicted meanwhile is left out.
        let entries = map.iter().flatten().filter_map(|(key, values)| {
            let id = TaskId::read_from_bytes(&key).ok()?;
            Some(Self { root: (id.tgid, id.start_boottime), ring_full: values.iter().sum() })
        });
        Ok(entries.collect())
    }
}

/// Returns the number of diagnostics written or lost since the start.
///
/// # Errors
/// Fails if the map is missing or cannot be read.
pub(super) fn diagnostics(ebpf: &Ebpf) -> Result<u64, LoadError> {
    sum(&array(ebpf)?, Loss::Diagnostic)
}

fn array(ebpf: &Ebpf) -> Result<PerCpuArray<&MapData, u64>, LoadError> {
    maps::read(ebpf, "COUNTERS")
}

fn sum(map: &PerCpuArray<impl Borrow<MapData>, u64>, counter: Loss) -> Result<u64, LoadError> {
    let values = map.get(&(counter as u32), 0).map_err(|e| LoadError::Map("COUNTERS", e))?;
    Ok(values.iter().sum())
}
