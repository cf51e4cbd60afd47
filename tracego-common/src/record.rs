//! Records in the ring buffer. Every record starts with a [`Header`].

use core::mem::{offset_of, size_of};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What kind of record follows a header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum RecordKind {
    /// A successful execve or execveat: [`ExecFixed`] and its data.
    Exec = 1,
    /// The end of a process (its last thread): [`ExitRecord`].
    Exit = 2,
    /// A new process (not a new thread): [`ForkRecord`].
    Fork = 3,
    /// An execve or execveat that failed: [`FailedFixed`] and its data. On request only.
    ExecFailed = 4,
    /// A piece of an argv that is longer than one record carries: [`ArgvChunk`] and its bytes.
    /// Pieces come before the [`ExecFixed`] that they belong to.
    ArgvChunk = 5,
    /// A decision about a program start: [`Verdict`](crate::verdict::Verdict).
    Verdict = 6,
}

impl RecordKind {
    /// The only door from the wire.
    #[must_use]
    pub fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            1 => Some(Self::Exec),
            2 => Some(Self::Exit),
            3 => Some(Self::Fork),
            4 => Some(Self::ExecFailed),
            5 => Some(Self::ArgvChunk),
            6 => Some(Self::Verdict),
            _ => None,
        }
    }
}

/// A process on this boot: never a bare pid.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Hash, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct TaskId {
    /// Process id in the initial pid namespace.
    pub tgid: u32,
    /// Explicit padding, zero.
    pub pad: u32,
    /// Start of the thread group leader in nanoseconds since boot, suspend included.
    pub start_boottime: u64,
}

/// The start of every record.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// A [`RecordKind`].
    pub kind: u32,
    /// Bytes of the whole record.
    pub size: u32,
    /// See [`crate::flags`].
    pub flags: u64,
    /// When the hook ran, in nanoseconds since boot, suspend included.
    pub boot_ns: u64,
    /// The process.
    pub id: TaskId,
    /// Its parent at the time of the hook.
    pub parent: TaskId,
    /// The process that opened the job context which this one inherited; zero without.
    pub job_root: TaskId,
}

/// A piece of the data area behind an [`ExecFixed`].
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Span {
    /// From the start of the data area.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
}

/// One resource limit; `u64::MAX` is unlimited.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Rlimit {
    /// The limit in force.
    pub soft: u64,
    /// The most that the soft limit can be raised to.
    pub hard: u64,
}

/// The fixed part of an exec record. A value that could not be read is zero and its bit in
/// `unavailable` is set (see [`field`]).
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ExecFixed {
    /// The common start.
    pub header: Header,
    /// Fields that this kernel does not offer or that could not be read, one bit a [`field`].
    pub unavailable: u64,
    /// Kernel thread id that called exec, before it became the leader.
    pub old_tid: u32,
    /// Parent's thread group leader is alive in this pid namespace: its virtual pid.
    pub vpid: u32,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Saved user id.
    pub suid: u32,
    /// Saved group id.
    pub sgid: u32,
    /// Audit login user id; `u32::MAX` when unset.
    pub loginuid: u32,
    /// Audit session id; `u32::MAX` when unset.
    pub sessionid: u32,
    /// Process group leader, initial namespace.
    pub pgid: u32,
    /// Session leader, initial namespace.
    pub sid: u32,
    /// Seccomp: 0 off, 1 strict, 2 filter.
    pub seccomp_mode: u32,
    /// Number of the controlling terminal's device; 0 without one.
    pub tty_dev: u32,
    /// Pid namespace.
    pub pid_ns: u32,
    /// Mount namespace.
    pub mnt_ns: u32,
    /// User namespace of the credentials.
    pub user_ns: u32,
    /// Arguments as the kernel counted them.
    pub argc: u32,
    /// Environment variables as the kernel counted them.
    pub envc: u32,
    /// True bytes of argv, terminating NULs included.
    pub argv_total: u32,
    /// True bytes of the environment.
    pub env_total: u32,
    /// Mode and type bits of the executable.
    pub exe_mode: u32,
    /// Owner of the executable.
    pub exe_uid: u32,
    /// Device of the executable, kernel encoding (20 bits minor).
    pub exe_dev: u32,
    /// Inode number of the executable.
    pub exe_inode: u64,
    /// Change time of the executable's inode, nanoseconds since 1970.
    pub exe_ctime_ns: u64,
    /// Effective capabilities.
    pub cap_effective: u64,
    /// Permitted capabilities.
    pub cap_permitted: u64,
    /// Inheritable capabilities.
    pub cap_inheritable: u64,
    /// Bounding set.
    pub cap_bounding: u64,
    /// Ambient capabilities.
    pub cap_ambient: u64,
    /// cgroup id (kernfs node id).
    pub cgroup_id: u64,
    /// All resource limits in the order of `RLIMIT_*` (include/uapi/asm-generic/resource.h).
    pub rlimits: [Rlimit; 16],
    /// Name of the task after exec.
    pub comm: [u8; 16],
    /// Executable: names from the file to its root, each ended by a NUL.
    pub exe: Span,
    /// Working directory, as `exe`.
    pub cwd: Span,
    /// cgroup path, as `exe`.
    pub cgroup: Span,
    /// What the caller passed to exec, ended by a NUL.
    pub filename: Span,
    /// The interpreter (for a script) or `filename` again.
    pub interp: Span,
    /// Allowed variables, each `NAME=value` ended by a NUL.
    pub env: Span,
    /// Arguments, each ended by a NUL.
    pub argv: Span,
}

