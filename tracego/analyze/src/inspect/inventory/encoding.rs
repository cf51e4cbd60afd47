//! Values of /proc in the form that events have.

use procfs::process::{Limit, LimitValue, Limits};
use tracego_common::event::Rlimit;

/// Returns the number of a device as events have it: 20 bits for the minor number.
pub(super) fn device(major: u32, minor: u32) -> u32 {
    (major << 20) | (minor & 0xf_ffff)
}

/// Converts a path to the form of events: names from the file to the root, each ended by a NUL.
pub(super) fn names(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len() + 1);
    for name in path.split(|&b| b == b'/').rev().filter(|name| !name.is_empty()) {
        bytes.extend_from_slice(name);
        bytes.push(0);
    }
    bytes
}

/// Returns the limits in the order of `RLIMIT_*`.
pub(super) fn rlimits(limits: &Limits) -> [Rlimit; 16] {
    let all = [
        limits.max_cpu_time,
        limits.max_file_size,
        limits.max_data_size,
        limits.max_stack_size,
        limits.max_core_file_size,
        limits.max_resident_set,
        limits.max_processes,
        limits.max_open_files,
        limits.max_locked_memory,
        limits.max_address_space,
        limits.max_file_locks,
        limits.max_pending_signals,
        limits.max_msgqueue_size,
        limits.max_nice_priority,
        limits.max_realtime_priority,
        limits.max_realtime_timeout,
    ];
    let value = |value| match value {
        LimitValue::Unlimited => u64::MAX,
        LimitValue::Value(value) => value,
    };
    all.map(|Limit { soft_limit, hard_limit }| Rlimit { soft: value(soft_limit), hard: value(hard_limit) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_turned_round() {
        assert_eq!(names(b"/usr/bin/ls"), b"ls\0bin\0usr\0");
        assert_eq!(names(b"/"), b"");
        assert_eq!(names(b"/a b/c (deleted)"), b"c (deleted)\0a b\0");
    }
}
