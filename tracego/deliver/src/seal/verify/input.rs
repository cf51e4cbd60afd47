//! Lines of log files, in the order in which they were written.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use super::line::Known;

/// A longer line is cut, and is then no line that tracego wrote.
const LINE_MAX: u64 = 64 << 20;
/// Lines at the begin of a file among which one is looked for that says where the file belongs.
const LOOK: usize = 16;
/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;
/// What compressed files begin with (RFC 1952, RFC 8878).
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Names standard input.
const STDIN: &str = "-";

/// A line and where it is.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Its file.
    pub file: String,
    /// Its number in the file, from 1.
    pub number: u64,
    /// The line without its newline.
    pub bytes: Vec<u8>,
}

/// Lines of several files, one after the other.
pub struct Lines {
    waiting: VecDeque<PathBuf>,
    open: Option<Box<dyn BufRead>>,
    file: String,
    number: u64,
}

impl Lines {
    /// Of files, in this order.
    #[must_use]
    pub fn of(paths: Vec<PathBuf>) -> Self {
        Self { waiting: paths.into(), open: None, file: String::new(), number: 0 }
    }

    /// Of bytes.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        let open: Box<dyn BufRead> = Box::new(io::Cursor::new(bytes));
        Self { waiting: VecDeque::new(), open: Some(open), file: STDIN.to_owned(), number: 0 }
    }

    /// The next line.
    ///
    /// # Errors
    /// When a file cannot be read.
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
    // What its first bytes say, whatever its name is.
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

/// A line without its newline; of a longer one its begin.
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

/// Puts files in order by their first records: runs by time, and in a run by number. What says nothing
/// stays behind, as it was given.
///
/// # Errors
/// When one cannot be read.
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

/// Run, id and number of the first record of a file.
fn first(path: &Path) -> io::Result<Option<(String, String, u64)>> {
    let mut open = reader(path)?;
    for _ in 0..LOOK {
        let Some(bytes) = line(&mut open).map_err(|error| of(path.display(), &error))? else { break };
        if let Some(known) = Known::of(&bytes) {
            return Ok(Some((known.instance.to_owned(), known.uid.to_owned(), known.seq)));
        }
    }
    Ok(None)
}
