//! Sizes and bounds that both sides rely on, in bytes unless the name says otherwise.

/// The fixed part and all paths and variables end below this offset of the data area.
pub const PREFIX_MAX: u32 = 64 * 1024;
/// argv bytes carried in one record; the kernel's own bound on ONE argument. What is longer comes in pieces.
pub const ARGV_MAX: u32 = 128 * 1024;
/// argv bytes carried unless the user says otherwise: the longest single argument and others beside it.
pub const ARGV_DEFAULT: u32 = 256 * 1024;
/// Most that can be carried: the kernel's bound on arguments and environment together (3/4 of
/// _STK_LIM, fs/exec.c).
pub const ARGV_LIMIT: u32 = 6 * 1024 * 1024;
/// Pieces of one argv.
pub const CHUNKS_MAX: u32 = ARGV_LIMIT / ARGV_MAX;
/// Arguments of a failed attempt that are carried.
pub const FAILED_ARGS_MAX: u32 = 64;
/// Bytes of them.
pub const FAILED_ARGS_BYTES: u32 = 16 * 1024;
/// Variable data of one exec record.
pub const DATA_MAX: u32 = PREFIX_MAX + ARGV_MAX;
/// Bytes of one path: executable, working directory, file name, cgroup. A walk ends with the name
/// that passes it, so a path of PATH_MAX is whole.
pub const PATH_MAX: u32 = 4096;
/// Directory entries followed from a file towards its root.
pub const PATH_DEPTH_MAX: u32 = 512;
/// Steps through one environment; each passes a variable or 64 bytes of one.
pub const ENV_STEPS_MAX: u32 = 32 * 1024;
/// Bytes of allowed variables in one record.
pub const ENV_MAX: u32 = 32 * 1024;
/// Bytes of one allowed `NAME=value`.
pub const ENV_VAR_MAX: u32 = 4096;
/// Bytes of a variable's name on the allow-list.
pub const ENV_NAME_MAX: usize = 64;
/// Names on the allow-list.
pub const ENV_NAMES_MAX: u32 = 512;
/// Processes with a context (job or followed tree) at one time.
pub const TASK_CTX_MAX: u32 = 65_536;
/// Jobs whose losses are counted apart; the one that lost longest ago makes room.
pub const LOST_JOBS_MAX: u32 = 1024;
/// CPUs that have a scratch area each; more are refused at start.
pub const CPUS_MAX: u32 = 1024;
