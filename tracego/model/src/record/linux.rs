//! Linux facts without a conventional name: `tracego.*` of a program start.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tracego_common::{
    ExecFixed,
    event::{Rlimit, field},
    flags,
};

use super::exact_number::ExactNumber;
use crate::{
    clock::Time,
    input::{
        digest::{FileDigest, Sha256Digest},
        fsverity::FsverityDigest,
    },
};

/// `tracego.executable.*`: the file behind `process.executable.path`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExecutableFile {
    /// Inode number.
    pub inode: ExactNumber,
    /// Device number, as `major:minor`.
    pub device: String,
    /// Change time of the inode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctime: Option<Time>,
    /// File type and mode, in octal.
    pub mode: String,
    /// User id of the owner.
    pub owner_id: u32,
    /// Whether the file has no name in any directory.
    pub deleted: bool,
    /// Whether the file never had a name; see memfd_create(2).
    pub memfd: bool,
    /// Reason why `process.executable.path` is no path of the host; absent where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pathless: Option<Pathless>,
    /// Reason why the file could not be read: `gone`, `changed`, `unstable`, `denied`, `unverified`, `not-regular`,
    /// `timeout` or an errno. Facts from the file's contents are then missing in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<&'static str>,
    /// The digest of its content; absent where files are not hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<ExecutableDigest>,
    /// The digest of fs-verity, as `fsverity digest` prints it; absent for a file without fs-verity, and as long as the
    /// file is being hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsverity: Option<FsverityDigest>,
    /// Attributes of this record that the file states about itself: whoever made the file can choose them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<&'static str>,
}

/// `tracego.executable.digest.*`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct ExecutableDigest {
    /// SHA-256 of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Absent for a digest of what ran. Else `unproven`, if the file may have changed since; `pending`, if a record
    /// `tracego.executable` follows; or the reason why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
}

impl ExecutableDigest {
    /// The state of a file that is being hashed.
    pub const PENDING: &'static str = "pending";
    /// The state of a digest that may not be that of what ran.
    pub const UNPROVEN: &'static str = "unproven";
}

impl From<FileDigest> for ExecutableDigest {
    fn from(digest: FileDigest) -> Self {
        match digest {
            FileDigest::Known(sha256) | FileDigest::Fixed { sha256, .. } => {
                Self { sha256: Some(sha256), state: None }
            }
            FileDigest::Unproven(sha256) => Self { sha256: Some(sha256), state: Some(Self::UNPROVEN) },
            FileDigest::Pending => Self { sha256: None, state: Some(Self::PENDING) },
            FileDigest::Absent(gap) => Self { sha256: None, state: Some(gap.as_str()) },
        }
    }
}

/// The reason why the path of an executable is no path of the host. Exceptions by path do not match then.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pathless {
    /// The file never had a name; see memfd_create(2).
    Memfd,
    /// The file has no name in any directory any more.
    Deleted,
    /// The mount of the file is in no mount namespace, or in another one than that of the process.
    Detached,
    /// The process is in another mount namespace than the host's, where a path can mean anything.
    OtherNamespace,
}

impl Pathless {
    /// Reads the reason of an exec event. `host`: mount namespaces of the host; empty when unknown, which
    /// counts as the namespace of the process.
    #[must_use]
    pub fn of(fixed: &ExecFixed, host: &[u32]) -> Option<Self> {
        let set = |bit: u64| fixed.header.flags & bit != 0;
        let elsewhere = fixed.mnt_ns != 0 && !host.is_empty() && !host.contains(&fixed.mnt_ns);
        match () {
            () if set(flags::EXE_MEMFD) => Some(Self::Memfd),
            () if set(flags::EXE_DELETED) => Some(Self::Deleted),
            () if set(flags::EXE_DETACHED) => Some(Self::Detached),
            () if elsewhere => Some(Self::OtherNamespace),
            () => None,
        }
    }
}

impl ExecutableFile {
    /// Reads the facts of an exec event. `host`: as for [`Pathless::of`].
    #[must_use]
    pub fn of(fixed: &ExecFixed, host: &[u32]) -> Self {
        let ctime = i64::try_from(fixed.exe_ctime_ns).ok().filter(|_| fixed.unavailable & field::CTIME == 0);
        Self {
            inode: ExactNumber(fixed.exe_inode),
            device: device(fixed.exe_dev),
            ctime: ctime.map(Time),
            mode: format!("{:o}", fixed.exe_mode),
            owner_id: fixed.exe_uid,
            deleted: fixed.header.flags & flags::EXE_DELETED != 0,
            memfd: fixed.header.flags & flags::EXE_MEMFD != 0,
            pathless: Pathless::of(fixed, host),
            unread: None,
            digest: None,
            fsverity: None,
            claims: Vec::new(),
        }
    }

