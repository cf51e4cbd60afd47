//! The file that a process executed, opened after the fact.
//!
//! Three ways lead to it: `/proc/PID/exe` while the process lives, its path below the root of its
//! parent, which is mostly in the same container, and its path here. The kernel's record says which
//! inode was executed, so what a way leads to is verified and not believed.
//!
//! A file is first opened with `O_PATH`, which touches nothing: neither a FIFO nor a device nor an
//! automount. Only a regular file that is the right one is then opened to be read. A file on a hanging
//! network or FUSE mount can still make a read wait.

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
use tracego_model::input::note::Failure;

use procfs::{FromRead as _, process::Stat};

use tracego_golang::Source;

/// A process that has just executed a file, as the kernel's record describes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process<'a> {
    /// Process id in the namespace that the procfs shows.
    pub pid: u32,
    /// Start, nanoseconds since boot (`task_struct.start_boottime`).
    pub start_ns: u64,
    /// Parent.
    pub parent: u32,
    /// Path of the executable from the root of its mount namespace.
    pub path: &'a [u8],
    /// Device of the executable, kernel encoding: major << 20 | minor.
    pub device: u32,
    /// Inode of the executable.
    pub inode: u64,
    /// Change time of the inode, nanoseconds since 1970.
    pub ctime_ns: u64,
}

/// A file that can be read, and what it was when it was opened.
#[derive(Debug)]
pub struct Opened {
    file: File,
    state: State,
}

/// What changes with the content of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct State {
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl From<&Metadata> for State {
    fn from(meta: &Metadata) -> Self {
        Self {
            size: meta.size(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            ctime: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl Opened {
    /// Whether the file still is what it was when it was opened.
    ///
    /// # Errors
    /// [`Failure::Changed`], or why that cannot be found out.
    pub fn verify(&self) -> Result<(), Failure> {
        let now = State::from(&self.file.metadata()?);
        if now == self.state { Ok(()) } else { Err(Failure::Changed) }
    }
}

impl Source for Opened {
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
/// See [`Failure`].
pub fn file(path: &Path) -> Result<Opened, Failure> {
    checked(path, |_| true)
}

/// Opens a regular file if its metadata please.
fn checked(path: &Path, right: impl Fn(&Metadata) -> bool) -> Result<Opened, Failure> {
    let place = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(path)?;
    let meta = place.metadata()?;
    if !right(&meta) {
        return Err(Failure::Changed);
    }
    if !meta.is_file() {
        return Err(Failure::NotRegular);
    }
    // The link of the descriptor leads to the same inode, whatever the path leads to by now.
    let link = format!("/proc/self/fd/{}", place.as_raw_fd());
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(link)?;
    Ok(Opened { file, state: State::from(&meta) })
}

/// Opens what processes executed.
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
    /// `procfs`: where a procfs is mounted; that of the host in a container.
    #[must_use]
    pub fn new(procfs: PathBuf) -> Self {
        Self { procfs, tick_hz: procfs::ticks_per_second() }
    }

    /// Opens the file that a process executed.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn open(&self, process: &Process<'_>) -> Result<Opened, Failure> {
        let of = |pid: u32| self.procfs.join(pid.to_string());
        let same = |meta: &Metadata| {
            let ctime = meta.ctime().wrapping_mul(1_000_000_000).wrapping_add(meta.ctime_nsec());
            meta.ino() == process.inode && ctime.cast_unsigned() == process.ctime_ns
        };
        // Inode and change time alone: overlayfs and btrfs report another device to stat(2) than the
        // superblock's, which the kernel's record holds. Here they only confirm the kernel's own link.
        let exe = self.is_running(process).and_then(|()| checked(&of(process.pid).join("exe"), same));
        let mut worst = match exe {
            Ok(opened) => return Ok(opened),
            Err(failure) => failure,
        };
        // By path, any file may be found, and numbers of inodes are only unique on one device. On
        // overlayfs and btrfs a process that is gone therefore stays without its file.
        let same = |meta: &Metadata| same(meta) && device(meta.dev()) == Some(process.device);
        let path = Path::new(OsStr::from_bytes(process.path));
        let Ok(inside) = path.strip_prefix("/") else { return Err(worst) };
        for way in [of(process.parent).join("root").join(inside), path.to_owned()] {
            match checked(&way, same) {
                Ok(opened) => return Ok(opened),
                Err(failure) => worst = worst.max(failure),
            }
        }
        Err(worst)
    }

    /// Whether the process of that number is the one that was meant.
    fn is_running(&self, process: &Process<'_>) -> Result<(), Failure> {
        let stat = Stat::from_file(self.procfs.join(process.pid.to_string()).join("stat"));
        let stat = stat.map_err(|error| match error {
            procfs::ProcError::NotFound(_) => Failure::Gone,
            procfs::ProcError::PermissionDenied(_) => Failure::Denied,
            procfs::ProcError::Io(error, _) => error.into(),
            _ => Failure::Io(0),
        })?;
        let ticks = u128::from(process.start_ns) * u128::from(self.tick_hz) / 1_000_000_000;
        // The kernel rounds as well.
        if u128::from(stat.starttime).abs_diff(ticks) <= 1 { Ok(()) } else { Err(Failure::Gone) }
    }
}

/// A device of stat(2) in the encoding of the kernel.
fn device(of_stat: u64) -> Option<u32> {
    let (major, minor) = (libc::major(of_stat), libc::minor(of_stat));
    (major < 1 << 12 && minor < 1 << 20).then_some((major << 20) | minor)
}
