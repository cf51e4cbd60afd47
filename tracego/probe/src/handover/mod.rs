//! Handover: programs and ring outlive the agent, and the next agent takes over without a gap.
//!
//! ```text
//! load (inactive) → attach → active ← one write → older loads are detached → their losses are reported
//! ```
//!
//! Each load has a number (generation). Programs whose number is not the active one leave an event to others
//! before counting it (`tracego-ebpf/src/claim.rs`), so exactly one load takes each event. Events carry the
//! number, and counters belong to a load. Events in the ring of an older load are therefore known to be
//! inherited, and losses that happened while no agent was running are reported.
//!
//! The kernel may overwrite events once their records are with the operating system, not once they are read
//! ([`acknowledger`]). Events that a killed agent had in hand are read again, with the same `log.record.uid`.

pub mod acknowledger;
pub mod folder;
mod takeover;

use std::{
    fs,
    path::{Path, PathBuf},
};

use acknowledger::Acknowledger;
use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, MapError, MapInfo},
    programs::links::PinnedLink,
};
use folder::Folder;
pub use takeover::Inherited;
pub use tracego_model::input::Takeover;

use crate::{
    error::{HandoverError, LoadError},
    programs::hooks::Hook,
    ring::Ring,
};

/// Default folder of all pins.
pub const FOLDER: &str = "/sys/fs/bpf/tracego";

/// Options of the handover.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Options {
    /// Folder of the pins.
    pub folder: PathBuf,
    /// Whether the programs stay attached even after an orderly exit.
    pub always: bool,
}

/// Indices of the map of numbers that outlive a run.
mod state {
    /// Random part of every `log.record.uid` of an event, as `Meta::instance`.
    pub(super) const INSTANCE: u32 = 0;
    /// Nanoseconds from the boot clock to the wall clock, as used in records; 0 before the first record.
    pub(super) const OFFSET: u32 = 1;
    pub(super) const LEN: u32 = 2;
}

/// One load among those that take over from each other.
pub struct Handover {
    folder: Folder,
    always: bool,
    number: u32,
    /// Numbers of the earlier loads that still exist.
    older: Vec<u32>,
    /// Pin of the ring in use.
    ring: PathBuf,
    links: Vec<PinnedLink>,
}

impl Handover {
    /// Locks the folder and assigns a number to this load.
    ///
    /// # Errors
    /// Fails if the folder cannot be used, see [`HandoverError`].
    pub fn begin(options: &Options, ring_size: u32) -> Result<Self, HandoverError> {
        let folder = Folder::open(&options.folder)?;
        folder::make(&folder.shared())?;
        let older = folder.generations();
        let active = array::<u32>(&folder.shared().join("active"), 1).ok();
        let active = active.and_then(|active| active.get(&0, 0).ok()).unwrap_or(0);
        let number = older.iter().copied().max().unwrap_or(0).max(active) + 1;
        folder::make(&folder.generation(number))?;
        let shared = folder.generation(active).join("events");
        let fits = MapInfo::from_pin(&shared).is_ok_and(|info| info.max_entries() == ring_size);
        let ring = if fits { shared } else { folder.generation(number).join("events") };
        Ok(Self { folder, always: options.always, number, older, ring, links: Vec::new() })
    }

