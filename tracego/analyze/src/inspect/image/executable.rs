//! Opens the file that a process executed, after the fact.
//!
//! Three paths may lead to the file: `/proc/PID/exe` while the process lives; its path below the root of its
//! parent, which is mostly in the same container; and its path as tracego sees it. The kernel's event says
//! which inode was executed, so every file found is verified against it.
//!
//! A file is first opened with `O_PATH`, which triggers nothing: no FIFO, no device, no automount. Only the
//! right regular file is then opened for reading. A file on a hanging network or FUSE mount can still block a
//! read.

use std::{
    ffi::OsStr,
    fs::{File, Metadata, OpenOptions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{
            ffi::OsStrExt as _,
            fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use procfs::{FromRead as _, process::Stat};
use tracego_golang::Source;
use tracego_model::input::note::OpenFailure;

/// A process that has just executed a file, as the kernel's event describes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExecutedProcess<'a> {
    /// Process id in the pid namespace of the procfs; `None` if that does not show the process.
    pub pid: Option<u32>,
    /// Start, nanoseconds since boot (`task_struct.start_boottime`).
    pub start_ns: u64,
    /// Process id of the parent there.
    pub parent: Option<u32>,
    /// Path of the executable, from the root of its mount namespace.
    pub path: &'a [u8],
    /// Device of the executable in the kernel's encoding: `major << 20 | minor`.
    pub device: u32,
    /// Inode of the executable.
    pub inode: u64,
    /// Change time of the inode, nanoseconds since 1970.
    pub ctime_ns: u64,
}

/// An opened file, and its size and times when it was opened.
#[derive(Debug)]
pub struct OpenedFile {
    file: File,
    state: FileState,
}

/// Metadata that changes whenever the content of a file does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FileState {
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl From<&Metadata> for FileState {
    fn from(meta: &Metadata) -> Self {
        Self {
            size: meta.size(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            ctime: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl OpenedFile {
    /// Checks that the file has not changed since it was opened.
    ///
    /// # Errors
    /// Fails with [`OpenFailure::Changed`] if it has, or if its metadata cannot be read.
    pub fn verify(&self) -> Result<(), OpenFailure> {
        let now = FileState::from(&self.file.metadata()?);
        if now == self.state { Ok(()) } else { Err(OpenFailure::Changed) }
    }
}

impl Source for OpenedFile {
    fn size(&self) -> u64 {
        self.state.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

/// Opens a regular file by its path.
///
/// # Errors
/// Fails if the file cannot be opened or is not regular, see [`OpenFailure`].
pub fn file(path: &Path) -> Result<OpenedFile, OpenFailure> {
    checked(path, |_| true)
}

/// Opens a regular file if its metadata pass the check.
fn checked(path: &Path, right: impl Fn(&Metadata) -> bool) -> Result<OpenedFile, OpenFailure> {
    let place = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(path)?;
    let meta = place.metadata()?;
    if !right(&meta) {
        return Err(OpenFailure::Changed);
    }
    if !meta.is_file() {
        return Err(OpenFailure::NotRegular);
    }
    // The link of the descriptor leads to the same inode, even if the path by now leads elsewhere.
    let link = format!("/proc/self/fd/{}", place.as_raw_fd());
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(link)?;
    Ok(OpenedFile { file, state: FileState::from(&meta) })
}

/// Opens files that processes executed.
#[derive(Clone, Debug)]
pub struct Opener {
    procfs: PathBuf,
    tick_hz: u64,
}

impl Default for Opener {
    fn default() -> Self {
        Self::new(PathBuf::from("/proc"))
    }
}

impl Opener {
    /// Creates an opener. `procfs` is the mount point of a procfs; in a container, that of the host.
    #[must_use]
    pub fn new(procfs: PathBuf) -> Self {
        Self { procfs, tick_hz: procfs::ticks_per_second() }
    }

    /// Opens the file that a process executed.
    ///
    /// # Errors
    /// Fails if no path leads to that very file, see [`OpenFailure`].
    pub fn open(&self, process: &ExecutedProcess<'_>) -> Result<OpenedFile, OpenFailure> {
        let of = |pid: u32| self.procfs.join(pid.to_string());
        let same = |meta: &Metadata| {
            let ctime = meta.ctime().wrapping_mul(1_000_000_000).wrapping_add(meta.ctime_nsec());
            meta.ino() == process.inode && ctime.cast_unsigned() == process.ctime_ns
        };
        // Compares inode and change time alone: overlayfs and btrfs report another device to stat(2) than the
        // superblock's, which the event holds. Here both only confirm the kernel's own link.
        let running =
            process.pid.ok_or(OpenFailure::Gone).and_then(|pid| self.is_running(pid, process.start_ns));
        let exe = running.and_then(|folder| checked(&folder.join("exe"), same));
        let mut worst = match exe {
            Ok(opened) => return Ok(opened),
            Err(failure) => failure,
        };
        // A path may lead to any file, and inode numbers are unique on one device only. So on overlayfs and
        // btrfs the file of an ended process cannot be opened.
        let same = |meta: &Metadata| same(meta) && device(meta.dev()) == Some(process.device);
        let path = Path::new(OsStr::from_bytes(process.path));
        let Ok(inside) = path.strip_prefix("/") else { return Err(worst) };
        let below_parent = process.parent.map(|pid| of(pid).join("root").join(inside));
        for way in below_parent.into_iter().chain([path.to_owned()]) {
            match checked(&way, same) {
                Ok(opened) => return Ok(opened),
                Err(failure) => worst = worst.max(failure),
            }
        }
        Err(worst)
    }

    /// Returns the folder of a process, after checking that the process with this id is the one in the event.
    fn is_running(&self, pid: u32, start_ns: u64) -> Result<PathBuf, OpenFailure> {
        let folder = self.procfs.join(pid.to_string());
        let stat = Stat::from_file(folder.join("stat"));
        let stat = stat.map_err(|error| match error {
            procfs::ProcError::NotFound(_) => OpenFailure::Gone,
            procfs::ProcError::PermissionDenied(_) => OpenFailure::Denied,
            procfs::ProcError::Io(error, _) => error.into(),
            _ => OpenFailure::Io(0),
        })?;
        let ticks = u128::from(start_ns) * u128::from(self.tick_hz) / 1_000_000_000;
        // The kernel rounds as well.
        if u128::from(stat.starttime).abs_diff(ticks) <= 1 { Ok(folder) } else { Err(OpenFailure::Gone) }
    }
}

/// Converts a device of stat(2) to the kernel's encoding.
fn device(of_stat: u64) -> Option<u32> {
    let (major, minor) = (libc::major(of_stat), libc::minor(of_stat));
    (major < 1 << 12 && minor < 1 << 20).then_some((major << 20) | minor)
}
