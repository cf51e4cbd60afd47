//! Opens the file that a process executed, after the fact.
//!
//! Several paths may lead to the file: `/proc/PID/exe` while the process lives; its path below the root of its
//! parent, which is mostly in the same container; its path as tracego sees it, and as the first process of the
//! machine does, when tracego itself is in a container; and, for a container that is gone, its path below a mount of
//! its file system or in its mount namespace ([`ExecutedProcess::roots`]), or its inode number, where the file system
//! finds files by that. The kernel's event says which inode was executed, so
//! every file found is verified against it.
//!
//! The content of a file cannot change while a process runs it (ETXTBSY, execve(2)). So a file that was read
//! through its running process is what ran, whatever its change time says by now. A file that was found by a
//! path has to have the change time of the event, and the process has to have run until the clock of change times
//! had moved on: a later change would not show in it otherwise.
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
    sync::LazyLock,
    time::SystemTime,
};

use procfs::{FromRead as _, process::Stat};
use tracego_golang::{FileTimes, Image, Source};
use tracego_model::input::{fsverity::FsverityDigest, note::OpenFailure};

use super::{super::proc::procfs::Procfs, fsverity, handles, mounts, user::as_user};

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
    /// Change time of the inode, nanoseconds since 1970; 0 if the kernel does not report it.
    pub ctime_ns: u64,
    /// Latest time at which the process is known to have run the file, nanoseconds since 1970: its end, or else
    /// its start.
    pub ran_ns: u64,
    /// User and group of the process. A FUSE file system may be readable by its user alone.
    pub user: (u32, u32),
    /// Folders that may be the root of the process, as paths that lead there: descriptors of tracego.
    pub roots: &'a [PathBuf],
}

/// Returns the time for which the clock of change times stands still, and a little more: a tick of the kernel, 1 to
/// 10 ms.
fn tick_ns() -> u64 {
    static TICK: LazyLock<u64> = LazyLock::new(|| {
        let tick = rustix::time::clock_getres(rustix::time::ClockId::RealtimeCoarse);
        u64::try_from(tick.tv_nsec).unwrap_or(10_000_000).clamp(1_000_000, 10_000_000) + 1_000_000
    });
    *TICK
}

impl ExecutedProcess<'_> {
    /// Whether a change of the file since the process ran it would show in its change time.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.ctime_ns != 0 && self.ran_ns.abs_diff(self.ctime_ns) >= tick_ns()
    }
}

/// Returns a time in nanoseconds since 1970.
fn since_epoch(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos()).ok()
}

/// An opened file, and its size and times when it was opened.
#[derive(Debug)]
pub struct OpenedFile {
    file: File,
    state: FileState,
    inode: u64,
}

/// Metadata that changes whenever the content of a file does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileState {
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
    /// Time of creation, nanoseconds since 1970, if the file system keeps it.
    born_ns: Option<u64>,
}

impl FileState {
    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the time of the last modification: seconds since 1970, and nanoseconds.
    #[must_use]
    pub fn mtime(&self) -> (i64, i64) {
        self.mtime
    }

    /// Returns the change time: seconds since 1970, and nanoseconds.
    #[must_use]
    pub fn ctime(&self) -> (i64, i64) {
        self.ctime
    }

    /// Returns the change time in nanoseconds since 1970.
    #[must_use]
    pub fn ctime_ns(&self) -> u64 {
        self.ctime.0.wrapping_mul(1_000_000_000).wrapping_add(self.ctime.1).cast_unsigned()
    }
}

