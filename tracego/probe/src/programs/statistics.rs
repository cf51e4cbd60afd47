//! Run statistics of loaded programs, and the end of their runs.

use std::{
    fs,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use rustix::thread::{MembarrierCommand, membarrier};

/// Run statistics of a program, collected while kernel.bpf_stats_enabled is set.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProgramStats {
    /// Name of the program.
    pub program: String,
    /// Total run time in nanoseconds.
    pub time_ns: u64,
    /// Number of runs.
    pub count: u64,
}

/// Waits for running programs. Programs run with preemption off; membarrier returns after every CPU has left
/// such a section (synchronize_rcu, kernel/sched/membarrier.c). If the kernel refuses it (nohz_full=), only
/// the agent's own wait for the counters remains.
pub fn grace() {
    if let Err(error) = membarrier(MembarrierCommand::Global) {
        tracing::debug!(%error, "membarrier");
    }
}

/// Returns how often the kernel skipped a program, and its run statistics (kernel/bpf/syscall.c,
/// bpf_prog_show_fdinfo).
pub(crate) fn account(name: &str, program: BorrowedFd<'_>) -> Option<(u64, ProgramStats)> {
    let fd = program.as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let number = |key: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok())
    };
    let (time_ns, count) = (number("run_time_ns").unwrap_or(0), number("run_cnt").unwrap_or(0));
    Some((number("recursion_misses").unwrap_or(0), ProgramStats { program: name.to_owned(), time_ns, count }))
}
