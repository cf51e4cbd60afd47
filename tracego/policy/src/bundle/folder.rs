//! Bundles on disk: a folder with everything below it, or one file.
//!
//! A link is followed if it stays inside (`RESOLVE_BENEATH`, openat2(2)), because Kubernetes lays out a
//! ConfigMap with such links. Devices, sockets and pipes are never opened for reading.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Read as _,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, statat},
    io::Errno,
    process::geteuid,
    thread::capabilities,
};
use tracego_confine::mounts::is_read_only_root;

use super::{
    error::{BundleProblem, FileProblem, printable},
    files::{BundleFiles, FILE_MAX, ignored, name},
};

/// Mode bits that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;
/// Mode bit of a folder such as /tmp, where only the owner of a file may rename it.
const STICKY: u32 = 0o1000;

/// Flags for reading: a pipe does not block, and a terminal does not become the controlling terminal.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// The users who may have written the files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AllowedWriters {
    /// Anybody.
    Any,
    /// Only the owner of each file.
    Owner,
}

impl AllowedWriters {
    /// Returns the requirement for this process. Root, or a user with capabilities, acts for all users, so its bundles
    /// must not be writable by others.
    pub(super) fn of_process(allow_writable: bool) -> Self {
        let is_privileged =
            || geteuid().is_root() || capabilities(None).is_ok_and(|sets| !sets.effective.is_empty());
        if allow_writable || !is_privileged() { Self::Any } else { Self::Owner }
    }

    fn check(self, stat: &Stat) -> Result<(), BundleProblem> {
        match self {
            Self::Owner if stat.st_mode & OTHERS_WRITE != 0 => {
                Err(BundleProblem::Writable(stat.st_mode & 0o7777))
            }
            _ => Ok(()),
        }
    }

    /// Checks an open folder. Nobody writes to the root of a read-only mount, such as a ConfigMap of Kubernetes, whose mode
    /// lets all write.
    fn check_folder(self, folder: &OwnedFd) -> Result<(), BundleProblem> {
        let stat = fstat(folder).map_err(|error| BundleProblem::Io(error.into()))?;
        self.check(&stat).or_else(|problem| if is_read_only_root(folder) { Ok(()) } else { Err(problem) })
    }

    /// Checks the folders above: a user who can rename there can put another bundle in place.
    fn check_above(self, path: &Path) -> Result<(), FileProblem> {
        if self == Self::Any {
            return Ok(());
        }
        for folder in fs::canonicalize(path)?.ancestors().skip(1) {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = openat(CWD, folder, flags, Mode::empty()).map_err(io)?;
            if fstat(&opened).map_err(io)?.st_mode & STICKY == 0 {
                let of = |problem: BundleProblem| problem.of(&printable(folder.as_os_str().as_bytes()));
                self.check_folder(&opened).map_err(of)?;
            }
        }
        Ok(())
    }
}

fn io(error: Errno) -> FileProblem {
    BundleProblem::Io(error.into()).into()
}

/// Reads all files of a folder that are not hidden.
pub(super) fn read(path: &Path, writers: AllowedWriters) -> Result<BundleFiles, FileProblem> {
    let root = openat(CWD, path, READ | OFlags::DIRECTORY, Mode::empty()).map_err(io)?;
    writers.check_above(path)?;
    let mut files = BundleFiles::default();
    folder(&root, "", writers, &mut files)?;
    Ok(files)
}

/// Opens a single file that is a bundle.
pub(super) fn open(path: &Path, writers: AllowedWriters) -> Result<(File, Stat), FileProblem> {
    let stat = statat(CWD, path, AtFlags::empty()).map_err(io)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(BundleProblem::Kind.into());
    }
    writers.check_above(path)?;
    let file = openat(CWD, path, READ, Mode::empty()).map_err(io)?;
    let stat = fstat(&file).map_err(io)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(BundleProblem::Kind.into());
    }
    writers.check(&stat)?;
    Ok((File::from(file), stat))
}

