//! The table of running processes: what later records need from earlier events. One owner, no lock.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeSeq as _},
};
use serde_json::value::RawValue;
use tracego_common::TaskId;

use super::context::{Identified, OpenJob};
use crate::{clock::Time, enrich::record::At, golang::task::Task, input::Seed};

/// A running process.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The process and its ancestors.
    pub line: Arc<Line>,
    /// The job that the process belongs to.
    pub job: Option<Arc<OpenJob>>,
    /// Commit and job, as its records show them.
    pub identity: Option<Identified>,
    /// Role in an execution of the go command.
    pub task: Task,
}

/// A process in a line of ancestors, as it was when the process below it was forked.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The process.
    pub id: TaskId,
    /// Start time.
    pub created: Time,
    /// Whether the process ran before the agent; its start time is then known to a clock tick only.
    pub seeded: bool,
    /// Task name.
    pub command: String,
    /// Path of the executable; empty for a kernel thread.
    pub executable: String,
    /// The process that forked it.
    pub up: Option<Arc<Line>>,
    /// Number of ancestors.
    pub depth: u32,
    /// JSON of the process and its ancestors, created when the first child is written.
    pub(super) json: OnceLock<Option<Box<RawValue>>>,
}

/// Number of ancestors that are kept when a line grows beyond twice as many.
const DEPTH_KEPT: u32 = 64;
/// Maximum difference between a start time read from /proc, in ticks, and the same time in nanoseconds.
pub const TICK_NS: u64 = 10_000_000;

impl Line {
    /// Creates a line below `up`.
    #[must_use]
    pub fn below(up: Option<Arc<Self>>, mut line: Self) -> Arc<Self> {
        let up = up.map(|up| if up.depth >= 2 * DEPTH_KEPT { up.cut(DEPTH_KEPT) } else { up });
        line.depth = up.as_ref().map_or(0, |up| up.depth + 1);
        line.up = up;
        Arc::new(line)
    }

    /// Returns a copy with at most `keep` ancestors.
    fn cut(&self, keep: u32) -> Arc<Self> {
        let up = self.up.as_ref().filter(|_| keep > 0).map(|up| up.cut(keep - 1));
        let depth = up.as_ref().map_or(0, |up| up.depth + 1);
        Arc::new(Self { up, depth, json: OnceLock::new(), ..self.clone() })
    }

    fn ancestor(&self) -> Ancestor<'_> {
        Ancestor {
            pid: self.id.tgid,
            creation: At { time: self.created },
            command: &self.command,
            executable: (!self.executable.is_empty()).then_some(AncestorFile { path: &self.executable }),
        }
    }

    /// Returns the JSON of the process and its ancestors. Siblings share it, so it is created once for all of
    /// them.
    fn json(&self) -> Option<&RawValue> {
        let make = || {
            let mut text = format!("[{}", serde_json::to_string(&self.ancestor()).ok()?);
            match self.up.as_ref().map(|up| up.json()) {
                Some(above) => {
                    text.push(',');
                    text.push_str(above?.get().strip_prefix('[')?);
                }
                None => text.push(']'),
            }
            RawValue::from_string(text).ok()
        };
        self.json.get_or_init(make).as_deref()
    }
}

/// `tracego.ancestors`: from the process that forked this one, up to the root.
#[derive(Clone, Debug, Default)]
pub struct Lineage(pub Option<Arc<Line>>);

impl Lineage {
    /// Iterates over the ancestors, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        std::iter::successors(self.0.as_deref(), |line| line.up.as_deref())
    }
}

#[derive(Serialize)]
struct Ancestor<'a> {
    pid: u32,
    creation: At,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    executable: Option<AncestorFile<'a>>,
}

#[derive(Serialize)]
struct AncestorFile<'a> {
    path: &'a str,
}

