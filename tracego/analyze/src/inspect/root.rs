//! Files as a process sees them: every path is followed inside the root folder of that process.
//! A link that leads out of it leads to the same place inside (`RESOLVE_IN_ROOT`, openat2(2)), and
//! links of /proc that jump elsewhere are not followed at all.

use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{Dir, FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, Stat, fstat, fstatfs, openat2},
    io::Errno,
};

use super::{proc::capped, unread::Unread};

/// Which file it is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
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

/// The root folder of a process.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    /// Its own path, as this program sees it: `/`, unless the process is in a chroot.
    at: Vec<u8>,
}

/// A regular file.
#[derive(Clone, Debug)]
pub struct Content {
    /// Which.
    pub id: FileId,
    /// Its owner.
    pub user: u32,
    /// When it was written last, ns since 1970.
    pub modified_ns: i64,
    /// Type of its file system (statfs(2)).
    pub file_system: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Root {
    pub(super) fn new(dir: OwnedFd, at: Vec<u8>) -> Self {
        Self { dir, at }
    }

    /// The root folder of this program.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn own() -> Result<Self, Unread> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::new(rustix::fs::open("/", flags, Mode::empty())?, b"/".to_vec()))
    }

    /// A path of the kernel side, which goes up to the root of the mount namespace, as the process
    /// sees it; `None` when it is outside of its root folder.
    #[must_use]
    pub fn inside<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let at = self.at.strip_suffix(b"/").unwrap_or(&self.at);
        match path.strip_prefix(at)? {
            [] => Some(b"/"),
            rest if rest[0] == b'/' => Some(rest),
            _ => None,
        }
    }

    /// Path of an open folder, as the process sees it.
    ///
    /// # Errors
    /// When it is outside or cannot be read.
    pub(super) fn path_of(&self, dir: impl AsFd) -> Result<Vec<u8>, Unread> {
        let link = format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd());
        let path = rustix::fs::readlink(link, Vec::with_capacity(256))?.into_bytes();
        self.inside(&path).map(<[u8]>::to_vec).ok_or(Unread::Outside)
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match openat2(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                // A rename somewhere on the machine while `..` was followed.
                Err(Errno::AGAIN) if tries < 4 => tries += 1,
                result => return result,
            }
        }
    }

    /// Opens a folder for looking at.
    ///
    /// # Errors
    /// When there is none or it is not allowed.
    pub(super) fn folder(&self, path: &Path) -> Result<OwnedFd, Unread> {
        Ok(self.resolve(path, OFlags::PATH | OFlags::DIRECTORY)?)
    }

    /// Whether there is something that is no folder.
    ///
    /// # Errors
    /// When that cannot be known.
    pub fn has_file(&self, path: &Path) -> Result<bool, Unread> {
        match self.resolve(path, OFlags::PATH) {
            Ok(file) => Ok(FileType::from_raw_mode(fstat(file)?.st_mode) != FileType::Directory),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Which file or folder a path leads to.
    ///
    /// # Errors
    /// When that cannot be known.
    pub fn id(&self, path: &Path) -> Result<FileId, Unread> {
        Ok(FileId::of(&fstat(self.resolve(path, OFlags::PATH)?)?))
    }

    /// Reads a regular file that has no more bytes than `max`. Pipes and devices are not opened, files
    /// of /proc are not read: they would show this program instead.
    ///
    /// # Errors
    /// When there is none, it is not regular, too large, or it is not allowed.
    pub fn read(&self, path: &Path, max: u64) -> Result<Content, Unread> {
        let there = self.resolve(path, OFlags::PATH)?;
        let stat = fstat(&there)?;
        let file_system = fstatfs(&there)?.f_type;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || file_system == PROC_SUPER_MAGIC {
            return Err(Unread::NotRegular);
        }
        // What was looked at is what is opened: not the path a second time.
        let again = format!("/proc/self/fd/{}", there.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file: File = rustix::fs::open(again, flags, Mode::empty())?.into();
        let modified_ns =
            stat.st_mtime.saturating_mul(1_000_000_000).saturating_add_unsigned(stat.st_mtime_nsec);
        Ok(Content {
            id: FileId::of(&stat),
            user: stat.st_uid,
            modified_ns,
            file_system,
            bytes: capped(file, max)?,
        })
    }

    /// Names in a folder, sorted; the first `max` that are found.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self, path: &Path, max: usize) -> Result<Vec<Vec<u8>>, Unread> {
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