/// Reads a file of a bundle. The file may grow meanwhile, but is not read much beyond the limit.
pub(super) fn content(file: impl Into<File>, stat: &Stat) -> Result<Vec<u8>, BundleProblem> {
    if u64::try_from(stat.st_size).is_ok_and(|size| size > FILE_MAX) {
        return Err(BundleProblem::Large);
    }
    let mut content = Vec::new();
    file.into().take(FILE_MAX + 1).read_to_end(&mut content)?;
    Ok(content)
}

fn folder(
    root: &OwnedFd,
    at: &str,
    writers: AllowedWriters,
    files: &mut BundleFiles,
) -> Result<(), FileProblem> {
    let here = |problem: BundleProblem| if at.is_empty() { problem.into() } else { problem.of(at) };
    let path = if at.is_empty() { "." } else { at };
    let opened = beneath(root, path, READ | OFlags::DIRECTORY).map_err(here)?;
    writers.check_folder(&opened).map_err(here)?;
    files.count()?;
    for entry in Dir::read_from(&opened).map_err(|error| here(BundleProblem::Io(error.into())))? {
        let entry = entry.map_err(|error| here(BundleProblem::Io(error.into())))?;
        let raw = entry.file_name().to_bytes();
        if raw == b"." || raw == b".." {
            continue;
        }
        let raw = if at.is_empty() { raw.to_vec() } else { [at.as_bytes(), b"/", raw].concat() };
        // Checked before the name, because a hidden file may have any name.
        if hidden(&raw) {
            continue;
        }
        let Some(name) = name(&raw)? else { continue };
        one(root, &name, writers, files)?;
    }
    Ok(())
}

fn hidden(raw: &[u8]) -> bool {
    std::str::from_utf8(raw).map_or_else(
        |_| raw.rsplit(|&b| b == b'/').next().is_some_and(|part| part.starts_with(b".")),
        ignored,
    )
}

fn one(
    root: &OwnedFd,
    name: &str,
    writers: AllowedWriters,
    files: &mut BundleFiles,
) -> Result<(), FileProblem> {
    let of = |problem: BundleProblem| problem.of(name);
    let system = |error: Errno| of(BundleProblem::Io(error.into()));
    let itself = statat(root, OsStr::new(name), AtFlags::SYMLINK_NOFOLLOW).map_err(system)?;
    let link = match FileType::from_raw_mode(itself.st_mode) {
        FileType::Directory => return folder(root, name, writers, files),
        FileType::RegularFile => false,
        FileType::Symlink => true,
        _ => return Err(of(BundleProblem::NoFile)),
    };
    if link {
        // Checked before it is opened, because opening a device can have effects.
        let target = beneath(root, name, OFlags::PATH | OFlags::CLOEXEC).map_err(of)?;
        match FileType::from_raw_mode(fstat(&target).map_err(system)?.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(of(BundleProblem::FolderLink)),
            _ => return Err(of(BundleProblem::NoFile)),
        }
    }
    let file = beneath(root, name, READ).map_err(of)?;
    let stat = fstat(&file).map_err(system)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(of(BundleProblem::NoFile));
    }
    writers.check(&stat).map_err(of)?;
    files.count()?;
    files.add(name.to_owned(), content(file, &stat).map_err(of)?)
}

fn beneath(root: &OwnedFd, name: &str, flags: OFlags) -> Result<OwnedFd, BundleProblem> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut tries = 0;
    loop {
        match openat2(root, name, flags, Mode::empty(), resolve) {
            // Something on the machine was renamed while `..` was followed.
            Err(Errno::AGAIN) if tries < 16 => tries += 1,
            Err(Errno::XDEV | Errno::LOOP | Errno::NOENT) => return Err(BundleProblem::Leaves),
            result => return result.map_err(|error| BundleProblem::Io(error.into())),
        }
    }
}
