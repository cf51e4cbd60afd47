//! The options of `tracego scan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::PossibleValuesParser, builder::TypedValueParser as _};
use tracego_model::finding::Severity;

use super::values::format_and_file;

/// The options of `tracego scan`.
///
/// Ids of options begin with `report-`, so that neither variables nor keys of the configuration stand for them: those are
/// about records.
#[derive(Args, Debug)]
pub struct Scan {
    /// Folders and files to scan. What .gitignore names is left out of folders, and so are vendor and node_modules.
    #[arg(id = "report-paths", value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Form of the report on standard output.
    #[arg(id = "report-format", long = "format", value_enum, value_name = "FORM", default_value_t = ScanFormName::Text)]
    pub format: ScanFormName,
    /// Write the report in another form to a file, too; may be repeated.
    #[arg(id = "report-also", long = "also", value_name = "FORM=FILE", value_parser = format_and_file::<ScanFormName>)]
    pub also: Vec<(ScanFormName, PathBuf)>,
    /// End with 5 if a finding is at least this severe: low, medium, high, critical, or never.
    #[arg(id = "report-fail-on", long = "fail-on", value_name = "SEVERITY", default_value = "high")]
    #[arg(value_parser = PossibleValuesParser::new(["low", "medium", "high", "critical", "never"]).map(limit))]
    pub fail_on: FailLimit,
    /// File of findings that are known and do not count.
    #[arg(id = "report-baseline", long = "baseline", value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the findings of this scan to the baseline. Ends with 0, or with 1 if a file could not be read.
    #[arg(id = "report-update", long = "update-baseline", requires = "report-baseline")]
    pub update_baseline: bool,
    /// Scan what git has staged for the next commit, as it is staged.
    #[arg(id = "report-staged", long = "staged", conflicts_with = "report-paths")]
    pub staged: bool,
    /// Report lines of `go generate`, and of what only developers' machines run, too.
    ///
    /// They have the severity low. A `go run` of `go generate` without a fixed version is reported in any case.
    #[arg(id = "report-strict", long = "strict")]
    pub strict: bool,
    /// Report code blocks of Markdown documents, too.
    #[arg(id = "report-docs", long = "docs")]
    pub docs: bool,
    /// Pattern of paths to leave out, as in .gitignore; may be repeated.
    #[arg(id = "report-exclude", long = "exclude", value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Settings of the repository: patterns to leave out, and exceptions.
    ///
    /// Default: .tracego.toml in the working directory, if there is one.
    #[arg(id = "report-scan-config", long = "scan-config", value_name = "FILE")]
    pub scan_config: Option<PathBuf>,
}

/// The severity from which on a scan fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FailLimit(pub Option<Severity>);

#[expect(clippy::needless_pass_by_value, reason = "the parser of values gives the text away")]
fn limit(text: String) -> FailLimit {
    FailLimit(text.parse().ok())
}

/// The forms of the report of a scan.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ScanFormName {
    /// Text for people, with the line of each finding.
    Text,
    /// One JSON object.
    Json,
    /// Static analysis results for GitHub code scanning, SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// Code quality report of GitLab.
    Gitlab,
    /// JUnit XML.
    Junit,
    /// Diagnostics of reviewdog, one per line.
    Rdjsonl,
}
