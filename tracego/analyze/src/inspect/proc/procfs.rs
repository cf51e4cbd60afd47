//! Processes in /proc. Each is held by a descriptor of its folder, so that its number cannot come to mean
//! another process.

use std::{
    io::Read as _,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
};

use procfs::FromRead as _;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, StatxFlags, openat, readlinkat, statx};
use tracego_common::TaskId;
use tracego_model::linux::proc_pids::ProcPids;

use super::{
    read_error::ReadError,
    root::{FileId, RootFolder},
    status::{self, Status},
};

/// Maximum number of bytes of `stat` and `status`.
const SMALL: u64 = 64 << 10;

/// Flag of a thread of the kernel (PF_KTHREAD, include/linux/sched.h).
const KERNEL_THREAD: u32 = 0x0020_0000;

/// Maximum number of processes that one search looks at.
const PROCESSES_MAX: usize = 16 << 10;

/// A mounted procfs.
#[derive(Clone, Debug)]
pub struct Procfs {
    root: PathBuf,
    hz: u64,
    pids: ProcPids,
}

impl Default for Procfs {
    fn default() -> Self {
        Self::new("/proc")
    }
}

impl Procfs {
    /// Uses the procfs mounted at a folder.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), hz: procfs::ticks_per_second(), pids: ProcPids::default() }
    }

    /// Uses this translation of the process ids that the kernel reports.
    #[must_use]
    pub fn with_pids(self, pids: ProcPids) -> Self {
        Self { pids, ..self }
    }

    /// Returns the number of a reported process in this procfs.
    ///
    /// # Errors
    /// Fails with [`ReadError::Gone`] if the procfs does not show the process, or does so no more.
    pub fn number(&self, id: TaskId) -> Result<u32, ReadError> {
        self.pids.get(id).ok_or(ReadError::Gone)
    }

    /// Opens a process that the kernel reported.
    ///
    /// # Errors
    /// Fails if it cannot be read. [`ReadError::Gone`] also means that its number belongs to another process by
    /// now: starts may differ by one tick of the clock of /proc.
    pub fn process(&self, id: TaskId) -> Result<Process, ReadError> {
        let process = self.current(self.number(id)?)?;
        let ticks = self.ticks(id.start_boottime);
        if process.start_ticks.abs_diff(ticks) > 1 {
            return Err(ReadError::Gone);
        }
        Ok(process)
    }

    /// Opens the process that has a number now. A zombie counts as gone.
    ///
    /// # Errors
    /// Fails if there is no such process or it cannot be read.
    pub fn current(&self, pid: u32) -> Result<Process, ReadError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(self.root.join(pid.to_string()), flags, Mode::empty()).map_err(gone)?;
        let stat = read_at(&dir, "stat", SMALL).map_err(ended)?;
        let stat = procfs::process::Stat::from_read(stat.as_slice()).map_err(|_| ReadError::Malformed)?;
        if matches!(stat.state, 'Z' | 'X' | 'x') {
            return Err(ReadError::Gone);
        }
        let number = |n: i32| u32::try_from(n).unwrap_or_default();
        Ok(Process {
            pid,
            start_ticks: stat.starttime,
            parent: number(stat.ppid),
            group: number(stat.pgrp),
            dir,
        })
    }

    /// Returns the numbers of all running processes.
    ///
    /// # Errors
    /// Fails if the folder cannot be read or holds too many processes.
    pub fn pids(&self) -> Result<Vec<u32>, ReadError> {
        let (pids, others) = self.first_pids(PROCESSES_MAX)?;
        if others == 0 { Ok(pids) } else { Err(ReadError::TooMany) }
    }

    /// Returns the numbers of running processes, at most `max`, beginning with the lowest, and the number of the others.
    ///
    /// # Errors
    /// Fails if the folder cannot be read.
    pub fn first_pids(&self, max: usize) -> Result<(Vec<u32>, u64), ReadError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&self.root, flags, Mode::empty())?;
        let (mut pids, mut others) = (Vec::new(), 0);
        // The kernel lists processes in the order of their numbers.
        each_number(dir, |pid| {
            if pids.len() < max {
                pids.push(pid)
            } else {
                others += 1
            }
            true
        })?;
        Ok((pids, others))
    }

    /// Reads a file in the root of the procfs, such as `locks`.
    ///
    /// # Errors
    /// Fails if it cannot be read or is longer than `max` bytes.
    pub fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, ReadError> {
        capped(std::fs::File::open(self.root.join(name))?, max)
    }

    /// Returns the inode number of this program's mount namespace.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn own_mount_namespace(&self) -> Result<u64, ReadError> {
        let link = rustix::fs::readlink(self.root.join("self/ns/mnt"), Vec::new())?;
        namespace(link.as_bytes()).ok_or(ReadError::Malformed)
    }

    /// Returns the inode number of the machine's mount namespace: that of the first process.
    ///
    /// # Errors
    /// Fails if the first process cannot be looked at.
    pub fn host_mount_namespace(&self) -> Result<u64, ReadError> {
        self.host_process().map(|(_, namespace)| namespace)
    }

    /// Returns the folder of the first process, or of the kernel's own second one where the first one may not be looked
    /// at, and the inode number of its mount namespace.
    fn host_process(&self) -> Result<(PathBuf, u64), ReadError> {
        let of = |pid: &str| {
            let folder = self.root.join(pid);
            let link = rustix::fs::readlink(folder.join("ns/mnt"), Vec::new())?;
            Ok((folder, namespace(link.as_bytes()).ok_or(ReadError::Malformed)?))
        };
        of("1").or_else(|why| {
            let stat = procfs::process::Stat::from_file(self.root.join("2/stat"));
            let is_kernels = stat.is_ok_and(|stat| stat.flags & KERNEL_THREAD != 0);
            if is_kernels { of("2").map_err(|_: ReadError| why) } else { Err(why) }
        })
    }

    /// Returns the path of the machine's root folder where it is not this program's own, as in a container: the root
    /// of the first process. Returns `None` if that process cannot be looked at, too.
    #[must_use]
    pub fn host_root(&self) -> Option<PathBuf> {
        let (own, (process, host)) = (self.own_mount_namespace().ok()?, self.host_process().ok()?);
        let root = process.join("root");
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let leads_there = own != host && rustix::fs::open(&root, flags, Mode::empty()).is_ok();
        leads_there.then_some(root)
    }

    /// Opens the machine's root folder, or this program's own where the first process cannot be looked at.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub fn host_folder(&self) -> Result<RootFolder, ReadError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match self.host_root() {
            Some(root) => Ok(RootFolder::new(rustix::fs::open(root, flags, Mode::empty())?, b"/".to_vec())),
            None => RootFolder::own(),
        }
    }

    /// Returns the process id of this program there.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn own_pid(&self) -> Result<u32, ReadError> {
        let link = rustix::fs::readlink(self.root.join("self"), Vec::new())?;
        link.to_str().ok().and_then(|link| link.parse().ok()).ok_or(ReadError::Malformed)
    }

    /// Returns the inode number of this program's user namespace.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn own_user_namespace(&self) -> Result<u64, ReadError> {
        let link = rustix::fs::readlink(self.root.join("self/ns/user"), Vec::new())?;
        namespace(link.as_bytes()).ok_or(ReadError::Malformed)
    }

    /// Converts ns since boot to the ticks of field 22 of /proc/PID/stat (proc_pid_stat(5)).
    #[must_use]
    pub fn ticks(&self, boot_ns: u64) -> u64 {
        u64::try_from(u128::from(boot_ns) * u128::from(self.hz) / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// Converts ticks to nanoseconds.
    #[must_use]
    pub fn nanoseconds(&self, ticks: u64) -> u64 {
        u64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(self.hz.max(1))).unwrap_or(u64::MAX)
    }
}

