//! A key for what is known about processes, wherever that was read.

use tracego_common::TaskId;

use crate::clock::TICK_NS;

/// A process, to the tick of the clock of /proc. The kernel's events have the exact start; a process that ran before has
/// that of /proc until its first event, and both are one process. No pid is given to another process within a tick.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProcessKey {
    tick: u64,
    tgid: u32,
}

impl From<TaskId> for ProcessKey {
    fn from(id: TaskId) -> Self {
        Self { tick: id.start_boottime / TICK_NS, tgid: id.tgid }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_start_is_that_of_its_tick() {
        let key =
            |tgid, start_boottime| ProcessKey::from(TaskId { tgid, start_boottime, ..TaskId::default() });
        assert_eq!(key(7, 2_000_000_000), key(7, 2_000_000_123));
        assert_eq!(key(7, 2_000_000_000), key(7, 2_009_999_999));
        assert_ne!(key(7, 2_000_000_000), key(7, 2_010_000_000));
        assert_ne!(key(7, 2_000_000_000), key(8, 2_000_000_000));
    }
}
