//! The table of running processes: what later records need from earlier events. One owner, no lock.

use std::{collections::HashMap, sync::Arc};

use tracego_common::TaskId;
use tracego_golang::task::GoTask;
use tracego_model::{
    clock::{TICK_NS, Time},
    input::Seed,
    linux::users::Users,
    record::{job::Identified, lineage::Line, parent::ShownArgs},
};

use super::context::OpenJob;

/// A running process.
#[derive(Clone, Debug, Default)]
pub struct ProcessEntry {
    /// The process and its ancestors.
    pub line: Arc<Line>,
    /// The job that the process belongs to.
    pub job: Option<Arc<OpenJob>>,
    /// Commit and job, as its records show them.
    pub identity: Option<Identified>,
    /// Role in an execution of the go command.
    pub task: GoTask,
    /// Names of the process's users, if they are others than those that the run started with.
    pub users: Option<Users>,
    /// Whether what is known about the program was read from /proc, because it ran before.
    pub inventory: bool,
    /// Whether nothing is known but what a seed has.
    pub is_seed: bool,
}

impl ProcessEntry {
    /// Whether the entry is about a process. A start time that was read in ticks, here or there, matches within a tick.
    fn is(&self, id: TaskId) -> bool {
        let (known, wanted) = (self.line.id.start_boottime, id.start_boottime);
        let is_tick_of = |tick: u64, exact: u64| tick <= exact && exact < tick.saturating_add(TICK_NS);
        known == wanted
            || (self.line.seeded && is_tick_of(known, wanted))
            || ((self.inventory || self.is_seed)
                && wanted.is_multiple_of(TICK_NS)
                && is_tick_of(wanted, known))
    }
}

/// The process table.
#[derive(Debug, Default)]
pub struct ProcessTable(HashMap<u32, ProcessEntry, lru::DefaultHasher>);

impl ProcessTable {
    /// Adds the processes that ran when the programs were attached. Entries that came from events are better
    /// and stay.
    pub fn seed(
        &mut self,
        seeds: &[Seed],
        tick_hz: u64,
        wall: impl Fn(u64) -> Time,
        args: impl Fn(&Seed) -> ShownArgs,
    ) {
        let by_pid: HashMap<u32, &Seed> = seeds.iter().map(|seed| (seed.pid, seed)).collect();
        let mut lines: HashMap<u32, Arc<Line>> = HashMap::new();
        for seed in seeds {
            // From the highest unknown ancestor down. A loop in damaged input ends at the bound.
            let mut path = vec![seed];
            while let Some(up) = path.last().and_then(|last| by_pid.get(&last.ppid))
                && path.len() < 1024
                && !lines.contains_key(&up.pid)
                && path.iter().all(|below| below.pid != up.pid)
            {
                path.push(up);
            }
            for seed in path.into_iter().rev() {
                let start_boottime = seed.start_ticks.saturating_mul(1_000_000_000 / tick_hz.max(1));
                let line = Line {
                    id: TaskId { tgid: seed.pid, pad: 0, start_boottime },
                    created: wall(start_boottime),
                    seeded: true,
                    command: seed.comm.clone(),
                    executable: seed.exe.as_str().into(),
                    ..Line::default()
                };
                let up = lines.get(&seed.ppid).cloned();
                lines.entry(seed.pid).or_insert_with(|| Line::below(up, Line { args: args(seed), ..line }));
            }
        }
        for (pid, line) in lines {
            self.0.entry(pid).or_insert(ProcessEntry { line, is_seed: true, ..ProcessEntry::default() });
        }
    }

    /// Returns the creation time of a process as its earlier records have it: one process has one, whatever
    /// the clock did since. A start time that was read in ticks gets the rest.
    #[must_use]
    pub fn created(&self, id: TaskId) -> Option<Time> {
        let line = &self.0.get(&id.tgid).filter(|entry| entry.is(id))?.line;
        // Nothing to add where the wanted start is the one that was read in ticks.
        let rest = i64::try_from(id.start_boottime.saturating_sub(line.id.start_boottime)).ok()?;
        Some(Time(line.created.0.saturating_add(rest)))
    }

    /// Returns a process by its identity. A start time that was read in ticks matches within a tick and is
    /// then made exact.
    pub fn get(&mut self, id: TaskId) -> Option<&ProcessEntry> {
        let created = self.created(id)?;
        let entry = self.0.get_mut(&id.tgid)?;
        if entry.line.seeded && entry.line.id.start_boottime != id.start_boottime {
            Arc::make_mut(&mut entry.line).make_exact(id, created);
        }
        Some(entry)
    }

    /// Inserts a process that was forked or executed another program.
    pub fn put(&mut self, entry: ProcessEntry) {
        self.0.insert(entry.line.id.tgid, entry);
    }