    /// Returns the number of this load.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns whether an orderly exit leaves everything attached.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.always
    }

    fn own(&self) -> PathBuf {
        self.folder.generation(self.number)
    }

    /// Sets the pins of the maps: pinned maps are reused, new ones are pinned.
    pub fn maps(&self, loader: &mut EbpfLoader<'_>) {
        let shared = self.folder.shared();
        loader
            .map_pin_path("EVENTS", self.ring.clone())
            .map_pin_path("COUNTERS", self.own().join("counters"))
            .map_pin_path("TASK_CTX", shared.join("task_ctx"))
            .map_pin_path("ACTIVE", shared.join("active"))
            .map_pin_path("CLAIMS", shared.join("claims"));
    }

    /// Attaches a program so that it outlives this process. The program takes no event yet.
    ///
    /// # Errors
    /// Fails if the kernel refuses it.
    pub fn attach(&mut self, hook: Hook, ebpf: &mut Ebpf) -> Result<(), LoadError> {
        let own = self.own();
        let link = hook.attach_link(ebpf)?;
        let path = folder::link(&own, hook.program);
        let pinned = link.pin(&path).map_err(|error| HandoverError::Pin(path, error.to_string()))?;
        self.links.push(pinned);
        let path = folder::program(&own, hook.program);
        let program = ebpf.program_mut(hook.program).ok_or(LoadError::Lacks(hook.program))?;
        program.pin(&path).map_err(|error| HandoverError::Pin(path, error.to_string()).into())
    }

    /// Opens the map of numbers that outlive a run; creates it if missing.
    fn state(&self) -> Result<Array<MapData, u64>, HandoverError> {
        let path = self.folder.shared().join("state");
        let mut state = array::<u64>(&path, state::LEN)?;
        if state.get(&state::INSTANCE, 0).unwrap_or(0) == 0 {
            let random = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
            let instance = random.get(..8).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(1);
            let done = state.set(state::INSTANCE, u64::from(instance.max(1)), 0);
            done.map_err(|error| HandoverError::Pin(path, error.to_string()))?;
        }
        Ok(state)
    }

    /// Creates the acknowledger, which acknowledges input on the pipeline's thread.
    ///
    /// # Errors
    /// Fails if the kernel refuses a map.
    pub fn keeper(&self, inherited: &Inherited, used: &Ring) -> Result<Acknowledger, HandoverError> {
        let rings = inherited.rings.iter().map(|ring| (ring.release(), Some(ring.end())));
        let rings = rings.chain([(used.release(), None)]).collect();
        let older = self.older.iter().map(|&older| self.folder.generation(older)).collect();
        let told = array(&self.own().join("told"), acknowledger::reported::LEN)?;
        Ok(Acknowledger::new(rings, older, told, self.state()?, inherited.lost))
    }

    /// Detaches the programs of this load.
    ///
    /// # Errors
    /// Fails if a pin cannot be removed.
    pub fn detach(&mut self) -> Result<(), HandoverError> {
        for link in self.links.drain(..) {
            link.unpin().map_err(|error| HandoverError::Io(self.folder.path().to_owned(), error))?;
        }
        Ok(())
    }

    /// Removes everything that is pinned.
    ///
    /// # Errors
    /// Fails if something cannot be removed.
    pub fn remove(self) -> Result<(), HandoverError> {
        self.folder.remove().map(drop)
    }
}

/// Detaches and removes what a tracego that no longer runs has left. Returns `None` if it left nothing.
///
/// # Errors
/// Fails if a tracego is running, or something cannot be removed.
pub fn remove(folder: &Path) -> Result<Option<folder::Removed>, HandoverError> {
    let Some(folder) = Folder::existing(folder)? else { return Ok(None) };
    folder.remove().map(Some)
}

/// Returns whether a tracego that no longer runs has left programs in a folder.
#[must_use]
pub fn is_left(folder: &Path) -> bool {
    matches!(Folder::existing(folder), Ok(Some(folder)) if !folder.generations().is_empty())
}

/// Opens a pinned array; creates it if missing.
fn array<V: aya::Pod>(path: &Path, len: u32) -> Result<Array<MapData, V>, HandoverError> {
    let failed = |error: MapError| HandoverError::Pin(path.to_owned(), error.to_string());
    if !path.exists() {
        let new = Array::<MapData, V>::create(len, 0).map_err(failed)?;
        new.pin(path).map_err(|error| HandoverError::Pin(path.to_owned(), error.to_string()))?;
    }
    let map = MapData::from_pin(path).and_then(Map::from_map_data).map_err(failed)?;
    Array::try_from(map).map_err(failed)
}
