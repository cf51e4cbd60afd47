//! References that passed to a file, for the next file: each file is complete by itself.
//!
//! Records that wait in a queue when a file is rotated were made for the old file. Their references are written again
//! from here, ahead of the first record that needs them.

use std::{
    collections::HashSet,
    hash::BuildHasher as _,
    sync::{Arc, Mutex},
};

use lru::{DefaultHasher, LruCache};
use tracego_model::record::{SCHEMA, SCHEMA_URL, event_name};

use super::{
    ANCESTORS_MAX, PROCESSES_KEPT, REFERENCES_KEPT,
    line_ids::{IdKind, LineId, LineIds},
    process_line::BegunProcess,
};

/// A memory that the threads of one sink share.
pub(crate) type SharedMemory = Arc<Mutex<ReferenceMemory>>;

/// Number of bytes of shared references that are remembered.
const BYTES_KEPT: usize = 2 << 20;

/// A file that lines are written to, by a number of its own.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct FileNumber(u64);

/// A remembered reference.
#[derive(Debug)]
struct Remembered<T> {
    content: T,
    /// Hash of the line that it was read from.
    hash: u64,
    /// The last file that has it.
    file: Option<FileNumber>,
}

/// The references of a sink.
#[derive(Debug)]
pub(crate) struct ReferenceMemory {
    hash: DefaultHasher,
    lines: LruCache<(IdKind, u64), Remembered<Box<[u8]>>>,
    /// Number of bytes in `lines`.
    bytes: usize,
    /// Whether a line was lean, or one that lean ones refer to.
    has_lean: bool,
    processes: LruCache<u64, Remembered<BegunProcess>>,
    /// Host and run of the newest stream, for records of processes.
    origin: Option<serde_json::Value>,
    files: u64,
}

impl Default for ReferenceMemory {
    fn default() -> Self {
        Self {
            hash: DefaultHasher::default(),
            lines: LruCache::new(REFERENCES_KEPT),
            bytes: 0,
            has_lean: false,
            processes: LruCache::new(PROCESSES_KEPT),
            origin: None,
            files: 0,
        }
    }
}

/// The lines that a file lacks, in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct MissingLines {
    pub(crate) lines: Vec<Vec<u8>>,
    /// Whether a record needs a reference that is not remembered.
    pub(crate) is_partial: bool,
}

/// The kinds of lines that a memory looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LineForm {
    /// A lean record.
    Lean,
    /// A record that others refer to.
    Reference,
    /// A full record of a start or a fork: lean records may refer to its process.
    Begin,
}

impl LineForm {
    /// Returns the form of a line that begins as a record of tracego. Only the beginning is looked at: it holds nothing
    /// that another program chose.
    fn of(line: &[u8]) -> Option<Self> {
        let rest = after(line, "{\"schema\":\"").and_then(|rest| after(rest, SCHEMA))?;
        // Only lean records have no `schema_url`.
        if rest.starts_with(b"\",\"event_name\":\"") {
            return Some(Self::Lean);
        }
        let name = after(rest, "\",\"schema_url\":\"").and_then(|rest| after(rest, SCHEMA_URL))?;
        let name = after(name, "\",\"event_name\":\"")?;
        let is = |wanted: &str| after(name, wanted).is_some_and(|rest| rest.starts_with(b"\","));
        if event_name::REFERENCES.iter().any(|wanted| is(wanted)) {
            return Some(Self::Reference);
        }
        [event_name::START, event_name::FORK].iter().any(|wanted| is(wanted)).then_some(Self::Begin)
    }
}

fn after<'a>(line: &'a [u8], text: &str) -> Option<&'a [u8]> {
    line.strip_prefix(text.as_bytes())
}

impl ReferenceMemory {
    /// Begins a file that has none of the references.
    pub(crate) fn begin_file(&mut self) -> FileNumber {
        self.files += 1;
        FileNumber(self.files)
    }

