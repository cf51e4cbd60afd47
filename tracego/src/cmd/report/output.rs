//! The formats of a report, and the files that they go to.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::Context as _;
use tracego_analyze::rules::registry::RULES;
use tracego_model::finding::Severity;
use tracego_report::{
    baseline::NEW_PROCESS,
    chrome_trace, html, junit,
    markdown::{self, markdown},
    report::RunReport,
    run_time_sarif,
    sarif::{self, SarifLog, SarifRule},
};

use super::named;
use crate::{
    cli::{JobReport, ReportFormat, wrong_usage},
    cmd::plain_output::PlainOutput,
};

/// Variable of GitHub with the file of the summary of a step.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// Maximum size of that file in bytes. GitHub refuses a larger one as a whole.
const SUMMARY_MAX: u64 = 1 << 20;

/// Writes a report in all formats that were asked for.
///
/// # Errors
/// Fails if a file or standard output cannot be written.
pub(super) fn write(report: &RunReport, asked: &JobReport) -> anyhow::Result<()> {
    let limit = asked.fail_on.unwrap_or(Severity::Low);
    match &asked.file {
        Some(path) => to_file(report, asked.format, path, asked.append || is_summary(path), limit)?,
        None => {
            let is_json = matches!(asked.format, ReportFormat::Sarif | ReportFormat::ChromeTrace);
            let mut out = PlainOutput::stdout(is_json);
            match to(report, asked.format, markdown::SIZE_MAX, limit, &mut out).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                done => done.context("cannot write to standard output")?,
            }
        }
    }
    asked.also.iter().try_for_each(|(format, file)| to_file(report, *format, file, is_summary(file), limit))
}

/// Whether a file is the summary of a step, to which earlier commands of the step may have written.
fn is_summary(path: &Path) -> bool {
    std::env::var_os(SUMMARY).is_some_and(|named| !named.is_empty() && Path::new(&named) == path)
}

fn to_file(
    report: &RunReport,
    format: ReportFormat,
    path: &Path,
    append: bool,
    limit: Severity,
) -> anyhow::Result<()> {
    let opened =
        if append { OpenOptions::new().create(true).append(true).open(path) } else { File::create(path) };
    let file = match opened {
        Ok(file) => file,
        Err(error) => wrong_usage!("cannot write {}: {error}", path.display()),
    };
    let before = if append { file.metadata().map_or(0, |metadata| metadata.len()) } else { 0 };
    let room = usize::try_from(SUMMARY_MAX.saturating_sub(before)).unwrap_or(usize::MAX);
    let mut out = BufWriter::new(file);
    let written = to(report, format, markdown::SIZE_MAX.min(room), limit, &mut out);
    named(written.and_then(|()| out.flush()), "cannot write", path)
}

fn to(
    report: &RunReport,
    format: ReportFormat,
    size: usize,
    limit: Severity,
    out: &mut impl Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Markdown => out.write_all(markdown(report, size).as_bytes()),
        ReportFormat::Junit => junit::write(report, limit, out),
        ReportFormat::ChromeTrace => chrome_trace::write(report, out),
        ReportFormat::Sarif => write_sarif(report, out),
        ReportFormat::Html => html::write(&html::timeline(report), out),
    }
}

fn write_sarif(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    let results = run_time_sarif::results(&report.history);
    let own = SarifRule {
        id: NEW_PROCESS.id,
        name: NEW_PROCESS.name,
        title: NEW_PROCESS.title,
        summary: NEW_PROCESS.summary,
        remedy: NEW_PROCESS.remedy,
        reference: "",
        severity: Severity::Medium,
    };
    let rules: Vec<_> = sarif_rules().chain([own]).collect();
    let completeness = &report.history.completeness;
    let mut problems: Vec<String> = completeness.problems.iter().map(ToString::to_string).collect();
    problems.extend(completeness.losses());
    let category = "tracego-run/";
    let log = SarifLog {
        version: &report.version,
        category,
        rules: &rules,
        results: &results,
        problems: &problems,
    };
    sarif::write(&log, out).map(|_| ())
}

/// Returns the rules of the run time, which scans have, too.
pub(in crate::cmd) fn sarif_rules() -> impl Iterator<Item = SarifRule<'static>> {
    RULES.iter().map(|rule| SarifRule {
        id: rule.id,
        name: rule.name,
        title: rule.title,
        summary: rule.summary,
        remedy: rule.remedy,
        reference: rule.reference,
        severity: rule.severity(),
    })
}