/// Bits of [`ExecFixed::unavailable`].
pub mod field {
    /// Credentials.
    pub const CRED: u64 = 1 << 0;
    /// loginuid and session id.
    pub const AUDIT: u64 = 1 << 1;
    /// Seccomp mode.
    pub const SECCOMP: u64 = 1 << 2;
    /// no_new_privs.
    pub const NO_NEW_PRIVS: u64 = 1 << 3;
    /// Resource limits.
    pub const RLIMITS: u64 = 1 << 4;
    /// cgroup.
    pub const CGROUP: u64 = 1 << 5;
    /// Namespaces.
    pub const NAMESPACES: u64 = 1 << 6;
    /// Executable path and inode.
    pub const EXE: u64 = 1 << 7;
    /// Working directory.
    pub const CWD: u64 = 1 << 8;
    /// argc and envc.
    pub const COUNTS: u64 = 1 << 9;
    /// Terminal.
    pub const TTY: u64 = 1 << 10;
    /// Inode change time.
    pub const CTIME: u64 = 1 << 11;
    /// Parent.
    pub const PARENT: u64 = 1 << 12;
    /// File name and interpreter.
    pub const FILENAME: u64 = 1 << 13;
    /// Process group and session.
    pub const GROUPS: u64 = 1 << 14;
}

/// The end of a process.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ExitRecord {
    /// The common start.
    pub header: Header,
    /// Wait status: low 7 bits signal, bit 7 core, next 8 bits exit code (wait(2)).
    pub status: u32,
    /// Real user id.
    pub uid: u32,
    /// Peak resident set in pages.
    pub maxrss_pages: u64,
    /// Name of the task.
    pub comm: [u8; 16],
}

/// A new process.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ForkRecord {
    /// The common start; `id` is the child, `parent` its parent.
    pub header: Header,
    /// Thread that called fork.
    pub parent_tid: u32,
    /// Real user id of the child.
    pub uid: u32,
    /// Name of the child.
    pub comm: [u8; 16],
}

/// A failed execve or execveat, read when the system call returned.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct FailedFixed {
    /// The common start.
    pub header: Header,
    /// Positive errno.
    pub errno: u32,
    /// 0 execve, 1 execveat.
    pub at: u32,
    /// execveat's folder descriptor as passed, sign included.
    pub dirfd: u32,
    /// execveat's flags.
    pub exec_flags: u32,
    /// Real user id.
    pub uid: u32,
    /// Thread that called.
    pub tid: u32,
    /// Name of the task.
    pub comm: [u8; 16],
    /// What the caller passed, ended by a NUL.
    pub filename: Span,
    /// First arguments that the caller passed, each ended by a NUL.
    pub argv: Span,
}

/// Header of a piece of argv; the bytes follow.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ArgvChunk {
    /// The common start; `id` is the process.
    pub header: Header,
    /// Position of the bytes in argv.
    pub offset: u64,
}

const _: () = assert!(size_of::<FailedFixed>() == 128);
const _: () = assert!(size_of::<ArgvChunk>() == 80);
const _: () = assert!(size_of::<TaskId>() == 16);
const _: () = assert!(size_of::<Header>() == 72);
const _: () = assert!(offset_of!(ExecFixed, exe_inode) == 176);
const _: () = assert!(offset_of!(ExecFixed, rlimits) == 240);
const _: () = assert!(size_of::<ExecFixed>() == 568);
const _: () = assert!(size_of::<ExitRecord>() == 104);
const _: () = assert!(size_of::<ForkRecord>() == 96);
