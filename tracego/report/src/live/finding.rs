//! The latest findings and decisions about starts.

use std::{collections::VecDeque, sync::Arc};

use tracego_model::{clock::Time, finding::Severity};

use crate::history::StopEffect;

/// Maximum number of findings that are kept; all are counted.
const KEPT_MAX: usize = 500;
/// Number of the latest findings among which one that was written twice is looked for.
const AGAIN_MAX: usize = 64;

/// The weight of a finding, or the effect of a decision.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FindingGrade {
    /// A rule or a policy found something.
    Found(Severity),
    /// The start would be stopped if decisions were enforced.
    Audited,
    /// The start was stopped.
    Stopped,
    /// The start should have been stopped, and was not.
    Escaped,
}

impl FindingGrade {
    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Found(severity) => severity.name(),
            Self::Audited => "audited",
            Self::Stopped => "stopped",
            Self::Escaped => "escaped",
        }
    }

    /// Returns the grade of a decision.
    pub(super) fn of(effect: &StopEffect) -> Self {
        match effect {
            StopEffect::Stopped => Self::Stopped,
            StopEffect::Escaped(_) => Self::Escaped,
            StopEffect::Audited => Self::Audited,
        }
    }
}

/// A finding or a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LiveFinding {
    /// Time of the record.
    pub time: Time,
    /// Severity or effect.
    pub grade: FindingGrade,
    /// Id and name of the rule.
    pub title: String,
    /// Description of the case.
    pub message: String,
    /// Remediation; empty if there is none.
    pub remedy: String,
    /// Command of the process in one line.
    pub command: String,
    /// Process id.
    pub pid: u32,
    /// Key of the job.
    pub job: Arc<str>,
}

/// Numbers of findings by severity, and of decisions by effect.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FindingCounts {
    by_severity: [u64; 4],
    /// Starts that were stopped.
    pub stopped: u64,
    /// Starts that would be stopped if decisions were enforced.
    pub audited: u64,
    /// Starts that should have been stopped, and were not.
    pub escaped: u64,
}

impl FindingCounts {
    /// Counts a finding or a decision.
    pub(super) fn add(&mut self, grade: FindingGrade) {
        *match grade {
            FindingGrade::Found(severity) => &mut self.by_severity[severity as usize],
            FindingGrade::Audited => &mut self.audited,
            FindingGrade::Stopped => &mut self.stopped,
            FindingGrade::Escaped => &mut self.escaped,
        } += 1;
    }

    /// Returns the number of findings of a severity.
    #[must_use]
    pub fn of(&self, severity: Severity) -> u64 {
        self.by_severity[severity as usize]
    }

    /// Returns the number of findings.
    #[must_use]
    pub fn findings(&self) -> u64 {
        self.by_severity.iter().sum()
    }

    /// Returns the number of decisions.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.stopped + self.audited + self.escaped
    }

    /// Returns the worst severity of all findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let all = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        all.into_iter().find(|severity| self.of(*severity) > 0)
    }
}

/// The latest findings, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct LatestFindings {
    kept: VecDeque<LiveFinding>,
    /// Numbers of all.
    pub counts: FindingCounts,
}

impl LatestFindings {
    /// Adds a finding. Returns whether it was new: a sink that was stopped may write a record twice.
    pub(super) fn add(&mut self, finding: LiveFinding) -> bool {
        if self.kept.iter().rev().take(AGAIN_MAX).any(|known| *known == finding) {
            return false;
        }
        if self.kept.len() >= KEPT_MAX {
            self.kept.pop_front();
        }
        self.counts.add(finding.grade);
        self.kept.push_back(finding);
        true
    }

    /// Returns the findings that are kept, the latest first.
    pub fn iter(&self) -> impl Iterator<Item = &LiveFinding> {
        self.kept.iter().rev()
    }
}
