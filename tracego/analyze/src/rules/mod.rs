//! The rules about Go and production. No I/O: all that a rule looks at is in its subject.
//!
//! ```text
//! rule       a rule as a value
//! registry   all rules
//! subject    input of a rule at a program start, and facts kept for later
//! place      where a process runs: CI job, production, container, terminal
//! settings   configuration of all rules and of single ones
//! state      what is known about earlier processes
//! collector  conversion of a rule's case into a finding
//!
//! build      rules about how a program was built and made available
//! job        rules about the job that a process belongs to
//! runtime    rules about the surroundings in which a program runs
//! ```
//!
//! Each family of rules has a file of its own.

pub mod build;
pub mod collector;
pub mod job;
pub mod place;
pub mod registry;
pub mod rule;
pub mod runtime;
pub mod settings;
pub mod state;
pub mod subject;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod test_process;

use collector::FindingCollector;
use job::identity::JobMember;
use registry::RULES;
use rule::{Rule, StartCheck};
use settings::RuleSettings;
use state::RuleState;
use subject::{KeptProcess, Subject};
use tracego_common::TaskId;
use tracego_model::{finding::Finding, input::facts::ServiceState};

/// The rules that are on, and their state.
#[derive(Debug)]
pub struct Rules {
    settings: RuleSettings,
    starts: Vec<(&'static Rule, StartCheck)>,
    /// Whether jobs are followed, for rules that are on.
    follows_jobs: bool,
    memory: RuleState,
}

impl Rules {
    /// Creates the rules for one run.
    #[must_use]
    pub fn new(settings: RuleSettings) -> Self {
        let on = RULES.iter().filter(|rule| settings.is_on(rule));
        let starts: Vec<_> = on.filter_map(|rule| Some((rule, rule.start?))).collect();
        let follows_jobs = starts.iter().any(|(rule, _)| matches!(rule.id, "TG003" | "TG005" | "TG016"));
        Self { settings, starts, follows_jobs, memory: RuleState::default() }
    }

    /// Applies reloaded settings; what is known about processes and jobs stays.
    pub fn change(&mut self, settings: RuleSettings) {
        let Self { settings, starts, follows_jobs, .. } = Self::new(settings);
        (self.settings, self.starts, self.follows_jobs) = (settings, starts, follows_jobs);
    }

    /// Returns the settings in force.
    #[must_use]
    pub fn settings(&self) -> &RuleSettings {
        &self.settings
    }

    /// Returns the number of entries evicted so far to stay within bounds.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.memory.forgotten()
    }

    /// Runs the rules on a program start. Returns their findings.
    pub fn start(&mut self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut report = FindingCollector::new(&self.settings, &mut self.memory, &RULES[0]);
        for (rule, decide) in &self.starts {
            report.turn(rule);
            decide(subject, &mut report);
        }
        let findings = report.into_findings();
        if self.follows_jobs {
            let member = JobMember::of(subject, &self.settings, &mut self.memory);
            self.memory.note(subject, member);
        }
        findings
    }

    /// Runs the rules that hold later on a program that ran before. Returns their findings.
    pub fn running(&mut self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut report = FindingCollector::new(&self.settings, &mut self.memory, &RULES[0]);
        for (rule, decide) in self.starts.iter().filter(|(rule, _)| rule.holds_later) {
            report.turn(rule);
            decide(subject, &mut report);
        }
        report.into_findings()
    }

    /// Runs the rules about provenance on a program start whose provenance is known by now. Returns their findings.
    pub fn proven(&mut self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut report = FindingCollector::new(&self.settings, &mut self.memory, &RULES[0]);
        for (rule, decide) in self.starts.iter().filter(|(rule, _)| rule.by_provenance) {
            report.turn(rule);
            decide(subject, &mut report);
        }
        report.into_findings()
    }

    /// Handles a fork, so that a daemon that only forks is followed.
    pub fn fork(&mut self, parent: TaskId, child: TaskId) {
        if let Some(member) = self.memory.members.get(&parent).map(JobMember::forked) {
            self.memory.enter(child, member);
        }
    }

    /// Handles the exit of a process; `now` is in nanoseconds since boot.
    pub fn exit(&mut self, id: TaskId, now: u64) {
        self.memory.exit(id, now);
    }

    /// Runs the rules on the inspected state of a service. `known` is what [`KeptProcess::of`] kept of its start.
    /// Returns no findings for a process that is no service: a test or a tool that runs for long in the unit
    /// of something else.
    pub fn service(&mut self, state: &ServiceState, known: &KeptProcess) -> Vec<Finding> {
        if !known.service {
            return Vec::new();
        }
        let mut report = FindingCollector::new(&self.settings, &mut self.memory, &RULES[0]);
        for rule in RULES.iter().filter(|rule| self.settings.is_on(rule)) {
            if let Some(decide) = rule.service {
                report.turn(rule);
                decide(state, known, &mut report);
            }
        }
        report.into_findings()
    }

    /// Returns findings about processes that outlive their job; `now` is in nanoseconds since boot. Each is
    /// reported once.
    pub fn tick(&mut self, now: u64) -> Vec<(TaskId, Finding)> {
        job::identity::left_over(&self.settings, &mut self.memory, now)
    }
}
