//! The folder below /sys/fs/bpf, and what is pinned there.
//!
//! ```text
//! tracego/                  locked by the tracego that runs; mode 0700
//!   format-1/               what tracegos with the same FORMAT continue
//!     active claims         whose turn it is (tracego-ebpf/src/turn.rs)
//!     task_ctx              jobs and the followed tree
//!     state                 numbers that outlive a run
//!     gen-7/                one load: its ring, which it may share with others, and its counters
//!       events counters told prog-* link-*
//! ```

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use aya::{
    maps::{MapData, MapInfo, MapType},
    programs::links::PinnedLink,
};
use rustix::fs::{FlockOperation, flock, fstatfs};
use tracego_common::handover::FORMAT;

use super::HandoverError;
use crate::ring::Ring;

/// BPF_FS_MAGIC (include/uapi/linux/magic.h).
const BPFFS: u64 = 0xcafe_4a11;
/// What the folder of one load is called, before its number.
const GENERATION: &str = "gen-";
/// What the pin of a link is called, before the name of its program.
const LINK: &str = "link-";

/// The folder, locked: flock(2) works on every folder, also where no file can be opened.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The lock ends with it, however the process ends.
    _lock: File,
}

impl Folder {
    /// Makes it where it is not there, and locks it.
    ///
    /// # Errors
    /// When it cannot be made, others could change it, or another tracego has it.
    pub fn open(path: &Path) -> Result<Self, HandoverError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(HandoverError::Make(path.to_owned(), error));
            }
            _ => {}
        }
        Self::existing(path)?.ok_or_else(|| HandoverError::InUse(path.to_owned()))
    }

    /// Locks it; nothing where it is not there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(path: &Path) -> Result<Option<Self>, HandoverError> {
        let failed = |error| HandoverError::Io(path.to_owned(), error);
        let lock = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let kind = fstatfs(&lock).map_err(|error| failed(error.into()))?.f_type;
        if u64::try_from(kind).ok() != Some(BPFFS) {
            return Err(HandoverError::NotBpffs(path.to_owned()));
        }
        let about = lock.metadata().map_err(failed)?;
        if about.mode() & 0o022 != 0 || about.uid() != rustix::process::geteuid().as_raw() {
            return Err(HandoverError::Open(path.to_owned()));
        }
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(HandoverError::InUse(path.to_owned())),
            locked => locked.map_err(|error| failed(error.into()))?,
        }
        // One that ended may have removed it before the lock was free.
        let same = fs::metadata(path).is_ok_and(|now| now.ino() == about.ino());
        Ok(same.then(|| Self { path: path.to_owned(), _lock: lock }))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is shared by loads of this format.
    #[must_use]
    pub fn shared(&self) -> PathBuf {
        self.path.join(format!("format-{FORMAT}"))
    }

    /// The folder of a load.
    #[must_use]
    pub fn generation(&self, number: u32) -> PathBuf {
        self.shared().join(format!("{GENERATION}{number}"))
    }

    /// Loads that are there, the oldest first.
    #[must_use]
    pub fn generations(&self) -> Vec<u32> {
        let number = |path: PathBuf| path.file_name()?.to_str()?.strip_prefix(GENERATION)?.parse().ok();
        let mut numbers: Vec<u32> = entries(&self.shared()).into_iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// What another format left.
    #[must_use]
    pub fn foreign(&self) -> Vec<PathBuf> {
        let own = self.shared();
        entries(&self.path).into_iter().filter(|path| *path != own).collect()
    }

    /// Removes everything, and the folder itself; programs that were attached are no longer.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove(self) -> Result<Removed, HandoverError> {
        let programs = detach(&self.path)?;
        let records = unread(&self.path);
        for path in entries(&self.path) {
            remove(&path)?;
        }
        if let Err(error) = fs::remove_dir(&self.path) {
            // A mount point, or a folder that somebody else keeps.
            tracing::debug!(path = %self.path.display(), %error, "the folder stays");
        }
        Ok(Removed { programs, records })
    }
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Removed {
    /// Programs that were attached.
    pub programs: u64,
    /// Records that nobody had read.
    pub records: u64,
}

pub(super) fn make(path: &Path) -> Result<(), HandoverError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(HandoverError::Make(path.to_owned(), error))
        }
        _ => Ok(()),
    }
}

fn entries(path: &Path) -> Vec<PathBuf> {
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn is_link(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(LINK))
}

/// The pin of the link of a program.
pub(super) fn link(folder: &Path, program: &str) -> PathBuf {
    folder.join(format!("{LINK}{program}"))
}

/// The pin of a program.
pub(super) fn program(folder: &Path, program: &str) -> PathBuf {
    folder.join(format!("prog-{program}"))
}

/// Detaches what is attached from there; how many programs.
pub(super) fn detach(folder: &Path) -> Result<u64, HandoverError> {
    let mut programs = 0;
    for path in entries(folder) {
        if path.is_dir() {
            programs += detach(&path)?;
        }
        if !is_link(&path) {
            continue;
        }
        // By its descriptor, whose end waits for the detach; the removal alone leaves that for later.
        let link = PinnedLink::from_pin(&path).ok();
        fs::remove_file(&path).map_err(|error| HandoverError::Io(path, error))?;
        drop(link);
        programs += 1;
    }
    Ok(programs)
}

/// Removes a file, or a folder with all that is in it.
pub(super) fn remove(path: &Path) -> Result<(), HandoverError> {
    let failed = |error| HandoverError::Io(path.to_owned(), error);
    if !fs::symlink_metadata(path).map_err(failed)?.is_dir() {
        return fs::remove_file(path).map_err(failed);
    }
    detach(path)?;
    for entry in entries(path) {
        remove(&entry)?;
    }
    fs::remove_dir(path).map_err(failed)
}

/// Records that nobody has read, in all rings that are pinned there.
pub(super) fn unread(path: &Path) -> u64 {
    let mut known = Vec::new();
    unread_beside(path, &mut known)
}

fn unread_beside(path: &Path, known: &mut Vec<u32>) -> u64 {
    if path.is_dir() {
        return entries(path).iter().map(|entry| unread_beside(entry, known)).sum();
    }
    match MapInfo::from_pin(path) {
        Ok(info) if !known.contains(&info.id()) => {
            known.push(info.id());
            ring(path).map_or(0, |ring| ring.unread().count() as u64)
        }
        _ => 0,
    }
}

/// The ring that is pinned there, if it is one.
pub(super) fn ring(path: &Path) -> Option<Ring> {
    let info = MapInfo::from_pin(path).ok()?;
    if !matches!(info.map_type(), Ok(MapType::RingBuf)) {
        return None;
    }
    Ring::new(MapData::from_pin(path).ok()?).ok()
}