    /// Returns the ids in a line; `None` for a line that is nothing to others. A sink of full records alone needs no
    /// memory, so the starts in it are nothing, either.
    fn ids<'a>(&self, line: &'a [u8]) -> Option<LineIds<'a>> {
        let is_relevant = LineForm::of(line).is_some_and(|form| self.has_lean || form != LineForm::Begin);
        is_relevant.then(|| LineIds::of_written(line)).flatten()
    }

    /// Remembers what a line is to others. `file`: the file that has the line, if one has.
    pub(crate) fn note(&mut self, line: &[u8], file: Option<FileNumber>) {
        let Some(ids) = self.ids(line) else { return };
        self.has_lean = true;
        // What is used last is forgotten last.
        for id in ids.needed() {
            let key = self.key(&id);
            match id.kind {
                IdKind::Process => _ = self.processes.get(&key),
                kind => _ = self.lines.get(&(kind, key)),
            }
        }
        for id in ids.given() {
            let key = self.key(&id);
            match id.kind {
                IdKind::Process => {
                    let hash = self.hash.hash_one(line);
                    if let Some(known) = self.processes.get_mut(&key) {
                        // A later program of the process must not stand for that of records before it.
                        if file.is_none() {
                            continue;
                        }
                        if known.hash == hash {
                            known.file = file;
                            continue;
                        }
                    }
                    if let Some(facts) = BegunProcess::of(line) {
                        self.processes.put(key, Remembered { content: facts, hash, file });
                    }
                }
                kind => {
                    if kind == IdKind::Stream {
                        self.origin = serde_json::from_slice(line).ok();
                    }
                    self.put((kind, key), line, file);
                }
            }
        }
    }

    fn put(&mut self, key: (IdKind, u64), line: &[u8], file: Option<FileNumber>) {
        let hash = self.hash.hash_one(line);
        if let Some(known) = self.lines.get_mut(&key)
            && known.hash == hash
        {
            known.file = file.or(known.file);
            return;
        }
        let known = self.lines.get(&key).and_then(|known| known.file);
        let remembered = Remembered { content: line.into(), hash, file: file.or(known) };
        self.bytes += line.len();
        if let Some((_, old)) = self.lines.push(key, remembered) {
            self.bytes -= old.content.len();
        }
        while self.bytes > BYTES_KEPT
            && let Some((_, old)) = self.lines.pop_lru()
        {
            self.bytes -= old.content.len();
        }
    }

    fn key(&self, id: &LineId<'_>) -> u64 {
        self.hash.hash_one(id.id)
    }

    /// Returns the lines that have to be in a file ahead of these lines, and that it does not have.
    pub(crate) fn missing<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a [u8]>,
        file: FileNumber,
    ) -> MissingLines {
        let mut missing = MissingLines::default();
        let mut there = HashSet::new();
        for line in lines {
            let Some(ids) = self.ids(line) else { continue };
            for id in ids.needed() {
                let key = self.key(&id);
                match id.kind {
                    IdKind::Process => self.find_process(key, file, &mut there, &mut missing),
                    kind if there.insert((kind, key)) => self.find_line(kind, key, file, &mut missing),
                    _ => {}
                }
            }
            there.extend(ids.given().map(|id| (id.kind, self.key(&id))));
        }
        missing
    }

    fn find_line(&mut self, kind: IdKind, key: u64, file: FileNumber, missing: &mut MissingLines) {
        match self.lines.get(&(kind, key)) {
            Some(known) if known.file == Some(file) => {}
            Some(known) => missing.lines.push(known.content.to_vec()),
            None => missing.is_partial = true,
        }
    }

    /// Adds the lines of a process and of its ancestors, as far as neither the file nor `there` has them.
    fn find_process(
        &mut self,
        key: u64,
        file: FileNumber,
        there: &mut HashSet<(IdKind, u64)>,
        missing: &mut MissingLines,
    ) {
        let mut line = Vec::new();
        let mut next = Some(key);
        while let Some(key) = next.take().filter(|_| line.len() < ANCESTORS_MAX) {
            if !there.insert((IdKind::Process, key)) {
                break;
            }
            let Some(known) = self.processes.get(&key) else {
                missing.is_partial |= line.is_empty();
                break;
            };
            if known.file != Some(file) {
                line.push(known.content.line(self.origin.as_ref()));
                next = known.content.parent().map(|parent| self.hash.hash_one(parent));
            }
        }
        // The oldest ancestor comes first.
        missing.lines.extend(line.into_iter().rev());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "{\"schema\":\"tracego/2\",\"schema_url\":\"https://opentelemetry.io/schemas/1.44.0\",\"event_name\":\"";

    fn job(id: &str, size: usize) -> String {
        let body = "x".repeat(size);
        format!("{HEAD}tracego.job\",\"body\":\"{body}\",\"tracego\":{{\"ref\":{{\"job\":\"{id}\"}}}}}}\n")
    }

    fn exit(job: &str) -> String {
        let own = format!("{{\"ref\":{{\"job\":\"{job}\"}}}}");
        format!("{{\"schema\":\"tracego/2\",\"event_name\":\"tracego.process.exit\",\"tracego\":{own}}}\n")
    }

    fn missing(memory: &mut ReferenceMemory, line: &str, file: FileNumber) -> (Vec<String>, bool) {
        let missing = memory.missing([line.as_bytes()].into_iter(), file);
        let lines = missing.lines.into_iter().map(|line| String::from_utf8(line).unwrap());
        (lines.collect(), missing.is_partial)
    }

    #[test]
    fn a_file_gets_each_reference_once_and_the_next_file_again() {
        let mut memory = ReferenceMemory::default();
        let first = memory.begin_file();
        memory.note(job("a", 1).as_bytes(), None);
        assert_eq!(missing(&mut memory, &exit("a"), first), (vec![job("a", 1)], false));
        memory.note(job("a", 1).as_bytes(), Some(first));
        assert_eq!(missing(&mut memory, &exit("a"), first), (vec![], false));
        // A later copy on its way does not undo that.
        memory.note(job("a", 1).as_bytes(), None);
        assert_eq!(missing(&mut memory, &exit("a"), first), (vec![], false));
        let second = memory.begin_file();
        assert_eq!(missing(&mut memory, &exit("a"), second), (vec![job("a", 1)], false));
        assert_eq!(missing(&mut memory, &exit("b"), second), (vec![], true));
    }

    #[test]
    fn the_bytes_that_are_remembered_have_a_limit() {
        let mut memory = ReferenceMemory::default();
        for n in 0..100 {
            memory.note(job(&n.to_string(), 100_000).as_bytes(), None);
            memory.note(job(&n.to_string(), 100_000).as_bytes(), None);
        }
        let kept: usize = memory.lines.iter().map(|(_, line)| line.content.len()).sum();
        assert!(kept == memory.bytes && kept <= BYTES_KEPT && kept > BYTES_KEPT / 2, "{kept}");
    }

    #[test]
    fn text_that_imitates_a_reference_is_none() {
        let mut memory = ReferenceMemory::default();
        let file = memory.begin_file();
        let inner = job("a", 1);
        let quoted = serde_json::to_string(&inner).unwrap();
        for line in [
            exit("b")
                .replace("\"tracego\"", &format!("\"process\":{{\"command_args\":[{quoted}]}},\"tracego\"")),
            format!(" {inner}"),
            format!("[{inner}]"),
            inner.replacen("tracego/2", "tracego/1", 1),
            inner.replacen("tracego.job", "tracego.lost", 1),
            inner.replacen("tracego.job", "tracego.jobs", 1),
            inner.replace("}}}", ""),
            quoted,
        ] {
            memory.note(line.as_bytes(), None);
            assert_eq!(missing(&mut memory, &exit("a"), file), (vec![], true), "{line}");
        }
    }
}
