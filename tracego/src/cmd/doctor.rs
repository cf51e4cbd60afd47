//! The command `tracego doctor`: shows what this kernel and this user allow.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use tracego_probe::doctor::{self, CheckState, DoctorReport};

use super::{code, output};
use crate::cli::Doctor;

/// Runs all probes and prints the report. The exit code shows whether the main job runs here.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(super) fn doctor(doctor: &Doctor) -> anyhow::Result<ExitCode> {
    let report = doctor::examine();
    let mut out = io::stdout().lock();
    if doctor.report.is_json() {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        print(&report, &mut out)?;
    }
    Ok(if report.works { ExitCode::SUCCESS } else { ExitCode::from(code::KERNEL) })
}

fn print(report: &DoctorReport, out: &mut impl io::Write) -> io::Result<()> {
    let colours = output::has_colours(io::stdout().is_terminal());
    writeln!(out, "tracego {} on Linux {}", env!("CARGO_PKG_VERSION"), report.kernel)?;
    let width = report.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    for check in &report.checks {
        let (word, colour) = match check.state {
            CheckState::Ok => ("ok", "\x1b[32m"),
            CheckState::Optional => ("optional", "\x1b[2m"),
            CheckState::Degraded => ("degraded", "\x1b[33m"),
            CheckState::Missing => ("missing", "\x1b[31m"),
        };
        let (colour, off) = if colours { (colour, "\x1b[0m") } else { ("", "") };
        writeln!(out, "  {colour}{word:<8}{off}  {:<width$}  {}", check.name, check.detail)?;
        if !check.remedy.is_empty() {
            writeln!(out, "  {:<8}  {:<width$}  → {}", "", "", check.remedy)?;
        }
    }
    let count = |state| report.checks.iter().filter(|check| check.state == state).count();
    let optional = match count(CheckState::Optional) {
        0 => String::new(),
        optional => format!("; {optional} that only some options need are missing"),
    };
    match (report.works, count(CheckState::Degraded)) {
        (false, _) => writeln!(out, "tracego cannot watch this machine: see what is missing above"),
        (true, 0) => writeln!(out, "the main job works here, and everything beside it{optional}"),
        (true, degraded) => writeln!(out, "the main job works here; {degraded} degraded{optional}"),
    }
}
