//! The command `tracego scan`: finds `go run` in the files of a source tree.

mod repository;
pub(super) mod sarif_results;
mod staged;

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use tracego_model::{finding::Severity, text::printable};
use tracego_scan::{
    baseline::{Baseline, BaselineEntry},
    output::{self, ScanForm, ScanOutcome},
    suppression::SuppressionProblem,
    tree::{ScanOptions, ScanReport, scan as scan_tree},
};

use repository::RepositorySettings;

use super::{code, file_identity::refuse_overwriting, output as terminal};
use crate::cli::{Scan, ScanFormName, UsageError};

/// Scans, and writes the reports.
///
/// # Errors
/// Fails if a path, the baseline or the settings cannot be read, or a report cannot be written.
pub(super) fn scan(asked: &Scan, quiet: bool) -> anyhow::Result<ExitCode> {
    let also = asked.also.iter().map(|(_, path)| ("--also", path.as_path()));
    let updated = asked.baseline.iter().filter(|_| asked.update_baseline);
    let outputs = also.chain(updated.map(|path| ("--baseline", path.as_path())));
    let paths = asked.paths.iter().map(|path| ("a file to scan", path.as_path()));
    let settings = asked.scan_config.iter().map(|path| ("--scan-config", path.as_path()));
    let known = asked.baseline.iter().filter(|_| !asked.update_baseline);
    let known = known.map(|path| ("--baseline", path.as_path()));
    refuse_overwriting(outputs, paths.chain(settings).chain(known))?;
    let settings = RepositorySettings::read(asked.scan_config.as_deref())?;
    let today = time::OffsetDateTime::now_utc().date().to_string();
    let options = ScanOptions {
        paths: asked.paths.clone(),
        is_strict: asked.strict,
        reads_documents: asked.docs,
        excluded: asked.exclude.iter().chain(&settings.excluded).cloned().collect(),
        staged: if asked.staged { Some(staged::files()?) } else { None },
        today: today.clone(),
    };
    let mut report = scan_tree(&options).map_err(|error| UsageError(error.to_string()))?;
    for exception in &settings.exceptions {
        let problem = exception.apply(&mut report.findings, &today);
        report.suppression_problems.extend(problem.map(|message| SuppressionProblem {
            path: settings.path.clone(),
            line: 1,
            message,
        }));
    }
    for unread in &report.unread {
        message!("tracego: scan: {}: {}", printable(&unread.path), printable(&unread.reason));
    }
    if asked.update_baseline
        && let Some(path) = &asked.baseline
    {
        let baseline = Baseline::of(&report.findings);
        std::fs::write(path, baseline.to_text())
            .with_context(|| format!("cannot write {}", path.display()))?;
        if !quiet {
            let count = baseline.len();
            let are = if count == 1 { "finding is" } else { "findings are" };
            message!("tracego: scan: {count} {are} in {}", path.display());
        }
        return Ok(if report.unread.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(code::RUNNING) });
    }
    let baseline = asked.baseline.as_deref().map(read_baseline).transpose()?.unwrap_or_default();
    let stale = baseline.apply(&mut report.findings);
    write_all(asked, &report, &stale)?;
    let worst =
        report.findings.iter().filter(|finding| finding.counts()).map(|finding| finding.case.severity).max();
    if !quiet {
        message!("tracego: scan: {}", summary(&report));
    }
    let fails = asked.fail_on.0.is_some_and(|limit| worst.is_some_and(|worst| worst >= limit));
    Ok(match (fails, report.unread.is_empty()) {
        (true, _) => ExitCode::from(code::FINDINGS),
        (false, false) => ExitCode::from(code::RUNNING),
        (false, true) => ExitCode::SUCCESS,
    })
}

fn read_baseline(path: &Path) -> anyhow::Result<Baseline> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        UsageError(format!("--baseline {}: {error}; --update-baseline writes one", path.display()))
    })?;
    Ok(Baseline::parse(&text)
        .map_err(|error| UsageError(format!("--baseline {}: {error}", path.display())))?)
}

fn write_all(asked: &Scan, report: &ScanReport, stale: &[&BaselineEntry]) -> anyhow::Result<()> {
    let outcome =
        |has_colours| ScanOutcome { report, stale, version: env!("CARGO_PKG_VERSION"), has_colours };
    for (form, path) in &asked.also {
        let write = || -> io::Result<()> {
            let mut file = BufWriter::new(File::create(path)?);
            write_form(&outcome(false), *form, &mut file)?;
            file.flush()
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
    }
    let has_colours = terminal::has_colours(io::stdout().is_terminal());
    let mut out = BufWriter::new(io::stdout().lock());
    let done = write_form(&outcome(has_colours), asked.format, &mut out).and_then(|()| out.flush());
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to standard output"),
    }
}

/// Writes the report in one form.
fn write_form(outcome: &ScanOutcome<'_>, name: ScanFormName, out: &mut dyn Write) -> io::Result<()> {
    let form = match name {
        ScanFormName::Text => ScanForm::Text,
        ScanFormName::Json => ScanForm::Json,
        ScanFormName::Github => ScanForm::Github,
        ScanFormName::Gitlab => ScanForm::Gitlab,
        ScanFormName::Junit => ScanForm::Junit,
        ScanFormName::Rdjsonl => ScanForm::Rdjsonl,
        ScanFormName::Sarif => return sarif_results::write(outcome, out),
    };
    output::write(outcome, form, out)
}

/// Returns the counts of a scan in one line.
fn summary(report: &ScanReport) -> String {
    let counted: Vec<Severity> = report
        .findings
        .iter()
        .filter(|finding| finding.counts())
        .map(|finding| finding.case.severity)
        .collect();
    let number = |severity| counted.iter().filter(|own| **own == severity).count();
    let by_severity: Vec<String> = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .filter(|severity| number(*severity) > 0)
        .map(|severity| format!("{} {severity}", number(severity)))
        .collect();
    let mut parts = vec![match by_severity.as_slice() {
        [] => format!("no findings in {} files", report.files),
        some => format!("{} in {} files", some.join(", "), report.files),
    }];
    let suppressed = report.findings.iter().filter(|finding| finding.suppressed.is_some()).count();
    let known = report.findings.iter().filter(|finding| finding.is_known).count();
    for (count, what) in [
        (suppressed, "suppressed"),
        (known, "known"),
        (report.large, "files too large to read"),
        (report.unread.len(), "files not read as a whole"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}
