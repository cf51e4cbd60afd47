//! Diagnostics of reviewdog, one per line.
//!
//! Source: <https://github.com/reviewdog/reviewdog/tree/master/proto/rdf>

use std::io::{self, Write};

use serde_json::json;
use tracego_model::finding::Severity;

use super::{ScanOutcome, reference};
use crate::source::Position;

pub(super) fn write(outcome: &ScanOutcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let position = |position: Position| json!({"line": position.line, "column": position.column});
    for finding in outcome.counted() {
        let line = json!({
            "message": format!("{}. {}", finding.case.message, finding.remedy),
            "location": {
                "path": finding.path,
                "range": {"start": position(finding.start), "end": position(finding.end)},
            },
            "severity": match finding.case.severity {
                Severity::High | Severity::Critical => "ERROR",
                Severity::Medium => "WARNING",
                Severity::Low => "INFO",
            },
            "source": {"name": "tracego"},
            "code": {"value": finding.case.rule.id, "url": reference(finding)},
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
