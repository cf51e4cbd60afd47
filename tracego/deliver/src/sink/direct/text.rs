//! The format for people at a terminal: one aligned line per record. Text of a process never reaches the
//! terminal as a control character.

use std::io::{self, Write as _};

use tracego_model::{
    finding::{Finding, Severity},
    record::{Record, event_name, policy::DenyReason},
    text::{one_line, push_printable},
};

/// The style of the text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
    /// Whether to indent by the number of ancestors.
    pub tree: bool,
}

/// The header with the names of the columns.
pub const HEADER: &str =
    "TIME         EVENT   PID      PPID     USER         JOB          COMMIT   COMMAND\n";

/// Indentation of findings, up to the column of the event.
const INDENT: &str = "             ";

const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const OFF: &str = "\x1b[0m";

/// Writes one record, with its findings and violations below.
///
/// # Errors
/// Never fails; all formats have this signature.
pub fn write(record: &Record, style: Style, out: &mut Vec<u8>) -> io::Result<()> {
    let time = record.timestamp.text();
    // The time of day from an RFC 3339 time, to the millisecond.
    let time = time.get(11..23).unwrap_or_default();
    let (name, colour) = event(record);
    let (colour, off) = if style.colour { (colour, OFF) } else { ("", "") };
    let dim = if style.colour { DIM } else { "" };
    let Some(process) = &record.process else {
        return writeln!(out, "{dim}{time}{off} {colour}{name:<7} {}{off}", safe(&record.body));
    };
    let user = process.user.as_ref().or(process.real_user.as_ref());
    let user = user.map_or_else(String::new, |user| match &user.name {
        Some(name) => safe(name),
        None => user.id.to_string(),
    });
    let context = record.context.as_deref();
    let get = |tree: Option<&str>| tree.map_or_else(|| "-".to_owned(), safe);
    let job = get(context.and_then(|c| c.cicd.get("pipeline.task.run.id")));
    let commit = get(context.and_then(|c| c.vcs.get("ref.head.revision")));
    let depth =
        record.tracego.ancestors.as_ref().filter(|_| style.tree).map_or(0, |line| line.iter().count());
    let indent = "  ".repeat(depth.saturating_sub(1));
    write!(
        out,
        "{dim}{time}{off} {colour}{name:<7}{off} {:<8} {:<8} {:<12} {:<12} {:<8} {indent}",
        process.pid,
        process.parent_pid,
        cut(&user, 12),
        cut(&job, 12),
        cut(&commit, 8),
    )?;
    match record.event_name {
        event_name::START => {
            let args = process.command_args.as_deref().map(one_line).unwrap_or_default();
            let path = process.executable.as_ref().map(|file| safe(&file.path)).unwrap_or_default();
            write!(out, "{args}")?;
            if process.command_args.as_ref().and_then(|args| args.first()).is_none_or(|first| *first != path)
            {
                write!(out, "  {dim}[{path}]{off}")?;
            }
        }
        _ => write!(out, "{}", safe(&record.body))?,
    }
    if record.tracego.job.as_ref().is_some_and(|job| !job.changed.is_empty()) {
        write!(out, " {colour}(claims another job){off}")?;
    }
    out.write_all(b"\n")?;
    record.tracego.findings.iter().try_for_each(|finding| self::finding(finding, style, out))?;
    let reasons = record.tracego.policy.as_ref().map(|policy| policy.reasons()).unwrap_or_default();
    reasons.iter().try_for_each(|reason| violation(reason, style, out))
}

/// Writes a violation of a policy below its record.
fn violation(reason: &DenyReason<'_>, style: Style, out: &mut Vec<u8>) -> io::Result<()> {
    let (colour, dim, off) = colours(reason.severity, style);
    let (severity, name, message) = (reason.severity.name(), safe(&reason.to_string()), safe(reason.message));
    writeln!(out, "{INDENT}{colour}{severity} {name}{off}: {message}")?;
    match reason.remediation {
        Some(remediation) => writeln!(out, "{INDENT}{dim}fix: {}{off}", safe(remediation)),
        None => Ok(()),
    }
}

fn colours(severity: Severity, style: Style) -> (&'static str, &'static str, &'static str) {
    let colour = if severity >= Severity::High { RED } else { YELLOW };
    if style.colour { (colour, DIM, OFF) } else { ("", "", "") }
}

/// Writes a finding below its record. The texts of a finding hold no control characters.
fn finding(finding: &Finding, style: Style, out: &mut Vec<u8>) -> io::Result<()> {
    let (colour, dim, off) = colours(finding.severity, style);
    let (severity, Finding { id, name, message, remedy, .. }) = (finding.severity.name(), finding);
    writeln!(out, "{INDENT}{colour}{severity} {id} {name}{off}: {message}")?;
    writeln!(out, "{INDENT}{dim}fix: {remedy}{off}")
}

fn event(record: &Record) -> (&'static str, &'static str) {
    match record.event_name {
        event_name::START => ("start", GREEN),
        event_name::FORK => ("fork", DIM),
        event_name::EXEC_FAILED => ("failed", YELLOW),
        event_name::FINDING => ("found", YELLOW),
        event_name::ENFORCEMENT => ("stop", RED),
        event_name::LOST => ("LOST", RED),
        event_name::HEARTBEAT => ("alive", DIM),
        _ if record.process.as_ref().and_then(|p| p.exit).is_some_and(|exit| exit.code != 0) => {
            ("exit", YELLOW)
        }
        _ => ("exit", DIM),
    }
}

fn safe(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    text.chars().for_each(|c| push_printable(&mut line, c));
    line
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}
