//! What policies say about a record.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

use crate::{finding::Severity, record::is_zero};

/// What is to be done with the process. The order is from nothing to the most.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// What the mode of enforcement does with what is not allowed.
    #[default]
    None,
    /// execve fails.
    Deny,
    /// The process is ended.
    Kill,
    /// All processes of its job are.
    KillJob,
}

impl Action {
    const ALL: [Self; 4] = [Self::None, Self::Deny, Self::Kill, Self::KillJob];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Deny => "deny",
            Self::Kill => "kill",
            Self::KillJob => "kill-job",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|action| action.name() == text);
        found.ok_or_else(|| format!("'{text}' is no action; there are: none, deny, kill, kill-job"))
    }
}

/// One thing that a policy objects to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Violation {
    /// Name of the bundle.
    pub bundle: Arc<str>,
    /// Its id, or the name of the rule.
    pub id: String,
    /// What is the case.
    pub msg: String,
    /// How bad it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// What it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

/// Which state of a bundle decided.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// Its name.
    pub name: Arc<str>,
    /// `sha256:HEX` of what it holds.
    pub digest: String,
    /// As its manifest names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// Why an evaluation gave no decision.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// It took too long.
    Time,
    /// It took too many instructions.
    Instructions,
    /// A value became too large.
    Size,
    /// What it gave is no decision.
    Shape,
    /// A rule is in conflict with itself, or the like.
    Evaluation,
    /// The engine panicked.
    Panic,
    /// It did not come back.
    Hang,
    /// Its bundle did not come back before, and is not asked until the bundles are loaded anew.
    OutOfForce,
}

impl ErrorKind {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Time,
        Self::Instructions,
        Self::Size,
        Self::Shape,
        Self::Evaluation,
        Self::Panic,
        Self::Hang,
        Self::OutOfForce,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Instructions => "instructions",
            Self::Size => "size",
            Self::Shape => "shape",
            Self::Evaluation => "evaluation",
            Self::Panic => "panic",
            Self::Hang => "hang",
            Self::OutOfForce => "out-of-force",
        }
    }
}

/// What all bundles say together: the strictest of each.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Decision {
    /// The program may run.
    pub allow: bool,
    /// The worst of all violations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The most that is asked for.
    pub action: Action,
    /// Why, at most as many as the limits say.
    pub violations: Arc<Vec<Violation>>,
    /// What is not forbidden, but not well.
    #[serde(skip_serializing_if = "is_empty")]
    pub warnings: Arc<Vec<Violation>>,
    /// Violations and warnings that are left out; what they ask for counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut: u64,
    /// Bundle and reason, where an evaluation failed: then what to do follows from `on_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Which kind of failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// Who decided.
    pub bundles: Arc<[Identity]>,
    /// Time that it took.
    #[serde(rename = "took_ns", serialize_with = "nanoseconds")]
    pub took: Duration,
    /// It is remembered from the same input.
    pub cached: bool,
}

fn is_empty(list: &Arc<Vec<Violation>>) -> bool {
    list.is_empty()
}

fn nanoseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
}

impl Decision {
    /// Allows, and has nothing to say.
    #[must_use]
    pub fn new(bundles: Arc<[Identity]>) -> Self {
        Self {
            allow: true,
            severity: None,
            action: Action::None,
            violations: Arc::default(),
            warnings: Arc::default(),
            cut: 0,
            error: None,
            error_kind: None,
            bundles,
            took: Duration::ZERO,
            cached: false,
        }
    }
}
