//! The options of `tracego report` and `tracego diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tracego_model::finding::Severity;

use super::{ReportOptions, values::format_and_file};

/// The options of `tracego report`.
///
/// Ids of options begin with `report-`, so that neither variables nor keys of the configuration stand for them: those are
/// about records.
#[derive(Args, Debug)]
pub struct JobReport {
    /// Format of the report.
    #[arg(id = "report-format", long = "format", value_enum, value_name = "FORMAT")]
    #[arg(default_value = "markdown")]
    pub format: ReportFormat,
    /// File to write instead of standard output. What was in it is gone, unless it is the file that
    /// GITHUB_STEP_SUMMARY names: there the report goes to the end.
    #[arg(id = "report-file", long = "output", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write to the end of the file of --output.
    #[arg(id = "report-append", long = "append", requires = "report-file")]
    pub append: bool,
    /// Write the report in another format, too; repeatable. The records are read once.
    #[arg(id = "report-also", long = "also", value_name = "FORMAT=FILE", value_parser = format_and_file::<ReportFormat>)]
    pub also: Vec<(ReportFormat, PathBuf)>,
    /// Report this job alone: cicd.pipeline.task.run.id, or else cicd.pipeline.run.id.
    #[arg(id = "report-job", long = "job", value_name = "ID")]
    pub job: Option<String>,
    /// End with 5 if a finding is at least as severe (low, medium, high, critical), or if a start was stopped.
    ///
    /// In junit, less severe findings are skipped cases.
    #[arg(id = "report-fail-on", long = "fail-on", value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
    /// Baseline of earlier runs: processes that none of them had are named, and are findings (TG024) once it has
    /// three runs.
    #[arg(id = "report-baseline", long = "baseline", value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Add this run to the baseline, and create the file if there is none.
    ///
    /// Does so only if nothing is missing, nothing was stopped, and no finding has high severity or that of --fail-on.
    #[arg(id = "report-update", long = "update", requires = "report-baseline")]
    pub update: bool,
    /// Folder with the sources of the job: findings get the place in the file that started the process.
    #[arg(id = "report-source", long = "source", value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// Public key in PEM that must have signed the seals of the records.
    #[arg(id = "report-key", long = "key", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Files of records, in any order, also compressed with gzip or zstd; - is standard input.
    #[arg(id = "report-records", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ReportFormat {
    /// A summary for GITHUB_STEP_SUMMARY and for people
    Markdown,
    /// Test results for GitLab, Jenkins and Azure
    Junit,
    /// Static analysis results for GitHub code scanning
    Sarif,
    /// A page with the timeline of the job, in one file
    Html,
    /// A trace for ui.perfetto.dev
    ChromeTrace,
}

/// The options of `tracego diff`.
#[derive(Args, Debug)]
pub struct RunDiff {
    /// Records, or a baseline, of before.
    #[arg(id = "report-before", value_name = "BEFORE")]
    pub before: PathBuf,
    /// Records of the run to compare; - is standard input.
    #[arg(id = "report-after", value_name = "AFTER")]
    pub after: PathBuf,
    /// Compare this job of AFTER alone.
    #[arg(id = "report-job", long = "job", value_name = "ID")]
    pub job: Option<String>,
    /// End with 5 if a process is new.
    #[arg(id = "report-fail-on-new", long = "fail-on-new")]
    pub fail_on_new: bool,
    /// Form of the result.
    #[command(flatten)]
    pub report: ReportOptions,
}
