//! Activates this load, and collects what earlier loads left.

use std::{path::Path, thread::sleep, time::Duration};

use aya::{
    Ebpf,
    maps::{Array, Map, MapData, MapInfo, PerCpuArray, PerCpuValues},
};
use tracego_common::handover::HOOKS;
use tracego_model::{counters::Counters, input::Takeover};

use super::{Handover, acknowledger::reported, array, folder, state};
use crate::{
    error::{HandoverError, LoadError},
    programs::{
        counters, grace,
        hooks::{ALWAYS, FAILED},
        maps,
    },
    ring::Ring,
};

/// State that earlier loads left.
#[derive(Default)]
pub struct Inherited {
    /// Facts that the pipeline needs.
    pub takeover: Takeover,
    /// Rings without a writer, the oldest first.
    pub rings: Vec<Ring>,
    /// Losses that no record reports yet.
    pub lost: Counters,
}

impl Handover {
    /// Makes this load take all events from now on, and collects what the others left.
    ///
    /// # Errors
    /// Fails if the kernel refuses a map, or something cannot be removed.
    pub fn take_over(&mut self, ebpf: &mut Ebpf) -> Result<Inherited, LoadError> {
        let own = self.own();
        let ring = own.join("events");
        if ring != self.ring {
            let events = ebpf.map("EVENTS").ok_or(LoadError::Lacks("EVENTS"))?;
            events.pin(&ring).map_err(|error| HandoverError::Pin(ring, error.to_string()))?;
        }
        let mut active: Array<_, u32> = maps::write(ebpf, "ACTIVE")?;
        active.set(0, self.number, 0).map_err(|e| LoadError::Map("ACTIVE", e))?;
        let (mut lost, mut rings) = (Counters::default(), Vec::new());
        if !self.older.is_empty() {
            // Events in progress end here; from now on no program claims an event for an older load.
            grace();
            sleep(Duration::from_millis(1));
            forget_claims(ebpf)?;
            // Mapping a ring takes a while, so no ring is mapped twice.
            let mut known = vec![map_id(&self.ring)];
            for older in std::mem::take(&mut self.older) {
                let folder = self.folder.generation(older);
                folder::detach(&folder)?;
                let (unreported, events) = (unreported(&folder), folder.join("events"));
                let id = map_id(&events);
                if unreported == Counters::default() && (id.is_none() || id == known[0]) {
                    // The load has neither unread events nor unreported losses.
                    folder::remove(&folder)?;
                    continue;
                }
                lost = lost.plus(&unreported);
                if !known.contains(&id) {
                    known.push(id);
                    rings.extend(folder::ring(&events));
                }
                self.older.push(older);
            }
            tracing::info!(generation = self.number, "took over from the programs of an earlier tracego");
        }
        for path in self.folder.foreign() {
            let records = folder::unread(&path);
            folder::remove(&path)?;
            lost.discarded += records;
            tracing::warn!(
                path = %path.display(), records,
                "another version of tracego left events that this version cannot read; the events are lost"
            );
        }
        let state = self.state()?;
        let offset = state.get(&state::OFFSET, 0).unwrap_or(0);
        let takeover = Takeover {
            generation: self.number,
            lost: lost.lost(),
            instance: state.get(&state::INSTANCE, 0).unwrap_or(0) as u32,
            offset: (offset != 0).then_some(offset.cast_signed()),
        };
        Ok(Inherited { takeover, rings, lost })
    }
}

fn map_id(path: &Path) -> Option<u32> {
    MapInfo::from_pin(path).ok().map(|info| info.id())
}

fn forget_claims(ebpf: &mut Ebpf) -> Result<(), LoadError> {
    let failed = |error| LoadError::Map("CLAIMS", error);
    let cpus = aya::util::nr_cpus().map_or(1, |cpus| cpus);
    let mut claims: PerCpuArray<_, u32> = maps::write(ebpf, "CLAIMS")?;
    for hook in 0..HOOKS {
        let none = PerCpuValues::try_from(vec![0; cpus]).map_err(|error| failed(error.into()))?;
        claims.set(hook, none, 0).map_err(failed)?;
    }
    Ok(())
}

/// Returns the losses of a load that no record reports. A load that was never complete lost nothing.
fn unreported(folder: &Path) -> Counters {
    let counters = MapData::from_pin(folder.join("counters")).and_then(Map::from_map_data);
    let counters = counters.and_then(PerCpuArray::try_from).ok();
    let Some(counters) = counters.and_then(|map| counters::of(&map).ok()) else { return Counters::default() };
    let skipped = ALWAYS.into_iter().chain(FAILED);
    let skipped = skipped.filter_map(|hook| hook.misses(&folder::program(folder, hook.program))).sum();
    let stored = array(&folder.join("told"), reported::LEN).ok();
    reported::since(&Counters { recursion_misses: skipped, ..counters }, stored.as_ref())
}
