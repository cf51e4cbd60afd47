//! The command `tracego verify-log`: verifies sealed logs.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use tracego_attest::runtime_trace::LogVerdict;
use tracego_deliver::{
    seal::{
        chain::{Link, unhex},
        key::PublicKey,
        verify::{Kind, Lines, Options, Report, Told, Unproven, linked_order, ordered, verify as check},
    },
    sink::file::rotated_name,
};

use super::{code, plain_output::PlainOutput};
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
    let mut out = PlainOutput::stdout(asked.print_head || asked.report.is_json());
    let done = if asked.print_head {
        print_head(&report, &mut out)
    } else if asked.report.is_json() {
        serde_json::to_writer(&mut out, &report).map_err(io::Error::from).and_then(|()| writeln!(out))
    } else {
        print(&report, &mut out)
    };
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        done => done.context("cannot write to standard output")?,
    }
    Ok(match verdict(&report) {
        LogVerdict::Whole => ExitCode::SUCCESS,
        LogVerdict::Damaged | LogVerdict::NotSealed => ExitCode::from(code::RUNNING),
        LogVerdict::Unproven | LogVerdict::Unchecked => ExitCode::from(code::UNPROVEN),
    })
}

/// Returns the verdict of a report, which attestations have, too.
pub(super) fn verdict(report: &Report) -> LogVerdict {
    match report.damage {
        _ if report.whole => LogVerdict::Whole,
        Some(_) => LogVerdict::Damaged,
        None if report.runs_total == 0 => LogVerdict::NotSealed,
        None => LogVerdict::Unproven,
    }
}

/// Prints the end of the log as JSON, to be kept elsewhere; the rest of the report goes to standard error.
fn print_head(report: &Report, out: &mut impl Write) -> io::Result<()> {
    print(report, &mut io::stderr().lock())?;
    match &report.head {
        Some(head) if report.damage.is_none() => {
            serde_json::to_writer(&mut *out, head).map_err(io::Error::from)?;
            writeln!(out)
        }
        _ => Ok(()),
    }
}

fn read(asked: &VerifyLog) -> anyhow::Result<Report> {
    let named = |path: &PathBuf| format!("--key {}", path.display());
    let key = asked.key.as_ref().map(|path| PublicKey::read(path).with_context(|| named(path)));
    let head = |text: &String| {
        let link = unhex(text.as_bytes()).map(Link);
        link.with_context(|| format!("--expect-head {text}: not a link of 64 hexadecimal digits"))
    };
    let expect_head = asked.expect_head.as_ref().map(head).transpose()?;
    let options = Options { key: key.transpose()?, partial: asked.partial, expect_head };
    verified(&asked.files, &options)
}

/// Verifies files in the order in which they were written, whatever the order given.
///
/// # Errors
/// Fails if a file cannot be read.
pub(super) fn verified(given: &[PathBuf], options: &Options) -> anyhow::Result<Report> {
    if given.len() < 2 {
        return Ok(check(&mut Lines::of(given.to_vec()), options)?);
    }
    // The names of a sink's files show their order.
    let named = rotated_name::ordered(given);
    let is_named = named.is_some();
    let files = named.map_or_else(|| ordered(given), Ok)?;
    let report = check(&mut Lines::of(files.clone()), options)?;
    if report.damage.is_none() {
        return Ok(report);
    }
    // A clock that was set back, records that waited for long, or files in several folders give another order
    // than names and times show.
    let by_links = linked_order(&files)?;
    let by_time = if is_named { ordered(&files)? } else { given.to_vec() };
    for other in by_links.into_iter().chain([by_time]).filter(|other| *other != files) {
        let second = check(&mut Lines::of(other), options)?;
        if second.damage.is_none() {
            return Ok(second);
        }
    }
    Ok(report)
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
    if report.runs_total == 0 && report.references > 0 && report.damage.is_none() {
        writeln!(out, "no reference dangles: all {} have their records", report.references)?;
    }
    if let Some(cut) = &report.cut {
        writeln!(out, "CUT {}:{}: the log ends within this line", cut.file, cut.line)?;
    }
    if let Some(unproven) = &report.unproven {
        let Unproven { records, first, first_seq, open_runs, unlinked_runs } = unproven;
        if let Some(first) = first {
            let seq = first_seq.unwrap_or_default();
            writeln!(
                out,
                "NOT PROVEN {}:{}: {records} records from seq {seq} on: no signature covers them",
                first.file, first.line
            )?;
        }
        if *unlinked_runs > 0 {
            writeln!(out, "NOT PROVEN: {unlinked_runs} runs do not say which run was before them")?;
        }
        if *open_runs > 0 {
            writeln!(
                out,
                "NOT PROVEN: {open_runs} runs have no last seal; what followed may have been removed"
            )?;
        }
    }
    match &report.damage {
        Some(damage) if damage.kind == Kind::Dangling && report.runs_total == 0 => {
            writeln!(out, "DAMAGED {damage}\nNOT SEALED: the log contains no run with --seal")
        }
        Some(damage) if damage.kind == Kind::Dangling => {
            writeln!(out, "DAMAGED {damage}\nthe chain is whole: {} records", report.records)
        }
        Some(damage) => writeln!(out, "DAMAGED {damage}\n{} records before it are whole", report.records),
        None if report.cut.is_some() || report.unproven.is_some() => {
            writeln!(out, "not proven to the end: {} records, no damage found", report.records)
        }
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
    } else if !run.linked {
        line.push_str("; it does not say which run was before it");
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
