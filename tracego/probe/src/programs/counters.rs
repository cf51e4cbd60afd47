//! The counters of the kernel side.

use std::borrow::Borrow;

use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray, PerCpuHashMap},
};
use tracego_common::{KernelCounter, TaskId};
use tracego_model::counters::{Counters, JobLoss};
use zerocopy::FromBytes as _;

use super::maps;
use crate::error::LoadError;

/// Reads the counters.
///
/// # Errors
/// When the map is missing or cannot be read.
pub fn read(ebpf: &Ebpf) -> Result<Counters, LoadError> {
    of(&array(ebpf)?)
}

/// Reads the counters of a map.
///
/// # Errors
/// When it cannot be read.
pub fn of(map: &PerCpuArray<impl Borrow<MapData>, u64>) -> Result<Counters, LoadError> {
    let sum = |counter| sum(map, counter);
    Ok(Counters {
        hooked: sum(KernelCounter::Hooked)?,
        filtered: sum(KernelCounter::Filtered)?,
        ring_full: sum(KernelCounter::RingFull)?,
        no_scratch: sum(KernelCounter::NoScratch)?,
        context_full: sum(KernelCounter::ContextFull)?,
        sent: sum(KernelCounter::Sent)?,
        chunk_lost: sum(KernelCounter::ChunkLost)?,
        chunk_sent: sum(KernelCounter::ChunkSent)?,
        recursion_misses: 0,
        diagnostics_lost: 0,
        discarded: 0,
    })
}

/// Reads what every job lost. Read the counters after this: then they are never behind it.
///
/// # Errors
/// When the map is missing or cannot be read.
pub fn job_losses(ebpf: &Ebpf) -> Result<Vec<JobLoss>, LoadError> {
    const MAP: &str = "LOST_JOBS";
    let map: PerCpuHashMap<_, [u8; size_of::<TaskId>()], [u64; 2]> = maps::read(ebpf, MAP)?;
    // An entry evicted meanwhile is left out.
    let entries = map.iter().flatten().filter_map(|(key, values)| {
        let id = TaskId::read_from_bytes(&key).ok()?;
        // The fields of [`LostOfJob`](tracego_common::LostOfJob).
        let sum = |at: usize| values.iter().map(|lost| lost[at]).sum();
        let root = (id.tgid, id.start_boottime);
        Some(JobLoss { root, ring_full: sum(0), context_full: sum(1) })
    });
    Ok(entries.collect())
}

/// Returns the number of diagnostics written or lost since the start.
///
/// # Errors
/// Fails if the map is missing or cannot be read.
pub(crate) fn diagnostics(ebpf: &Ebpf) -> Result<u64, LoadError> {
    sum(&array(ebpf)?, KernelCounter::Diagnostic)
}

fn array(ebpf: &Ebpf) -> Result<PerCpuArray<&MapData, u64>, LoadError> {
    maps::read(ebpf, "COUNTERS")
}

fn sum(map: &PerCpuArray<impl Borrow<MapData>, u64>, counter: KernelCounter) -> Result<u64, LoadError> {
    let values = map.get(&(counter as u32), 0).map_err(|e| LoadError::Map("COUNTERS", e))?;
    Ok(values.iter().sum())
}
