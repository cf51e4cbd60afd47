//! The code quality report of GitLab.
//!
//! Source: <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>

use std::io::{self, Write};

use serde::Serialize;
use tracego_model::finding::Severity;

use super::ScanOutcome;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: String,
    fingerprint: &'a str,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

pub(super) fn write(outcome: &ScanOutcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let issues: Vec<Issue<'_>> = outcome
        .counted()
        .into_iter()
        .map(|finding| Issue {
            description: format!(
                "{} {}: {}. {}",
                finding.case.rule.id, finding.case.rule.name, finding.case.message, finding.remedy
            ),
            check_name: format!("tracego/{}/{}", finding.case.rule.id, finding.case.variant),
            fingerprint: &finding.fingerprint,
            severity: match finding.case.severity {
                Severity::Low => "info",
                Severity::Medium => "minor",
                Severity::High => "critical",
                Severity::Critical => "blocker",
            },
            location: Location {
                path: &finding.path,
                lines: Lines { begin: finding.start.line, end: finding.end.line },
            },
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}
