//! Starts whose executable could not be read in time, and what is known about them once it was read.

use std::collections::VecDeque;

use tracego_common::{TaskId, flags};
use tracego_model::{
    clock::Reading,
    event::{Event, Exec, ExecCopy},
    input::note::{OpenFailure, StartNote},
    linux::users::Users,
    record::Record,
};

use super::{EnrichedRecord, Enricher, process_table::ProcessEntry};

/// Maximum number of such starts.
const STARTS_MAX: usize = 256;
/// Maximum number of bytes of such starts.
const BYTES_MAX: usize = 4 << 20;

/// A start whose executable could not be read in time.
#[derive(Debug)]
struct UnreadStart {
    exec: ExecCopy,
    /// The process before the start.
    before: Option<ProcessEntry>,
    users: Option<Users>,
}

/// The starts that may still be read; the oldest are forgotten first.
#[derive(Debug, Default)]
pub(super) struct UnreadStarts {
    starts: VecDeque<UnreadStart>,
    bytes: usize,
}

impl UnreadStarts {
    fn push(&mut self, start: UnreadStart) {
        self.bytes += start.exec.bytes();
        self.starts.push_back(start);
        while self.starts.len() > STARTS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.starts.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.exec.bytes());
        }
    }

    fn take(&mut self, id: TaskId) -> Option<UnreadStart> {
        let at = self.starts.iter().rposition(|start| start.exec.exec().fixed.header.id == id)?;
        let start = self.starts.remove(at)?;
        self.bytes = self.bytes.saturating_sub(start.exec.bytes());
        Some(start)
    }
}

impl Enricher {
    /// Keeps a start whose executable may be read later.
    pub(super) fn keep_unread(&mut self, exec: &Exec<'_>, note: Option<&StartNote>) {
        // A process that the filters exclude has no record, now or later.
        if exec.fixed.header.flags & flags::OUTSIDE != 0 {
            return;
        }
        if note.is_some_and(|note| matches!(note.image, Err(OpenFailure::Timeout | OpenFailure::Unstable))) {
            let before = self.entry(exec.fixed.header.id);
            let users = note.and_then(|note| note.users.clone());
            self.unread.push(UnreadStart { exec: exec.into(), before, users });
        }
    }

    /// Makes the record of a start whose executable has been read by now, and calls `judge` on it. Returns `None`
    /// for a start that is not known any more.
    pub fn late(
        &mut self,
        id: TaskId,
        note: StartNote,
        reading: Reading,
        judge: impl FnOnce(&Event<'_>, &mut EnrichedRecord),
    ) -> Option<Record> {
        let UnreadStart { exec, before, users } = self.unread.take(id)?;
        let note = StartNote { users, ..note };
        self.set_clock(reading);
        let exec = exec.exec();
        let now = self.entry(id);
        match before {
            Some(before) => self.table.put(before),
            None => self.table.remove(id),
        }
        let mut start = self.start(&exec, Some(&note));
        // The process may have ended, or run another program by now.
        match now {
            None => self.table.remove(id),
            Some(now) if now.line.executable.as_bytes() != exec.exe => self.table.put(now),
            Some(_) => {}
        }
        judge(&Event::Exec(Box::new(exec)), &mut start);
        let mut record = self.later(start.record, reading);
        record.body.insert_str(0, "the executable was read after its start was judged: ");
        Some(record)
    }
}
