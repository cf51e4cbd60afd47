//! The command `tracego report`: reads records and writes reports about them.
//!
//! ```text
//! input          files of records
//! progress_line  how far reading is, for people
//! seal_check     the seals of the files
//! output         the formats, and the files that they go to
//! source_places  the places of findings in sources
//! known_baseline the baseline of earlier runs
//! diff           the command `tracego diff`
//! ```

pub(super) mod diff;
pub(super) mod input;
mod known_baseline;
pub(super) mod output;
mod progress_line;
mod seal_check;
mod source_places;

use std::process::ExitCode;

use anyhow::Context as _;
use known_baseline::KnownBaseline;
use tracego_model::finding::Severity;
use tracego_report::{
    baseline::NEW_PROCESS,
    history::{RunHistory, StopEffect},
    report::RunReport,
};

use super::{code, file_identity::refuse_overwriting};
use crate::cli::{JobReport, wrong_usage};

/// Reads the records and writes the reports.
///
/// # Errors
/// Fails if a report cannot be written, or if a baseline or a key cannot be read.
pub(super) fn report(asked: &JobReport, is_quiet: bool) -> anyhow::Result<ExitCode> {
    let also = asked.also.iter().map(|(_, path)| ("--also", path.as_path()));
    let outputs = asked.file.iter().map(|path| ("--output", path.as_path())).chain(also);
    let records = asked.files.iter().map(|path| ("a file of records", path.as_path()));
    let baseline = asked.baseline.iter().map(|path| ("--baseline", path.as_path()));
    let key = asked.key.iter().map(|path| ("--key", path.as_path()));
    refuse_overwriting(outputs, records.chain(baseline).chain(key))?;
    if asked.update {
        let updated = asked.baseline.iter().map(|path| ("--baseline", path.as_path()));
        let records = asked.files.iter().map(|path| ("a file of records", path.as_path()));
        refuse_overwriting(updated, records)?;
    }
    let known = match &asked.baseline {
        Some(path) => Some(KnownBaseline::read(path, asked.update)?),
        None => None,
    };
    let mut history = input::history(&asked.files, is_quiet);
    seal_check::check(&mut history, &asked.files, asked.key.as_deref())?;
    let unread = history.completeness.unread_lines;
    name_problems(&history);
    let history = of_job(history, asked.job.as_deref())?;
    let comparison = known.as_ref().map(|known| known.compare(&history, asked.update));
    let mut report = RunReport::new(history, comparison, env!("CARGO_PKG_VERSION"));
    if let Some(folder) = &asked.source {
        for problem in source_places::add(&mut report.history, folder)? {
            message!("tracego: --source: {}", tracego_model::text::printable(&problem));
        }
    }
    output::write(&report, asked)?;
    let mut is_updated = true;
    if let Some(known) = known.filter(|_| asked.update) {
        is_updated = match reason_against_update(&report, asked.fail_on) {
            None => {
                known.update(&report.history)?;
                true
            }
            Some(reason) => {
                message!("tracego: the baseline is not updated: {reason}");
                false
            }
        };
    }
    let is_stop = |effect: &StopEffect| !matches!(effect, StopEffect::Audited);
    let stopped = report.history.stops.iter().any(|stop| is_stop(&stop.effect));
    Ok(match asked.fail_on {
        Some(limit) if stopped || report.has_from(limit) => ExitCode::from(code::FINDINGS),
        _ if unread > 0 || !is_updated => ExitCode::from(code::RUNNING),
        _ => ExitCode::SUCCESS,
    })
}

/// Prints the first lines that could not be read.
pub(super) fn name_problems(history: &RunHistory) {
    let completeness = &history.completeness;
    for problem in completeness.problems.iter().take(5) {
        message!("tracego: {problem}");
    }
    let more = completeness.unread_lines.saturating_sub(5);
    if more > 0 {
        message!("tracego: and {more} more lines that could not be read");
    }
}

/// Returns the history of the job that was asked for.
pub(super) fn of_job(history: RunHistory, id: Option<&str>) -> anyhow::Result<RunHistory> {
    let Some(id) = id else { return Ok(history) };
    let known: Vec<String> = history.jobs.iter().take(10).map(|job| job.id.clone()).collect();
    match history.only_job(id) {
        Some(history) => Ok(history),
        None => wrong_usage!("--job {id}: the records have no such job; they have: {}", known.join(", ")),
    }
}

/// Returns the reason why a run is not green, or `None`.
fn reason_against_update(report: &RunReport, fail_on: Option<Severity>) -> Option<String> {
    let limit = fail_on.unwrap_or(Severity::High);
    let history = &report.history;
    let severe =
        history.findings.iter().filter(|found| found.severity >= limit && found.id != NEW_PROCESS.id);
    let count = severe.count();
    if !history.completeness.is_whole() {
        return Some("records are missing, or could not be read".to_owned());
    }
    if history.programs.is_empty() {
        return Some("the records have no program start".to_owned());
    }
    if !history.stops.is_empty() {
        return Some(format!("{} starts were decided about by enforcement", history.stops.len()));
    }
    (count > 0).then(|| format!("{count} findings of at least {limit} severity"))
}

/// Returns a context for the path of a file.
fn named<T, E>(result: Result<T, E>, what: &str, path: &std::path::Path) -> anyhow::Result<T>
where
    Result<T, E>: anyhow::Context<T, E>,
{
    result.with_context(|| format!("{what} {}", path.display()))
}
