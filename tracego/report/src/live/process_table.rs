//! The processes that run, as far as records say so.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use tracego_model::{clock::Time, finding::Severity};

/// A process that runs.
#[derive(Clone, Debug)]
pub struct LiveProcess {
    /// Identity.
    pub exec_id: Box<str>,
    /// Identity of the process that forked it; empty if it is unknown.
    pub parent: Box<str>,
    /// Process id.
    pub pid: u32,
    /// Command in one line; control characters are escaped.
    pub command: String,
    /// Key of its program; `None` if it executed nothing since tracego runs.
    pub program: Option<Arc<str>>,
    /// Key of its job.
    pub job: Arc<str>,
    /// Start of the program.
    pub began: Option<Time>,
    /// User.
    pub user: Box<str>,
    /// Worst severity of its findings.
    pub worst: Option<Severity>,
    /// Number of the run of tracego that recorded it.
    pub run: usize,
}

/// A line of a tree of processes.
#[derive(Clone, Copy, Debug)]
pub struct TreeLine<'a> {
    /// Number of processes of the tree above.
    pub depth: usize,
    /// The process.
    pub process: &'a LiveProcess,
}

/// The processes that run, the oldest first. If there are too many, the oldest is forgotten and counted.
#[derive(Clone, Debug)]
pub struct ProcessTable {
    limit: usize,
    by_id: HashMap<Box<str>, u64>,
    /// The last process that had a pid.
    by_pid: HashMap<u32, u64>,
    all: BTreeMap<u64, LiveProcess>,
    next: u64,
    /// Number of processes that were forgotten.
    pub forgotten: u64,
}

