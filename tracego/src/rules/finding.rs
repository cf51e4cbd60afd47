//! What a rule says about a process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How bad it is; the order is the order of badness.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Low,
    /// To be mended.
    Medium,
    /// Must not be there.
    High,
    /// Somebody has to look now.
    Critical,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A part of what decides it was not seen.
    Medium,
    /// All that decides it was seen.
    High,
}

/// One finding: an element of `tracego.findings`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Of the rule: `TG001`.
    pub id: &'static str,
    /// Of the rule: `go-run`.
    pub name: &'static str,
    /// Which of the rule's cases it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<&'static str>,
    /// In this context.
    pub severity: Severity,
    /// See [`Confidence`].
    pub confidence: Confidence,
    /// What is the case, in one sentence.
    pub message: String,
    /// How to mend it, in one sentence.
    pub remedy: &'static str,
    /// What decided it: attribute or variable, and its value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<&'static str, String>,
}
