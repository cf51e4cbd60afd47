//! Assembly of long arguments: the parts arrive ahead of the exec event that they belong to.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use tracego_common::{TaskId, flags};

use crate::event::{ArgvPart, Event, Exec};

/// Maximum bytes of parts that wait for their exec event. The kernel side sends parts and event together, so
/// only parts whose event was lost stay. For a part beyond the limit, those of the process that has waited
/// longest are evicted.
const WAITING_MAX: usize = 32 << 20;

/// The parts that wait for their exec event.
#[derive(Debug, Default)]
pub struct Assembler {
    waiting: HashMap<TaskId, WaitingParts>,
    /// Processes with parts that wait, by the number of their first part.
    order: BTreeMap<u64, TaskId>,
    /// Number of the next process.
    next: u64,
    bytes: usize,
    evicted: u64,
}

/// The parts of one process.
#[derive(Debug, Default)]
struct WaitingParts {
    number: u64,
    /// Offset and bytes of each.
    parts: Vec<(u64, Vec<u8>)>,
}

impl Assembler {
    /// Stores a part, or adds the stored parts to an exec event. Returns the complete event; `None` for a
    /// part.
    pub fn take<'a>(&mut self, event: Event<'a>) -> Option<Event<'a>> {
        match event {
            Event::Chunk(chunk) => {
                self.store(&chunk);
                None
            }
            Event::Exec(mut exec) if exec.fixed.header.flags & flags::ARGV_CHUNKS != 0 => {
                self.complete(&mut exec);
                Some(Event::Exec(exec))
            }
            other => Some(other),
        }
    }

    /// Returns the number of parts that were evicted. If the event of one still arrives, its arguments are
    /// truncated.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn store(&mut self, chunk: &ArgvPart<'_>) {
        while self.bytes + chunk.bytes.len() > WAITING_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            let parts = self.waiting.remove(&oldest).unwrap_or_default().parts;
            self.bytes -= bytes(&parts);
            self.evicted += parts.len() as u64;
        }
        self.bytes += chunk.bytes.len();
        let id = chunk.fixed.header.id;
        let waiting = self.waiting.entry(id).or_insert_with(|| {
            self.next += 1;
            self.order.insert(self.next, id);
            WaitingParts { number: self.next, parts: Vec::new() }
        });
        waiting.parts.push((chunk.fixed.offset, chunk.bytes.to_vec()));
    }

    /// Appends the parts in order, up to the first gap. Missing bytes set [`flags::ARGV_TRUNCATED`].
    fn complete(&mut self, exec: &mut Exec<'_>) {
        let WaitingParts { number, parts: mut pieces } =
            self.waiting.remove(&exec.fixed.header.id).unwrap_or_default();
        self.order.remove(&number);
        self.bytes -= bytes(&pieces);
        pieces.sort_by_key(|&(offset, _)| offset);
        let mut whole = exec.argv.to_vec();
        for (offset, bytes) in pieces {
            if offset != whole.len() as u64 {
                break;
            }
            whole.extend_from_slice(&bytes);
        }
        if whole.len() < exec.fixed.argv_total as usize {
            exec.fixed.header.flags |= flags::ARGV_TRUNCATED;
        }
        exec.argv = Cow::Owned(whole);
    }
}

/// Returns the number of bytes in parts.
fn bytes(parts: &[(u64, Vec<u8>)]) -> usize {
    parts.iter().map(|(_, bytes)| bytes.len()).sum()
}

#[cfg(test)]
mod tests {
    use tracego_common::{ExecFixed, event::ArgvChunk};
    use zerocopy::FromZeros as _;

    use super::*;

    fn chunk(tgid: u32, offset: u64, bytes: &'static [u8]) -> Event<'static> {
        let mut fixed = ArgvChunk { offset, ..ArgvChunk::default() };
        fixed.header.id.tgid = tgid;
        Event::Chunk(ArgvPart { fixed, bytes })
    }

    fn exec(tgid: u32, argv: &'static [u8], total: u32) -> Event<'static> {
        let mut fixed = ExecFixed::new_zeroed();
        fixed.header.id.tgid = tgid;
        fixed.header.flags = flags::ARGV_CHUNKS;
        fixed.argv_total = total;
        let (exe, cwd, cgroup) = (Vec::new(), Vec::new(), Vec::new());
        let argv = Cow::Borrowed(argv);
        Event::Exec(Box::new(Exec { fixed, exe, cwd, cgroup, filename: b"", interp: b"", argv, env: b"" }))
    }

    fn argv(event: Option<Event<'_>>) -> (Vec<u8>, bool) {
        let Some(Event::Exec(exec)) = event else { panic!("{event:?}") };
        (exec.argv.to_vec(), exec.fixed.header.flags & flags::ARGV_TRUNCATED != 0)
    }

    #[test]
    fn pieces_of_two_processes_do_not_mix() {
        let mut assembler = Assembler::default();
        assert!(assembler.take(chunk(1, 2, b"cd")).is_none());
        assert!(assembler.take(chunk(2, 2, b"xx")).is_none());
        assert!(assembler.take(chunk(1, 4, b"e")).is_none());
        assert_eq!(argv(assembler.take(exec(1, b"ab", 5))), (b"abcde".to_vec(), false));
        assert_eq!(argv(assembler.take(exec(2, b"ab", 4))), (b"abxx".to_vec(), false));
        assert_eq!(assembler.bytes, 0);
    }

    #[test]
    fn a_missing_piece_is_marked_and_nothing_is_glued_over_the_gap() {
        let mut assembler = Assembler::default();
        assembler.take(chunk(1, 4, b"ef"));
        assert_eq!(argv(assembler.take(exec(1, b"ab", 6))), (b"ab".to_vec(), true));
    }

    #[test]
    fn the_pieces_that_waited_longest_are_evicted_and_no_others() {
        static PIECE: [u8; 131_072] = [b'a'; 131_072];
        const FIT: u32 = (WAITING_MAX / PIECE.len()) as u32;
        let mut assembler = Assembler::default();
        for tgid in 0..FIT + 3 {
            assembler.take(chunk(tgid, 1, &PIECE));
            assert!(assembler.bytes <= WAITING_MAX);
        }
        assert_eq!(assembler.evicted(), 3);
        let total = 1 + u32::try_from(PIECE.len()).unwrap();
        for tgid in 0..FIT + 3 {
            let (argv, truncated) = argv(assembler.take(exec(tgid, b"b", total)));
            assert_eq!((argv.len() as u32 == total, truncated), (tgid >= 3, tgid < 3), "{tgid}");
        }
        assert_eq!((assembler.bytes, assembler.order.len(), assembler.waiting.len()), (0, 0, 0));
    }
}
