//! How far reading is: a line on a terminal that is written anew, and gone at the end.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// Time before the first line, and between two.
const EVERY: Duration = Duration::from_millis(300);
/// Number of records between two looks at the clock.
const LOOK: u64 = 4096;
/// The sequence that returns to the begin of the line and erases it.
const ERASE: &str = "\r\x1b[K";

/// The line; nothing is written where standard error is no terminal.
pub(super) struct ProgressLine {
    next: Option<Instant>,
    is_shown: bool,
}

impl ProgressLine {
    /// Creates a line that shows nothing yet.
    pub(super) fn new(is_quiet: bool) -> Self {
        let shows = !is_quiet && io::stderr().is_terminal();
        Self { next: shows.then(|| Instant::now() + EVERY), is_shown: false }
    }

    /// Shows how far reading is, a few times a second.
    pub(super) fn show(&mut self, records: u64, (file, files): (usize, usize)) {
        let Some(next) = self.next.filter(|_| records.is_multiple_of(LOOK)) else { return };
        let now = Instant::now();
        if now >= next {
            self.next = Some(now + EVERY);
            self.is_shown = true;
            let line = format!("{ERASE}tracego: file {file} of {files}, {records} records");
            let _unwritten = io::stderr().write_all(line.as_bytes());
        }
    }

    /// Erases the line.
    pub(super) fn end(&mut self) {
        if self.is_shown {
            let _unwritten = io::stderr().write_all(ERASE.as_bytes());
            self.is_shown = false;
        }
    }
}
