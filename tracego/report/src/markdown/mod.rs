//! The summary of a CI job in Markdown, as GitHub shows it: the verdict first, details below.
//!
//! ```text
//! document  the text, with its limit
//! verdict   findings by severity, stops, completeness, commit, job, seal
//! findings  findings with ancestors and remediation, and stopped starts
//! news      what is new since the baseline
//! timing    the slowest commands, and the chart
//! builds    executions of the go command with their compilers
//! outline   the tree of processes
//! ```
//!
//! Everything that a process said goes through [`crate::escape`].

mod builds;
mod document;
mod findings;
mod news;
mod outline;
mod timing;
mod verdict;

use document::BoundedDocument;

use crate::report::RunReport;

/// Maximum size of a summary in bytes. GitHub refuses a summary of more than 1 MiB as a whole.
pub const SIZE_MAX: usize = 900 << 10;
/// Maximum number of jobs with a section of their own.
const JOBS_MAX: usize = 20;
/// Room that the sections of one job leave to the tree at least, in bytes.
const OUTLINE_MIN: usize = 4 << 10;

/// Returns a report as Markdown of at most `limit` bytes. What has no room is counted.
#[must_use]
pub fn markdown(report: &RunReport, limit: usize) -> String {
    let mut document = BoundedDocument::new(limit);
    verdict::write(report, &mut document);
    findings::write(report, &mut document);
    news::write(report, &mut document);
    let history = &report.history;
    let with_programs = |job: &usize| history.programs.iter().any(|program| program.job == *job);
    let jobs: Vec<usize> = (0..history.jobs.len()).filter(with_programs).collect();
    let several = jobs.len() > 1;
    for (n, job) in jobs.iter().copied().take(JOBS_MAX).enumerate() {
        let shown = jobs.len().min(JOBS_MAX);
        let room = document.left() / (shown - n);
        if room < OUTLINE_MIN {
            document.force(&format!("\n… and {} more jobs\n", jobs.len() - n));
            return document.into_text();
        }
        let mut part = BoundedDocument::new(room);
        if several {
            part.push(&verdict::job_heading(&history.jobs[job]));
        }
        timing::write(history, job, &mut part);
        builds::write(history, job, &mut part);
        outline::write(history, job, &mut part);
        document.force(&part.into_text());
    }
    if jobs.len() > JOBS_MAX {
        document.force(&format!("\n… and {} more jobs; `--job ID` reports one\n", jobs.len() - JOBS_MAX));
    }
    document.into_text()
}
