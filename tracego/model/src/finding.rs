//! The result of a rule about a process.

use std::{collections::BTreeMap, fmt, str::FromStr};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The severity of a finding, in ascending order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Low,
    /// Should be fixed.
    Medium,
    /// Must not be there.
    High,
    /// Somebody has to look now.
    Critical,
}

impl Severity {
    /// Returns the name, as records have it.
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
            .ok_or_else(|| format!("'{text}' is not a severity; valid: low, medium, high, critical"))
    }
}

/// The confidence of a finding.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A part of the deciding facts was not seen.
    Medium,
    /// All deciding facts were seen.
    High,
}

/// The reason why a finding that kills (`findings` of `[enforce]`) was not enforced.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unenforced {
    /// The process is in no CI job, and without `findings` of `[enforce]` only processes of jobs are killed.
    OutsideOfJobs,
    /// An exception of `[enforce]`, or a rule that only reports, lets the start through.
    LetThrough,
    /// The rules in force at the start are no longer known: the event is of an earlier load.
    RulesUnknown,
    /// The executable could not be read, and `unreadable` of `[enforce]` lets such a start through.
    Unread,
    /// tracego ended before it was known where the executable comes from.
    TracegoEnded,
}

/// One finding: an element of `tracego.findings`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Id of the rule: `TG001`.
    pub id: &'static str,
    /// Name of the rule: `go-run`.
    pub name: &'static str,
    /// Variant of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<&'static str>,
    /// Severity in this place.
    pub severity: Severity,
    /// Confidence; see [`Confidence`].
    pub confidence: Confidence,
    /// Whether the finding rests on what the executable says about itself, which whoever made the file can choose.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
    /// Description of the case, in one sentence.
    pub message: String,
    /// Remediation, in one sentence.
    pub remedy: &'static str,
    /// The attributes or variables that decided, with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<&'static str, String>,
    /// Reason why the finding was not enforced; absent where it was, and where it kills nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unenforced: Option<Unenforced>,
    /// Whether the file and its arguments alone lead to the finding, so that the kernel side may remember it.
    /// Not written.
    #[serde(skip)]
    pub by_arguments: bool,
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
