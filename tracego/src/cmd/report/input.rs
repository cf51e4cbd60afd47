//! Files of records, read once, one line at a time.

use std::path::PathBuf;

use tracego_deliver::seal::verify::Lines;
use tracego_report::history::{HistoryLimits, HistoryReader, RunHistory};

use super::progress_line::ProgressLine;

/// Reads files into a history. A file that cannot be read, or not to its end, is a problem of the history.
pub(super) fn history(files: &[PathBuf], is_quiet: bool) -> RunHistory {
    let mut reader = HistoryReader::new(HistoryLimits::default());
    let mut progress = ProgressLine::new(is_quiet);
    for (n, path) in files.iter().enumerate() {
        let mut lines = Lines::of(vec![path.clone()]);
        let mut last = 0;
        loop {
            match lines.next_line() {
                Ok(Some(line)) => {
                    last = line.number;
                    // A line that is no record is a problem of the history.
                    let _named = reader.take(&line.bytes, &line.file, line.number);
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
    reader.finish()
}
