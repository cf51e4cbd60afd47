//! Starts that wait for the exit of their process, so that one record has both.

use lru::LruCache;
use tracego_common::TaskId;
use tracego_model::record::{Record, event_name, lineage::Lineage};

use super::backlog::JudgedRecord;

/// Longest time between a start and the exit that its record tells, in nanoseconds.
const TOGETHER: u64 = 1_000_000_000;
/// Time by which events of one CPU can be behind those of another, in nanoseconds.
const EVENT_DELAY: u64 = 100_000_000;
/// Time by which events can be behind the clock, in nanoseconds. An exit that comes later has a record of its own.
const CLOCK_DELAY: u64 = 1_000_000_000;
/// Maximum number of starts that wait.
const STARTS_MAX: usize = 4096;
/// Maximum number of bytes of arguments that wait.
const BYTES_MAX: usize = 4 << 20;

/// The starts that wait, in the order in which they came.
///
/// A record never comes ahead of the start of its process, or of an ancestor: those are released first. So only
/// processes without children that are recorded are folded.
pub(super) struct HeldStarts {
    starts: LruCache<TaskId, JudgedRecord>,
    bytes: usize,
}

impl Default for HeldStarts {
    fn default() -> Self {
        Self { starts: LruCache::unbounded(), bytes: 0 }
    }
}

impl HeldStarts {
    /// Returns the number of the oldest start that waits.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.starts.peek_lru().map(|(_, judged)| judged.number)
    }

    /// Whether a start can wait. One with a finding or a decision is written at once.
    pub(super) fn takes(judged: &JudgedRecord) -> bool {
        let JudgedRecord { record, is_written, is_decision, .. } = judged;
        let own = &record.tracego;
        *is_written
            && !is_decision
            && record.event_name == event_name::START
            && own.findings.is_empty()
            && own.enforcement.as_ref().is_none_or(|about| about.decision.is_none())
            && own.policy.as_ref().is_none_or(|policy| policy.allow && policy.warnings.is_empty())
    }

    /// Holds a start. Returns those that make room for it, the oldest first.
    pub(super) fn hold(&mut self, id: TaskId, judged: JudgedRecord) -> Vec<JudgedRecord> {
        self.bytes += judged.bytes;
        let before = self.starts.push(id, judged).map(|(_, before)| before);
        self.bytes -= before.as_ref().map_or(0, |before| before.bytes);
        let mut released: Vec<JudgedRecord> = before.into_iter().collect();
        while (self.starts.len() > STARTS_MAX || self.bytes > BYTES_MAX)
            && let Some(oldest) = self.take_oldest()
        {
            released.push(oldest);
        }
        released
    }

    /// Returns the start of a process.
    pub(super) fn get(&mut self, id: TaskId) -> Option<&mut JudgedRecord> {
        self.starts.peek_mut(&id)
    }

    /// Takes out the start of a process.
    pub(super) fn take(&mut self, id: TaskId) -> Option<JudgedRecord> {
        let judged = self.starts.pop(&id)?;
        self.bytes -= judged.bytes;
        Some(judged)
    }

    /// Takes out the starts of a process's ancestors, the oldest first.
    pub(super) fn take_ancestors(&mut self, above: Option<&Lineage>) -> Vec<JudgedRecord> {
        let mut taken = Vec::new();
        if !self.starts.is_empty() {
            let ids = above.into_iter().flat_map(Lineage::iter).map(|line| line.id);
            taken.extend(ids.filter_map(|id| self.take(id)));
            taken.reverse();
        }
        taken
    }

    /// Takes out the oldest start if no exit can be told with it any more, now that there is an event of `event_ns`.
    pub(super) fn take_due_by_event(&mut self, event_ns: u64) -> Option<JudgedRecord> {
        self.take_older(event_ns.saturating_sub(TOGETHER + EVENT_DELAY))
    }

    /// The same by a clock, where no events come; `now`: nanoseconds since boot.
    pub(super) fn take_due_by_clock(&mut self, now: u64) -> Option<JudgedRecord> {
        self.take_older(now.saturating_sub(TOGETHER + CLOCK_DELAY))
    }

    fn take_older(&mut self, than: u64) -> Option<JudgedRecord> {
        let (_, oldest) = self.starts.peek_lru()?;
        oldest.event_ns.is_none_or(|then| then < than).then(|| self.take_oldest())?
    }

    /// Takes out the oldest start.
    pub(super) fn take_oldest(&mut self) -> Option<JudgedRecord> {
        let (_, oldest) = self.starts.pop_lru()?;
        self.bytes -= oldest.bytes;
        Some(oldest)
    }
}

/// Adds an exit to the record of its start, if that was soon before. Returns whether it tells everything that the record
/// of the exit does; it is unchanged if not.
pub(super) fn fold(start: &mut JudgedRecord, exit: &JudgedRecord) -> bool {
    let times = start.event_ns.zip(exit.event_ns);
    let is_soon = times.is_some_and(|(start, exit)| exit.saturating_sub(start) <= TOGETHER);
    exit.is_written
        && exit.record.event_name == event_name::EXIT
        && is_soon
        && tell(&mut start.record, &exit.record)
}

fn tell(start: &mut Record, exit: &Record) -> bool {
    let (Some(process), Some(ended)) = (start.process.as_deref_mut(), exit.process.as_deref()) else {
        return false;
    };
    let (own, last) = (&mut start.tracego, &exit.tracego);
    let is_told = process.command == ended.command
        && process.parent_pid == ended.parent_pid
        && process.real_user == ended.real_user
        && process.executable.as_ref().map(|file| &file.path)
            == ended.executable.as_ref().map(|file| &file.path)
        && own.exec_id == last.exec_id
        && own.reparented == last.reparented
        && own.in_tree == last.in_tree
        && last.completeness.is_whole()
        && last.findings.is_empty()
        && start.severity_number == exit.severity_number;
    if is_told {
        process.exit = ended.exit;
        own.exit = last.exit;
    }
    is_told
}
