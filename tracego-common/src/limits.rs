//! Sizes and bounds that both sides rely on, in bytes unless the name says otherwise.

/// Upper bound of the prefix of the data area: the fixed part, all paths and all variables end below it.
pub const PREFIX_MAX: u32 = 64 * 1024;
/// Bytes of argv in one event, the kernel's own bound on one argument. Longer argv is sent in chunks.
pub const ARGV_MAX: u32 = 128 * 1024;
/// Default cap on the bytes of argv: the longest single argument and others beside it.
pub const ARGV_DEFAULT: u32 = 256 * 1024;
/// Largest cap on the bytes of argv: the kernel's bound on arguments and environment together (3/4 of
/// _STK_LIM, fs/exec.c).
pub const ARGV_LIMIT: u32 = 6 * 1024 * 1024;
/// Maximum number of chunks of one argv.
pub const CHUNKS_MAX: u32 = ARGV_LIMIT / ARGV_MAX;
/// Maximum number of arguments that are read of a failed exec.
pub const FAILED_ARGS_MAX: u32 = 64;
/// Maximum bytes of these arguments together.
pub const FAILED_ARGS_BYTES: u32 = 16 * 1024;
/// Bytes of variable data in one exec event.
pub const DATA_MAX: u32 = PREFIX_MAX + ARGV_MAX;
/// Bytes of one path: executable, working directory, file name, cgroup. A walk ends after the name that
/// exceeds the bound, so a path of PATH_MAX is complete.
pub const PATH_MAX: u32 = 4096;
/// Maximum number of directory entries from a file to its root.
pub const PATH_DEPTH_MAX: u32 = 512;
/// The same for kernels whose verifier walks every step.
pub const BOUNDED_PATH_DEPTH_MAX: u32 = 32;
/// Maximum number of steps through one environment; a step passes one variable or 64 bytes of it.
pub const ENV_STEPS_MAX: u32 = 32 * 1024;
/// The same for kernels whose verifier walks every step.
pub const BOUNDED_ENV_STEPS_MAX: u32 = 160;
/// Bytes of allowed variables in one event.
pub const ENV_MAX: u32 = 32 * 1024;
/// Bytes of one allowed `NAME=value`.
pub const ENV_VAR_MAX: u32 = 4096;
/// Bytes of a variable's name on the allow-list.
pub const ENV_NAME_MAX: usize = 64;
/// Number of names on the allow-list.
pub const ENV_NAMES_MAX: u32 = 512;
/// Number of processes that can have a context (job or followed tree) at one time.
pub const TASK_CTX_MAX: u32 = 65_536;
/// Number of jobs whose losses are counted separately; the job that lost least recently is evicted.
pub const LOST_JOBS_MAX: u32 = 1024;
/// Number of ended processes that are remembered while their last threads end.
pub const ENDED_MAX: u32 = 8192;
/// Number of CPUs with a scratch area; a machine with more is refused at startup.
pub const CPUS_MAX: u32 = 1024;
