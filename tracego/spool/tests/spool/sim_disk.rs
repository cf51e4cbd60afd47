//! A disk in memory that forgets data that was not synced, fails on request, and counts operations.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};

use tracego_spool::Disk;

/// The part of the data not synced that survives a power failure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PowerLoss {
    /// Neither bytes nor names survive.
    Nothing,
    /// Everything survives, as when only the process is killed.
    Everything,
    /// Names survive as if each change had been synced, but no bytes: a rename overtook its data.
    Names,
    /// Some sectors of some writes survive, and some changes of names, in any order.
    Some(u64),
}

/// Size of a sector in bytes; a sector is written completely or not at all.
const SECTOR: usize = 512;

#[derive(Clone)]
enum Dirty {
    Write(usize, Vec<u8>),
    Cut(usize),
}

#[derive(Clone, Default)]
struct Inode {
    /// Content as processes see it.
    now: Vec<u8>,
    /// Content as the disk has it.
    disk: Vec<u8>,
    /// Changes that lead from `disk` to `now`.
    dirty: Vec<Dirty>,
}

#[derive(Clone)]
enum Change {
    Link(String, usize),
    Move(String, String, usize),
    Unlink(String),
}

#[derive(Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    changes: Vec<Change>,
    ops: u64,
    crash_at: Option<u64>,
    faults: Faults,
}

/// The operations that fail.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    /// Bytes of all files beyond which writes find no space.
    pub(crate) capacity: Option<usize>,
    /// Whether the disk is read-only.
    pub(crate) read_only: bool,
    /// Number of syncs that fail from now on; as on Linux, the data that they should have written is
    /// forgotten.
    pub(crate) syncs: u32,
    /// Whether writes fail.
    pub(crate) writes: bool,
    /// Whether reads fail.
    pub(crate) reads: bool,
    /// Longest write in bytes.
    pub(crate) longest: Option<usize>,
}

/// A handle on the disk; clones share the same disk.
#[derive(Clone, Default)]
pub(crate) struct SimDisk(Rc<RefCell<State>>);

/// Returns an error with a number of the kernel.
fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
const EIO: i32 = 5;
const ENOENT: i32 = 2;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

fn apply(bytes: &mut Vec<u8>, dirty: &Dirty) {
    match dirty {
        Dirty::Cut(len) => bytes.resize(*len, 0),
        Dirty::Write(at, data) => {
            let len = bytes.len().max(at + data.len());
            bytes.resize(len, 0);
            bytes[*at..at + data.len()].copy_from_slice(data);
        }
    }
}

fn rename(names: &mut BTreeMap<String, usize>, change: &Change) {
    match change {
        Change::Link(name, inode) => {
            names.insert(name.clone(), *inode);
        }
        Change::Move(from, to, inode) => {
            names.remove(from);
            names.insert(to.clone(), *inode);
        }
        Change::Unlink(name) => {
            names.remove(name);
        }
    }
}

/// A small random number generator: the same seed gives the same crash.
struct Dice(u64);

impl Dice {
    /// Creates a generator; neighbouring seeds give unlike numbers.
    fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..8).for_each(|_| {
            dice.roll(2);
        });
        dice
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

impl SimDisk {
    /// Makes the power fail before the operation with a number; all that follow fail.
    pub(crate) fn crash_at(&self, op: u64) {
        self.0.borrow_mut().crash_at = Some(op);
    }

    /// Whether the power failed.
    pub(crate) fn crashed(&self) -> bool {
        let state = self.0.borrow();
        state.crash_at.is_some_and(|at| state.ops >= at)
    }

    pub(crate) fn faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// Returns the content of a file as processes see it.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let state = self.0.borrow();
        state.inodes[state.names[name]].now.clone()
    }

    /// Adds a file that is synced.
    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.0.borrow_mut();
        let inode = state.inodes.len();
        state.inodes.push(Inode { now: bytes.clone(), disk: bytes, dirty: Vec::new() });
        state.names.insert(name.into(), inode);
        state.durable.insert(name.into(), inode);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.borrow().names.keys().cloned().collect()
    }

    /// Returns the size of all files in bytes.
    pub(crate) fn used(&self) -> usize {
        let state = self.0.borrow();
        state.names.values().map(|&inode| state.inodes[inode].now.len()).sum()
    }

    /// Returns another disk with the same content, all of it synced, and without faults.
    pub(crate) fn copy(&self) -> Self {
        self.after(PowerLoss::Everything)
    }

    /// Returns the disk after the power failure.
    pub(crate) fn after(&self, power: PowerLoss) -> Self {
        let state = self.0.borrow();
        let mut dice = Dice::new(match power {
            PowerLoss::Some(seed) => seed,
            _ => 0,
        });
        let mut names = state.durable.clone();
        for change in &state.changes {
            let kept = match power {
                PowerLoss::Nothing => false,
                PowerLoss::Everything | PowerLoss::Names => true,
                PowerLoss::Some(_) => dice.roll(2) == 0,
            };
            if kept {
                rename(&mut names, change);
            }
        }
        let sim = Self::default();
        for (name, inode) in names {
            let inode = &state.inodes[inode];
            let bytes = match power {
                PowerLoss::Nothing | PowerLoss::Names => inode.disk.clone(),
                PowerLoss::Everything => inode.now.clone(),
                PowerLoss::Some(_) => some(inode, &mut dice),
            };
            sim.put(&name, bytes);
        }
        sim
    }

    fn change(&self) -> io::Result<std::cell::RefMut<'_, State>> {
        let mut state = self.0.borrow_mut();
        if state.crash_at.is_some_and(|at| state.ops >= at) {
            return Err(errno(EIO));
        }
        state.ops += 1;
        if state.faults.read_only {
            return Err(errno(EROFS));
        }
        Ok(state)
    }
}

