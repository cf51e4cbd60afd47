//! The bytes of an event, made of the files in the folder of a process.

use std::io::Read as _;

use procfs::{
    FromBufRead as _,
    process::{Limits, Stat},
};
use tracego_common::{
    Span,
    event::{ExecFixed, field},
    flags,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::{
    InventorySettings,
    cgroup_membership::CgroupMembership,
    encoding::{device, names, rlimits},
    snapshot::SMALL,
};
use crate::inspect::proc::{procfs::Process, read_error::ReadError, status::Status};

/// Maximum number of bytes of an environment that is read; the kernel side looks at no more.
const ENVIRONMENT_MAX: u64 = 1 << 20;
/// Text behind the link to a file that was removed (fs/d_path.c).
const DELETED: &[u8] = b" (deleted)";

/// An event that is being built.
pub(super) struct EventBuilder {
    /// The part of the event that has a fixed size.
    pub(super) fixed: ExecFixed,
    data: Vec<u8>,
}

impl EventBuilder {
    /// Begins an event without data.
    pub(super) fn new() -> Self {
        Self { fixed: ExecFixed::new_zeroed(), data: Vec::new() }
    }

    /// Adds groups, the terminal and the name.
    pub(super) fn numbers(&mut self, stat: &Stat) {
        let fixed = &mut self.fixed;
        fixed.pgid = u32::try_from(stat.pgrp).unwrap_or_default();
        fixed.sid = u32::try_from(stat.session).unwrap_or_default();
        // The encoding of user space: include/linux/kdev_t.h, new_encode_dev.
        let number = stat.tty_nr.cast_unsigned();
        fixed.tty_dev = device((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
        let length = stat.comm.len().min(15);
        fixed.comm[..length].copy_from_slice(&stat.comm.as_bytes()[..length]);
    }

    /// Adds users, groups and rights.
    pub(super) fn rights(&mut self, status: &Status) {
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
    pub(super) fn surroundings(&mut self, process: &Process) {
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

    /// Adds the executable, whose link in /proc is given.
    pub(super) fn executable(&mut self, process: &Process, link: &[u8]) {
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

    /// Adds the working directory.
    pub(super) fn folder(&mut self, process: &Process) {
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

    /// Adds the cgroup.
    pub(super) fn group(&mut self, group: &CgroupMembership) {
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
    pub(super) fn texts(&mut self, process: &Process, settings: &InventorySettings) {
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

    /// Returns the bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
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