impl ProcessTable {
    /// Creates a table of at most `limit` processes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            by_id: HashMap::new(),
            by_pid: HashMap::new(),
            all: BTreeMap::new(),
            next: 0,
            forgotten: 0,
        }
    }

    /// Returns a process.
    #[must_use]
    pub fn get(&self, exec_id: &str) -> Option<&LiveProcess> {
        self.all.get(self.by_id.get(exec_id)?)
    }

    /// Returns a process to be changed.
    pub(super) fn get_mut(&mut self, exec_id: &str) -> Option<&mut LiveProcess> {
        self.all.get_mut(self.by_id.get(exec_id)?)
    }

    /// Returns the process that has a pid since a boot.
    #[must_use]
    pub fn by_pid(&self, boot_id: &str, pid: u32) -> Option<&LiveProcess> {
        let process = self.all.get(self.by_pid.get(&pid)?)?;
        process.exec_id.strip_prefix(boot_id).is_some_and(|rest| rest.starts_with('-')).then_some(process)
    }

    /// Returns all processes, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &LiveProcess> {
        self.all.values()
    }

    /// Adds a process, or puts it in the place of the one with its identity. Returns what is not there any more.
    pub(super) fn put(&mut self, process: LiveProcess) -> Option<LiveProcess> {
        if let Some(known) = self.by_id.get(&process.exec_id).and_then(|at| self.all.get_mut(at)) {
            return Some(std::mem::replace(known, process));
        }
        let evicted = if self.all.len() >= self.limit { self.all.pop_first() } else { None };
        let evicted = evicted.map(|(_, oldest)| oldest);
        if let Some(oldest) = &evicted {
            self.by_id.remove(&oldest.exec_id);
            self.forget_pid(oldest.pid);
            self.forgotten += 1;
        }
        self.by_id.insert(process.exec_id.clone(), self.next);
        self.by_pid.insert(process.pid, self.next);
        self.all.insert(self.next, process);
        self.next += 1;
        evicted
    }

    /// Removes a process that ended.
    pub(super) fn remove(&mut self, exec_id: &str) -> Option<LiveProcess> {
        let process = self.all.remove(&self.by_id.remove(exec_id)?)?;
        self.forget_pid(process.pid);
        Some(process)
    }

    /// Forgets a pid, unless another process has it now.
    fn forget_pid(&mut self, pid: u32) {
        if self.by_pid.get(&pid).is_some_and(|at| !self.all.contains_key(at)) {
            self.by_pid.remove(&pid);
        }
    }

    /// Removes the processes that one run recorded.
    pub(super) fn remove_run(&mut self, run: usize) -> Vec<LiveProcess> {
        let of_run = self.all.values().filter(|process| process.run == run);
        let ids: Vec<Box<str>> = of_run.map(|process| process.exec_id.clone()).collect();
        ids.iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Returns the processes of a job that executed a program, each one below its parent where that is of the job, too.
    #[must_use]
    pub fn tree(&self, job: &str) -> Vec<TreeLine<'_>> {
        let of_job: Vec<_> =
            self.iter().filter(|process| &*process.job == job && process.program.is_some()).collect();
        let known: HashSet<&str> = of_job.iter().map(|process| &*process.exec_id).collect();
        let mut below: HashMap<&str, Vec<&LiveProcess>> = HashMap::new();
        let mut waiting: Vec<TreeLine<'_>> = Vec::new();
        for process in of_job.iter().rev() {
            match known.get(&*process.parent).filter(|parent| ***parent != *process.exec_id) {
                Some(parent) => below.entry(parent).or_default().push(process),
                None => waiting.push(TreeLine { depth: 0, process }),
            }
        }
        let mut lines = Vec::with_capacity(of_job.len());
        let mut shown: HashSet<&str> = HashSet::new();
        // Records that lie may make a circle, which has no beginning: its processes stand at the end.
        let rest = of_job.iter().map(|process| TreeLine { depth: 0, process });
        for line in std::iter::once(None).chain(rest.map(Some)) {
            waiting.extend(line);
            while let Some(line) = waiting.pop() {
                if shown.insert(&line.process.exec_id) {
                    lines.push(line);
                    let children = below.remove(&*line.process.exec_id).unwrap_or_default();
                    let depth = line.depth + 1;
                    waiting.extend(children.into_iter().map(|process| TreeLine { depth, process }));
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: &str, parent: &str) -> LiveProcess {
        LiveProcess {
            exec_id: id.into(),
            parent: parent.into(),
            pid: 1,
            command: id.to_owned(),
            program: Some("p".into()),
            job: "j".into(),
            began: None,
            user: "".into(),
            worst: None,
            run: 0,
        }
    }

    fn shown(table: &ProcessTable) -> Vec<(usize, &str)> {
        table.tree("j").iter().map(|line| (line.depth, &*line.process.exec_id)).collect()
    }

    #[test]
    fn a_child_stands_below_its_parent_and_siblings_by_age() {
        let mut table = ProcessTable::new(9);
        for (id, parent) in [("make", "gone"), ("sh", "make"), ("go", "sh"), ("cc", "sh"), ("other", "")] {
            table.put(process(id, parent));
        }
        assert_eq!(shown(&table), [(0, "make"), (1, "sh"), (2, "go"), (2, "cc"), (0, "other")]);
        assert!(table.tree("another").is_empty());
    }

    #[test]
    fn a_circle_is_shown_once() {
        let mut table = ProcessTable::new(9);
        for (id, parent) in [("a", "b"), ("b", "a"), ("self", "self")] {
            table.put(process(id, parent));
        }
        assert_eq!(shown(&table).len(), 3);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut table = ProcessTable::new(2);
        assert!(table.put(process("a", "")).is_none() && table.put(process("b", "")).is_none());
        assert_eq!(&*table.put(process("a", "x")).unwrap().parent, "");
        assert_eq!(&*table.put(process("c", "")).unwrap().exec_id, "a");
        assert_eq!((table.forgotten, table.iter().count()), (1, 2));
        assert_eq!(table.remove_run(0).len(), 2);
        assert!(table.get("b").is_none());
    }
}
