//! The records that one output has been given already.

use std::hash::BuildHasher as _;

use lru::{DefaultHasher, LruCache};
use tracego_common::TaskId;
use tracego_model::{
    clock::Time,
    record::{Process, Record, event_name, lineage::Line, parent::ShownArgs},
};

use super::{
    ANCESTORS_MAX, Detail, PROCESSES_KEPT, REFERENCES_KEPT,
    lean::{above, task},
    reference::{self, Reference},
    reference_cache::RecordReferences,
};

/// Time after which references and processes are written again, in nanoseconds: a reader of any window longer than
/// this has all.
const AGAIN: i64 = 3_600_000_000_000;

/// A process as a reader of the output knows it: from the last record of its start or of itself.
#[derive(Clone, Copy)]
struct KnownProcess {
    /// Hash of what its descendants show of it.
    as_ancestor: u64,
    /// Hash of what its exit takes from it.
    for_exit: u64,
    parent_pid: u32,
    /// Number of its ancestors, if its record holds them itself.
    holds: Option<u32>,
    /// Number of changes up to which the reader is known to have the right ancestors above it.
    checked: u64,
}

impl KnownProcess {
    fn new(record: &Record, process: &Process, hasher: &DefaultHasher) -> Self {
        let up = above(record).map(|up| &**up);
        let path = process.executable.as_ref().map_or("", |file| &file.path);
        let args = record.tracego.shown_args.as_ref();
        Self {
            as_ancestor: as_ancestor((process.creation.time, &process.command, path), args, up, hasher),
            for_exit: for_exit(record, process, up, hasher),
            parent_pid: process.parent_pid,
            holds: None,
            checked: 0,
        }
    }
}

/// Whether what was written `then` is written again.
fn is_old(then: Time, now: Time) -> bool {
    now.0.saturating_sub(then.0) >= AGAIN
}

fn key(id: TaskId) -> (u64, u32) {
    (id.start_boottime, id.tgid)
}

fn as_ancestor(
    (created, command, path): (Time, &str, &str),
    args: Option<&ShownArgs>,
    up: Option<&Line>,
    hasher: &DefaultHasher,
) -> u64 {
    let args = args.and_then(ShownArgs::get);
    hasher.hash_one((created.0, command, path, args, up.map(|up| key(up.id))))
}

fn for_exit(record: &Record, process: &Process, up: Option<&Line>, hasher: &DefaultHasher) -> u64 {
    let path = process.executable.as_ref().map(|file| &file.path);
    let user = process.real_user.as_ref().map(|user| (user.id, &user.name));
    hasher.hash_one((process.creation.time.0, path, user, record.tracego.in_tree, up.map(|up| key(up.id))))
}

/// The records that one output has been given already.
pub(crate) struct ReferenceBook {
    /// Whether the output gets lean records.
    is_lean: bool,
    /// Whether the output gets a record of each executable that starts, with what it consists of.
    has_modules: bool,
    /// Time of each reference, by its key.
    references: LruCache<u64, Time>,
    processes: LruCache<(u64, u32), KnownProcess>,
    /// Time of the oldest process that may be remembered.
    since: Option<Time>,
    /// Number of times that a known process became another one, by an exec.
    changes: u64,
    hasher: DefaultHasher,
}

impl ReferenceBook {
    /// Creates the book of an output that was given nothing. `None` if the output needs none.
    pub(crate) fn new(detail: Detail, has_modules: bool) -> Option<Self> {
        let is_lean = detail == Detail::Lean;
        let book = Self {
            is_lean,
            has_modules,
            references: LruCache::new(REFERENCES_KEPT),
            processes: LruCache::new(PROCESSES_KEPT),
            since: None,
            changes: 1,
            hasher: DefaultHasher::default(),
        };
        (is_lean || has_modules).then_some(book)
    }

    /// Whether the output gets lean records.
    pub(crate) fn is_lean(&self) -> bool {
        self.is_lean
    }

    /// Whether the output gets a record of each executable that starts, with what it consists of.
    pub(crate) fn has_modules(&self) -> bool {
        self.has_modules
    }

