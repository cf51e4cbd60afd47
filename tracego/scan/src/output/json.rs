//! One JSON object.

use std::io::{self, Write};

use serde::Serialize;
use tracego_model::finding::{Confidence, Severity};

use super::ScanOutcome;
use crate::{
    baseline::BaselineEntry,
    finding::{CallerStep, ScanFinding},
    suppression::SuppressionProblem,
    tree::UnreadFile,
};

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    version: &'a str,
    files: usize,
    too_large: usize,
    findings: Vec<Finding<'a>>,
    suppression_problems: &'a [SuppressionProblem],
    stale_baseline: &'a [&'a BaselineEntry],
    unread: &'a [UnreadFile],
}

#[derive(Serialize)]
struct Finding<'a> {
    id: &'static str,
    name: &'static str,
    variant: &'static str,
    severity: Severity,
    confidence: Confidence,
    message: &'a str,
    remedy: &'static str,
    place: &'static str,
    path: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    subject: &'a str,
    #[serde(skip_serializing_if = "<[CallerStep]>::is_empty")]
    callers: &'a [CallerStep],
    fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    known: bool,
}

impl<'a> Finding<'a> {
    fn of(finding: &'a ScanFinding) -> Self {
        Self {
            id: finding.case.rule.id,
            name: finding.case.rule.name,
            variant: finding.case.variant,
            severity: finding.case.severity,
            confidence: finding.case.confidence,
            message: &finding.case.message,
            remedy: finding.remedy,
            place: finding.place,
            path: &finding.path,
            line: finding.start.line,
            column: finding.start.column,
            end_line: finding.end.line,
            end_column: finding.end.column,
            subject: &finding.case.subject,
            callers: &finding.callers,
            fingerprint: &finding.fingerprint,
            suppressed: finding.suppressed.as_deref(),
            known: finding.is_known,
        }
    }
}

pub(super) fn write(outcome: &ScanOutcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = outcome.report;
    let whole = Report {
        schema: "tracego.scan/1",
        version: outcome.version,
        files: report.files,
        too_large: report.large,
        findings: report.findings.iter().map(Finding::of).collect(),
        suppression_problems: &report.suppression_problems,
        stale_baseline: outcome.stale,
        unread: &report.unread,
    };
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    writeln!(out)
}
