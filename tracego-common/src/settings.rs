//! What the agent tells the kernel side: one read-only global, fixed before the load.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::record::TaskId;

/// Bits of [`Settings::events`].
pub mod event {
    /// Exec records.
    pub const EXEC: u32 = 1;
    /// Exit records.
    pub const EXIT: u32 = 2;
    /// Fork records.
    pub const FORK: u32 = 4;
    /// Records of failed attempts: two system call tracepoints.
    pub const EXEC_FAILED: u32 = 8;
    /// Decisions of the kernel side.
    pub const VERDICT: u32 = 16;
}

/// Bits of [`Settings::filters`].
pub mod filter {
    /// Only processes marked [`TaskCtx::IN_TREE`](super::TaskCtx::IN_TREE).
    pub const TREE: u32 = 1;
    /// Only the real uid in `uid`.
    pub const UID: u32 = 2;
    /// Only the cgroup with the id in `cgroup_id`, and those below it.
    pub const CGROUP: u32 = 4;
    /// Only the task name in `comm`.
    pub const COMM: u32 = 8;
}

/// Fixed for one run.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct Settings {
    /// Which records are wanted, see [`event`].
    pub events: u32,
    /// Which filters are on, see [`filter`].
    pub filters: u32,
    /// The agent itself, never traced.
    pub agent_tgid: u32,
    /// For [`filter::UID`].
    pub uid: u32,
    /// For [`filter::CGROUP`].
    pub cgroup_id: u64,
    /// For [`filter::COMM`], zero padded.
    pub comm: [u8; 16],
    /// Variables on the allow-list; 0 skips the environment.
    pub env_names: u32,
    /// argv bytes to carry, at most [`crate::limits::ARGV_LIMIT`].
    pub argv_max: u32,
    /// Depth of the cgroup in `cgroup_id` below the root.
    pub cgroup_level: u32,
    /// Number of this load among those that take over from each other; 0 without handover.
    pub generation: u32,
    /// When the agent started, in clock ticks of 10 ms since boot; 0 where nobody else can have its number,
    /// because the programs do not outlive it.
    pub agent_start: u64,
    /// What this kernel cannot tell, see [`field`](crate::record::field); the loader sets it.
    pub unavailable: u64,
}

/// A process with a context: member of a job or of the followed tree. Children inherit it at fork.
#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct TaskCtx {
    /// Start of the process, against pid reuse; 0 for a mark set before its first event.
    pub start_boottime: u64,
    /// See [`Self::IN_TREE`].
    pub flags: u64,
    /// Who opened the job; zero without a job.
    pub job_root: TaskId,
}

impl TaskCtx {
    /// The process is, or descends from, the followed one.
    pub const IN_TREE: u64 = 1;
}

/// Flags of a name on the allow-list: its presence opens a job context.
pub const ENV_OPENS_JOB: u32 = 1;

/// One bit for the first eight bytes of every name on the allow-list, at [`env_bit`]. A name whose bit is
/// not set is not on the list; among those that are set a few are strangers.
pub type EnvBits = [u64; 64];

/// The bit of [`EnvBits`] for the first eight bytes of a name, cut at `=`, in memory order.
#[inline(always)]
#[must_use]
pub fn env_bit(prefix: u64) -> u32 {
    // Multiplicative hashing (Knuth, TAOCP 3, 6.4) by 2^64 / φ; the highest bits are the best mixed.
    (prefix.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as u32
}

const _: () = assert!(core::mem::size_of::<Settings>() == 72);
const _: () = assert!(core::mem::size_of::<TaskCtx>() == 32);
