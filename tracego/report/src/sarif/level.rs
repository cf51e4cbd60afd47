//! Levels and numbers of severities.

use serde::Serialize;
use tracego_model::finding::Severity;

/// The level of a result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SarifLevel {
    /// Good to know.
    Note,
    /// Should be fixed.
    Warning,
    /// Must be fixed.
    Error,
}

impl From<Severity> for SarifLevel {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low => Self::Note,
            Severity::Medium => Self::Warning,
            Severity::High | Severity::Critical => Self::Error,
        }
    }
}

/// Returns the number by which GitHub sorts rules: below 4 is low, from 4 medium, from 7 high, from 9 critical.
#[must_use]
pub fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "3.0",
        Severity::Medium => "5.0",
        Severity::High => "7.5",
        Severity::Critical => "9.5",
    }
}
