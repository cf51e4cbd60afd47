//! Decisions about program starts: `tracego.enforcement.*`.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use tracego_common::verdict::Action;

use crate::{enforcement, text};

/// `tracego.enforcement.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Enforcement {
    /// `enforced`, `audit`, or `unavailable: ` and why.
    pub state: Arc<str>,
    /// `off`, `audit`, `kill` or `deny`: what the canary has shown.
    pub mode: &'static str,
    /// The decision.
    #[serde(flatten)]
    pub decision: Option<Decision>,
}

/// About one start.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// What was decided.
    #[serde(serialize_with = "named")]
    pub action: Action,
    /// [`BEFORE_START`], or [`AFTER_START`]: then it ran for `delay` nanoseconds.
    pub when: &'static str,
    /// The rule, or the exception, or the finding.
    pub rule: String,
    /// Why, for whoever is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Who answers for an exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// File name of the executable.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub executable: String,
    /// The first arguments, each cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// From the start to the end, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<u64>,
    /// Why it had no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// [`Decision::when`]: no instruction of the program ran.
pub const BEFORE_START: &str = "before-start";

/// [`Decision::when`]: it ran.
pub const AFTER_START: &str = "after-start";

fn named<S: Serializer>(action: &Action, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(enforcement::name(*action))
}

impl Decision {
    /// Nothing more is known of it.
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

    /// The program did not start, or runs no more.
    #[must_use]
    pub fn stops(&self) -> bool {
        matches!(self.action, Action::Kill | Action::Deny)
    }

    /// What was started, in one line for people.
    #[must_use]
    pub fn start(&self) -> String {
        if self.args.is_empty() { self.executable.clone() } else { text::one_line(&self.args) }
    }
}
