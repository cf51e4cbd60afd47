//! The output that is written on the pipeline's thread: a file, standard output or standard error.

mod locked_file;
pub mod text;

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    path::Path,
};

use text::TextWriter;
use tracego_model::record::Record;

use self::locked_file::LockedFile;
use crate::{
    detail::{Detail, book::ReferenceBook},
    format::{self, selection::Selection},
    seal::window::Sealer,
};

/// The format of the direct output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DirectFormat {
    /// One record per line.
    Line(format::Format),
    /// Text for people.
    Text(text::Style),
}

impl DirectFormat {
    /// The native record in JSON.
    pub const JSON: Self = Self::Line(format::Format::Json);
}

/// The result of one flush. Only records that the ledger counts are included.
#[derive(Debug, Default)]
pub struct FlushResult {
    /// Number of records taken by the operating system.
    pub written: u64,
    /// Number of records refused, wholly or in part.
    pub refused: u64,
    /// The error that stopped the write.
    pub error: Option<io::Error>,
}

/// Number of bytes that are gathered before one write(2).
const GATHER: usize = 64 * 1024;

/// The writer of records in the format of the output.
enum Formatter {
    Line(format::Format),
    ChosenLine(format::Format, Selection),
    Text(TextWriter),
}

/// The direct output.
pub struct DirectOutput {
    out: Box<dyn Write + Send>,
    formatter: Formatter,
    buffer: Vec<u8>,
    /// End of each record in the buffer, and whether the ledger counts the record.
    ends: Vec<(usize, bool)>,
    /// The records that others can refer to; `None` where there are none.
    book: Option<ReferenceBook>,
    /// Whether the last write ended within a line.
    torn: bool,
    sealer: Option<Sealer>,
}

