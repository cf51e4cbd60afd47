//! Processes in /proc, each held by a descriptor of its folder: once it is open, its number cannot
//! come to mean another process.

use std::{
    io::Read as _,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
};

use procfs::FromRead as _;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, readlinkat, statat};
use tracego_common::TaskId;

use super::{
    root::{FileId, Root},
    status::{self, Status},
    unread::Unread,
};

/// Bytes that are read of `stat` and `status` at most.
const SMALL: u64 = 64 << 10;

/// Processes that one search looks at.
const PROCESSES_MAX: usize = 16 << 10;

/// Where /proc is mounted.
#[derive(Clone, Debug)]
pub struct Procfs {
    root: PathBuf,
    hz: u64,
}

impl Default for Procfs {
    fn default() -> Self {
        Self::new("/proc")
    }
}

impl Procfs {
    /// The proc file system at a folder.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), hz: procfs::ticks_per_second() }
    }

    /// A process that the kernel side saw.
    ///
    /// # Errors
    /// [`Unread::Gone`] also when the number belongs to another process by now: its start is compared to
    /// one tick of the clock that /proc counts in.
    pub fn process(&self, id: TaskId) -> Result<Process, Unread> {
        let process = self.current(id.tgid)?;
        let ticks = self.ticks(id.start_boottime);
        if process.start_ticks.abs_diff(ticks) > 1 {
            return Err(Unread::Gone);
        }
        Ok(process)
    }

    /// The process that has a number now; a zombie is gone.
    ///
    /// # Errors
    /// When there is none or it cannot be read.
    pub fn current(&self, pid: u32) -> Result<Process, Unread> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(self.root.join(pid.to_string()), flags, Mode::empty()).map_err(gone)?;
        let stat = read_at(&dir, "stat", SMALL).map_err(ended)?;
        let stat = procfs::process::Stat::from_read(stat.as_slice()).map_err(|_| Unread::Malformed)?;
        if matches!(stat.state, 'Z' | 'X' | 'x') {
            return Err(Unread::Gone);
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

    /// Numbers of the processes that run now.
    ///
    /// # Errors
    /// When the folder cannot be read or holds too many.
    pub fn pids(&self) -> Result<Vec<u32>, Unread> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&self.root, flags, Mode::empty())?;
        numbers(dir, PROCESSES_MAX).and_then(|(pids, whole)| whole.then_some(pids).ok_or(Unread::TooMany))
    }

    /// A file beside the processes, `locks`.
    ///
    /// # Errors
    /// When it cannot be read or has more bytes than `max`.
    pub fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, Unread> {
        capped(std::fs::File::open(self.root.join(name))?, max)
    }

    /// The mount namespace of this program.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn own_mount_namespace(&self) -> Result<u64, Unread> {
        let link = rustix::fs::readlink(self.root.join("self/ns/mnt"), Vec::new())?;
        namespace(link.as_bytes()).ok_or(Unread::Malformed)
    }

    /// Nanoseconds since boot, in the ticks of field 22 of /proc/PID/stat (proc_pid_stat(5)).
    #[must_use]
    pub fn ticks(&self, boot_ns: u64) -> u64 {
        u64::try_from(u128::from(boot_ns) * u128::from(self.hz) / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// Ticks in nanoseconds.
    #[must_use]
    pub fn nanoseconds(&self, ticks: u64) -> u64 {
        u64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(self.hz.max(1))).unwrap_or(u64::MAX)
    }
}

/// One process.
#[derive(Debug)]
pub struct Process {
    /// Its number, in the pid namespace that /proc was mounted in.
    pub pid: u32,
    /// Its start in ticks since boot.
    pub start_ticks: u64,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    dir: OwnedFd,
}

impl Process {
    /// Reads a file of its folder.
    ///
    /// # Errors
    /// When it cannot be read or has more bytes than `max`.
    pub fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, Unread> {
        read_at(&self.dir, name, max).map_err(ended)
    }

    /// Opens a file of its folder that is longer than what is wanted of it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, name: &str) -> Result<std::fs::File, Unread> {
        open_at(&self.dir, name).map_err(ended)
    }

    /// Reads a link of its folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn link(&self, name: &str) -> Result<Vec<u8>, Unread> {
        Ok(readlinkat(&self.dir, name, Vec::with_capacity(256)).map_err(gone)?.into_bytes())
    }

    /// Number of one of its namespaces.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn namespace(&self, kind: &str) -> Result<u64, Unread> {
        namespace(&self.link(&format!("ns/{kind}"))?).ok_or(Unread::Malformed)
    }

    /// `status`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn status(&self) -> Result<Status, Unread> {
        let text = self.read("status", SMALL)?;
        status::parse(&text).ok_or(Unread::Malformed)
    }

    /// Its root folder.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn root(&self) -> Result<Root, Unread> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let at = self.link("root")?;
        Ok(Root::new(openat(&self.dir, "root", flags, Mode::empty()).map_err(gone)?, at))
    }

    /// The file that it runs.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn executable(&self) -> Result<FileId, Unread> {
        Ok(FileId::of(&statat(&self.dir, "exe", AtFlags::empty()).map_err(gone)?))
    }

    /// The file behind one of its descriptors.
    ///
    /// # Errors
    /// When it is closed by now.
    pub fn descriptor(&self, fd: u32) -> Result<FileId, Unread> {
        Ok(FileId::of(&statat(&self.dir, format!("fd/{fd}"), AtFlags::empty()).map_err(gone)?))
    }

    /// Its open descriptors, the first `max`; and whether these are all.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn descriptors(&self, max: usize) -> Result<(Vec<u32>, bool), Unread> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        numbers(openat(&self.dir, "fd", flags, Mode::empty()).map_err(gone)?, max)
    }
}

/// In a folder of a process a missing file is a missing process.
fn gone(errno: rustix::io::Errno) -> Unread {
    ended(errno.into())
}

fn ended(why: Unread) -> Unread {
    if why == Unread::NotFound { Unread::Gone } else { why }
}

fn open_at(dir: impl AsFd, name: &str) -> Result<std::fs::File, Unread> {
    Ok(openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?.into())
}

fn read_at(dir: impl AsFd, name: &str, max: u64) -> Result<Vec<u8>, Unread> {
    capped(open_at(dir, name)?, max)
}

/// Reads a file that has no more bytes than `max`.
pub(super) fn capped(file: std::fs::File, max: u64) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::with_capacity(4096);
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(Unread::TooLarge) } else { Ok(bytes) }
}

/// Names of a folder that are numbers, and whether these are all.
fn numbers(dir: OwnedFd, max: usize) -> Result<(Vec<u32>, bool), Unread> {
    let mut found = Vec::new();
    for entry in Dir::new(dir)? {
        let entry = entry.map_err(gone)?;
        if let Some(number) = entry.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
            if found.len() == max {
                return Ok((found, false));
            }
            found.push(number);
        }
    }
    Ok((found, true))
}

/// `mnt:[4026531841]`.
fn namespace(link: &[u8]) -> Option<u64> {
    std::str::from_utf8(link).ok()?.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}
