//! Files as a process sees them: every path is resolved inside the root folder of that process. A link that
//! leads out of the root leads to the same path inside it (`RESOLVE_IN_ROOT`, openat2(2)). Magic links of
//! /proc are not followed.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{Dir, FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, Stat, fstat, fstatfs, openat2},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::{procfs::capped, read_error::ReadError};

/// The identity of a file.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct FileId {
    /// Device, as stat(2) gives it.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

impl FileId {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// The identity of a file and of its content.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileStamp {
    id: FileId,
    size: i64,
    modified_ns: i64,
    changed_ns: i64,
}

/// The root folder of a process.
#[derive(Debug)]
pub struct RootFolder {
    dir: OwnedFd,
    /// Path of the root folder as tracego sees it: `/`, unless the process is in a chroot.
    at: Vec<u8>,
}

/// A regular file that was read.
#[derive(Clone, Debug)]
pub struct FileContent {
    /// Identity of the file.
    pub id: FileId,
    /// User id of the owner.
    pub user: u32,
    /// Last modification, ns since 1970.
    pub modified_ns: i64,
    /// Type of the file system (statfs(2)).
    pub file_system: i64,
    /// Content of the file.
    pub bytes: Vec<u8>,
}

impl RootFolder {
    pub(super) fn new(dir: OwnedFd, at: Vec<u8>) -> Self {
        Self { dir, at }
    }

    /// Opens the root folder of this program.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub fn own() -> Result<Self, ReadError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::new(rustix::fs::open("/", flags, Mode::empty())?, b"/".to_vec()))
    }

    /// Returns the descriptor of the folder.
    pub(super) fn into_descriptor(self) -> OwnedFd {
        self.dir
    }

    /// Translates a kernel path, which goes up to the root of the mount namespace, to the path that the
    /// process sees. Returns `None` for a path outside of its root folder.
    #[must_use]
    pub fn inside<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let at = self.at.strip_suffix(b"/").unwrap_or(&self.at);
        match path.strip_prefix(at)? {
            [] => Some(b"/"),
            rest if rest[0] == b'/' => Some(rest),
            _ => None,
        }
    }

    /// Returns the path of an open folder as the process sees it.
    ///
    /// # Errors
    /// Fails if the folder is outside of the root or its path cannot be read.
    pub(in crate::inspect) fn path_of(&self, dir: impl AsFd) -> Result<Vec<u8>, ReadError> {
        let link = format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd());
        let path = rustix::fs::readlink(link, Vec::with_capacity(256))?.into_bytes();
        self.inside(&path).map(<[u8]>::to_vec).ok_or(ReadError::Outside)
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match openat2(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                // A rename somewhere on the machine interrupted the resolution of `..`.
                Err(Errno::AGAIN) if tries < 4 => tries += 1,
                result => return result,
            }
        }
    }

    /// Opens a folder with `O_PATH`.
    ///
    /// # Errors
    /// Fails if there is no such folder or access is denied.
    pub(in crate::inspect) fn folder(&self, path: &Path) -> Result<OwnedFd, ReadError> {
        Ok(self.resolve(path, OFlags::PATH | OFlags::DIRECTORY)?)
    }

    /// Returns whether a path leads to something other than a folder.
    ///
    /// # Errors
    /// Fails if the path cannot be looked up; a missing file is no error.
    pub fn has_file(&self, path: &Path) -> Result<bool, ReadError> {
        match self.resolve(path, OFlags::PATH) {
            Ok(file) => Ok(FileType::from_raw_mode(fstat(file)?.st_mode) != FileType::Directory),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Returns the identity of the file or folder that a path leads to.
    ///
    /// # Errors
    /// Fails if the path cannot be looked up.
    pub fn id(&self, path: &Path) -> Result<FileId, ReadError> {
        Ok(FileId::of(&fstat(self.resolve(path, OFlags::PATH)?)?))
    }

    /// Returns the identity of a file and of its content.
    ///
    /// # Errors
    /// Fails if the path cannot be looked up.
    pub(in crate::inspect) fn stamp(&self, path: &Path) -> Result<FileStamp, ReadError> {
        let stat = fstat(self.resolve(path, OFlags::PATH)?)?;
        let ns = |seconds: i64, ns: u64| seconds.saturating_mul(1_000_000_000).saturating_add_unsigned(ns);
        Ok(FileStamp {
            id: FileId::of(&stat),
            size: stat.st_size,
            modified_ns: ns(stat.st_mtime, stat.st_mtime_nsec),
            changed_ns: ns(stat.st_ctime, stat.st_ctime_nsec),
        })
    }

    /// Reads a regular file of at most `max` bytes. Pipes and devices are not opened. Files of /proc are
    /// refused, because they would describe this program.
    ///
    /// # Errors
    /// Fails if the file is missing, not regular, too large, or access is denied.
    pub fn read(&self, path: &Path, max: u64) -> Result<FileContent, ReadError> {
        let (file, stat, file_system) = self.open(path)?;
        let modified_ns =
            stat.st_mtime.saturating_mul(1_000_000_000).saturating_add_unsigned(stat.st_mtime_nsec);
        Ok(FileContent {
            id: FileId::of(&stat),
            user: stat.st_uid,
            modified_ns,
            file_system,
            bytes: capped(file, max)?,
        })
    }

    /// Reads the end of a regular file, at most `max` bytes of it, as [`Self::read`] does.
    ///
    /// # Errors
    /// Fails if the file is missing, not regular, or access is denied.
    pub(in crate::inspect) fn tail(&self, path: &Path, max: u64) -> Result<Vec<u8>, ReadError> {
        let (mut file, stat, _) = self.open(path)?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        file.seek(SeekFrom::Start(size.saturating_sub(max)))?;
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens a regular file. Returns it with its metadata and the type of its file system.
    fn open(&self, path: &Path) -> Result<(File, Stat, i64), ReadError> {
        let there = self.resolve(path, OFlags::PATH)?;
        let stat = fstat(&there)?;
        let file_system = fstatfs(&there)?.f_type;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || file_system == PROC_SUPER_MAGIC {
            return Err(ReadError::NotRegular);
        }
        // Opens the file that was checked, not the path a second time.
        let again = format!("/proc/self/fd/{}", there.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok((rustix::fs::open(again, flags, Mode::empty())?.into(), stat, file_system))
    }

    /// Returns the names in a folder, sorted; of more than `max` names, the first ones found.
    ///
    /// # Errors
    /// Fails if the folder cannot be read.
    pub fn names(&self, path: &Path, max: usize) -> Result<Vec<Vec<u8>>, ReadError> {
        let dir = self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::new(dir)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                if names.len() == max {
                    break;
                }
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}
