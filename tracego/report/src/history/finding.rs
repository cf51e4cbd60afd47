//! Findings, violations of policies, and starts that enforcement decided about.

use std::collections::BTreeMap;

use tracego_model::{
    clock::Time,
    finding::{Confidence, Severity},
    text::{one_line, printable},
};

use super::source_place::SourcePlace;
use crate::wire::{WireEnforcement, cut};

/// A process above another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ancestor {
    /// Process id.
    pub pid: u32,
    /// Command in one line, or the name of the task; control characters are escaped.
    pub command: String,
}

/// A finding of a rule, or a violation of a policy.
#[derive(Clone, Debug)]
pub struct ReportedFinding {
    /// Id of the rule, or `bundle/id` of a violation.
    pub id: String,
    /// Name of the rule; empty for a violation.
    pub name: String,
    /// Variant of the rule; empty without one.
    pub variant: String,
    /// Severity.
    pub severity: Severity,
    /// Confidence; `None` for a violation.
    pub confidence: Option<Confidence>,
    /// Description of the case, in one sentence.
    pub message: String,
    /// Remediation; empty if there is none.
    pub remedy: String,
    /// The attributes that decided.
    pub evidence: BTreeMap<String, String>,
    /// Index of the job.
    pub job: usize,
    /// Index of the program that it is about, if the history has it.
    pub program: Option<usize>,
    /// Process id.
    pub pid: u32,
    /// Time of the record.
    pub time: Time,
    /// Command of the process in one line; control characters are escaped.
    pub command: String,
    /// The processes above, the oldest first, up to the beginning of the job.
    pub ancestors: Vec<Ancestor>,
    /// Places in sources that led to the process, the command itself first, as a scan of them found.
    pub places: Vec<SourcePlace>,
}

impl ReportedFinding {
    /// Returns the id and the name of the rule.
    #[must_use]
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.id.clone() } else { format!("{} {}", self.id, self.name) }
    }
}

/// The effect of a decision about a start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StopEffect {
    /// The program was killed or refused.
    Stopped,
    /// The program should have been stopped, and was not, for this reason.
    Escaped(String),
    /// The program would be stopped if decisions were enforced.
    Audited,
}

/// A program start that enforcement decided about.
#[derive(Clone, Debug)]
pub struct StoppedStart {
    /// Effect of the decision.
    pub effect: StopEffect,
    /// The rule, or the finding that decided.
    pub rule: String,
    /// The reason; empty without one.
    pub message: String,
    /// Remediation; empty without one.
    pub remedy: String,
    /// The program in one line; control characters are escaped.
    pub command: String,
    /// Process id.
    pub pid: u32,
    /// Time of the decision.
    pub time: Time,
    /// Index of the job.
    pub job: usize,
}

/// Maximum number of bytes of a text of a decision that are kept.
const TEXT_MAX: usize = 4096;

impl StoppedStart {
    /// Returns what a record says about a decision, of no job yet; `None` if the program was let through.
    pub(crate) fn of(decided: &WireEnforcement, pid: u32, time: Time) -> Option<Self> {
        let short = |text: &str| cut(text, TEXT_MAX).to_owned();
        let effect = match (decided.action.as_str(), decided.error.as_str()) {
            ("kill" | "deny", "") => StopEffect::Stopped,
            ("kill" | "deny", error) => StopEffect::Escaped(short(error)),
            ("audit", _) => StopEffect::Audited,
            _ => return None,
        };
        let command = match decided.args.as_slice() {
            [] => printable(cut(&decided.executable, TEXT_MAX)),
            args => one_line(args),
        };
        Some(Self {
            effect,
            rule: short(&decided.rule),
            message: short(&decided.message),
            remedy: short(&decided.remediation),
            command,
            pid,
            time,
            job: 0,
        })
    }
}
