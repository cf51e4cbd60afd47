//! The lines of log files, in the order in which they were written.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use super::line::Known;

/// Maximum length of a line in bytes. Longer lines are cut, and cannot be lines that tracego wrote.
const LINE_MAX: u64 = 64 << 20;
/// Number of lines at the beginning of a file that are searched for a record, which shows where the file
/// belongs.
const LOOK: usize = 16;
/// Number of lines that are searched for a record which shows the run, behind lean ones.
const LOOK_LEAN: usize = 4096;
/// Size of the read buffer in bytes.
const BUFFER: usize = 256 << 10;
/// The first bytes of compressed files (RFC 1952, RFC 8878).
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The path that means standard input.
const STDIN: &str = "-";

/// A line and its position.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Name of the file.
    pub file: String,
    /// Number of the line in the file, from 1.
    pub number: u64,
    /// The line without its newline.
    pub bytes: Vec<u8>,
}

/// The lines of several files, one file after the other.
pub struct Lines {
    waiting: VecDeque<PathBuf>,
    open: Option<Box<dyn BufRead>>,
    file: String,
    number: u64,
}

impl Lines {
    /// Creates a reader of files, in this order.
    #[must_use]
    pub fn of(paths: Vec<PathBuf>) -> Self {
        Self { waiting: paths.into(), open: None, file: String::new(), number: 0 }
    }

    /// Creates a reader of bytes in memory.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        let open: Box<dyn BufRead> = Box::new(io::Cursor::new(bytes));
        Self { waiting: VecDeque::new(), open: Some(open), file: STDIN.to_owned(), number: 0 }
    }

    /// Returns the next line, or `None` at the end.
    ///
    /// # Errors
    /// Fails if a file cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(path) = self.waiting.pop_front() else { return Ok(None) };
                (self.file, self.number) = (path.display().to_string(), 0);
                self.open = Some(reader(&path)?);
                continue;
            };
            let bytes = line(open).map_err(|error| of(&self.file, &error))?;
            match bytes {
                Some(bytes) => {
                    self.number += 1;
                    return Ok(Some(Line { file: self.file.clone(), number: self.number, bytes }));
                }
                None => self.open = None,
            }
        }
    }
}

fn of(file: impl std::fmt::Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{file}: {error}"))
}

fn reader(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path.as_os_str() == STDIN {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| of(path.display(), &error))?;
    let mut file = BufReader::with_capacity(BUFFER, file);
    // The first bytes decide, not the name of the file.
    let head = file.fill_buf().map_err(|error| of(path.display(), &error))?;
    if head.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))));
    }
    if head.starts_with(&ZSTD) {
        let decoder = zstd::Decoder::with_buffer(file).map_err(|error| of(path.display(), &error))?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER, decoder)));
    }
    Ok(Box::new(file))
}

/// Reads a line without its newline. Returns only the beginning of a line that is too long.
fn line(from: &mut Box<dyn BufRead>) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(LINE_MAX).read_until(b'\n', &mut bytes)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if bytes.is_empty() {
        return Ok(None);
    } else if bytes.len() as u64 == LINE_MAX {
        from.skip_until(b'\n')?;
    }
    Ok(Some(bytes))
}

/// Sorts files by their first records: runs by time, files of a run by number. Files without a record come
/// last, in the order given.
///
/// # Errors
/// Fails if a file cannot be read.
pub fn ordered(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "- can only be alone"));
        }
        found.push((first(path)?, path));
    }
    let mut runs: BTreeMap<String, String> = BTreeMap::new();
    for (instance, uid, _) in found.iter().filter_map(|(first, _)| first.as_ref()) {
        let begin = runs.entry(instance.clone()).or_insert_with(|| uid.clone());
        if uid < begin {
            begin.clone_from(uid);
        }
    }
    found.sort_by_cached_key(|(first, _)| match first {
        Some((instance, _, seq)) => (false, runs.get(instance).cloned(), instance.clone(), *seq),
        None => (true, None, String::new(), 0),
    });
    Ok(found.into_iter().map(|(_, path)| path.clone()).collect())
}

/// Returns run, id and number of the first record of a file. Lean records do not say of which run they are: the first
/// one that does is looked for among more lines.
fn first(path: &Path) -> io::Result<Option<(String, String, u64)>> {
    let mut open = reader(path)?;
    let mut found = None;
    for n in 0..LOOK_LEAN {
        let Some(bytes) = line(&mut open).map_err(|error| of(path.display(), &error))? else { break };
        if let Some(known) = Known::of(&bytes) {
            let is_lean = known.is_lean;
            found.get_or_insert_with(|| (String::new(), known.uid.to_owned(), known.seq));
            if let Some((instance, ..)) = found.as_mut().filter(|_| !is_lean) {
                known.instance.clone_into(instance);
                break;
            }
        } else if found.is_none() && n >= LOOK {
            break;
        }
    }
    Ok(found)
}