impl Serialize for Lineage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.collect_seq(self.iter().map(Line::ancestor));
        }
        match self.0.as_ref().map(|line| line.json()) {
            None => serializer.serialize_seq(Some(0))?.end(),
            Some(Some(json)) => json.serialize(serializer),
            Some(None) => Err(S::Error::custom("an ancestor cannot be written as JSON")),
        }
    }
}

/// The process table.
#[derive(Debug, Default)]
pub struct Table(HashMap<u32, Entry>);

impl Table {
    /// Adds the processes that ran when the programs were attached. Entries that came from events are better
    /// and stay.
    pub fn seed(&mut self, seeds: &[Seed], tick_hz: u64, wall: impl Fn(u64) -> Time) {
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
                    executable: seed.exe.clone(),
                    ..Line::default()
                };
                let up = lines.get(&seed.ppid).cloned();
                lines.entry(seed.pid).or_insert_with(|| Line::below(up, line));
            }
        }
        for (pid, line) in lines {
            self.0.entry(pid).or_insert(Entry { line, ..Entry::default() });
        }
    }

    /// Returns a process by its identity. A start time that was read in ticks matches within a tick and is
    /// then made exact.
    pub fn get(&mut self, id: TaskId, wall: impl Fn(u64) -> Time) -> Option<&Entry> {
        let entry = self.0.get_mut(&id.tgid)?;
        let known = entry.line.id.start_boottime;
        if known != id.start_boottime {
            let tick = known..known.saturating_add(TICK_NS);
            if !entry.line.seeded || !tick.contains(&id.start_boottime) {
                return None;
            }
            let line = Arc::make_mut(&mut entry.line);
            line.id = id;
            line.created = wall(id.start_boottime);
            line.seeded = false;
            line.json = OnceLock::new();
        }
        Some(entry)
    }

    /// Inserts a process that was forked or executed another program.
    pub fn put(&mut self, entry: Entry) {
        self.0.insert(entry.line.id.tgid, entry);
    }

    /// Removes an ended process. Its children hold what they need from it.
    pub fn remove(&mut self, id: TaskId) {
        self.0.remove(&id.tgid);
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

    fn id(tgid: u32, start_boottime: u64) -> TaskId {
        TaskId { tgid, pad: 0, start_boottime }
    }

    fn wall(ns: u64) -> Time {
        Time(ns as i64)
    }

    #[test]
    fn a_seeded_process_is_met_to_the_tick_and_a_reused_pid_is_not() {
        let mut table = Table::default();
        let seed = |pid, ppid, start_ticks| Seed { pid, ppid, start_ticks, ..Seed::default() };
        table.seed(&[seed(9, 7, 300), seed(7, 1, 200), seed(1, 0, 1)], 100, wall);
        assert!(table.get(id(7, 9_000_000_000), wall).is_none());
        assert!(table.get(id(7, 1_999_999_999), wall).is_none());
        assert!(table.get(id(7, 2_000_000_123), wall).is_some());
        assert!(table.get(id(7, 2_000_000_124), wall).is_none());
        let above = Lineage(table.get(id(9, 3_000_000_000), wall).unwrap().line.up.clone());
        assert_eq!(above.iter().map(|line| line.id.tgid).collect::<Vec<_>>(), [7, 1]);
    }

    #[test]
    fn damaged_seeds_do_not_loop() {
        let mut table = Table::default();
        let seed = |pid, ppid| Seed { pid, ppid, ..Seed::default() };
        table.seed(&[seed(1, 2), seed(2, 1), seed(3, 3)], 100, wall);
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn a_line_that_grows_for_ever_stays_short() {
        let mut line = Line::below(None, Line::default());
        for n in 0..10_000 {
            line = Line::below(Some(line), Line { id: id(n, 0), ..Line::default() });
            assert!(line.depth <= 2 * DEPTH_KEPT + 1);
        }
        assert_eq!(Lineage(Some(line)).iter().next().map(|l| l.id.tgid), Some(9_999));
    }
}
