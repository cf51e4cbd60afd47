//! Findings of rules and violations of policies in a record.

use tracego_model::finding::Severity;

use super::record::{WireFinding, WireOwn, WirePolicy, WireViolation};

/// The findings of a record, with the violations of a policy decision that does not allow.
#[derive(Debug, Default)]
pub(crate) struct WireVerdict {
    pub(crate) findings: Vec<WireFinding>,
    /// Whether the findings of rules have another shape.
    pub(crate) is_unreadable: bool,
    /// Whether policies gave no decision.
    pub(crate) is_undecided: bool,
}

impl WireVerdict {
    /// Parses the findings of a record.
    pub(crate) fn of(own: &WireOwn<'_>) -> Self {
        let mut verdict = Self::default();
        if let Some(raw) = own.findings {
            match serde_json::from_str(raw.get()) {
                Ok(found) => verdict.findings = found,
                Err(_) => verdict.is_unreadable = true,
            }
        }
        if let Some(raw) = own.policy {
            match serde_json::from_str::<WirePolicy>(raw.get()) {
                Ok(policy) => {
                    verdict.is_undecided = policy.error.is_some();
                    verdict.findings.extend(violations(policy));
                }
                Err(_) => verdict.is_undecided = true,
            }
        }
        verdict
    }
}

/// Returns the violations of a decision that does not allow a start.
fn violations(policy: WirePolicy) -> Vec<WireFinding> {
    if policy.allow {
        return Vec::new();
    }
    let default = policy.severity.unwrap_or(Severity::High);
    let finding = |id: String, severity: Option<Severity>, message: String, remedy: String| WireFinding {
        id,
        name: String::new(),
        variant: String::new(),
        severity: severity.unwrap_or(default),
        confidence: None,
        message,
        remedy,
        evidence: std::collections::BTreeMap::new(),
    };
    if policy.violations.is_empty() {
        let (id, message) = match policy.error {
            Some(error) => ("on-error", error),
            None => ("policy", "a policy does not allow the program".to_owned()),
        };
        return vec![finding(id.to_owned(), None, message, String::new())];
    }
    let violation = |violation: WireViolation| {
        let id = format!("{}/{}", violation.bundle, violation.id);
        finding(id, violation.severity, violation.msg, violation.remediation)
    };
    policy.violations.into_iter().map(violation).collect()
}