/// Returns the content with some sectors of the data that was not synced.
fn some(inode: &Inode, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inode.disk.clone();
    for dirty in &inode.dirty {
        match dirty {
            Dirty::Cut(_) if dice.roll(2) == 0 => apply(&mut bytes, dirty),
            Dirty::Cut(_) => {}
            Dirty::Write(at, data) => {
                let mut start = 0;
                while start < data.len() {
                    let end = data.len().min(start + SECTOR - (at + start) % SECTOR);
                    if dice.roll(3) > 0 {
                        apply(&mut bytes, &Dirty::Write(at + start, data[start..end].to_vec()));
                    }
                    start = end;
                }
            }
        }
    }
    bytes
}

impl Disk for SimDisk {
    type File = usize;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let state = self.0.borrow();
        Ok(state
            .names
            .iter()
            .map(|(name, &inode)| (name.clone(), state.inodes[inode].now.len() as u64))
            .collect())
    }

    fn create(&self, name: &str) -> io::Result<usize> {
        let mut state = self.change()?;
        if let Some(&inode) = state.names.get(name) {
            let file = &mut state.inodes[inode];
            file.now.clear();
            file.dirty.push(Dirty::Cut(0));
            return Ok(inode);
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(name.into(), inode);
        state.changes.push(Change::Link(name.into(), inode));
        Ok(inode)
    }

    fn open(&self, name: &str, write: bool) -> io::Result<usize> {
        let state = self.0.borrow();
        if write && state.faults.read_only {
            return Err(errno(EROFS));
        }
        state.names.get(name).copied().ok_or_else(|| errno(ENOENT))
    }

    fn read_at(&self, file: &usize, to: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.0.borrow();
        if state.faults.reads {
            return Err(errno(EIO));
        }
        let bytes = state.inodes[*file].now.get(at as usize..).unwrap_or_default();
        let len = bytes.len().min(to.len());
        to[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn write_at(&self, file: &usize, bytes: &[u8], at: u64) -> io::Result<usize> {
        let used = self.used();
        let mut state = self.change()?;
        if state.faults.writes {
            return Err(errno(EIO));
        }
        let mut len = bytes.len().min(state.faults.longest.unwrap_or(usize::MAX));
        let at = at as usize;
        if let Some(capacity) = state.faults.capacity {
            let inside = state.inodes[*file].now.len().saturating_sub(at);
            let room = inside + capacity.saturating_sub(used);
            len = len.min(room);
            if len == 0 && !bytes.is_empty() {
                return Err(errno(ENOSPC));
            }
        }
        let dirty = Dirty::Write(at, bytes[..len].to_vec());
        let inode = &mut state.inodes[*file];
        apply(&mut inode.now, &dirty);
        inode.dirty.push(dirty);
        Ok(len)
    }

    fn truncate(&self, file: &usize, len: u64) -> io::Result<()> {
        let mut state = self.change()?;
        let dirty = Dirty::Cut(len as usize);
        let inode = &mut state.inodes[*file];
        apply(&mut inode.now, &dirty);
        inode.dirty.push(dirty);
        Ok(())
    }

    fn sync(&self, file: &usize) -> io::Result<()> {
        let mut state = self.change()?;
        let fails = state.faults.syncs > 0;
        state.faults.syncs = state.faults.syncs.saturating_sub(1);
        let inode = &mut state.inodes[*file];
        let dirty = std::mem::take(&mut inode.dirty);
        if fails {
            return Err(errno(EIO));
        }
        dirty.iter().for_each(|dirty| apply(&mut inode.disk, dirty));
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.change()?;
        let inode = state.names.remove(from).ok_or_else(|| errno(ENOENT))?;
        state.names.insert(to.into(), inode);
        state.changes.push(Change::Move(from.into(), to.into(), inode));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.change()?;
        state.names.remove(name).ok_or_else(|| errno(ENOENT))?;
        state.changes.push(Change::Unlink(name.into()));
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut state = self.change()?;
        let changes = std::mem::take(&mut state.changes);
        for change in &changes {
            rename(&mut state.durable, change);
        }
        Ok(())
    }
}