    /// Forgets everything: the output goes somewhere else.
    pub(crate) fn clear(&mut self) {
        self.references.clear();
        self.processes.clear();
    }

    /// Returns the records that the output lacks for a lean form of `record`, which is full, in the order in which
    /// they are needed, and notes them as given.
    pub(super) fn missing(&mut self, record: &Record, of: &RecordReferences) -> Vec<Record> {
        let mut missing: Vec<_> =
            of.iter().filter_map(|reference| self.missing_reference(record, reference)).collect();
        let now = record.timestamp;
        if self.since.is_none_or(|then| is_old(then, now)) {
            self.since = Some(now);
            self.processes.clear();
        }
        let first = missing.len();
        missing.extend(self.missing_process(record));
        self.missing_ancestors(record, &mut missing);
        // The oldest ancestor comes first.
        missing[first..].reverse();
        self.note_start(record, None);
        missing
    }

    /// Returns the record of a reference, unless the output has it, and notes it as given.
    pub(super) fn missing_reference(&mut self, record: &Record, of: &Reference) -> Option<Record> {
        let now = record.timestamp;
        if self.references.get(&of.key).is_some_and(|&then| !is_old(then, now)) {
            return None;
        }
        self.references.put(of.key, now);
        Some(if self.has_modules { of.with_contents(record) } else { of.renewed(record) })
    }

    /// Returns the record of the process that an exit or a failed exec is about, unless the reader knows it; what an
    /// exit takes from it has to be right.
    fn missing_process(&mut self, record: &Record) -> Option<Record> {
        let is_exit = record.event_name == event_name::EXIT;
        let is_about = is_exit || record.event_name == event_name::EXEC_FAILED;
        let process = record.process.as_deref().filter(|_| is_about)?;
        let id = task(record)?;
        let this = KnownProcess::new(record, process, &self.hasher);
        let is_known = self.processes.get(&key(id)).is_some_and(|known| {
            // An exit shows its parent where that is not the process that forked it.
            let has_parent = known.parent_pid == this.parent_pid || record.tracego.reparented;
            !is_exit || (known.for_exit == this.for_exit && has_parent)
        });
        if is_known {
            return None;
        }
        self.note(id, this);
        reference::itself(record, id)
    }

    /// Appends the records of the ancestors that the reader does not know as they were when the process below was
    /// forked; the nearest comes first.
    fn missing_ancestors(&mut self, record: &Record, missing: &mut Vec<Record>) {
        let mut next = above(record).map(|line| &**line);
        for _ in 0..ANCESTORS_MAX {
            let Some(line) = next else { break };
            next = line.up.as_deref();
            let shown = (line.created, &*line.command, &*line.executable);
            let hash = as_ancestor(shown, Some(&line.args), next, &self.hasher);
            let changes = self.changes;
            if let Some(known) = self.processes.get_mut(&key(line.id)).filter(|known| {
                known.as_ancestor == hash && known.holds.is_none_or(|count| count == line.depth)
            }) {
                if known.holds.is_some() || known.checked == changes {
                    break;
                }
                known.checked = changes;
                continue;
            }
            let record = reference::ancestor(record, line);
            if let Some(process) = record.process.as_deref() {
                let known =
                    KnownProcess { as_ancestor: hash, ..KnownProcess::new(&record, process, &self.hasher) };
                self.note(line.id, known);
            }
            missing.push(record);
        }
    }

    fn note(&mut self, id: TaskId, known: KnownProcess) {
        let before = self.processes.put(key(id), known);
        self.changes += u64::from(before.is_some_and(|before| before.as_ancestor != known.as_ancestor));
    }

    fn note_start(&mut self, record: &Record, holds: Option<u32>) {
        if [event_name::START, event_name::FORK].contains(&record.event_name)
            && let (Some(id), Some(process)) = (task(record), record.process.as_deref())
        {
            self.note(id, KnownProcess { holds, ..KnownProcess::new(record, process, &self.hasher) });
        }
    }

    /// Notes a process whose start the output was given in a full record.
    pub(super) fn given(&mut self, record: &Record) {
        self.note_start(record, Some(above(record).map_or(0, |up| up.depth + 1)));
    }
}
