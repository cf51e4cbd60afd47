//! Who runs now: what a later record needs from an earlier one. One owner, no lock.

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

use super::context::OpenJob;
use tracego_golang::task::Task;
use tracego_model::record::job::Identified;
use tracego_model::{clock::Time, input::Seed, record::At};

/// A process that runs.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// It and who forked it.
    pub line: Arc<Line>,
    /// The job that it belongs to.
    pub job: Option<Arc<OpenJob>>,
    /// What its records say about commit and job.
    pub identity: Option<Identified>,
    /// What it is in Go's world.
    pub task: Task,
}

/// A process in a line of ancestors, as it was when the one below it was forked.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The process.
    pub id: TaskId,
    /// Its start.
    pub created: Time,
    /// It ran before the agent, and its start is known to a clock tick only.
    pub seeded: bool,
    /// Task name.
    pub command: String,
    /// Executable; empty for a kernel thread.
    pub executable: String,
    /// Who forked it.
    pub up: Option<Arc<Line>>,
    /// Number of ancestors.
    pub depth: u32,
    /// It and its ancestors as JSON, made when the first child is written.
    pub(super) json: OnceLock<Option<Box<RawValue>>>,
}

/// Ancestors that are kept when a line grows beyond twice as many.
const DEPTH_KEPT: u32 = 64;
/// Difference between a start read from /proc, in ticks, and the same start in nanoseconds.
pub const TICK_NS: u64 = 10_000_000;

impl Line {
    /// One below `up`.
    #[must_use]
    pub fn below(up: Option<Arc<Self>>, mut line: Self) -> Arc<Self> {
        let up = up.map(|up| if up.depth >= 2 * DEPTH_KEPT { up.cut(DEPTH_KEPT) } else { up });
        line.depth = up.as_ref().map_or(0, |up| up.depth + 1);
        line.up = up;
        Arc::new(line)
    }

    /// A copy with at most `keep` ancestors.
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

    /// It and its ancestors. Siblings share what is above them, so this is made once for all.
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

/// `tracego.ancestors`: from the one that forked it up to the root.
#[derive(Clone, Debug, Default)]
pub struct Lineage(pub Option<Arc<Line>>);

impl Lineage {
    /// The ancestors, nearest first.
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
    /// Takes the processes that ran when the programs were attached. What an event told already is
    /// better and stays.
    pub fn seed(&mut self, seeds: &[Seed], tick_hz: u64, wall: impl Fn(u64) -> Time) {
        let by_pid: HashMap<u32, &Seed> = seeds.iter().map(|seed| (seed.pid, seed)).collect();
        let mut lines: HashMap<u32, Arc<Line>> = HashMap::new();
        for seed in seeds {
            // From the highest unknown ancestor down; a loop in damaged input ends at the bound.
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

    /// A process by its identity. A start that was read in ticks is met to the tick and then made exact.
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

    /// A process was made or became another program.
    pub fn put(&mut self, entry: Entry) {
        self.0.insert(entry.line.id.tgid, entry);
    }

    /// A process ended; what its children need they hold themselves.
    pub fn remove(&mut self, id: TaskId) {
        self.0.remove(&id.tgid);
    }

    /// Processes that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
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
