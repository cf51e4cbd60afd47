//! What a rule says about a process.

use std::{collections::BTreeMap, fmt, str::FromStr};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How bad it is; the order is the order of badness.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
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

impl Severity {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::value_variants()
            .iter()
            .find(|severity| severity.name() == text)
            .copied()
            .ok_or_else(|| format!("'{text}' is no severity; there are: low, medium, high, critical"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_read_as_it_is_written() {
        for severity in Severity::value_variants() {
            assert_eq!(severity.to_string().parse(), Ok(*severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.name());
            assert_eq!(severity.to_possible_value().unwrap().get_name(), severity.name());
        }
        assert!("High".parse::<Severity>().unwrap_err().contains("low, medium, high, critical"));
        assert!(Severity::Low < Severity::Medium && Severity::High < Severity::Critical);
    }
}
