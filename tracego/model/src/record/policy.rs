//! Decisions of policies about a record.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    finding::{Severity, Unenforced},
    record::is_zero,
};

/// An action against the process, ordered from none to the most severe.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// No action of its own: the enforcement mode decides what happens to a process that is not allowed.
    #[default]
    None,
    /// The execve call fails.
    Deny,
    /// The process is killed.
    Kill,
    /// All processes of the job are killed.
    KillJob,
}

impl Action {
    const ALL: [Self; 4] = [Self::None, Self::Deny, Self::Kill, Self::KillJob];

    /// Returns the name used in policies and JSON.
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
        found.ok_or_else(|| format!("'{text}' is not an action; valid: none, deny, kill, kill-job"))
    }
}

/// A violation or warning of a policy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Violation {
    /// Name of the bundle.
    pub bundle: Arc<str>,
    /// Id of the violation; the name of the rule if the policy gives no id.
    pub id: String,
    /// Message.
    pub msg: String,
    /// Severity. A violation of a decision that does not allow always has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Remediation, if given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Action that the policy asks for, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

/// The name and version of a bundle that took part in a decision.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// Name of the bundle.
    pub name: Arc<str>,
    /// `sha256:HEX`, the digest of the bundle's content.
    pub digest: String,
    /// Revision in the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// The reason why an evaluation gave no decision.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The time limit was exceeded.
    Time,
    /// The instruction limit was exceeded.
    Instructions,
    /// A value became too large.
    Size,
    /// The result does not have the shape of a decision.
    Shape,
    /// The evaluation failed, for example because rules contradict each other.
    Evaluation,
    /// The engine panicked.
    Panic,
    /// The evaluation hung.
    Hang,
    /// The bundle hung or crashed too often and is not evaluated for a while.
    OutOfForce,
    /// The process of the policy ended: the engine crashed, took more memory than it may, or was killed.
    Crash,
}

impl ErrorKind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::Time,
        Self::Instructions,
        Self::Size,
        Self::Shape,
        Self::Evaluation,
        Self::Panic,
        Self::Hang,
        Self::OutOfForce,
        Self::Crash,
    ];

    /// Whether the evaluation ended because it took more than it may, of time or of anything else.
    #[must_use]
    pub fn is_exhaustion(self) -> bool {
        match self {
            Self::Time | Self::Instructions | Self::Size | Self::Hang | Self::OutOfForce | Self::Crash => {
                true
            }
            Self::Shape | Self::Evaluation | Self::Panic => false,
        }
    }

    /// Returns the name used in JSON.
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
            Self::Crash => "crash",
        }
    }
}

/// The combined decision of all bundles: the strictest value of each field.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PolicyDecision {
    /// Whether the program may run.
    pub allow: bool,
    /// Highest severity that any bundle gives. A decision that does not allow always has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Most severe action that any bundle asks for.
    pub action: Action,
    /// Violations, up to the configured limit.
    pub violations: Arc<Vec<Violation>>,
    /// Warnings, which do not affect `allow`.
    #[serde(skip_serializing_if = "is_empty")]
    pub warnings: Arc<Vec<Violation>>,
    /// Number of violations and warnings left out. The severity and action of such violations still count.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut: u64,
    /// Bundle and reason if an evaluation failed; `on_error` then decides whether the program may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Kind of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// Reason why a decision that does not allow was not enforced; absent where it was, and without enforcement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unenforced: Option<Unenforced>,
    /// Bundles that took part.
    pub bundles: Arc<[Identity]>,
    /// Time that the decision took.
    #[serde(rename = "took_ns", serialize_with = "nanoseconds")]
    pub took: Duration,
    /// Whether the decision came from the cache.
    pub cached: bool,
}

fn is_empty(list: &Arc<Vec<Violation>>) -> bool {
    list.is_empty()
}

fn nanoseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
}

impl PolicyDecision {
    /// Severity of a violation, and of a decision that does not allow, if the policy gives none.
    pub const DEFAULT_SEVERITY: Severity = Severity::High;

    /// Withdraws the permission, for want of a decision of the policy itself.
    pub fn deny(&mut self) {
        self.allow = false;
        self.severity = self.severity.max(Some(Self::DEFAULT_SEVERITY));
    }

    /// Returns the severity of a decision that does not allow; `None` if it allows.
    #[must_use]
    pub fn denied(&self) -> Option<Severity> {
        (!self.allow).then(|| self.severity.unwrap_or(Self::DEFAULT_SEVERITY))
    }

    /// Returns the reasons of a decision that does not allow: its violations, or else its error. Empty if the
    /// decision allows.
    #[must_use]
    pub fn reasons(&self) -> Vec<DenyReason<'_>> {
        let Some(severity) = self.denied() else { return Vec::new() };
        if self.violations.is_empty() {
            let (id, message) = match &self.error {
                Some(error) => ("on-error", error.as_str()),
                None => ("policy", "a policy does not allow the program"),
            };
            return vec![DenyReason { bundle: None, id, message, severity, remediation: None }];
        }
        let of = |violation| DenyReason::of(violation, severity);
        self.violations.iter().map(of).collect()
    }

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
            unenforced: None,
            bundles,
            took: Duration::ZERO,
            cached: false,
        }
    }
}

/// A reason why a decision does not allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DenyReason<'a> {
    /// Name of the bundle, if the reason is a violation.
    pub bundle: Option<&'a str>,
    /// Id of the violation; `on-error` or `policy` if there is none.
    pub id: &'a str,
    /// Message.
    pub message: &'a str,
    /// Severity.
    pub severity: Severity,
    /// Remediation, if given.
    pub remediation: Option<&'a str>,
}

impl<'a> DenyReason<'a> {
    fn of(violation: &'a Violation, severity: Severity) -> Self {
        Self {
            bundle: Some(&violation.bundle),
            id: &violation.id,
            message: &violation.msg,
            severity: violation.severity.unwrap_or(severity),
            remediation: violation.remediation.as_deref(),
        }
    }
}

impl fmt::Display for DenyReason<'_> {
    /// Writes the name: `BUNDLE/ID`, or the id alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bundle.map_or(Ok(()), |bundle| write!(f, "{bundle}/"))?;
        f.write_str(self.id)
    }
}
