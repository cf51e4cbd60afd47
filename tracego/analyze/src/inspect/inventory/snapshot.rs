//! A running process as the event of its program start, as far as /proc has it.

use std::io::Read as _;

use procfs::{
    FromBufRead as _, FromRead as _,
    process::{Limit, LimitValue, Limits, Stat},
};
use tracego_common::{
    EventKind, Span, TaskId,
    event::{ExecFixed, Rlimit, field},
    flags,
};
use tracego_model::linux::cgroup;
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::InventorySettings;
use crate::inspect::proc::{
    procfs::{Process, Procfs},
    read_error::ReadError,
    status::Status,
};

/// Maximum number of bytes of an environment that is read; the kernel side looks at no more.
const ENVIRONMENT_MAX: u64 = 1 << 20;
/// Maximum number of bytes of `stat`, `limits` and `cgroup`.
const SMALL: u64 = 64 << 10;
/// Text behind the link to a file that was removed (fs/d_path.c).
const DELETED: &[u8] = b" (deleted)";

/// Builds the bytes of the event of a process, at a time in nanoseconds since boot. Returns `None` for a thread of the
/// kernel, which runs no program, and for a process that the filters exclude.
///
/// # Errors
/// Fails if the process is gone or its executable cannot be looked up.
pub(super) fn event(
    process: &Process,
    procfs: &Procfs,
    settings: &InventorySettings,
    boot_ns: u64,
) -> Result<Option<Vec<u8>>, ReadError> {
    let stat = Stat::from_read(process.read("stat", SMALL)?.as_slice()).map_err(|_| ReadError::Malformed)?;
    if settings.excludes_name(stat.comm.as_bytes()) {
        return Ok(None);
    }
    // The kernel's own threads have no executable.
    let Some(exe) = there(process.link("exe"))? else { return Ok(None) };
    let status = process.status()?;
    let group = CgroupMembership::of(process)?;
    if settings.excludes_user(status.users[0]) || settings.excludes_cgroup(&group) {
        return Ok(None);
    }
    let mut snapshot = Snapshot { fixed: ExecFixed::new_zeroed(), data: Vec::new() };
    let header = &mut snapshot.fixed.header;
    header.kind = EventKind::Exec as u32;
    header.flags = flags::BEFORE;
    header.boot_ns = boot_ns;
    header.id = id(process, procfs);
    header.parent = procfs
        .current(process.parent)
        .map_or_else(|_| TaskId { tgid: process.parent, ..TaskId::default() }, |parent| id(&parent, procfs));
    snapshot.numbers(&stat);
    snapshot.rights(&status);
    snapshot.surroundings(process);
    snapshot.executable(process, &exe);
    snapshot.folder(process);
    snapshot.group(&group);
    snapshot.texts(process, settings);
    Ok(Some(snapshot.finish()))
}

/// Returns the identity of a process: its start is known to the tick.
fn id(process: &Process, procfs: &Procfs) -> TaskId {
    TaskId { tgid: process.pid, pad: 0, start_boottime: procfs.nanoseconds(process.start_ticks) }
}

/// Returns `None` for what is not there.
fn there<T>(result: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::Gone | ReadError::NotFound) => Ok(None),
        Err(why) => Err(why),
    }
}

/// The cgroup of a process, as the kernel side would choose it.
pub(super) struct CgroupMembership {
    /// Path from the root of the hierarchy.
    pub(super) path: Vec<u8>,
    /// Whether it is one of the v1 hierarchy of pids, because the process is in the root of v2.
    pub(super) is_v1: bool,
}

impl CgroupMembership {
    fn of(process: &Process) -> Result<Self, ReadError> {
        Ok(Self::parse(&process.read("cgroup", SMALL)?))
    }

    /// Parses /proc/PID/cgroup: `0::/path` is v2, `N:controllers:/path` is v1 (cgroups(7)).
    fn parse(text: &[u8]) -> Self {
        let (mut unified, mut pids) = (None, None);
        for line in text.split(|&b| b == b'\n') {
            let mut parts = line.splitn(3, |&b| b == b':');
            let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            if controllers.is_empty() {
                unified = Some(path);
            } else if controllers.split(|&b| b == b',').any(|name| name == b"pids") {
                pids = Some(path);
            }
        }
        let of_pids = pids.filter(|_| unified.is_none_or(|path| path == b"/"));
        let path = of_pids.or(unified).unwrap_or_default().to_vec();
        Self { path, is_v1: of_pids.is_some() }
    }

