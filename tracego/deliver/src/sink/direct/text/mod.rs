//! The format for people at a terminal: the command first, and behind it only what differs from its parent.
//! Text of a process never reaches the terminal as a control character.

mod shown;
mod text_record;
mod wrap;

use std::io::{self, Write as _};

use serde_json::Value;
use shown::ShownProcesses;
use text_record::{TextFinding, TextProcess};
use tracego_model::{
    finding::Severity,
    record::{Record, event_name, policy::DenyReason},
    text::{one_line, printable},
};

pub use text_record::TextRecord;

/// The style of the text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
    /// Whether to draw each process below its parent.
    pub tree: bool,
}

/// The header with the names of the columns.
pub const HEADER: &str = "TIME         PID COMMAND\n";

/// Column of the command.
const COMMAND_AT: usize = 17;

/// Folders whose programs need no path beside their name.
const USUAL: [&str; 6] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const OFF: &str = "\x1b[0m";

/// A writer of records as text, which knows the processes that it has shown.
#[derive(Debug)]
pub struct TextWriter {
    style: Style,
    shown: ShownProcesses,
}

impl TextWriter {
    /// Creates a writer that has shown nothing.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style, shown: ShownProcesses::default() }
    }

    /// Writes one record, with its findings and violations below.
    ///
    /// # Errors
    /// Never fails; all formats have this signature.
    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let ancestors = record.tracego.ancestors.iter().flat_map(|line| line.iter());
        let ancestors = ancestors.map(|line| (line.id.tgid, line.created.0));
        self.write_text(&TextRecord::of(record), ancestors, out)
    }

    /// Writes one full record in JSON. Returns whether it was one.
    ///
    /// # Errors
    /// Never fails; all formats have this signature.
    pub fn write_json(&mut self, record: &Value, out: &mut Vec<u8>) -> io::Result<bool> {
        let Some(text) = TextRecord::of_json(record) else { return Ok(false) };
        self.write_text(&text, TextRecord::ancestors_of_json(record), out).map(|()| true)
    }

    fn write_text(
        &mut self,
        record: &TextRecord<'_>,
        ancestors: impl Iterator<Item = (u32, i64)>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        // A digest alone is nothing to read.
        if record.event_name == event_name::EXECUTABLE && record.findings.is_empty() {
            return Ok(());
        }
        // The time of day from an RFC 3339 time, to the second.
        let time = record.timestamp.get(11..19).unwrap_or_default();
        let (word, colour) = event(record);
        let (colour, off) = if self.style.colour { (colour, OFF) } else { ("", "") };
        let dim = if self.style.colour { DIM } else { "" };
        let Some(process) = &record.process else {
            return writeln!(
                out,
                "{dim}{time}{off} {:>7} {colour}{word}{}{off}",
                "-",
                printable(&record.body)
            );
        };
        let (depth, news) = self.shown.place(record, process, ancestors);
        let pid = process.pid;
        write!(out, "{dim}{time} {pid:>7}{off} ")?;
        if self.style.tree && depth > 0 {
            write!(out, "{dim}{}└ {off}", "  ".repeat(depth - 1))?;
        }
        write!(out, "{colour}{word}{off}")?;
        if record.event_name == event_name::START {
            start(process, dim, off, out)?;
            // A record that has the exit, too.
            match (record.signal, process.exit) {
                (Some(signal), Some(_)) => write!(out, " {dim}signal={signal}{off}")?,
                (_, Some(code)) => write!(out, " {dim}exit={code}{off}")?,
                (_, None) => {}
            }
        } else {
            write!(out, "{}", printable(&record.body))?;
        }
        for (name, value) in news {
            write!(out, " {dim}{name}={}{off}", cut(&printable(&value), 32))?;
        }
        if record.claims_other_job {
            write!(out, " {colour}(claims another job){off}")?;
        }
        out.write_all(b"\n")?;
        record.findings.iter().try_for_each(|found| finding(found, self.style, out))?;
        record.reasons.iter().try_for_each(|reason| violation(reason, self.style, out))
    }
}

/// Writes the command of a start, and its executable where the command does not name it.
fn start(process: &TextProcess<'_>, dim: &str, off: &str, out: &mut Vec<u8>) -> io::Result<()> {
    let args = &*process.arguments;
    write!(out, "{}", if args.is_empty() { printable(process.command) } else { one_line(args) })?;
    let Some(path) = process.path else { return Ok(()) };
    let first = args.first().map_or("", String::as_str);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_named = first == path || (first.rsplit('/').next() == Some(name) && USUAL.contains(&folder));
    if !is_named {
        write!(out, " {dim}[{}]{off}", printable(path))?;
    }
    Ok(())
}

/// Writes a finding below its record. The texts of a finding hold no control characters.
fn finding(finding: &TextFinding<'_>, style: Style, out: &mut Vec<u8>) -> io::Result<()> {
    let (colour, dim, off) = colours(finding.severity, style);
    let (severity, TextFinding { id, name, message, remedy, .. }) = (finding.severity.name(), finding);
    wrap::write(&format!("{severity} {id} {name}: {message}"), COMMAND_AT, (colour, off), out)?;
    wrap::write(&format!("fix: {remedy}"), COMMAND_AT, (dim, off), out)
}

/// Writes a violation of a policy below its record.
fn violation(reason: &DenyReason<'_>, style: Style, out: &mut Vec<u8>) -> io::Result<()> {
    let (colour, dim, off) = colours(reason.severity, style);
    let (severity, name, message) =
        (reason.severity.name(), printable(&reason.to_string()), printable(reason.message));
    wrap::write(&format!("{severity} {name}: {message}"), COMMAND_AT, (colour, off), out)?;
    match reason.remediation {
        Some(remediation) => {
            wrap::write(&format!("fix: {}", printable(remediation)), COMMAND_AT, (dim, off), out)
        }
        None => Ok(()),
    }
}

/// Returns the sequences that begin a severity and a remark, and that end both.
fn colours(severity: Severity, style: Style) -> (&'static str, &'static str, &'static str) {
    let colour = if severity >= Severity::High { RED } else { YELLOW };
    if style.colour { (colour, DIM, OFF) } else { ("", "", "") }
}

/// Returns the word in front of the text of an event, and its colour. A start needs no word.
fn event(record: &TextRecord<'_>) -> (&'static str, &'static str) {
    match record.event_name {
        event_name::START => ("", GREEN),
        event_name::FORK => ("", DIM),
        event_name::EXEC_FAILED => ("failed: ", YELLOW),
        event_name::FINDING | event_name::EXECUTABLE => ("found: ", YELLOW),
        event_name::ENFORCEMENT => ("STOP: ", RED),
        event_name::LOST => ("LOST: ", RED),
        event_name::HEARTBEAT => ("", DIM),
        _ if record.process.as_ref().and_then(|p| p.exit).is_some_and(|code| code != 0) => ("", YELLOW),
        _ => ("", DIM),
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}