/// Facts about a file.
#[derive(Clone, Copy, Debug)]
pub struct FileStatus {
    /// Major and minor number of the device.
    pub device: (u32, u32),
    /// Inode number.
    pub inode: u64,
    /// Mode and type bits.
    pub mode: u32,
    /// User id of the owner.
    pub owner: u32,
    /// Number of names.
    pub links: u32,
    /// Change time of the inode, in nanoseconds since 1970.
    pub changed_ns: u64,
}

/// A process in /proc.
#[derive(Debug)]
pub struct Process {
    /// Process id, in the pid namespace that /proc was mounted in.
    pub pid: u32,
    /// Process start, ticks since boot.
    pub start_ticks: u64,
    /// Process id of the parent.
    pub parent: u32,
    /// Process group.
    pub group: u32,
    dir: OwnedFd,
}

impl Process {
    /// Reads a file in the folder of the process.
    ///
    /// # Errors
    /// Fails if it cannot be read or is longer than `max` bytes.
    pub fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, ReadError> {
        read_at(&self.dir, name, max).map_err(ended)
    }

    /// Opens a file in the folder of the process, for files of which only a part is needed.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub fn open(&self, name: &str) -> Result<std::fs::File, ReadError> {
        open_at(&self.dir, name).map_err(ended)
    }

    /// Reads a link in the folder of the process.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn link(&self, name: &str) -> Result<Vec<u8>, ReadError> {
        Ok(readlinkat(&self.dir, name, Vec::with_capacity(256)).map_err(gone)?.into_bytes())
    }

    /// Returns the inode number of one of the process's namespaces. `kind` is a name in its `ns` folder.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn namespace(&self, kind: &str) -> Result<u64, ReadError> {
        namespace(&self.link(&format!("ns/{kind}"))?).ok_or(ReadError::Malformed)
    }

    /// Opens one of the process's namespaces, which stays as long as the descriptor.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub(super) fn namespace_descriptor(&self, kind: &str) -> Result<OwnedFd, ReadError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        openat(&self.dir, format!("ns/{kind}"), flags, Mode::empty()).map_err(gone)
    }

    /// Reads and parses `status`.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn status(&self) -> Result<Status, ReadError> {
        let text = self.read("status", SMALL)?;
        status::parse(&text).ok_or(ReadError::Malformed)
    }

    /// Opens the root folder of the process.
    ///
    /// # Errors
    /// Fails if it cannot be opened.
    pub fn root(&self) -> Result<RootFolder, ReadError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let at = self.link("root")?;
        Ok(RootFolder::new(openat(&self.dir, "root", flags, Mode::empty()).map_err(gone)?, at))
    }

    /// Returns the identity of the file that the process runs.
    ///
    /// # Errors
    /// Fails if it cannot be looked up.
    pub fn executable(&self) -> Result<FileId, ReadError> {
        self.file_behind("exe")
    }

    /// Returns what the kernel knows about the file that the process runs, in the way of [`Self::executable`].
    ///
    /// # Errors
    /// Fails if it cannot be looked up.
    pub fn executable_status(&self) -> Result<FileStatus, ReadError> {
        let wanted =
            StatxFlags::INO | StatxFlags::MODE | StatxFlags::UID | StatxFlags::NLINK | StatxFlags::CTIME;
        let found = statx(&self.dir, "exe", AtFlags::STATX_DONT_SYNC, wanted).map_err(gone)?;
        let seconds = u64::try_from(found.stx_ctime.tv_sec).unwrap_or_default();
        Ok(FileStatus {
            device: (found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            mode: u32::from(found.stx_mode),
            owner: found.stx_uid,
            links: found.stx_nlink,
            changed_ns: seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(u64::from(found.stx_ctime.tv_nsec)),
        })
    }

    /// Returns the identity of the file behind a descriptor.
    ///
    /// # Errors
    /// Fails if the descriptor is closed by now.
    pub fn descriptor(&self, fd: u32) -> Result<FileId, ReadError> {
        self.file_behind(&format!("fd/{fd}"))
    }

    /// Returns the identity of the file behind a link, as the kernel knows it: a server of the file system, which
    /// may never answer, is not asked.
    fn file_behind(&self, link: &str) -> Result<FileId, ReadError> {
        let found = statx(&self.dir, link, AtFlags::STATX_DONT_SYNC, StatxFlags::INO).map_err(gone)?;
        let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
        Ok(FileId { device, inode: found.stx_ino })
    }

    /// Returns the open descriptors of the process, at most `max`, and whether these are all.
    ///
    /// # Errors
    /// Fails if they cannot be listed.
    pub fn descriptors(&self, max: usize) -> Result<(Vec<u32>, bool), ReadError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        numbers(openat(&self.dir, "fd", flags, Mode::empty()).map_err(gone)?, max)
    }
}

