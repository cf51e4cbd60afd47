//! Decisions about program starts: `tracego.enforcement.*`.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use tracego_common::verdict::Action;

use crate::{enforcement, text};

/// `tracego.enforcement.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Enforcement {
    /// State: `enforced`, `audit`, or `unavailable: ` with the reason.
    pub state: Arc<str>,
    /// Mode that the enforcement check has confirmed: `off`, `audit`, `kill` or `deny`.
    pub mode: &'static str,
    /// The decision, if the record is about one.
    #[serde(flatten)]
    pub decision: Option<EnforcementDecision>,
}

/// An enforcement decision about one program start.
#[derive(Clone, Debug, Serialize)]
pub struct EnforcementDecision {
    /// The action that was decided.
    #[serde(serialize_with = "named")]
    pub action: Action,
    /// [`BEFORE_START`] or [`AFTER_START`]. In the latter case, the program ran for `delay` nanoseconds.
    pub when: &'static str,
    /// The rule, the exception or the finding that decided.
    pub rule: String,
    /// The reason, for the user whose program is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Remediation: what to do instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// The owner of the exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The reason for the exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// File name of the executable.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub executable: String,
    /// The first arguments, each possibly truncated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Time from the start to the end of the process, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<u64>,
    /// The reason why the action had no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Value of [`EnforcementDecision::when`]: no instruction of the program ran.
pub const BEFORE_START: &str = "before-start";

/// Value of [`EnforcementDecision::when`]: the program ran.
pub const AFTER_START: &str = "after-start";

fn named<S: Serializer>(action: &Action, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(enforcement::name(*action))
}

impl EnforcementDecision {
    /// Creates a decision of which nothing more is known.
    #[must_use]
    pub fn new(action: Action, when: &'static str, rule: String) -> Self {
        Self {
            action,
            when,
            rule,
            message: None,
            remediation: None,
            owner: None,
            reason: None,
            executable: String::new(),
            args: Vec::new(),
            delay: None,
            error: None,
        }
    }

    /// Whether the action keeps the program from starting, or ends it.
    #[must_use]
    pub fn stops(&self) -> bool {
        matches!(self.action, Action::Kill | Action::Deny)
    }

    /// Returns the started program, in one line for people.
    #[must_use]
    pub fn start(&self) -> String {
        if self.args.is_empty() { text::printable(&self.executable) } else { text::one_line(&self.args) }
    }
}