impl From<&Metadata> for FileState {
    fn from(meta: &Metadata) -> Self {
        Self {
            size: meta.size(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
            ctime: (meta.ctime(), meta.ctime_nsec()),
            born_ns: meta.created().ok().and_then(since_epoch),
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

    /// Returns the inode number of the file, and its change time in nanoseconds since 1970.
    #[must_use]
    pub fn inode_and_ctime(&self) -> (u64, u64) {
        (self.inode, self.state.ctime_ns())
    }
}

impl OpenedFile {
    /// Returns the file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns the metadata that it had when it was opened.
    #[must_use]
    pub fn state(&self) -> &FileState {
        &self.state
    }

    /// Returns the time until which the process has to have run the file, so that a change after that shows in the change
    /// time; nanoseconds since 1970, and 0 if it has.
    #[must_use]
    pub fn unproven_until_ns(&self, process: &ExecutedProcess<'_>) -> u64 {
        let ctime_ns = self.state.ctime_ns();
        let settled = ExecutedProcess { ctime_ns, ..*process }.is_settled();
        if settled { 0 } else { ctime_ns.saturating_add(tick_ns()) }
    }

    /// Returns whether the kernel keeps the change time of the file: on a FUSE or network file system, it is
    /// what the server says.
    #[must_use]
    pub fn has_own_times(&self) -> bool {
        const SERVERS: [u64; 8] = [
            0x6573_5546, // FUSE
            0x6969,      // NFS
            0xff53_4d42, // CIFS
            0xfe53_4d42, // SMB2
            0x0102_1997, // 9p
            0x00c3_6400, // Ceph
            0x5346_414f, // AFS
            0x7375_7245, // Coda
        ];
        let kind = self.file_system();
        kind != 0 && !SERVERS.contains(&kind)
    }

    /// Returns whether the change time of the file is what an image says, and no writing moves it: another image that is
    /// mounted later, on the same device, may have the same times for other files.
    #[must_use]
    pub fn is_in_image(&self) -> bool {
        const IMAGES: [u64; 5] = [
            0x7371_7368, // SquashFS
            0xe0f5_e1e2, // EROFS
            0x28cd_3d45, // cramfs
            0x7275,      // romfs
            0x9660,      // ISO 9660
        ];
        IMAGES.contains(&self.file_system())
    }

    /// Returns the kind of the file system as in statfs(2), 0 if it is not known.
    fn file_system(&self) -> u64 {
        rustix::fs::fstatfs(&self.file).map_or(0, |found| found.f_type.cast_unsigned() & 0xffff_ffff)
    }
}

/// An image that was read, with what is known about its file.
#[derive(Debug)]
pub struct ReadImage {
    /// The image.
    pub image: Image,
    /// Whether the file has this content whenever it has this change time.
    pub is_lasting: bool,
}

impl Source for OpenedFile {
    fn size(&self) -> u64 {
        self.state.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn times(&self) -> Option<FileTimes> {
        let (s, ns) = self.state.mtime;
        let modified_ns = u64::try_from(s.checked_mul(1_000_000_000)?.checked_add(ns)?).ok()?;
        Some(FileTimes { born_ns: self.state.born_ns, modified_ns })
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
    checked_place(&place, right)
}

/// Opens a regular file, which is opened with `O_PATH`, if its metadata pass the check.
pub(super) fn checked_place(
    place: &File,
    right: impl Fn(&Metadata) -> bool,
) -> Result<OpenedFile, OpenFailure> {
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
    Ok(OpenedFile { file, state: FileState::from(&meta), inode: meta.ino() })
}

/// Opens files that processes executed.
#[derive(Clone, Debug)]
pub struct Opener {
    procfs: PathBuf,
    tick_hz: u64,
    /// Path of the machine's root folder where it is not tracego's own.
    host_root: Option<PathBuf>,
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
        let host_root = Procfs::new(&procfs).host_root();
        Self { procfs, tick_hz: procfs::ticks_per_second(), host_root }
    }

    /// Reads the image that a process executed.
    ///
    /// # Errors
    /// Fails if no path leads to that very content, see [`OpenFailure`].
    pub fn read(&self, process: &ExecutedProcess<'_>) -> Result<ReadImage, OpenFailure> {
        self.read_open(process).map(|(image, _)| image)
    }

    /// Reads the image that a process executed, and leaves the file open.
    ///
    /// # Errors
    /// Fails as [`Self::read`] does.
    pub fn read_open(&self, process: &ExecutedProcess<'_>) -> Result<(ReadImage, OpenedFile), OpenFailure> {
        let file = self.open(process)?;
        let image = tracego_golang::read(&file)?;
        let settled = process.is_settled();
        if !self.runs(process, file.inode) {
            // The process has ended, perhaps during the read: from then on the file could be written to.
            file.verify()?;
            if file.state.ctime_ns() != process.ctime_ns {
                return Err(OpenFailure::Changed);
            }
            if !settled {
                return Err(OpenFailure::Unstable);
            }
        }
        let has_times = file.has_own_times() && !file.is_in_image();
        let is_lasting = settled && file.state.ctime_ns() == process.ctime_ns && has_times;
        Ok((ReadImage { image, is_lasting }, file))
    }

    /// Opens the file that a process executed.
    ///
    /// # Errors
    /// Fails if no path leads to that very file, see [`OpenFailure`].
    pub fn open(&self, process: &ExecutedProcess<'_>) -> Result<OpenedFile, OpenFailure> {
        // Compares the inode alone: overlayfs and btrfs report another device to stat(2) than the superblock's,
        // which the event holds. Here it only confirms the kernel's own link.
        let by_link = |meta: &Metadata| meta.ino() == process.inode;
        let exe = self.running(process).and_then(|folder| {
            let link = folder.join("exe");
            match checked(&link, by_link) {
                Err(OpenFailure::Denied) => as_user(process.user, || checked(&link, by_link)),
                opened => opened,
            }
        });
        let mut worst = match exe {
            Ok(opened) => return Ok(opened),
            Err(failure) => failure,
        };
        if process.ctime_ns == 0 {
            return Err(worst.max(OpenFailure::Unverified));
        }
        let same = |meta: &Metadata| {
            meta.ino() == process.inode && FileState::from(meta).ctime_ns() == process.ctime_ns
        };
        let path = Path::new(OsStr::from_bytes(process.path));
        let Ok(inside) = path.strip_prefix("/") else { return Err(worst) };
        let mut attempt = |found: Result<OpenedFile, OpenFailure>| match found {
            Ok(_) if !process.is_settled() => Some(Err(OpenFailure::Unstable)),
            Ok(opened) => Some(Ok(opened)),
            Err(failure) => {
                worst = worst.max(failure);
                None
            }
        };
        // A path may lead to any file, and inode numbers are unique on one device only. So the device has to be
        // that of the event; on overlayfs and btrfs stat(2) gives another one, and a mount has to be known.
        let with_device = |meta: &Metadata| same(meta) && device(meta.dev()) == Some(process.device);
        let below_parent =
            process.parent.map(|pid| self.procfs.join(pid.to_string()).join("root").join(inside));
        for way in below_parent.into_iter().chain([path.to_owned()]) {
            if let Some(found) = attempt(checked(&way, with_device)) {
                return found;
            }
        }
        for root in self.host_root.iter().chain(process.roots) {
            if let Some(found) = attempt(mounts::below(root, inside, process.device, same)) {
                return found;
            }
        }
        let mut mounts = mounts::of_device(&self.procfs.join("self"), Path::new("/"), process.device);
        if let Some(root) = &self.host_root
            && let Some(folder) = root.parent()
        {
            mounts.extend(mounts::of_device(folder, root, process.device));
        }
        for mount in mounts.iter().filter(|mount| mount.is_whole) {
            for inside in mounts::suffixes(inside) {
                if let Some(found) = attempt(mounts::below(&mount.path, inside, process.device, same)) {
                    return found;
                }
            }
        }
        for mount in &mounts {
            let found = handles::below(&mount.path, process.inode, process.device, same);
            if let Some(found) = attempt(found) {
                return found;
            }
        }
        Err(worst)
    }

    /// Returns the fs-verity digest of a file that a process executed, if that was its content when the process ran it: from
    /// the measurement on, the content cannot change.
    #[must_use]
    pub fn fixed_content(&self, process: &ExecutedProcess<'_>, file: &OpenedFile) -> Option<FsverityDigest> {
        let digest = fsverity::measure(&file.file)?;
        let is_same =
            || process.is_settled() && file.state.ctime_ns() == process.ctime_ns && file.verify().is_ok();
        (self.runs(process, file.inode) || is_same()).then_some(digest)
    }

    /// Reads the program that an interpreter of binfmt_misc was started for: an ELF file at the path of the
    /// process, as the process sees it. The kernel's event does not identify that file.
    ///
    /// # Errors
    /// Fails if the process runs no more, or if the file cannot be read or is no ELF file.
    pub fn read_interpreted(&self, process: &ExecutedProcess<'_>) -> Result<ReadImage, OpenFailure> {
        let folder = self.running(process)?;
        let path = Path::new(OsStr::from_bytes(process.path));
        let way = match path.strip_prefix("/") {
            Ok(inside) => folder.join("root").join(inside),
            Err(_) => folder.join("cwd").join(path),
        };
        let file = checked(&way, |_| true)?;
        let image = tracego_golang::read(&file)?;
        file.verify()?;
        if image.elf.is_none() || !self.runs(process, process.inode) {
            return Err(OpenFailure::Changed);
        }
        Ok(ReadImage { image, is_lasting: false })
    }

    /// Returns whether the process still runs the file.
    fn runs(&self, process: &ExecutedProcess<'_>, inode: u64) -> bool {
        let exe = self.running(process).ok().map(|folder| folder.join("exe"));
        let same = |exe: &PathBuf| std::fs::metadata(exe).is_ok_and(|meta| meta.ino() == inode);
        exe.is_some_and(|exe| same(&exe) || as_user(process.user, || same(&exe)))
    }

    /// Returns the folder of the process.
    fn running(&self, process: &ExecutedProcess<'_>) -> Result<PathBuf, OpenFailure> {
        process.pid.ok_or(OpenFailure::Gone).and_then(|pid| self.is_running(pid, process.start_ns))
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
pub(super) fn device(of_stat: u64) -> Option<u32> {
    let (major, minor) = (libc::major(of_stat), libc::minor(of_stat));
    (major < 1 << 12 && minor < 1 << 20).then_some((major << 20) | minor)
}
