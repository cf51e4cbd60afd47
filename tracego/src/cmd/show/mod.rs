//! The command `tracego show`: prints records as text for people.
//!
//! ```text
//! choice  which records are printed
//! ```

mod choice;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use choice::RecordChoice;
use serde_json::Value;
use tracego_deliver::{
    detail::expansion::Expander,
    seal::verify::Lines,
    sink::direct::text::{HEADER, Style, TextWriter},
};
use tracego_model::record::{SCHEMA, event_name};
use tracego_report::wire::{ForeignForm, LINE_MAX};

use super::{code, followed_file::FollowedFile, output::has_colours};
use crate::cli::ShowRecords;

/// Maximum number of lines that are named; all are counted.
const NAMED_MAX: u64 = 5;
/// Time between two looks at a file that is followed.
const LOOK: Duration = Duration::from_millis(200);
/// Size from which on text is written, in bytes.
const GATHER: usize = 64 << 10;

/// Prints the records of files.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn show(asked: &ShowRecords) -> anyhow::Result<ExitCode> {
    let colour = has_colours(io::stdout().is_terminal());
    let mut printer = RecordPrinter {
        choice: RecordChoice::new(asked)?,
        text: TextWriter::new(Style { colour, tree: asked.tree }),
        expander: Expander::default(),
        out: HEADER.as_bytes().to_vec(),
        unread: 0,
    };
    match printer.all(asked) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        done => done.context("cannot write to standard output")?,
    }
    let more = printer.unread.saturating_sub(NAMED_MAX);
    if more > 0 {
        message!("tracego: and {more} more lines that could not be read");
    }
    Ok(if printer.unread > 0 { ExitCode::from(code::RUNNING) } else { ExitCode::SUCCESS })
}

/// The printer of records.
struct RecordPrinter {
    choice: RecordChoice,
    text: TextWriter,
    expander: Expander,
    out: Vec<u8>,
    unread: u64,
}

impl RecordPrinter {
    fn all(&mut self, asked: &ShowRecords) -> io::Result<()> {
        let (last, before) = match asked.files.split_last() {
            Some((last, before)) if asked.follow => (Some(last), before),
            _ => (None, asked.files.as_slice()),
        };
        before.iter().try_for_each(|file| self.file(file))?;
        self.flush()?;
        last.map_or(Ok(()), |last| self.follow(last))
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        let mut lines = Lines::of(vec![path.to_owned()]);
        loop {
            match lines.next_line() {
                Ok(Some(line)) => self.line(&line.bytes, &line.file, line.number)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.problem(&error.to_string());
                    return Ok(());
                }
            }
        }
    }

    fn follow(&mut self, path: &Path) -> io::Result<()> {
        let name = path.display().to_string();
        let mut file = FollowedFile::new(path);
        loop {
            match file.next_line() {
                Ok(Some((line, number))) => self.line(&line, &name, number)?,
                Ok(None) => {
                    self.flush()?;
                    std::thread::sleep(LOOK);
                }
                Err(error) => {
                    self.problem(&format!("{name}: {error}"));
                    return self.flush();
                }
            }
        }
    }

    fn line(&mut self, line: &[u8], file: &str, number: u64) -> io::Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let Some(mut record) = parsed(line) else {
            let reason =
                ForeignForm::of(line).map_or_else(|| "no record".to_owned(), |form| form.to_string());
            self.problem(&format!("{file}:{number}: {reason}"));
            return Ok(());
        };
        let name = record.get("event_name").and_then(Value::as_str).unwrap_or_default().to_owned();
        // What refers to a record that is missing is printed with what it has.
        if let Err(missing) = self.expander.expand(&mut record)
            && record.pointer("/tracego/selected").is_none()
        {
            self.problem(&format!("{file}:{number}: {missing}"));
        }
        if event_name::REFERENCES.contains(&&*name) || !self.choice.takes(&record) {
            return Ok(());
        }
        if !self.text.write_json(&record, &mut self.out)? {
            self.problem(&format!("{file}:{number}: no record"));
        }
        if self.out.len() >= GATHER { self.flush() } else { Ok(()) }
    }

    fn problem(&mut self, text: &str) {
        self.unread += 1;
        if self.unread <= NAMED_MAX {
            message!("tracego: {text}");
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&self.out)?;
        self.out.clear();
        out.flush()
    }
}

fn parsed(line: &[u8]) -> Option<Value> {
    let line = line.get(..LINE_MAX.min(line.len()))?;
    let record: Value = serde_json::from_slice(line).ok()?;
    (record.get("schema")? == SCHEMA).then_some(record)
}
