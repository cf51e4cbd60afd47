//! The programs and the ring outlive the agent, and the next agent takes over without a gap.
//!
//! ```text
//! load (inactive) → attach → active ← one write → the older ones are detached → their rest is told
//! ```
//!
//! Each load has a number (generation). Programs whose number is not the active one leave an event to
//! others, before they count it (`tracego-ebpf/src/turn.rs`), so there is always one load that takes it
//! and never two. Records carry the number, and counters belong to a load: what is in the ring of an older
//! one is known as inherited, and what the older one lost while nobody looked is told.
//!
//! The kernel may write over records once they are with the operating system, not once they are read
//! ([`keeper`]): what an agent that was killed had in hand comes again, with the same `log.record.uid`.

pub mod folder;
pub mod keeper;
mod takeover;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, MapError, MapInfo},
    programs::links::PinnedLink,
};
use folder::Folder;
use keeper::Keeper;
pub use takeover::Inherited;
pub use tracego_model::input::Takeover;

use super::{hooks::Hook, load::LoadError, ring::Ring};

/// Where everything is pinned unless the user says otherwise.
pub const FOLDER: &str = "/sys/fs/bpf/tracego";

/// What outlives the agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Options {
    /// Where it is pinned.
    pub folder: PathBuf,
    /// Also an end in order leaves it.
    pub always: bool,
}

/// Why programs cannot be handed over; each says the way out.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// It is not below a BPF file system.
    #[error("{} is not in a BPF file system: mount -t bpf bpf /sys/fs/bpf, or name another --pin-dir", .0.display())]
    NotBpffs(PathBuf),
    /// It cannot be made.
    #[error("{} cannot be made: {}; is a BPF file system there? mount -t bpf bpf /sys/fs/bpf", .0.display(), .1)]
    Make(PathBuf, io::Error),
    /// Another tracego has it.
    #[error("another tracego runs with --pin-dir {}: end it first, or give this one a --pin-dir of its own", .0.display())]
    InUse(PathBuf),
    /// Others could put something there.
    #[error("{} belongs to another user or can be written by others: remove it, or name another --pin-dir", .0.display())]
    Open(PathBuf),
    /// Something failed there.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    /// Something cannot be pinned.
    #[error("{} cannot be pinned: {}", .0.display(), .1)]
    Pin(PathBuf, String),
}

/// Places in the map of numbers that outlive a run.
mod state {
    /// Part of every `log.record.uid` of an event; random, as [`crate::enrich::Meta::instance`].
    pub(super) const INSTANCE: u32 = 0;
    /// Nanoseconds from the boot clock to the wall clock, as records have them; 0 before the first.
    pub(super) const OFFSET: u32 = 1;
    pub(super) const LEN: u32 = 2;
}

/// This load among those that take over from each other.
pub struct Handover {
    folder: Folder,
    always: bool,
    number: u32,
    /// Loads that were there before.
    older: Vec<u32>,
    /// Where the ring is pinned that is used.
    ring: PathBuf,
    links: Vec<PinnedLink>,
}

impl Handover {
    /// Takes the folder, and a number.
    ///
    /// # Errors
    /// See [`HandoverError`].
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

    /// Number of this load.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether an end in order leaves everything attached.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.always
    }

    fn own(&self) -> PathBuf {
        self.folder.generation(self.number)
    }

    /// Maps that are there already are used instead of new ones; new ones are pinned.
    pub fn maps(&self, loader: &mut EbpfLoader<'_>) {
        let shared = self.folder.shared();
        loader
            .map_pin_path("EVENTS", self.ring.clone())
            .map_pin_path("COUNTERS", self.own().join("counters"))
            .map_pin_path("TASK_CTX", shared.join("task_ctx"))
            .map_pin_path("ACTIVE", shared.join("active"))
            .map_pin_path("CLAIMS", shared.join("claims"));
    }

    /// Attaches a program so that it outlives this process. It takes no event yet.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn attach(&mut self, hook: Hook, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        let own = self.own();
        let link = hook.attach_link(ebpf, btf)?;
        let path = folder::link(&own, hook.program);
        let pinned = link.pin(&path).map_err(|error| HandoverError::Pin(path, error.to_string()))?;
        self.links.push(pinned);
        let path = folder::program(&own, hook.program);
        let program = ebpf.program_mut(hook.program).ok_or(LoadError::Lacks(hook.program))?;
        program.pin(&path).map_err(|error| HandoverError::Pin(path, error.to_string()).into())
    }

    /// Numbers that outlive a run; made where they are not there.
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

    /// What keeps account on the pipeline's thread.
    ///
    /// # Errors
    /// When the kernel refuses a map.
    pub fn keeper(&self, inherited: &Inherited, used: &Ring) -> Result<Keeper, HandoverError> {
        let rings = inherited.rings.iter().map(|ring| (ring.release(), Some(ring.end())));
        let rings = rings.chain([(used.release(), None)]).collect();
        let older = self.older.iter().map(|&older| self.folder.generation(older)).collect();
        let told = array(&self.own().join("told"), keeper::told::LEN)?;
        Ok(Keeper::new(rings, older, told, self.state()?, inherited.lost))
    }

    /// Detaches the programs of this load.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    pub fn detach(&mut self) -> Result<(), HandoverError> {
        for link in self.links.drain(..) {
            link.unpin().map_err(|error| HandoverError::Io(self.folder.path().to_owned(), error))?;
        }
        Ok(())
    }

    /// Removes everything that is pinned.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove(self) -> Result<(), HandoverError> {
        self.folder.remove().map(drop)
    }
}

/// Detaches and removes what a tracego left that does not run any more; nothing where it left nothing.
///
/// # Errors
/// When one runs, or something cannot be removed.
pub fn remove(folder: &Path) -> Result<Option<folder::Removed>, HandoverError> {
    let Some(folder) = Folder::existing(folder)? else { return Ok(None) };
    folder.remove().map(Some)
}

/// Whether somebody left something there and does not run any more.
#[must_use]
pub fn is_left(folder: &Path) -> bool {
    matches!(Folder::existing(folder), Ok(Some(folder)) if !folder.generations().is_empty())
}

/// A pinned array, made where it is not there.
fn array<V: aya::Pod>(path: &Path, len: u32) -> Result<Array<MapData, V>, HandoverError> {
    let failed = |error: MapError| HandoverError::Pin(path.to_owned(), error.to_string());
    if !path.exists() {
        let new = Array::<MapData, V>::create(len, 0).map_err(failed)?;
        new.pin(path).map_err(|error| HandoverError::Pin(path.to_owned(), error.to_string()))?;
    }
    let map = MapData::from_pin(path).and_then(Map::from_map_data).map_err(failed)?;
    Array::try_from(map).map_err(failed)
}