    /// Removes an ended process. Its children hold what they need from it. A later process with the same pid
    /// stays: the exit of the earlier one may arrive after its start.
    pub fn remove(&mut self, id: TaskId) {
        if self.0.get(&id.tgid).is_some_and(|entry| entry.is(id)) {
            self.0.remove(&id.tgid);
        }
    }

    /// Returns the number of known processes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the table is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracego_model::record::lineage::Lineage;

    fn id(tgid: u32, start_boottime: u64) -> TaskId {
        TaskId { tgid, pad: 0, start_boottime }
    }

    fn wall(ns: u64) -> Time {
        Time(ns as i64)
    }

    fn none(_: &Seed) -> ShownArgs {
        ShownArgs::default()
    }

    #[test]
    fn a_seeded_process_is_met_to_the_tick_and_a_reused_pid_is_not() {
        let mut table = ProcessTable::default();
        let seed = |pid, ppid, start_ticks| Seed { pid, ppid, start_ticks, ..Seed::default() };
        table.seed(&[seed(9, 7, 300), seed(7, 1, 200), seed(1, 0, 1)], 100, wall, none);
        assert!(table.get(id(7, 9_000_000_000)).is_none());
        assert!(table.get(id(7, 1_999_999_999)).is_none());
        assert!(table.get(id(7, 2_000_000_123)).is_some());
        assert!(table.get(id(7, 2_000_000_124)).is_none());
        let above = Lineage(table.get(id(9, 3_000_000_000)).unwrap().line.up.clone());
        assert_eq!(above.iter().map(|line| line.id.tgid).collect::<Vec<_>>(), [7, 1]);
    }

    #[test]
    fn a_seed_that_an_event_made_exact_is_still_a_seed() {
        let mut table = ProcessTable::default();
        table.seed(&[Seed { pid: 7, start_ticks: 200, ..Seed::default() }], 100, wall, none);
        // It forked: only its start is known better.
        assert!(!table.get(id(7, 2_000_000_123)).unwrap().line.seeded);
        let entry = table.get(id(7, 2_000_000_000)).unwrap();
        assert!(entry.is_seed && entry.line.id.start_boottime == 2_000_000_123);
    }

    #[test]
    fn a_process_of_the_inventory_is_met_by_either_start() {
        let mut table = ProcessTable::default();
        let line = Line { id: id(7, 2_000_000_000), seeded: true, ..Line::default() };
        table.put(ProcessEntry { line: line.into(), inventory: true, ..ProcessEntry::default() });
        assert_eq!(table.get(id(7, 2_000_000_123)).unwrap().line.id.start_boottime, 2_000_000_123);
        // The thread that watches services knows the tick alone, and does not change the exact start back.
        assert_eq!(table.get(id(7, 2_000_000_000)).unwrap().line.id.start_boottime, 2_000_000_123);
        assert!(table.get(id(7, 2_000_000_124)).is_none() && table.get(id(7, 1_990_000_000)).is_none());
        table.remove(id(7, 2_000_000_123));
        assert!(table.is_empty());
    }

    #[test]
    fn the_exit_of_an_earlier_process_does_not_remove_a_later_one_with_its_pid() {
        let mut table = ProcessTable::default();
        let line = Line { id: id(7, 2_000), ..Line::default() };
        table.put(ProcessEntry { line: line.into(), ..ProcessEntry::default() });
        table.remove(id(7, 1_000));
        assert!(table.get(id(7, 2_000)).is_some());
        table.remove(id(7, 2_000));
        assert!(table.is_empty());
    }

    #[test]
    fn a_process_has_one_creation_time_across_a_step_of_the_clock() {
        let mut table = ProcessTable::default();
        table.seed(
            &[Seed { pid: 7, start_ticks: 200, ..Seed::default() }],
            100,
            |ns| Time(ns as i64 + 5),
            none,
        );
        assert_eq!(table.created(id(7, 2_000_000_123)), Some(Time(2_000_000_128)));
        assert_eq!(table.get(id(7, 2_000_000_123)).unwrap().line.created, Time(2_000_000_128));
        assert_eq!(table.created(id(7, 2_000_000_123)), Some(Time(2_000_000_128)));
        assert_eq!(table.created(id(7, 2_000_000_124)), None);
    }

    #[test]
    fn damaged_seeds_do_not_loop() {
        let mut table = ProcessTable::default();
        let seed = |pid, ppid| Seed { pid, ppid, ..Seed::default() };
        table.seed(&[seed(1, 2), seed(2, 1), seed(3, 3)], 100, wall, none);
        assert_eq!(table.len(), 3);
    }
}