    /// Returns the number of a group above, or of the group itself with `None`; 0 if its folder is not to be seen.
    pub(super) fn number(&self, level: Option<u32>) -> u64 {
        use std::os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _};
        let names = self.path.split(|&b| b == b'/').filter(|name| !name.is_empty());
        let names: Vec<&[u8]> = names.take(level.map_or(usize::MAX, |level| level as usize)).collect();
        if level.is_some_and(|level| names.len() < level as usize) || names.contains(&b"..".as_slice()) {
            return 0;
        }
        let below = names.join(b"/".as_slice());
        let below = std::path::Path::new(std::ffi::OsStr::from_bytes(&below));
        let v1 = ["/sys/fs/cgroup/pids"];
        let roots: &[&str] = if self.is_v1 { &v1 } else { &cgroup::ROOTS };
        let mut found =
            roots.iter().filter_map(|root| std::fs::metadata(std::path::Path::new(root).join(below)).ok());
        found.next().map_or(0, |folder| folder.ino())
    }
}

/// An event that is being built.
struct Snapshot {
    fixed: ExecFixed,
    data: Vec<u8>,
}

impl Snapshot {
    fn numbers(&mut self, stat: &Stat) {
        let fixed = &mut self.fixed;
        fixed.pgid = u32::try_from(stat.pgrp).unwrap_or_default();
        fixed.sid = u32::try_from(stat.session).unwrap_or_default();
        // The encoding of user space: include/linux/kdev_t.h, new_encode_dev.
        let number = stat.tty_nr.cast_unsigned();
        fixed.tty_dev = device((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
        let length = stat.comm.len().min(15);
        fixed.comm[..length].copy_from_slice(&stat.comm.as_bytes()[..length]);
    }

    fn rights(&mut self, status: &Status) {
        let fixed = &mut self.fixed;
        [fixed.uid, fixed.euid, fixed.suid, _] = status.users;
        [fixed.gid, fixed.egid, fixed.sgid, _] = status.groups;
        fixed.vpid = status.numbers.last().copied().unwrap_or_default();
        fixed.old_tid = fixed.header.id.tgid;
        let sets = &status.capabilities;
        fixed.cap_effective = sets.effective;
        fixed.cap_permitted = sets.permitted;
        fixed.cap_inheritable = sets.inheritable;
        fixed.cap_bounding = sets.bounding;
        fixed.cap_ambient = sets.ambient;
        match status.seccomp {
            Some(mode) => fixed.seccomp_mode = mode,
            None => fixed.unavailable |= field::SECCOMP,
        }
        match status.no_new_privs {
            Some(true) => fixed.header.flags |= flags::NO_NEW_PRIVS,
            Some(false) => {}
            None => fixed.unavailable |= field::NO_NEW_PRIVS,
        }
    }

    /// Adds namespaces, limits and the audit identity.
    fn surroundings(&mut self, process: &Process) {
        let fixed = &mut self.fixed;
        let namespace = |kind| process.namespace(kind).ok().and_then(|number| u32::try_from(number).ok());
        match (namespace("pid"), namespace("mnt"), namespace("user")) {
            (Some(pid), Some(mnt), Some(user)) => {
                (fixed.pid_ns, fixed.mnt_ns, fixed.user_ns) = (pid, mnt, user);
            }
            _ => fixed.unavailable |= field::NAMESPACES,
        }
        match process.read("limits", SMALL).ok().and_then(|text| Limits::from_buf_read(text.as_slice()).ok())
        {
            Some(limits) => fixed.rlimits = rlimits(&limits),
            None => fixed.unavailable |= field::RLIMITS,
        }
        let number = |name| {
            let text = process.read(name, SMALL).ok()?;
            std::str::from_utf8(&text).ok()?.trim().parse().ok()
        };
        match (number("loginuid"), number("sessionid")) {
            (Some(user), Some(session)) => (fixed.loginuid, fixed.sessionid) = (user, session),
            _ => fixed.unavailable |= field::AUDIT,
        }
    }

    fn executable(&mut self, process: &Process, link: &[u8]) {
        let fixed = &mut self.fixed;
        match process.executable_status() {
            Ok(status) => {
                fixed.exe_dev = device(status.device.0, status.device.1);
                fixed.exe_inode = status.inode;
                fixed.exe_mode = status.mode;
                fixed.exe_uid = status.owner;
                fixed.exe_ctime_ns = status.changed_ns;
                if status.links == 0 {
                    fixed.header.flags |= flags::EXE_DELETED;
                }
            }
            Err(_) => fixed.unavailable |= field::CTIME,
        }
        let is_deleted = fixed.header.flags & flags::EXE_DELETED != 0;
        let path = link.strip_suffix(DELETED).filter(|_| is_deleted).unwrap_or(link);
        if let Some(name) = path.strip_prefix(b"/memfd:").filter(|_| is_deleted) {
            fixed.header.flags |= flags::EXE_MEMFD;
            self.fixed.exe = self.put(&[b"memfd:", name, b"\0"].concat());
        } else {
            self.fixed.exe = self.put(&names(path));
        }
    }

    fn folder(&mut self, process: &Process) {
        match process.link("cwd") {
            Ok(link) => {
                let path = link.strip_suffix(DELETED);
                if path.is_some() {
                    self.fixed.header.flags |= flags::CWD_DELETED;
                }
                self.fixed.cwd = self.put(&names(path.unwrap_or(&link)));
            }
            Err(_) => self.fixed.unavailable |= field::CWD,
        }
    }

    fn group(&mut self, group: &CgroupMembership) {
        if group.path.is_empty() {
            self.fixed.unavailable |= field::CGROUP;
            return;
        }
        if group.is_v1 {
            self.fixed.header.flags |= flags::CGROUP_V1;
        }
        self.fixed.cgroup_id = group.number(None);
        // From inside a cgroup namespace, groups beside it begin with `/..`.
        let mut path = group.path.as_slice();
        while let Some(rest) = path.strip_prefix(b"/..") {
            path = rest;
            self.fixed.header.flags |= flags::CGROUP_TRUNCATED;
        }
        self.fixed.cgroup = self.put(&names(path));
    }

    /// Adds the arguments and the allow-listed variables, both as the process has them by now.
    fn texts(&mut self, process: &Process, settings: &InventorySettings) {
        match prefix(process, "cmdline", u64::from(settings.kernel.argv_max)) {
            Ok((argv, is_whole)) => {
                let count = argv.iter().filter(|&&b| b == 0).count();
                self.fixed.argc = u32::try_from(count).unwrap_or(u32::MAX);
                self.fixed.argv_total = u32::try_from(argv.len()).unwrap_or(u32::MAX);
                if !is_whole {
                    self.fixed.header.flags |= flags::ARGV_TRUNCATED;
                    self.fixed.unavailable |= field::COUNTS;
                }
                self.fixed.argv = self.put(&argv);
            }
            Err(_) => {
                self.fixed.header.flags |= flags::ARGV_UNREADABLE;
                self.fixed.unavailable |= field::COUNTS;
            }
        }
        match prefix(process, "environ", ENVIRONMENT_MAX) {
            Ok((text, is_whole)) => {
                if !is_whole {
                    self.fixed.header.flags |= flags::ENV_TRUNCATED;
                }
                let mut allowed = Vec::new();
                for entry in text.split(|&b| b == 0) {
                    let name = entry.split(|&b| b == b'=').next().unwrap_or_default();
                    if settings.variables.iter().any(|known| known.as_bytes() == name) {
                        allowed.extend_from_slice(entry);
                        allowed.push(0);
                    }
                }
                self.fixed.env = self.put(&allowed);
            }
            Err(_) => self.fixed.header.flags |= flags::ENV_UNREADABLE,
        }
    }

    /// Appends data.
    fn put(&mut self, bytes: &[u8]) -> Span {
        let offset = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        self.data.extend_from_slice(bytes);
        Span { offset, len: u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    fn finish(mut self) -> Vec<u8> {
        let size = size_of::<ExecFixed>() + self.data.len();
        self.fixed.header.size = u32::try_from(size).unwrap_or(u32::MAX);
        [self.fixed.as_bytes(), &self.data].concat()
    }
}

/// Reads at most `max` bytes of a file, and whether these are all.
fn prefix(process: &Process, name: &str, max: u64) -> Result<(Vec<u8>, bool), ReadError> {
    let mut bytes = Vec::new();
    process.open(name)?.take(max + 1).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() as u64 <= max;
    bytes.truncate(usize::try_from(max).unwrap_or(usize::MAX));
    Ok((bytes, is_whole))
}

/// Returns the number of a device as events have it: 20 bits for the minor number.
fn device(major: u32, minor: u32) -> u32 {
    (major << 20) | (minor & 0xf_ffff)
}

/// Converts a path to the form of events: names from the file to the root, each ended by a NUL.
fn names(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len() + 1);
    for name in path.split(|&b| b == b'/').rev().filter(|name| !name.is_empty()) {
        bytes.extend_from_slice(name);
        bytes.push(0);
    }
    bytes
}

/// Returns the limits in the order of `RLIMIT_*`.
fn rlimits(limits: &Limits) -> [Rlimit; 16] {
    let all = [
        limits.max_cpu_time,
        limits.max_file_size,
        limits.max_data_size,
        limits.max_stack_size,
        limits.max_core_file_size,
        limits.max_resident_set,
        limits.max_processes,
        limits.max_open_files,
        limits.max_locked_memory,
        limits.max_address_space,
        limits.max_file_locks,
        limits.max_pending_signals,
        limits.max_msgqueue_size,
        limits.max_nice_priority,
        limits.max_realtime_priority,
        limits.max_realtime_timeout,
    ];
    let value = |value| match value {
        LimitValue::Unlimited => u64::MAX,
        LimitValue::Value(value) => value,
    };
    all.map(|Limit { soft_limit, hard_limit }| Rlimit { soft: value(soft_limit), hard: value(hard_limit) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use tracego_common::KernelSettings;
    use tracego_model::event::{Event, decode::decode};

    use super::*;

    fn settings(kernel: impl FnOnce(&mut KernelSettings)) -> InventorySettings {
        let mut settings = InventorySettings {
            kernel: KernelSettings { argv_max: 4096, ..KernelSettings::new_zeroed() },
            variables: vec!["CARGO_PKG_NAME".to_owned()],
        };
        kernel(&mut settings.kernel);
        settings
    }

    fn own(settings: &InventorySettings) -> Option<Vec<u8>> {
        let procfs = Procfs::default();
        event(&procfs.current(std::process::id()).unwrap(), &procfs, settings, 7).unwrap()
    }

    #[test]
    fn this_process_is_what_the_kernel_would_have_said() {
        let bytes = own(&settings(|_| ())).unwrap();
        let Event::Exec(exec) = decode(&bytes).unwrap() else { panic!("no exec") };
        let exe = std::env::current_exe().unwrap();
        assert_eq!(exec.exe, exe.as_os_str().as_encoded_bytes());
        assert_eq!(exec.cwd, std::env::current_dir().unwrap().as_os_str().as_encoded_bytes());
        let args: Vec<_> = std::env::args().collect();
        let read: Vec<_> = exec.args().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        assert_eq!((read, exec.fixed.argc as usize), (args.clone(), args.len()));
        let variables: Vec<_> = exec.variables().collect();
        assert_eq!(variables, [(b"CARGO_PKG_NAME".as_slice(), b"tracego-analyze".as_slice())]);
        let (fixed, file) = (&exec.fixed, std::fs::metadata(exe).unwrap());
        assert_eq!((fixed.exe_inode, fixed.exe_mode, fixed.exe_uid), (file.ino(), file.mode(), file.uid()));
        assert_eq!(fixed.exe_dev, device(libc::major(file.dev()), libc::minor(file.dev())));
        assert_eq!(i128::from(fixed.exe_ctime_ns) / 1_000_000_000, i128::from(file.ctime()));
        assert_eq!(fixed.header.flags & flags::BEFORE, flags::BEFORE);
        assert_eq!(
            (fixed.header.boot_ns, fixed.header.parent.tgid),
            (7, std::os::unix::process::parent_id())
        );
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: getrlimit writes into the structure that it is given.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
        assert_eq!((fixed.rlimits[7].soft, fixed.rlimits[7].hard), (limit.rlim_cur, limit.rlim_max));
    }

    #[test]
    fn filters_are_those_of_the_kernel_side() {
        use tracego_common::settings::filter;
        // SAFETY: getuid cannot fail.
        let uid = unsafe { libc::getuid() };
        let by_user =
            |uid| own(&settings(|kernel| (kernel.filters, kernel.uid) = (filter::UID, uid))).is_some();
        assert!(by_user(uid) && !by_user(uid + 1));
        let by_name = |name: &[u8]| {
            let set = |kernel: &mut KernelSettings| {
                kernel.filters = filter::COMM;
                kernel.comm[..name.len()].copy_from_slice(name);
            };
            own(&settings(set)).is_some()
        };
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", std::process::id())).unwrap();
        assert!(by_name(comm.trim_end().as_bytes()) && !by_name(b"no such name"));
    }

    #[test]
    fn the_group_is_chosen_as_the_kernel_side_does() {
        let parse = |text: &[u8]| {
            let group = CgroupMembership::parse(text);
            (String::from_utf8(group.path).unwrap(), group.is_v1)
        };
        assert_eq!(parse(b"0::/system.slice/a.service\n"), ("/system.slice/a.service".into(), false));
        let hybrid = b"9:cpu,cpuacct:/x\n8:pids:/docker/y:z\n0::/\n";
        assert_eq!(parse(hybrid), ("/docker/y:z".into(), true));
        assert_eq!(parse(b"8:pids:/docker/y\n0::/init.scope\n"), ("/init.scope".into(), false));
        assert_eq!(parse(b"8:pids:/docker/y\n"), ("/docker/y".into(), true));
        assert_eq!(parse(b"0::/\n"), ("/".into(), false));
        assert_eq!(parse(b"nothing\n\n"), (String::new(), false));
    }

    #[test]
    fn paths_are_turned_round() {
        assert_eq!(names(b"/usr/bin/ls"), b"ls\0bin\0usr\0");
        assert_eq!(names(b"/"), b"");
        assert_eq!(names(b"/a b/c (deleted)"), b"c (deleted)\0a b\0");
    }
}
