//! What a record says about its own completeness and about the process (`Header::flags`).

/// argv is longer than the cap; `argv_total` holds the true length.
pub const ARGV_TRUNCATED: u64 = 1 << 0;
/// The read of argv from the new image faulted.
pub const ARGV_UNREADABLE: u64 = 1 << 1;
/// The environment has more bytes or more variables than the bounds allow to be looked through.
pub const ENV_TRUNCATED: u64 = 1 << 2;
/// The environment could not be read.
pub const ENV_UNREADABLE: u64 = 1 << 3;
/// The executable's path hit the depth or the length bound.
pub const EXE_TRUNCATED: u64 = 1 << 4;
/// The working directory's path hit the depth or the length bound.
pub const CWD_TRUNCATED: u64 = 1 << 5;
/// The cgroup path hit the depth or the length bound.
pub const CGROUP_TRUNCATED: u64 = 1 << 6;
/// `bprm->filename` or `bprm->interp` filled its buffer.
pub const FILENAME_TRUNCATED: u64 = 1 << 7;
/// The executable has no name left in any directory (`i_nlink == 0`).
pub const EXE_DELETED: u64 = 1 << 8;
/// The executable is a memfd: unlinked from birth and on a file system without a mount point.
pub const EXE_MEMFD: u64 = 1 << 9;
/// The task cannot gain privileges any more (`PFA_NO_NEW_PRIVS`).
pub const NO_NEW_PRIVS: u64 = 1 << 10;
/// The process is in the followed tree.
pub const IN_TREE: u64 = 1 << 11;
/// `cgroup` was read from the v1 pids hierarchy because the process sits at the root of v2.
pub const CGROUP_V1: u64 = 1 << 12;
/// The working directory was removed.
pub const CWD_DELETED: u64 = 1 << 13;
/// The execution ended with a core dump.
pub const CORE_DUMPED: u64 = 1 << 14;
/// The user's filters leave it out: it carries what the process table needs, without argv.
pub const OUTSIDE: u64 = 1 << 16;
/// Where the number of the rules begins that decided when a program started; eight bits (see [`rules`]).
pub const RULES_SHIFT: u32 = 24;
/// Where the number of the load begins that wrote the record (see [`generation`]).
pub const GENERATION_SHIFT: u32 = 32;
/// More argv bytes came in [`crate::ArgvChunk`] records before this one.
pub const ARGV_CHUNKS: u64 = 1 << 15;

/// Which rules decided when a program started: the load that has them, and their number there. Another load's are
/// others; 0 where nothing is enforced.
#[inline(always)]
#[must_use]
pub fn rules(flags: u64) -> u64 {
    flags >> RULES_SHIFT
}

/// The flags of a load and its rules.
#[inline(always)]
#[must_use]
pub fn of_rules(generation: u32, number: u8) -> u64 {
    ((generation as u64) << GENERATION_SHIFT) | ((number as u64) << RULES_SHIFT)
}

/// Which of the loads that take over from each other wrote the record; 0 without handover.
#[inline(always)]
#[must_use]
pub fn generation(flags: u64) -> u32 {
    (flags >> GENERATION_SHIFT) as u32
}

const _: () = assert!(RULES_SHIFT + u8::BITS == GENERATION_SHIFT);
