//! Files below a mount of a file system: the way to an executable whose process and container are gone.

use std::{
    fs::{self, File, Metadata},
    os::{
        fd::AsFd as _,
        unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use tracego_model::input::note::OpenFailure;

use super::executable::{self, OpenedFile};

/// Maximum number of mounts of one file system that are tried.
const MOUNTS_MAX: usize = 8;
/// Maximum number of bytes of the list of mounts.
const LIST_MAX: usize = 4 << 20;

/// A place where a file system is mounted.
#[derive(Debug)]
pub(super) struct MountPoint {
    /// Path of the place, as tracego sees it.
    pub(super) path: PathBuf,
    /// Whether the root of the file system is mounted there, and not a folder of it.
    pub(super) is_whole: bool,
}

/// Returns where a file system is mounted, whole ones first. `process`: the folder in /proc of a process in the mount
/// namespace. `root`: the root of that namespace, as tracego sees it. `device` in the kernel's encoding.
pub(super) fn of_device(process: &Path, root: &Path, device: u32) -> Vec<MountPoint> {
    let Ok(list) = fs::read(process.join("mountinfo")) else { return Vec::new() };
    let wanted = format!("{}:{}", device >> 20, device & 0xf_ffff);
    let list = list.get(..LIST_MAX).unwrap_or(&list);
    let mount = |line: &[u8]| {
        let mut words = line.split(|&byte| byte == b' ').skip(2);
        let (number, part, at) = (words.next()?, words.next()?, words.next()?);
        let is_whole = part == b"/";
        let path = || {
            let at = unescaped(at);
            root.join(at.strip_prefix("/").unwrap_or(&at))
        };
        (number == wanted.as_bytes()).then(|| MountPoint { path: path(), is_whole })
    };
    let all = list.split(|&byte| byte == b'\n').filter_map(mount);
    let (mut whole, parts): (Vec<_>, Vec<_>) = all.partition(|mount| mount.is_whole);
    whole.truncate(MOUNTS_MAX);
    whole.extend(parts.into_iter().take(MOUNTS_MAX));
    whole
}

/// Returns a path without the escapes of mountinfo, `\040` for a space.
fn unescaped(path: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(value) if byte == b'\\' => {
                bytes.push(value);
                rest = tail.get(3..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// Returns a path and what is left of it without its first folders: a file system may be mounted deeper in its
/// container.
pub(super) fn suffixes(path: &Path) -> impl Iterator<Item = &Path> {
    let mut rest = Some(path).filter(|path| !path.as_os_str().is_empty());
    std::iter::from_fn(move || {
        let now = rest?;
        let mut parts = now.components();
        parts.next();
        rest = Some(parts.as_path()).filter(|path| !path.as_os_str().is_empty());
        Some(now)
    })
    .take(16)
}

/// Opens a file below a folder, if it passes the check and lies on the file system with a device.
pub(super) fn below(
    root: &Path,
    inside: &Path,
    device: u32,
    same: impl Fn(&Metadata) -> bool,
) -> Result<OpenedFile, OpenFailure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, root, flags, Mode::empty()).map_err(std::io::Error::from)?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let open = |path: &Path, flags| {
        let found = openat2(&root, path, flags | OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve);
        found.map(File::from).map_err(|errno| OpenFailure::from(std::io::Error::from(errno)))
    };
    let place = open(inside, OFlags::empty())?;
    // A folder has the device of its file system also where a file has another one (overlayfs); both have to be
    // of one mount.
    let folder = open(inside.parent().unwrap_or(Path::new("")).join(".").as_path(), OFlags::DIRECTORY)?;
    let right = executable::device(folder.metadata()?.dev()) == Some(device)
        && mount_of(&folder).is_some_and(|mount| mount_of(&place) == Some(mount));
    if right { executable::checked_place(&place, same) } else { Err(OpenFailure::Changed) }
}

/// Returns the number of the mount that an open file lies in.
fn mount_of(file: &File) -> Option<u64> {
    use rustix::fs::{AtFlags, StatxFlags, statx};
    let found = statx(file.as_fd(), "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_escapes_of_mountinfo_are_undone() {
        assert_eq!(unescaped(b"/a\\040b\\134"), PathBuf::from("/a b\\"));
        assert_eq!(unescaped(b"/a\\9"), PathBuf::from("/a\\9"));
    }

    #[test]
    fn a_path_loses_its_first_folders_one_by_one() {
        let all: Vec<_> = suffixes(Path::new("mnt/a/b")).collect();
        assert_eq!(all, [Path::new("mnt/a/b"), Path::new("a/b"), Path::new("b")]);
        assert_eq!(suffixes(Path::new("")).count(), 0);
    }
}
