//! Processes that run the image of another one's start, because they were forked and executed nothing since.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_common::{TaskId, event::EventHeader};
use tracego_model::{enforcement::Pending, process_key::ProcessKey};

/// Maximum number of processes that are known.
const PROCESSES: NonZeroUsize = match NonZeroUsize::new(64 << 10) {
    Some(processes) => processes,
    None => NonZeroUsize::MIN,
};
/// Maximum number of killed starts of which children may still come.
const DOOMED: NonZeroUsize = match NonZeroUsize::new(1024) {
    Some(doomed) => doomed,
    None => NonZeroUsize::MIN,
};

/// A start: its process, and its time in nanoseconds since boot.
type StartKey = (ProcessKey, u64);

/// A process that runs the image of a start.
#[derive(Debug)]
struct Member {
    id: TaskId,
    start: StartKey,
}

/// The processes of each start, from the events of forks, starts and exits.
#[derive(Debug)]
pub(super) struct StartFamilies {
    members: LruCache<ProcessKey, Member>,
    doomed: LruCache<StartKey, Pending>,
    /// Children of killed starts that were forked since.
    escaped: Vec<TaskId>,
}

impl Default for StartFamilies {
    fn default() -> Self {
        Self { members: LruCache::new(PROCESSES), doomed: LruCache::new(DOOMED), escaped: Vec::new() }
    }
}

impl StartFamilies {
    /// Notes a start.
    pub(super) fn started(&mut self, header: &EventHeader) {
        let start = (header.id.into(), header.boot_ns);
        self.members.put(header.id.into(), Member { id: header.id, start });
    }

    /// Notes a fork.
    pub(super) fn forked(&mut self, parent: TaskId, child: TaskId) {
        let Some(start) = self.members.get(&parent.into()).map(|member| member.start) else { return };
        self.members.put(child.into(), Member { id: child, start });
        if self.doomed.contains(&start) {
            self.escaped.push(child);
        }
    }

    /// Takes the kills of children that were forked behind the kill of their start, and that still run its image.
    pub(super) fn take_escaped(&mut self) -> Vec<Pending> {
        let escaped = std::mem::take(&mut self.escaped).into_iter();
        let kill = |child: TaskId| {
            let start = self.members.peek(&child.into())?.start;
            self.doomed.peek(&start).map(|pending| of_child(pending, child))
        };
        escaped.filter_map(kill).collect()
    }

    /// Notes the end of a process.
    pub(super) fn exited(&mut self, id: TaskId) {
        self.members.pop(&id.into());
    }

    /// Returns a kill for each process that runs the image of a killed start, beside that of the start itself. Children
    /// that are forked from now on are known by their forks.
    pub(super) fn doom(&mut self, pending: &Pending) -> Vec<Pending> {
        let process = ProcessKey::from(pending.start.id);
        let start = (process, pending.start.boot_ns);
        let children = self.members.iter().filter(|(key, member)| **key != process && member.start == start);
        let found = children.map(|(_, member)| of_child(pending, member.id)).collect();
        self.doomed.put(start, pending.clone());
        found
    }
}

/// End of the message of a child's kill.
const CHILD: &str = " (a child that ran the same program)";

/// Returns the kill of a child, which has no job and no arguments of its own.
fn of_child(pending: &Pending, child: TaskId) -> Pending {
    let start = EventHeader { id: child, parent: pending.start.id, ..pending.start };
    let message = format!("{}{CHILD}", pending.message);
    Pending { start, exit: None, key: None, job: None, is_killed: false, message, ..pending.clone() }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros as _;

    use super::*;

    fn id(tgid: u32) -> TaskId {
        TaskId { tgid, start_boottime: u64::from(tgid) * 1_000_000_000, ..TaskId::default() }
    }

    fn start(tgid: u32, boot_ns: u64) -> EventHeader {
        EventHeader { id: id(tgid), boot_ns, ..EventHeader::new_zeroed() }
    }

    fn pending(start: EventHeader) -> Pending {
        Pending {
            start,
            comm: [0; 16],
            path: None,
            elsewhere: false,
            name: String::new(),
            exit: Some((0, 7)),
            key: None,
            job: None,
            is_killed: false,
            reason: "TG019".to_owned(),
            message: String::new(),
        }
    }

    fn pids(found: &[Pending]) -> Vec<u32> {
        let mut pids: Vec<u32> = found.iter().map(|pending| pending.start.id.tgid).collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn children_that_executed_nothing_belong_to_the_start() {
        let mut families = StartFamilies::default();
        families.started(&start(1, 10));
        families.forked(id(1), id(2));
        families.forked(id(2), id(3));
        families.forked(id(1), id(4));
        // A process of its own by now, and one that has ended.
        families.started(&start(4, 20));
        families.forked(id(4), id(5));
        families.exited(id(2));
        // The first process may have ended, or run something else.
        families.started(&start(1, 30));
        let killed = families.doom(&pending(start(1, 10)));
        assert_eq!(pids(&killed), [3]);
        assert_eq!(killed.first().map(|child| child.exit), Some(None));
        assert!(families.take_escaped().is_empty());
        // Forked before the kill, read after it.
        families.forked(id(3), id(6));
        families.forked(id(4), id(7));
        // One that has executed another program by now, and one that has ended.
        families.forked(id(3), id(8));
        families.started(&start(8, 40));
        families.forked(id(3), id(9));
        families.exited(id(9));
        assert_eq!(pids(&families.take_escaped()), [6]);
        assert!(families.take_escaped().is_empty());
        assert_eq!(pids(&families.doom(&pending(start(4, 20)))), [5, 7]);
    }
}
