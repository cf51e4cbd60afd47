//! Files of records, read once, one line at a time.

use std::path::PathBuf;

use tracego_deliver::seal::verify::{Line, Lines};
use tracego_report::history::{HistoryLimits, HistoryReader, RunHistory};

use super::progress_line::ProgressLine;

/// A reader of records.
pub(in crate::cmd) trait RecordReader {
    /// Takes a line. A line that is no record is a problem of the result.
    fn take_line(&mut self, line: &Line);
    /// Notes that a file cannot be read from a line on; 0 for the whole file.
    fn unreadable(&mut self, file: &str, line: u64, reason: String);
    /// Returns the number of records so far.
    fn records(&self) -> u64;
}

impl RecordReader for HistoryReader {
    fn take_line(&mut self, line: &Line) {
        let _named = self.take(&line.bytes, &line.file, line.number);
    }

    fn unreadable(&mut self, file: &str, line: u64, reason: String) {
        self.unreadable(file, line, reason);
    }

    fn records(&self) -> u64 {
        self.records()
    }
}

/// Reads files into a history. A file that cannot be read, or not to its end, is a problem of the history.
pub(in crate::cmd) fn history(files: &[PathBuf], is_quiet: bool) -> RunHistory {
    let mut reader = HistoryReader::new(HistoryLimits::default());
    read(files, is_quiet, &mut reader);
    reader.finish()
}

/// Reads files with a reader of records.
pub(in crate::cmd) fn read(files: &[PathBuf], is_quiet: bool, reader: &mut impl RecordReader) {
    let mut progress = ProgressLine::new(is_quiet);
    for (n, path) in files.iter().enumerate() {
        let mut lines = Lines::of(vec![path.clone()]);
        let mut last = 0;
        loop {
            match lines.next_line() {
                Ok(Some(line)) => {
                    last = line.number;
                    reader.take_line(&line);
                    progress.show(reader.records(), (n + 1, files.len()));
                }
                Ok(None) => break,
                Err(error) => {
                    let name = path.display().to_string();
                    let text = error.to_string();
                    let reason = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text).to_owned();
                    let line = if last == 0 { 0 } else { last + 1 };
                    reader.unreadable(&name, line, reason);
                    break;
                }
            }
        }
    }
    progress.end();
}