/// Converts an error: in the folder of a process a missing file means a missing process.
fn gone(errno: rustix::io::Errno) -> ReadError {
    ended(errno.into())
}

fn ended(why: ReadError) -> ReadError {
    if why == ReadError::NotFound { ReadError::Gone } else { why }
}

fn open_at(dir: impl AsFd, name: &str) -> Result<std::fs::File, ReadError> {
    Ok(openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?.into())
}

fn read_at(dir: impl AsFd, name: &str, max: u64) -> Result<Vec<u8>, ReadError> {
    capped(open_at(dir, name)?, max)
}

/// Reads a file of at most `max` bytes.
pub(in crate::inspect) fn capped(file: std::fs::File, max: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::with_capacity(4096);
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(ReadError::TooLarge) } else { Ok(bytes) }
}

/// Returns the names in a folder that are numbers, at most `max`, and whether these are all.
fn numbers(dir: OwnedFd, max: usize) -> Result<(Vec<u32>, bool), ReadError> {
    let mut found = Vec::new();
    let is_whole = each_number(dir, |number| {
        let has_room = found.len() < max;
        if has_room {
            found.push(number);
        }
        has_room
    })?;
    Ok((found, is_whole))
}

/// Calls `take` with the names in a folder that are numbers, until it returns false. Returns whether it never did.
fn each_number(dir: OwnedFd, mut take: impl FnMut(u32) -> bool) -> Result<bool, ReadError> {
    for entry in Dir::new(dir)? {
        let entry = entry.map_err(gone)?;
        let number = entry.file_name().to_str().ok().and_then(|name| name.parse().ok());
        if number.is_some_and(|number| !take(number)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Parses a namespace link: `mnt:[4026531841]`.
fn namespace(link: &[u8]) -> Option<u64> {
    std::str::from_utf8(link).ok()?.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}
