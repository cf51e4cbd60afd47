//! Events in the ring buffer. Every event starts with an [`EventHeader`].

use core::mem::{offset_of, size_of};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The kind of an event, as its header names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum EventKind {
    /// A successful execve or execveat: [`ExecFixed`] and its data.
    Exec = 1,
    /// The end of a process (its last thread): [`ExitEvent`].
    Exit = 2,
    /// A new process (not a new thread): [`ForkEvent`].
    Fork = 3,
    /// A failed execve or execveat: [`ExecFailedFixed`] and its data. On request only.
    ExecFailed = 4,
    /// A chunk of an argv that is longer than one event carries: [`ArgvChunk`] and its bytes. Chunks precede
    /// the [`ExecFixed`] that they belong to.
    ArgvChunk = 5,
    /// A decision about a program start: [`Verdict`](crate::verdict::Verdict).
    Verdict = 6,
}

impl EventKind {
    /// Returns the kind with a number; `None` for an unknown one.
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

/// Identity of a process on this boot. A bare pid is not one, because pids are reused.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Hash, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct TaskId {
    /// Process id in the initial pid namespace.
    pub tgid: u32,
    /// Explicit padding, zero.
    pub pad: u32,
    /// Start time of the thread group leader, in nanoseconds since boot, suspend included.
    pub start_boottime: u64,
}

/// The start of every event.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct EventHeader {
    /// A [`EventKind`].
    pub kind: u32,
    /// Bytes of the whole event.
    pub size: u32,
    /// Bits of [`crate::flags`].
    pub flags: u64,
    /// Time at which the hook ran, in nanoseconds since boot, suspend included.
    pub boot_ns: u64,
    /// The process.
    pub id: TaskId,
    /// The parent at the time of the hook.
    pub parent: TaskId,
    /// The process that opened the inherited job context; zero without a job.
    pub job_root: TaskId,
}

/// A range of the data area behind an [`ExecFixed`].
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Span {
    /// Offset in bytes from the start of the data area.
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
    /// The upper bound of the soft limit.
    pub hard: u64,
}

/// The fixed part of an exec event. A value that could not be read is zero, and its bit in `unavailable` is
/// set (see [`field`]).
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ExecFixed {
    /// The common header.
    pub header: EventHeader,
    /// Fields that this kernel lacks or that could not be read, one bit of [`field`] each.
    pub unavailable: u64,
    /// Id of the thread that called exec, before it became the leader.
    pub old_tid: u32,
    /// Process id in the innermost pid namespace of the process.
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
    /// Process group leader in the initial pid namespace.
    pub pgid: u32,
    /// Session leader in the initial pid namespace.
    pub sid: u32,
    /// Seccomp: 0 off, 1 strict, 2 filter.
    pub seccomp_mode: u32,
    /// Number of the controlling terminal's device; 0 without one.
    pub tty_dev: u32,
    /// Number of the pid namespace.
    pub pid_ns: u32,
    /// Number of the mount namespace.
    pub mnt_ns: u32,
    /// Number of the user namespace of the credentials.
    pub user_ns: u32,
    /// Number of arguments as the kernel counted them.
    pub argc: u32,
    /// Number of environment variables as the kernel counted them.
    pub envc: u32,
    /// Bytes of the complete argv, terminating NULs included.
    pub argv_total: u32,
    /// Bytes of the complete environment.
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
    /// Bounding capabilities.
    pub cap_bounding: u64,
    /// Ambient capabilities.
    pub cap_ambient: u64,
    /// cgroup id (kernfs node id).
    pub cgroup_id: u64,
    /// All resource limits in the order of `RLIMIT_*` (include/uapi/asm-generic/resource.h).
    pub rlimits: [Rlimit; 16],
    /// Name of the task after exec.
    pub comm: [u8; 16],
    /// Path of the executable: names from the file to its root, each ended by a NUL.
    pub exe: Span,
    /// Path of the working directory, in the format of `exe`.
    pub cwd: Span,
    /// Path of the cgroup, in the format of `exe`.
    pub cgroup: Span,
    /// The file name that the caller passed to exec, ended by a NUL.
    pub filename: Span,
    /// The interpreter of a script; otherwise the range of `filename` again.
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
pub struct ExitEvent {
    /// The common header.
    pub header: EventHeader,
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
pub struct ForkEvent {
    /// The common header; `id` is the child, `parent` its parent.
    pub header: EventHeader,
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
pub struct ExecFailedFixed {
    /// The common header.
    pub header: EventHeader,
    /// Positive errno.
    pub errno: u32,
    /// 0 for execve, 1 for execveat.
    pub at: u32,
    /// Directory descriptor passed to execveat, sign included.
    pub dirfd: u32,
    /// Flags passed to execveat.
    pub exec_flags: u32,
    /// Real user id.
    pub uid: u32,
    /// Id of the calling thread.
    pub tid: u32,
    /// Name of the task.
    pub comm: [u8; 16],
    /// The file name that the caller passed, ended by a NUL.
    pub filename: Span,
    /// The first arguments that the caller passed, each ended by a NUL.
    pub argv: Span,
}

/// Header of a chunk of argv; the bytes follow it.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ArgvChunk {
    /// The common header; `id` is the process.
    pub header: EventHeader,
    /// Offset of the bytes in argv.
    pub offset: u64,
}

const _: () = assert!(size_of::<ExecFailedFixed>() == 128);
const _: () = assert!(size_of::<ArgvChunk>() == 80);
const _: () = assert!(size_of::<TaskId>() == 16);
const _: () = assert!(size_of::<EventHeader>() == 72);
const _: () = assert!(offset_of!(ExecFixed, exe_inode) == 176);
const _: () = assert!(offset_of!(ExecFixed, rlimits) == 240);
const _: () = assert!(size_of::<ExecFixed>() == 568);
const _: () = assert!(size_of::<ExitEvent>() == 104);
const _: () = assert!(size_of::<ForkEvent>() == 96);
