//! Who runs now: what a later record needs from an earlier one.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tracego_common::TaskId;

/// A process that runs, or ended a short while ago.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The process.
    pub id: TaskId,
    /// Its parent.
    pub parent: TaskId,
    /// Its executable.
    pub exe: Vec<u8>,
    /// Its allowed variables.
    pub env: BTreeMap<String, String>,
}

/// Ended processes that are still remembered: their children may outlive them.
const ENDED_MAX: usize = 16_384;
/// Longest chain of ancestors.
const DEPTH_MAX: usize = 64;

/// The process table.
#[derive(Debug, Default)]
pub struct Table {
    entries: HashMap<TaskId, Entry>,
    ended: VecDeque<TaskId>,
}

impl Table {
    /// Reads the processes that ran before the programs were attached. A process that ends
    /// meanwhile is left out; one whose start is known better from an event stays as it is.
    pub fn seed(&mut self) {
        let ticks = procfs::ticks_per_second();
        let Ok(all) = procfs::process::all_processes() else {
            return;
        };
        let mut starts = HashMap::new();
        let mut seen = Vec::new();
        for process in all.flatten() {
            let Ok(stat) = process.stat() else { continue };
            let (Ok(tgid), Ok(ppid)) = (u32::try_from(stat.pid), u32::try_from(stat.ppid)) else { continue };
            let start = stat.starttime.saturating_mul(1_000_000_000 / ticks.max(1));
            starts.insert(tgid, start);
            let exe = process.exe().map(|p| p.into_os_string().into_encoded_bytes()).unwrap_or_default();
            seen.push((tgid, ppid, exe));
        }
        for (tgid, ppid, exe) in seen {
            let id = |tgid| TaskId { tgid, pad: 0, start_boottime: starts.get(&tgid).copied().unwrap_or(0) };
            let entry = Entry { id: id(tgid), parent: id(ppid), exe, env: BTreeMap::new() };
            self.entries.entry(Self::key(entry.id)).or_insert(entry);
        }
    }

    /// /proc counts in ticks (10 ms), the kernel record in nanoseconds: the key is the coarser one.
    fn key(id: TaskId) -> TaskId {
        let tick = 1_000_000_000 / procfs::ticks_per_second().max(1);
        TaskId { start_boottime: id.start_boottime / tick, ..id }
    }

    /// A child starts as a copy of its parent.
    pub fn fork(&mut self, id: TaskId, parent: TaskId) {
        let from = self.entries.get(&Self::key(parent)).cloned().unwrap_or_default();
        self.entries.insert(Self::key(id), Entry { id, parent, ..from });
    }

    /// A process became another program.
    pub fn exec(&mut self, id: TaskId, entry: Entry) {
        self.entries.insert(Self::key(id), entry);
    }

    /// A process ended; it is forgotten once enough others have.
    pub fn exit(&mut self, id: TaskId) {
        self.ended.push_back(Self::key(id));
        if self.ended.len() > ENDED_MAX
            && let Some(oldest) = self.ended.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    /// A process, running or just ended.
    #[must_use]
    pub fn get(&self, id: TaskId) -> Option<&Entry> {
        self.entries.get(&Self::key(id))
    }

    /// From a process up to the root, as far as it is known.
    pub fn ancestors<T>(&self, from: TaskId, view: impl Fn(&Entry) -> T) -> Vec<T> {
        let mut chain = Vec::new();
        let mut next = from;
        while chain.len() < DEPTH_MAX
            && let Some(entry) = self.get(next)
        {
            chain.push(view(entry));
            if entry.parent.tgid == 0 || entry.parent == next {
                break;
            }
            next = entry.parent;
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(tgid: u32, start: u64) -> TaskId {
        TaskId { tgid, pad: 0, start_boottime: start }
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let mut table = Table::default();
        table.exec(id(7, 1_000_000_000), Entry { id: id(7, 1_000_000_000), exe: b"/old".into(), ..Entry::default() });
        assert!(table.get(id(7, 9_000_000_000)).is_none());
        assert_eq!(table.get(id(7, 1_000_000_000)).unwrap().exe, b"/old");
    }

    #[test]
    fn memory_is_bounded_when_processes_come_and_go() {
        let mut table = Table::default();
        for n in 0..40_000_u32 {
            let id = id(n, u64::from(n) * 20_000_000);
            table.fork(id, TaskId::default());
            table.exit(id);
        }
        assert_eq!(table.entries.len(), ENDED_MAX);
    }
}
