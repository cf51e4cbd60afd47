//! Ends of processes as evidence about the files that they ran: nothing can change a file while a process runs it.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_common::TaskId;
use tracego_model::{
    event::Event,
    input::{batch::DecodedEvent, note::OpenFailure},
    process_key::ProcessKey,
};

use super::{
    digest::requests::HashedStart, files::question::ImageQuestion, image::executable::ExecutedProcess,
};

/// Maximum number of starts whose end is waited for.
const STARTS_MAX: NonZeroUsize = match NonZeroUsize::new(256) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// Starts of a file that had been changed just before, whose process was gone when the file was to be read, and
/// whose end was not known yet. The oldest are forgotten first.
#[derive(Debug)]
pub(super) struct UnsettledStarts(LruCache<ProcessKey, (HashedStart, ImageQuestion)>);

impl Default for UnsettledStarts {
    fn default() -> Self {
        Self(LruCache::new(STARTS_MAX))
    }
}

impl UnsettledStarts {
    /// Takes a start, which replaces an earlier one of its process. `why`: the failure to read the file, if it
    /// failed; `end` as in [`end()`].
    pub(super) fn note(
        &mut self,
        start: HashedStart,
        process: &ExecutedProcess<'_>,
        why: Option<OpenFailure>,
        end: Option<u64>,
    ) {
        if why == Some(OpenFailure::Unstable) && end.is_none() {
            self.0.put(start.id.into(), (start, ImageQuestion::from(process)));
        } else if !self.0.is_empty() {
            self.0.pop(&start.id.into());
        }
    }

    /// Returns the question to ask once the process has ended, at a time in nanoseconds since 1970, and its start; `None` if the file cannot be trusted.
    pub(super) fn ended(&mut self, id: TaskId, end: u64) -> Option<(HashedStart, ImageQuestion)> {
        if self.0.is_empty() {
            return None;
        }
        let (start, mut question) = self.0.pop(&id.into())?;
        question.set_ran_ns(end);
        question.process().is_settled().then_some((start, question))
    }
}

/// Returns the time of the end of a process that has just executed a program, nanoseconds since boot. `later`: the
/// events behind that. `None` where the end is not among them, or where the process executed something else first.
pub(super) fn end(later: &[DecodedEvent<'_>], id: TaskId) -> Option<u64> {
    later.iter().find_map(|decoded| match &decoded.event {
        Ok(Event::Exit(exit)) if exit.header.id == id => Some(Some(exit.header.boot_ns)),
        Ok(Event::Exec(exec)) if exec.fixed.header.id == id => Some(None),
        _ => None,
    })?
}

#[cfg(test)]
mod tests {
    use tracego_common::{EventHeader, ExecFixed, event::ExitEvent};
    use tracego_model::event::Exec;
    use zerocopy::FromZeros as _;

    use super::*;

    fn header(tgid: u32, boot_ns: u64) -> EventHeader {
        let mut header = EventHeader::new_zeroed();
        (header.id.tgid, header.boot_ns) = (tgid, boot_ns);
        header
    }

    #[test]
    fn the_end_of_a_start_is_that_of_its_own_program() {
        let start = |tgid| {
            let mut fixed = ExecFixed::new_zeroed();
            fixed.header = header(tgid, 1);
            let (exe, cwd, cgroup, argv) = Default::default();
            Event::Exec(Box::new(Exec {
                fixed,
                exe,
                cwd,
                cgroup,
                filename: b"",
                interp: b"",
                argv,
                env: b"",
            }))
        };
        let exit = |tgid| {
            let header = header(tgid, u64::from(tgid) * 10);
            Event::Exit(ExitEvent { header, ..ExitEvent::new_zeroed() })
        };
        let events = [start(7), start(8), start(7), start(9), exit(7), exit(8)];
        let events =
            events.map(|event| DecodedEvent { event: Ok(event), generation: 0, is_piece: false, note: None });
        let ends = events.each_ref().map(|decoded| {
            let at = events.iter().position(|one| std::ptr::eq(one, decoded)).unwrap();
            let is_start = matches!(decoded.event, Ok(Event::Exec(_)));
            is_start.then(|| end(&events[at + 1..], decoded.event.as_ref().unwrap().id())).flatten()
        });
        assert_eq!(ends, [None, Some(80), Some(70), None, None, None]);
    }

    #[test]
    fn a_file_can_be_trusted_once_its_process_has_outlived_a_tick() {
        const MS: u64 = 1_000_000;
        let id = TaskId { tgid: 7, ..TaskId::default() };
        let process =
            ExecutedProcess { ctime_ns: 1000 * MS, ran_ns: 1001 * MS, ..ExecutedProcess::default() };
        let mut starts = UnsettledStarts::default();
        let mut ended = |why, known, end| {
            starts.note(HashedStart { id, boot_ns: 1 }, &process, why, known);
            starts.ended(id, end).is_some()
        };
        assert!(ended(Some(OpenFailure::Unstable), None, 1020 * MS));
        assert!(
            !ended(Some(OpenFailure::Unstable), None, 1002 * MS),
            "the file may have changed in the same tick"
        );
        assert!(!ended(Some(OpenFailure::Unstable), Some(1), 1020 * MS), "the end was known");
        assert!(!ended(Some(OpenFailure::Gone), None, 1020 * MS) && !ended(None, None, 1020 * MS));
        starts.note(HashedStart { id, boot_ns: 1 }, &process, Some(OpenFailure::Unstable), None);
        starts.note(HashedStart { id, boot_ns: 1 }, &process, None, None);
        assert!(starts.ended(id, 1020 * MS).is_none(), "the process runs something else");
    }
}
