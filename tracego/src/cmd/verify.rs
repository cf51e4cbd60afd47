//! The command `tracego verify-log`: verifies sealed logs.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use tracego_deliver::{
    seal::{
        key::PublicKey,
        verify::{Lines, Options, Report, Told, ordered, verify as check},
    },
    sink::file::rotated_name,
};

use super::code;
use crate::cli::VerifyLog;

/// Verifies the files and prints the report. Input that cannot be read has its own exit code.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn verify(asked: &VerifyLog) -> anyhow::Result<ExitCode> {
    let report = match read(asked) {
        Ok(report) => report,
        Err(error) => {
            message!("tracego: {error:#}");
            return Ok(ExitCode::from(code::UNREADABLE));
        }
    };
    let mut out = io::stdout().lock();
    let done = if asked.report.is_json() {
        serde_json::to_writer(&mut out, &report).map_err(io::Error::from).and_then(|()| writeln!(out))
    } else {
        print(&report, &mut out)
    };
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        done => done.context("cannot write to standard output")?,
    }
    Ok(if report.whole { ExitCode::SUCCESS } else { ExitCode::from(code::RUNNING) })
}

fn read(asked: &VerifyLog) -> anyhow::Result<Report> {
    let named = |path: &PathBuf| format!("--key {}", path.display());
    let key = asked.key.as_ref().map(|path| PublicKey::read(path).with_context(|| named(path)));
    let options = Options { key: key.transpose()?, partial: asked.partial };
    if asked.files.len() < 2 {
        return Ok(check(&mut Lines::of(asked.files.clone()), &options)?);
    }
    // The names of a sink's files show their order.
    let named = rotated_name::ordered(&asked.files);
    let is_named = named.is_some();
    let files = named.map_or_else(|| ordered(&asked.files), Ok)?;
    let report = check(&mut Lines::of(files.clone()), &options)?;
    if report.whole {
        return Ok(report);
    }
    // A clock that was set back puts runs into the wrong order; then the order given by the user may be
    // right.
    let other = if is_named { ordered(&files)? } else { asked.files.clone() };
    if files == other {
        return Ok(report);
    }
    let second = check(&mut Lines::of(other), &options)?;
    Ok(if second.whole { second } else { report })
}

fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for run in &report.runs {
        writeln!(out, "{}", line(run, report.signatures))?;
    }
    let more = report.runs_total.saturating_sub(report.runs.len() as u64);
    if more > 0 {
        writeln!(out, "and {more} more runs")?;
    }
    if report.foreign > 0 {
        writeln!(out, "{} lines are of runs without --seal and cannot be verified", report.foreign)?;
    }
    match &report.damage {
        Some(damage) => writeln!(out, "DAMAGED {damage}\n{} records before it are whole", report.records),
        None if report.whole => writeln!(out, "whole: {} records", report.records),
        None => writeln!(out, "NOT SEALED: the log contains no run with --seal"),
    }
}

/// Formats the report of one run.
fn line(run: &Told, signatures: bool) -> String {
    let instance = run.instance.escape_default();
    let mut line =
        format!("run {instance}: {} records up to seq {}, {} seals", run.records, run.last_seq, run.seals);
    if let Some(sink) = &run.sink {
        line = line.replacen("run", &format!("sink {}, run", sink.escape_default()), 1);
    }
    match &run.key {
        Some(key) if signatures => line.push_str(&format!(" signed by {}", key.escape_default())),
        Some(_) => line.push_str(" (signatures not checked: no --key)"),
        None => {}
    }
    if !run.opened {
        line.push_str("; its beginning is missing");
    }
    match (run.closed, run.unsealed) {
        (true, _) => {}
        (false, 0) => line.push_str("; the run did not end in order, or still runs"),
        (false, more) => {
            line.push_str(&format!(
                "; the run did not end in order, or still runs: {more} records after its last seal"
            ));
        }
    }
    for (name, count) in [("cut by a full output", run.torn), ("refused by the output", run.refused)] {
        if count > 0 {
            line.push_str(&format!("; {count} {name}"));
        }
    }
    for (reason, count) in &run.lost {
        let reason: String = reason.chars().take(64).flat_map(char::escape_default).collect();
        line.push_str(&format!("; lost: {reason} {count}"));
    }
    if run.closed && run.pending != 0 {
        line.push_str("; THE COUNTS OF THE RUN DO NOT BALANCE");
    }
    line
}
