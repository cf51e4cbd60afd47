//! What only Linux has and no convention names: `tracego.*` of a program start.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tracego_common::{
    ExecFixed, flags,
    record::{Rlimit, field},
};

use crate::clock::Time;

/// `tracego.executable.*`: the file behind `process.executable.path`.
#[derive(Clone, Debug, Serialize)]
pub struct ExecutableFile {
    /// Inode number.
    pub inode: u64,
    /// `major:minor`.
    pub device: String,
    /// Change time of the inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctime: Option<Time>,
    /// Type and mode, octal.
    pub mode: String,
    /// Owner.
    pub owner_id: u32,
    /// It has no name in any directory.
    pub deleted: bool,
    /// It never had one: memfd_create(2).
    pub memfd: bool,
    /// Why it could not be read: `gone`, `changed`, `denied`, `unverified`, `not-regular` or an errno. What it would
    /// have said is not in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<&'static str>,
}

impl ExecutableFile {
    /// Of a program start.
    #[must_use]
    pub fn of(fixed: &ExecFixed) -> Self {
        let ctime = i64::try_from(fixed.exe_ctime_ns).ok().filter(|_| fixed.unavailable & field::CTIME == 0);
        Self {
            inode: fixed.exe_inode,
            device: device(fixed.exe_dev),
            ctime: ctime.map(Time),
            mode: format!("{:o}", fixed.exe_mode),
            owner_id: fixed.exe_uid,
            deleted: fixed.header.flags & flags::EXE_DELETED != 0,
            memfd: fixed.header.flags & flags::EXE_MEMFD != 0,
            unread: None,
        }
    }
}

/// `tracego.exec.*`: the call.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExecCall {
    /// What the caller passed.
    pub filename: String,
    /// The interpreter that a script's first line names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// The thread that called, when it was not the leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<u32>,
    /// `execve` or `execveat`; known for failed calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<&'static str>,
    /// True bytes of the arguments.
    pub args_bytes: u32,
    /// Variables in the environment.
    pub env_count: u32,
    /// Bytes of the environment.
    pub env_bytes: u32,
}

/// `tracego.audit.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Audit {
    /// Who logged in (`/proc/PID/loginuid`); absent when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_user_id: Option<u32>,
    /// `/proc/PID/sessionid`; absent when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<u32>,
}

impl Audit {
    /// Of a program start; nothing when neither is set.
    #[must_use]
    pub fn of(fixed: &ExecFixed) -> Option<Self> {
        let set = |value: u32| (value != u32::MAX).then_some(value);
        let (login_user_id, session_id) = (set(fixed.loginuid), set(fixed.sessionid));
        (login_user_id.is_some() || session_id.is_some()).then_some(Self { login_user_id, session_id })
    }
}

/// `tracego.capability.*`: 16 hexadecimal digits each, as in /proc/PID/status.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Capabilities {
    /// In force.
    pub effective: String,
    /// Can be put in force.
    pub permitted: String,
    /// Kept across exec of a file with the same set.
    pub inheritable: String,
    /// Upper bound.
    pub bounding: String,
    /// Kept across any exec.
    pub ambient: String,
}

impl Capabilities {
    /// Of a program start.
    #[must_use]
    pub fn of(fixed: &ExecFixed) -> Self {
        let hex = |bits: u64| format!("{bits:016x}");
        Self {
            effective: hex(fixed.cap_effective),
            permitted: hex(fixed.cap_permitted),
            inheritable: hex(fixed.cap_inheritable),
            bounding: hex(fixed.cap_bounding),
            ambient: hex(fixed.cap_ambient),
        }
    }
}

/// `tracego.namespace.*`: inode numbers as in /proc/PID/ns.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Namespaces {
    /// Pid namespace.
    pub pid: u32,
    /// Mount namespace.
    pub mnt: u32,
    /// User namespace of the credentials.
    pub user: u32,
}

/// `tracego.cgroup.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CgroupNode {
    /// Id of the v2 cgroup: the inode number of its folder.
    pub id: u64,
    /// Hierarchy that `process.linux.cgroup` is from: 2, or 1 (pids) where v2 holds no process.
    pub version: u8,
}

/// `tracego.rlimit.<name>.{soft,hard}`; `null` is unlimited.
#[derive(Clone, Copy, Debug)]
pub struct Rlimits(pub [Rlimit; 16]);

/// `RLIMIT_*` in the kernel's order (include/uapi/asm-generic/resource.h).
pub const RLIMITS: [&str; 16] = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
];

#[derive(Serialize)]
struct Limit {
    soft: Option<u64>,
    hard: Option<u64>,
}

impl Serialize for Rlimits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limited = |value: u64| (value != u64::MAX).then_some(value);
        let mut map = serializer.serialize_map(Some(RLIMITS.len()))?;
        for (name, limit) in RLIMITS.iter().zip(self.0) {
            map.serialize_entry(name, &Limit { soft: limited(limit.soft), hard: limited(limit.hard) })?;
        }
        map.end()
    }
}

/// seccomp(2) mode.
#[must_use]
pub fn seccomp(mode: u32) -> &'static str {
    match mode {
        0 => "off",
        1 => "strict",
        _ => "filter",
    }
}

/// `major:minor` of the kernel's own encoding (20 bits minor).
#[must_use]
pub fn device(dev: u32) -> String {
    format!("{}:{}", dev >> 20, dev & 0xf_ffff)
}

/// Flags that say a value is cut.
pub const TRUNCATED: [(u64, &str); 6] = [
    (flags::ARGV_TRUNCATED, "process.command_args"),
    (flags::ENV_TRUNCATED, "process.environment_variable"),
    (flags::EXE_TRUNCATED, "process.executable.path"),
    (flags::CWD_TRUNCATED, "process.working_directory"),
    (flags::CGROUP_TRUNCATED, "process.linux.cgroup"),
    (flags::FILENAME_TRUNCATED, "tracego.exec.filename"),
];

/// Flags that say a value could not be read from the process.
pub const UNREADABLE: [(u64, &str); 2] = [
    (flags::ARGV_UNREADABLE, "process.command_args"),
    (flags::ENV_UNREADABLE, "process.environment_variable"),
];

/// Bits that say the kernel does not offer a value.
pub const UNAVAILABLE: [(u64, &str); 15] = [
    (field::CRED, "process.user"),
    (field::AUDIT, "tracego.audit"),
    (field::SECCOMP, "tracego.seccomp"),
    (field::NO_NEW_PRIVS, "tracego.no_new_privs"),
    (field::RLIMITS, "tracego.rlimit"),
    (field::CGROUP, "process.linux.cgroup"),
    (field::NAMESPACES, "tracego.namespace"),
    (field::EXE, "process.executable"),
    (field::CWD, "process.working_directory"),
    (field::COUNTS, "process.args_count"),
    (field::TTY, "tracego.tty"),
    (field::CTIME, "tracego.executable.ctime"),
    (field::PARENT, "process.parent_pid"),
    (field::FILENAME, "tracego.exec.filename"),
    (field::GROUPS, "process.group_leader"),
];

/// Names of the bits that are set.
pub fn names<'a>(bits: u64, table: &'a [(u64, &'static str)]) -> impl Iterator<Item = &'static str> + 'a {
    table.iter().filter(move |(bit, _)| bits & bit != 0).map(|&(_, name)| name)
}
