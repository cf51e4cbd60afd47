//! Settings that the agent passes to the kernel side: one read-only global, fixed before the load.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{event::TaskId, system_calls::SystemCalls};

/// Bits of [`KernelSettings::events`].
pub mod event {
    /// Exec events.
    pub const EXEC: u32 = 1;
    /// Exit events.
    pub const EXIT: u32 = 2;
    /// Fork events.
    pub const FORK: u32 = 4;
    /// Events of failed execs, from two system call tracepoints.
    pub const EXEC_FAILED: u32 = 8;
    /// Decisions about program starts, made in the kernel.
    pub const VERDICT: u32 = 16;
}

/// Bits of [`KernelSettings::filters`].
pub mod filter {
    /// Keep only processes marked [`TaskContext::IN_TREE`](super::TaskContext::IN_TREE).
    pub const TREE: u32 = 1;
    /// Keep only processes with the real uid in `uid`.
    pub const UID: u32 = 2;
    /// Keep only the cgroup with the id in `cgroup_id`, and the cgroups below it.
    pub const CGROUP: u32 = 4;
    /// Keep only tasks with the name in `comm`.
    pub const COMM: u32 = 8;
}

/// The settings of one run.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct KernelSettings {
    /// Kinds of events to send, bits of [`event`].
    pub events: u32,
    /// Filters that are enabled, bits of [`filter`].
    pub filters: u32,
    /// Process id of the agent, which is never traced; 0 for none. The loader translates it to the initial pid
    /// namespace.
    pub agent_tgid: u32,
    /// Real uid for [`filter::UID`].
    pub uid: u32,
    /// cgroup id for [`filter::CGROUP`].
    pub cgroup_id: u64,
    /// Task name for [`filter::COMM`], zero padded.
    pub comm: [u8; 16],
    /// Number of variables on the allow-list; 0 skips the environment.
    pub env_names: u32,
    /// Cap on the bytes of argv, at most [`crate::limits::ARGV_LIMIT`].
    pub argv_max: u32,
    /// Depth below the root of the cgroup in `cgroup_id`.
    pub cgroup_level: u32,
    /// Number of this load among loads that take over from each other; 0 without handover.
    pub generation: u32,
    /// Start time of the agent, in clock ticks of 10 ms since boot. 0 when the programs do not outlive the
    /// agent, so that no other process can get its pid.
    pub agent_start: u64,
    /// Fields that this kernel lacks, bits of [`field`](crate::event::field); set by the loader.
    pub unavailable: u64,
    /// Level of the pid namespace of the agent's /proc; 0 for the initial one, whose pids are those of events.
    /// While the agent looks for itself: number of levels from its own namespace up to that one.
    pub proc_level: u32,
    /// Number of that pid namespace.
    pub proc_ns: u32,
    /// System calls of this CPU; set by the loader.
    pub calls: SystemCalls,
}

/// The context of a process that belongs to a job or to the followed tree. Children inherit it at fork.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct TaskContext {
    /// Start time of the process, against pid reuse; 0 for a mark set before its first event.
    pub start_boottime: u64,
    /// Bits of the context, see [`Self::IN_TREE`].
    pub flags: u32,
    /// Process id in the agent's /proc; 0 if that is the initial one, or if it does not show the process.
    pub proc_pid: u32,
    /// The process that opened the job; zero without a job.
    pub job_root: TaskId,
}

impl TaskContext {
    /// The process is the followed one or one of its descendants.
    pub const IN_TREE: u32 = 1;
}

/// The agent as the initial pid namespace knows it.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct AgentIdentity {
    /// Process id in the initial pid namespace; 0 before the agent was looked for.
    pub tgid: u32,
    /// Level of the pid namespace of the agent's /proc.
    pub proc_level: u32,
    /// Number of that pid namespace.
    pub proc_ns: u32,
    /// Process id of the agent in it.
    pub proc_pid: u32,
}

/// Losses of one job.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct LostOfJob {
    /// Number of events that found the ring full.
    pub ring_full: u64,
    /// Number of processes that found the table of contexts full: they and their children are in no job.
    pub context_full: u64,
}

/// Flag of a name on the allow-list: a process with a value of the variable opens a job context.
pub const ENV_OPENS_JOB: u32 = 1;
/// Flag beside [`ENV_OPENS_JOB`]: values that mean "no" open none; see [`opens_job`].
pub const ENV_UNLESS_FALSE: u32 = 2;
/// First bit of the length of the name, above the flags.
pub const ENV_NAME_LEN_SHIFT: u32 = 8;

/// Whether a variable opens a job. `value` is the start of its value: eight bytes in memory order, zero behind
/// its end. The values `0`, `no`, `off` and `false`, in any case, mean "no".
#[inline(always)]
#[must_use]
pub fn opens_job(flags: u32, value: u64) -> bool {
    const ZERO: u64 = u64::from_ne_bytes(*b"0       ");
    const NO: u64 = u64::from_ne_bytes(*b"no      ");
    const OFF: u64 = u64::from_ne_bytes(*b"off     ");
    const FALSE: u64 = u64::from_ne_bytes(*b"false   ");
    if flags & ENV_OPENS_JOB == 0 || value.to_ne_bytes()[0] == 0 {
        return false;
    }
    // Lower case; the zeros behind the end become spaces.
    let lower = value | 0x2020_2020_2020_2020;
    flags & ENV_UNLESS_FALSE == 0 || (lower != ZERO && lower != NO && lower != OFF && lower != FALSE)
}

/// A filter over the allow-list: one bit, at [`env_bit`], for the first eight bytes of every name. A name
/// whose bit is not set is not on the list; a set bit may be a coincidence.
pub type EnvBits = [u64; 64];

/// Returns the index of the bit in [`EnvBits`] for the first eight bytes of a name, cut at `=`, in memory
/// order.
#[inline(always)]
#[must_use]
pub fn env_bit(prefix: u64) -> u32 {
    // Multiplicative hashing (Knuth, TAOCP 3, 6.4) by 2^64 / φ; the highest bits are the best mixed.
    (prefix.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as u32
}

const _: () = assert!(core::mem::size_of::<KernelSettings>() == 104);
const _: () = assert!(core::mem::size_of::<TaskContext>() == 32);
const _: () = assert!(core::mem::size_of::<LostOfJob>() == 16);