    /// Sets what is known about the digest.
    pub fn set_digest(&mut self, digest: FileDigest) {
        (self.digest, self.fsverity) = (Some(digest.into()), digest.fsverity());
    }
}

/// `tracego.exec.*`: the exec call.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExecCall {
    /// The path that the caller passed; absent in a lean record if it is that of the executable.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// The interpreter named by the first line of a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// The calling thread, if it was not the leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<u32>,
    /// `execve` or `execveat`; set for failed calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<&'static str>,
    /// Size of all arguments in bytes, before truncation. Absent for failed calls whose arguments were not all
    /// read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_bytes: Option<u32>,
    /// Number of variables in the environment. Absent for failed calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_count: Option<u32>,
    /// Size of the environment in bytes. Absent for failed calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_bytes: Option<u32>,
}

/// `tracego.audit.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Audit {
    /// User id of the login (`/proc/PID/loginuid`); absent when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_user_id: Option<u32>,
    /// Id of the audit session (`/proc/PID/sessionid`); absent when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<u32>,
}

impl Audit {
    /// Reads the audit identity of an exec event. Returns `None` when neither value is set.
    #[must_use]
    pub fn of(fixed: &ExecFixed) -> Option<Self> {
        let set = |value: u32| (value != u32::MAX).then_some(value);
        let (login_user_id, session_id) = (set(fixed.loginuid), set(fixed.sessionid));
        (login_user_id.is_some() || session_id.is_some()).then_some(Self { login_user_id, session_id })
    }
}

/// `tracego.capability.*`: 16 hexadecimal digits for each set, as in /proc/PID/status.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Capabilities {
    /// Capabilities in force.
    pub effective: String,
    /// Capabilities that can be put in force.
    pub permitted: String,
    /// Capabilities kept across exec of a file with the same set.
    pub inheritable: String,
    /// Upper bound of the capabilities.
    pub bounding: String,
    /// Capabilities kept across any exec.
    pub ambient: String,
}

impl Capabilities {
    /// Reads the capability sets of an exec event.
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
    pub id: ExactNumber,
    /// Hierarchy of `process.linux.cgroup`: 2, or 1 (pids) where v2 holds no process.
    pub version: u8,
}

/// `tracego.rlimit.<name>.{soft,hard}`; `null` means unlimited.
#[derive(Clone, Copy, Debug)]
pub struct Rlimits(pub [Rlimit; 16]);

/// Names of `RLIMIT_*` in the kernel's order (include/uapi/asm-generic/resource.h).
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
    soft: Option<ExactNumber>,
    hard: Option<ExactNumber>,
}

impl Serialize for Rlimits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limited = |value: u64| (value != u64::MAX).then_some(ExactNumber(value));
        let mut map = serializer.serialize_map(Some(RLIMITS.len()))?;
        for (name, limit) in RLIMITS.iter().zip(self.0) {
            map.serialize_entry(name, &Limit { soft: limited(limit.soft), hard: limited(limit.hard) })?;
        }
        map.end()
    }
}

/// Returns the name of a seccomp(2) mode.
#[must_use]
pub fn seccomp(mode: u32) -> &'static str {
    match mode {
        0 => "off",
        1 => "strict",
        _ => "filter",
    }
}

/// Formats a device number in the kernel's own encoding (20 bits minor) as `major:minor`.
#[must_use]
pub fn device(dev: u32) -> String {
    format!("{}:{}", dev >> 20, dev & 0xf_ffff)
}

/// Flags of truncated values, with the attributes.
pub const TRUNCATED: [(u64, &str); 6] = [
    (flags::ARGV_TRUNCATED, "process.command_args"),
    (flags::ENV_TRUNCATED, "process.environment_variable"),
    (flags::EXE_TRUNCATED, "process.executable.path"),
    (flags::CWD_TRUNCATED, "process.working_directory"),
    (flags::CGROUP_TRUNCATED, "process.linux.cgroup"),
    (flags::FILENAME_TRUNCATED, "tracego.exec.filename"),
];

/// Flags of values that could not be read from the process, with the attributes.
pub const UNREADABLE: [(u64, &str); 2] = [
    (flags::ARGV_UNREADABLE, "process.command_args"),
    (flags::ENV_UNREADABLE, "process.environment_variable"),
];

/// Bits of values that the kernel does not offer, with the attributes.
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

/// Returns the names of the bits that are set.
pub fn names<'a>(bits: u64, table: &'a [(u64, &'static str)]) -> impl Iterator<Item = &'static str> + 'a {
    table.iter().filter(move |(bit, _)| bits & bit != 0).map(|&(_, name)| name)
}
