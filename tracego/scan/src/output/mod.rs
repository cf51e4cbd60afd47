//! The forms of a scan's report.

mod code_quality;
mod github;
mod json;
mod junit;
mod rdjsonl;
mod text;

use std::io::{self, Write};

use crate::{baseline::BaselineEntry, finding::ScanFinding, tree::ScanReport};

/// A form of the report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ScanForm {
    /// Text for people, with the line of each finding.
    Text,
    /// One JSON object.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// Code quality report of GitLab.
    Gitlab,
    /// `JUnit` XML.
    Junit,
    /// Diagnostics of reviewdog, one per line.
    Rdjsonl,
}

/// Everything that a report shows.
#[derive(Debug)]
pub struct ScanOutcome<'a> {
    /// The result of the scan.
    pub report: &'a ScanReport,
    /// Entries of the baseline that match nothing any more.
    pub stale: &'a [&'a BaselineEntry],
    /// Version of tracego.
    pub version: &'a str,
    /// Whether colours are wanted.
    pub has_colours: bool,
}

impl ScanOutcome<'_> {
    /// Returns the findings that count, the worst first.
    #[must_use]
    pub fn counted(&self) -> Vec<&ScanFinding> {
        let mut counted: Vec<&ScanFinding> =
            self.report.findings.iter().filter(|finding| finding.counts()).collect();
        counted.sort_by_key(|finding| std::cmp::Reverse(finding.case.severity));
        counted
    }
}

/// Writes a report.
///
/// # Errors
/// Fails if the output cannot be written.
pub fn write(outcome: &ScanOutcome<'_>, form: ScanForm, out: &mut dyn Write) -> io::Result<()> {
    match form {
        ScanForm::Text => text::write(outcome, out),
        ScanForm::Json => json::write(outcome, out),
        ScanForm::Github => github::write(outcome, out),
        ScanForm::Gitlab => code_quality::write(outcome, out),
        ScanForm::Junit => junit::write(outcome, out),
        ScanForm::Rdjsonl => rdjsonl::write(outcome, out),
    }
}

/// Returns the address of a rule's explanation.
fn reference(finding: &ScanFinding) -> &'static str {
    finding.case.rule.reference
}
