//! The references in the file that is written to now: which it has, and which it lacks.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::MutexGuard,
};

use crate::{
    detail::memory::{FileNumber, ReferenceMemory, SharedMemory},
    seal::chain::split,
    sink::delivery::blocking::{Batch, lock},
};

/// Number of bytes at the end of an earlier file that are searched for references.
const SEARCHED: u64 = 8 << 20;

/// The references in the current file.
#[derive(Debug)]
pub(super) struct FileReferences {
    memory: SharedMemory,
    file: FileNumber,
    /// Path of the current file.
    path: PathBuf,
    /// A file of an earlier run that may have references, and was not read.
    earlier: Option<PathBuf>,
}

impl FileReferences {
    /// Creates the state of a file. `earlier`: the file that an earlier run wrote last, which may be the same.
    pub(super) fn new(path: &Path, earlier: Option<PathBuf>) -> Self {
        let memory = SharedMemory::default();
        let file = lock(&memory).begin_file();
        Self { memory, file, path: path.to_owned(), earlier }
    }

    /// Shares a memory with the worker of the sink.
    pub(super) fn share(&mut self, memory: SharedMemory) {
        self.file = lock(&memory).begin_file();
        self.memory = memory;
    }

    fn memory(&self) -> MutexGuard<'_, ReferenceMemory> {
        lock(&self.memory)
    }

    /// Notes that the path leads to another file, or to one that another program wrote to.
    pub(super) fn begin_file(&mut self, is_empty: bool) {
        let file = self.memory().begin_file();
        self.file = file;
        if is_empty && self.earlier.as_ref() == Some(&self.path) {
            self.earlier = None;
        }
    }

    /// Notes that the file was moved to this path, and that the next one is empty.
    pub(super) fn rotated(&mut self, to: &Path) {
        if self.earlier.as_ref() == Some(&self.path) {
            self.earlier = Some(to.to_owned());
        }
        self.begin_file(true);
    }

    /// Notes lines that the file has now.
    pub(super) fn wrote<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) {
        let mut memory = self.memory();
        lines.for_each(|line| memory.note(line, Some(self.file)));
    }

    /// Returns the lines that the file lacks, and that these records need ahead of them.
    pub(super) fn missing(&mut self, batch: &Batch, records: Range<usize>) -> Vec<Vec<u8>> {
        let lines = || records.clone().map(|n| batch.bytes(n..n + 1));
        let missing = self.memory().missing(lines(), self.file);
        if !missing.is_partial {
            return missing.lines;
        }
        let Some(earlier) = self.earlier.take() else { return missing.lines };
        // Records of an earlier run, from the spool: an earlier file has their references.
        let file = (earlier == self.path).then_some(self.file);
        let mut memory = self.memory();
        if let Err(error) = read_end(&earlier, |line| memory.note(line, file)) {
            tracing::debug!(path = %earlier.display(), %error, "an earlier file cannot be read for references");
        }
        memory.missing(lines(), self.file).lines
    }
}

/// Reads the last lines of a file, as they were before they were linked.
fn read_end(path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path)?;
    let begin = file.metadata()?.len().saturating_sub(SEARCHED);
    file.seek(SeekFrom::Start(begin))?;
    // The lock of the current file allows no other writer.
    let mut lines = BufReader::new(file.take(SEARCHED));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        each(&unlinked(&line));
        line.clear();
    }
    Ok(())
}

/// Returns a line without its link and its number in a chain.
fn unlinked(line: &[u8]) -> Vec<u8> {
    const NUMBER: &[u8] = b",\"chain_seq\":";
    let bare = line.strip_suffix(b"\n").unwrap_or(line);
    let Some(parts) = split(bare) else { return line.to_vec() };
    let digits = parts.body.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let body = parts.body.get(..parts.body.len() - digits).unwrap_or_default();
    let body = body.strip_suffix(NUMBER).unwrap_or(parts.body);
    [body, b"}}\n"].concat()
}
