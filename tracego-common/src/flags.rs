//! Flags of an event (`EventHeader::flags`): what it lacks, and facts about its process.

/// Argv is longer than the cap; `argv_total` holds the true length.
pub const ARGV_TRUNCATED: u64 = 1 << 0;
/// The read of argv from the new image faulted.
pub const ARGV_UNREADABLE: u64 = 1 << 1;
/// The environment exceeds the bounds of the scan, in bytes or in variables.
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
/// The user's filters exclude the process; the event carries what the process table needs, without argv.
pub const OUTSIDE: u64 = 1 << 16;
/// First bit of the kernel side's decision about the program start; three bits wide (see [`decision`]).
pub const DECISION_SHIFT: u32 = 17;
/// The executable's mount is not in the mount namespace of the process: it is detached, or another namespace's.
pub const EXE_DETACHED: u64 = 1 << 23;
/// First bit of the number of the rules that decided about the program start; eight bits wide (see
/// [`rules`]).
pub const RULES_SHIFT: u32 = 24;
/// First bit of the number of the load that wrote the event (see [`generation`]).
pub const GENERATION_SHIFT: u32 = 32;
/// More argv bytes were sent in [`crate::ArgvChunk`] events before this one.
pub const ARGV_CHUNKS: u64 = 1 << 15;

/// Returns which rules decided about a program start: the number of their load, and their own number in the
/// low eight bits. Every load numbers its rules anew; 0 without enforcement.
#[inline(always)]
#[must_use]
pub fn rules(flags: u64) -> u64 {
    flags >> RULES_SHIFT
}

/// Returns the number of the [`Action`](crate::verdict::Action) that the kernel side took about a program
/// start; 0 when no rule matched, and without enforcement.
#[inline(always)]
#[must_use]
pub fn decision(flags: u64) -> u32 {
    (flags >> DECISION_SHIFT) as u32 & 7
}

/// Returns the flags of a program start with the decision about it, and with the number of the rules that
/// decided.
#[inline(always)]
#[must_use]
pub fn with_decision(flags: u64, action: u32, number: u8) -> u64 {
    let decided = (7 << DECISION_SHIFT) | (0xff << RULES_SHIFT);
    (flags & !decided) | ((action as u64 & 7) << DECISION_SHIFT) | ((number as u64) << RULES_SHIFT)
}

/// Returns the flags that carry the number of a load and of its rules.
#[inline(always)]
#[must_use]
pub fn of_rules(generation: u32, number: u8) -> u64 {
    ((generation as u64) << GENERATION_SHIFT) | ((number as u64) << RULES_SHIFT)
}

/// Returns the number of the load that wrote the event, among loads that take over from each other; 0 without
/// handover.
#[inline(always)]
#[must_use]
pub fn generation(flags: u64) -> u32 {
    (flags >> GENERATION_SHIFT) as u32
}

const _: () = assert!(RULES_SHIFT + u8::BITS == GENERATION_SHIFT);
const _: () = assert!(OUTSIDE < 1 << DECISION_SHIFT && DECISION_SHIFT + 3 <= RULES_SHIFT);

/// The program ran before the programs were attached: the agent read all of the event from /proc. The kernel side
/// never sets it.
pub const BEFORE: u64 = 1 << 20;

const _: () = assert!(BEFORE > OUTSIDE << 3 && BEFORE < EXE_DETACHED);
