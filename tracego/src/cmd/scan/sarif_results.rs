//! Findings of a scan as results for SARIF.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use tracego_report::sarif::{self, SarifLog, SarifPlace, SarifRegion, SarifResult, SuppressedBecause};
use tracego_scan::{finding::ScanFinding, output::ScanOutcome};

use crate::cmd::report::output::sarif_rules;

/// Category of the results: those of runs stand beside them.
const CATEGORY: &str = "tracego-scan/";

/// Writes the findings. Those that are suppressed or known have a suppression.
pub(super) fn write(outcome: &ScanOutcome<'_>, mut out: &mut dyn Write) -> io::Result<()> {
    let rules: Vec<_> = sarif_rules().collect();
    let results: Vec<SarifResult> = outcome.report.findings.iter().map(result).collect();
    let problems: Vec<String> =
        outcome.report.unread.iter().map(|unread| format!("{}: {}", unread.path, unread.reason)).collect();
    let log = SarifLog {
        version: outcome.version,
        category: CATEGORY,
        rules: &rules,
        results: &results,
        problems: &problems,
    };
    sarif::write(&log, &mut out).map(|_| ())
}

fn result(finding: &ScanFinding) -> SarifResult {
    let is_one_line = finding.start.line == finding.end.line;
    let region = SarifRegion {
        line: number(finding.start.line),
        column: Some(number(finding.start.column)),
        end_line: Some(number(finding.end.line)),
        end_column: Some(number(finding.end.column)).filter(|_| is_one_line),
    };
    let related = finding.callers.iter().rev().map(|step| SarifPlace {
        path: step.path.clone(),
        region: Some(SarifRegion { line: number(step.position.line), ..SarifRegion::default() }),
        message: tracego_model::text::printable(&step.line),
    });
    let suppressed = match &finding.suppressed {
        Some(reason) => Some(SuppressedBecause::InSource(reason.clone())),
        None if finding.is_known => Some(SuppressedBecause::External("the baseline has it".to_owned())),
        None => None,
    };
    SarifResult {
        rule: finding.case.rule.id.to_owned(),
        severity: finding.case.severity,
        message: format!("{}\nfix: {}", finding.case.message, finding.remedy),
        place: SarifPlace { path: finding.path.clone(), region: Some(region), message: String::new() },
        related: related.collect(),
        logical: Vec::new(),
        fingerprint: finding.fingerprint.clone(),
        suppressed,
        properties: BTreeMap::from([
            ("severity".to_owned(), finding.case.severity.name().to_owned()),
            ("variant".to_owned(), finding.case.variant.to_owned()),
            ("place".to_owned(), finding.place.to_owned()),
        ]),
    }
}

/// Returns a line or a column as SARIF has it.
pub(in crate::cmd) fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