impl DirectOutput {
    /// Creates an output that writes to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, format: DirectFormat) -> Self {
        let (mut buffer, mut ends) = (Vec::new(), Vec::new());
        let formatter = match format {
            DirectFormat::Line(format) => Formatter::Line(format),
            DirectFormat::Text(style) => {
                buffer.extend_from_slice(text::HEADER.as_bytes());
                ends.push((buffer.len(), false));
                Formatter::Text(TextWriter::new(style))
            }
        };
        Self { out, formatter, buffer, ends, book: None, torn: false, sealer: None }
    }

    /// Seals the output; only JSON can be sealed. `torn`: whether the output ends within a line now.
    #[must_use]
    pub fn sealed(self, sealer: Sealer, torn: bool) -> Self {
        let sealer = Some(sealer).filter(|_| matches!(self.formatter, Formatter::Line(format::Format::Json)));
        Self { torn, sealer, ..self }
    }

    /// Makes the output one of the chosen members. A sealed output and text for people stay whole.
    #[must_use]
    pub fn choosing(self, selection: Option<Selection>) -> Self {
        let formatter = match (self.formatter, selection) {
            (Formatter::Line(format), Some(selection)) if self.sealer.is_none() => {
                Formatter::ChosenLine(format, selection)
            }
            (formatter, _) => formatter,
        };
        Self { formatter, ..self }
    }

    /// Makes the output one of lean or of full records. `has_modules`: whether it also gets records of executables, with
    /// their modules. Text for people is always made of full records, and so is CEF; they have no modules.
    #[must_use]
    pub fn detailed(self, detail: Detail, has_modules: bool) -> Self {
        let can = matches!(
            self.formatter,
            Formatter::Line(format) | Formatter::ChosenLine(format, _) if format.can_be_lean()
        );
        let book = ReferenceBook::new(detail, has_modules).filter(|_| can);
        Self { book, ..self }
    }

    /// Returns the records that others can refer to, if the output has any.
    pub(crate) fn book(&self) -> Option<&ReferenceBook> {
        self.book.as_ref()
    }

    /// Returns the same, to be changed.
    pub(crate) fn book_mut(&mut self) -> Option<&mut ReferenceBook> {
        self.book.as_mut()
    }

    /// Forgets what the output was given: references come again.
    pub(crate) fn forget(&mut self) {
        if let Some(book) = &mut self.book {
            book.clear();
        }
    }

    /// Returns the part that counts and links the lines, if the output is sealed.
    pub fn sealer(&mut self) -> Option<&mut Sealer> {
        self.sealer.as_mut()
    }

    /// Opens a file for appending, and locks it. A new file gets mode 0600: records hold arguments of all
    /// users. `sealed`: whether it may have no other writer.
    ///
    /// # Errors
    /// Fails if the file cannot be opened, or has another writer and one of both is sealed.
    pub fn file(path: &Path, sealed: bool) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(LockedFile::open(path, sealed)?))
    }

    /// Sets whether the output ends within a line: a tracego that wrote there was killed, or the disk was
    /// full.
    #[must_use]
    pub fn torn(self, torn: bool) -> Self {
        Self { torn, ..self }
    }

    /// Returns whether a file ends within a line; `false` for anything that is not a regular file.
    #[must_use]
    pub fn is_torn(path: &Path) -> bool {
        let last = || {
            let mut file = File::open(path).ok()?;
            file.seek(SeekFrom::End(-1)).ok()?;
            let mut last = [0];
            file.read_exact(&mut last).ok().map(|()| last)
        };
        path.is_file() && last().is_some_and(|last| last != *b"\n")
    }

    /// Switches to another output, which must be at the start of a line. Call [`flush`](Self::flush) before.
    pub fn set_output(&mut self, out: Box<dyn Write + Send>) {
        self.out = out;
        self.torn = false;
        self.forget();
    }

    /// Adds a record; `counted`: whether the record stands for an event of the kernel side.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised or sealed; nothing is added then.
    pub fn push(&mut self, record: &Record, counted: bool) -> io::Result<()> {
        let start = self.buffer.len();
        let mut done = match &mut self.formatter {
            Formatter::Line(format) => format.write(record, &mut self.buffer),
            Formatter::ChosenLine(format, selection) => {
                format.write_chosen(record, selection, &mut self.buffer)
            }
            Formatter::Text(text) => text.write(record, &mut self.buffer),
        };
        if let Some(sealer) = &mut self.sealer {
            match &done {
                Ok(()) if sealer.close(record, counted, &mut self.buffer, start) => {}
                Ok(()) => done = Err(io::Error::other("a record that cannot be sealed")),
                Err(_) => sealer.unwritable(record),
            }
        }
        match done {
            Ok(()) => self.ends.push((self.buffer.len(), counted)),
            Err(_) => self.buffer.truncate(start),
        }
        done
    }

    /// Returns whether enough is gathered for a write.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= GATHER
    }

    /// Writes everything to the operating system. Refused records are dropped and counted.
    pub fn flush(&mut self) -> FlushResult {
        let mut flushed = FlushResult::default();
        let mut done = 0;
        if self.torn && !self.buffer.is_empty() {
            // Ends the line that a full disk cut, so that the next record has a line of its own.
            match self.out.write_all(b"\n") {
                Ok(()) => self.torn = false,
                Err(error) => flushed.error = Some(error),
            }
        }
        while flushed.error.is_none() && done < self.buffer.len() {
            match self.out.write(&self.buffer[done..]) {
                Ok(0) => flushed.error = Some(io::ErrorKind::WriteZero.into()),
                Ok(more) => done += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => flushed.error = Some(error),
            }
        }
        if flushed.error.is_none() {
            flushed.error = self.out.flush().err();
        }
        // A record that lacks only its newline is whole; the next flush writes the newline.
        let whole = self.ends.partition_point(|&(end, _)| end <= done + 1);
        for (n, &(_, counted)) in self.ends.iter().enumerate() {
            let count = if n < whole { &mut flushed.written } else { &mut flushed.refused };
            *count += u64::from(counted);
        }
        let end = whole.checked_sub(1).map_or(0, |last| self.ends[last].0);
        self.torn |= done != end;
        if let Some(sealer) = &mut self.sealer {
            sealer.flushed(whole, self.buffer.get(end..done).unwrap_or_default());
        }
        if whole < self.ends.len() {
            // Records that were refused may be what others refer to.
            self.forget();
        }
        self.buffer.clear();
        self.ends.clear();
        flushed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{clock::Reading, ledger::Ledger, meta::Meta};

    /// A disk that takes a number of bytes, then reports that it is full until it gets more room.
    #[derive(Clone)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let room = disk.1.saturating_sub(disk.0.len());
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let len = room.min(bytes.len());
            disk.0.extend_from_slice(&bytes[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_a_kill_cut_is_ended_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records");
        assert!(!DirectOutput::is_torn(&path) && !DirectOutput::is_torn(Path::new("/dev/null")));
        for (text, torn) in [("", false), ("{}\n", false), ("{\"a", true)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(DirectOutput::is_torn(&path), torn, "{text}");
        }
        let mut sink =
            DirectOutput::new(DirectOutput::file(&path, false).unwrap(), DirectFormat::JSON).torn(true);
        let mut enricher = Enricher::new(Meta::default());
        let record = enricher.heartbeat(Ledger::default(), Reading::default());
        sink.push(&record, false).unwrap();
        assert!(sink.flush().error.is_none());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (2, "{\"a"));
        assert!(serde_json::from_str::<serde_json::Value>(lines[1]).is_ok());
    }

    #[test]
    fn a_full_disk_is_counted_and_the_next_line_stands_alone() {
        let disk = Disk(Arc::new(Mutex::new((Vec::new(), 300))));
        let mut sink = DirectOutput::new(Box::new(disk.clone()), DirectFormat::JSON);
        let mut enricher = Enricher::new(Meta::default());
        let mut push = |sink: &mut DirectOutput| {
            let record = enricher.heartbeat(Ledger::default(), Reading::default());
            sink.push(&record, true).unwrap();
        };
        push(&mut sink);
        push(&mut sink);
        let flushed = sink.flush();
        assert_eq!((flushed.written, flushed.refused), (0, 2), "{}", disk.0.lock().unwrap().0.len());
        assert_eq!(flushed.error.unwrap().kind(), io::ErrorKind::StorageFull);
        disk.0.lock().unwrap().1 = 1 << 20;
        push(&mut sink);
        let flushed = sink.flush();
        assert_eq!((flushed.written, flushed.refused), (1, 0));
        let text = String::from_utf8(disk.0.lock().unwrap().0.clone()).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(last["seq"], 3);
    }
}
