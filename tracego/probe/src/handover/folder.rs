//! The folder below /sys/fs/bpf, and the pins in it.
//!
//! ```text
//! tracego/                  locked by the running tracego; mode 0700
//!   format-1/               shared by tracegos with the same FORMAT
//!     active claims         which load takes an event (tracego-ebpf/src/claim.rs)
//!     task_ctx              jobs and the followed tree
//!     state                 numbers that outlive a run
//!     gen-7/                one load: its counters, and its ring, which other loads may share
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

use crate::{error::HandoverError, ring::Ring};

/// The magic number BPF_FS_MAGIC (include/uapi/linux/magic.h).
const BPFFS: u64 = 0xcafe_4a11;
/// Prefix of the folder of a load, before its number.
const GENERATION: &str = "gen-";
/// Prefix of the pin of a link, before the name of its program.
const LINK: &str = "link-";

/// The locked folder. flock(2) works on any folder, even where no file can be opened.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Holds the lock, which ends with the process in any case.
    _lock: File,
}

impl Folder {
    /// Locks the folder; creates it if missing.
    ///
    /// # Errors
    /// Fails if it cannot be created, others could change it, or another tracego uses it.
    pub fn open(path: &Path) -> Result<Self, HandoverError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(HandoverError::Make(path.to_owned(), error));
            }
            _ => {}
        }
        Self::existing(path)?.ok_or_else(|| HandoverError::InUse(path.to_owned()))
    }

    /// Locks the folder. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// Fails like [`Self::open`].
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
        // A tracego that ended may have removed the folder before the lock was free.
        let same = fs::metadata(path).is_ok_and(|now| now.ino() == about.ino());
        Ok(same.then(|| Self { path: path.to_owned(), _lock: lock }))
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder shared by loads of this format.
    #[must_use]
    pub fn shared(&self) -> PathBuf {
        self.path.join(format!("format-{FORMAT}"))
    }

    /// Returns the folder of a load.
    #[must_use]
    pub fn generation(&self, number: u32) -> PathBuf {
        self.shared().join(format!("{GENERATION}{number}"))
    }

    /// Returns the numbers of the existing loads, the oldest first.
    #[must_use]
    pub fn generations(&self) -> Vec<u32> {
        let number = |path: PathBuf| path.file_name()?.to_str()?.strip_prefix(GENERATION)?.parse().ok();
        let mut numbers: Vec<u32> = entries(&self.shared()).into_iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the entries of other formats.
    #[must_use]
    pub fn foreign(&self) -> Vec<PathBuf> {
        let own = self.shared();
        entries(&self.path).into_iter().filter(|path| *path != own).collect()
    }

    /// Removes all pins and the folder itself, which detaches the programs.
    ///
    /// # Errors
    /// Fails if something cannot be removed.
    pub fn remove(self) -> Result<Removed, HandoverError> {
        let programs = detach(&self.path)?;
        let records = unread(&self.path);
        for path in entries(&self.path) {
            remove(&path)?;
        }
        if let Err(error) = fs::remove_dir(&self.path) {
            // The folder is a mount point, or another program keeps it.
            tracing::debug!(path = %self.path.display(), %error, "the folder could not be removed");
        }
        Ok(Removed { programs, records })
    }
}

/// Numbers of removed objects.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Removed {
    /// Number of programs that were attached.
    pub programs: u64,
    /// Number of events that were never read.
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

/// Returns the pin of a program's link.
pub(super) fn link(folder: &Path, program: &str) -> PathBuf {
    folder.join(format!("{LINK}{program}"))
}

/// Returns the pin of a program.
pub(super) fn program(folder: &Path, program: &str) -> PathBuf {
    folder.join(format!("prog-{program}"))
}

/// Detaches the programs pinned in a folder. Returns their number.
pub(super) fn detach(folder: &Path) -> Result<u64, HandoverError> {
    let mut programs = 0;
    for path in entries(folder) {
        if path.is_dir() {
            programs += detach(&path)?;
        }
        if !is_link(&path) {
            continue;
        }
        // Dropping the descriptor waits for the detach; removing the pin alone would defer it.
        let link = PinnedLink::from_pin(&path).ok();
        fs::remove_file(&path).map_err(|error| HandoverError::Io(path, error))?;
        drop(link);
        programs += 1;
    }
    Ok(programs)
}

/// Removes a file, or a folder with its content.
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

/// Returns the number of unread events in all rings pinned below a path.
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

/// Opens a pinned ring. Returns `None` if the pin is not a ring.
pub(super) fn ring(path: &Path) -> Option<Ring> {
    let info = MapInfo::from_pin(path).ok()?;
    if !matches!(info.map_type(), Ok(MapType::RingBuf)) {
        return None;
    }
    Ring::new(MapData::from_pin(path).ok()?).ok()
}
