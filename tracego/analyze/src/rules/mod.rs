//! What tracego knows about Go and production. No I/O: everything a rule looks at is in its subject.
//!
//! ```text
//! finding     what a rule says about a process
//! table       the rules, as values
//! subject     what a rule looks at at a program start, and what stays known for later
//! place       where a process runs: CI job, production, container, terminal
//! settings    what the configuration says: on or off, severity, scope
//! thresholds  what it says to single rules
//! scope       matchers with globs
//! memory      what earlier processes left
//! report      from what a rule found to a finding
//! ```
//!
//! and a file for each family of rules.

pub mod artifact;
pub mod commit;
pub mod environment;
pub mod go_run;
pub mod identity;
pub mod limits;
pub mod linking;
pub mod memory;
pub mod modules;
pub mod place;
pub mod report;
pub mod sandbox;
pub mod scheduler;
pub mod scope;
pub mod service;
pub mod settings;
pub mod shared_state;
pub mod subject;
pub mod table;
pub mod thresholds;
pub mod toolchain;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod scene;

use tracego_common::TaskId;

use identity::Member;
use memory::Memory;
use report::Report;
use settings::Settings;
use subject::{Known, Subject};
use table::{OnStart, RULES, Rule};
use tracego_model::finding::Finding;

use tracego_model::input::facts::ServiceState;

/// The rules that are on, and what they remember.
#[derive(Debug)]
pub struct Rules {
    settings: Settings,
    starts: Vec<(&'static Rule, OnStart)>,
    /// Jobs are followed for rules that are on.
    follows_jobs: bool,
    memory: Memory,
}

impl Rules {
    /// For one run.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let on = RULES.iter().filter(|rule| settings.is_on(rule));
        let starts: Vec<_> = on.filter_map(|rule| Some((rule, rule.start?))).collect();
        let follows_jobs = starts.iter().any(|(rule, _)| matches!(rule.id, "TG003" | "TG005" | "TG016"));
        Self { settings, starts, follows_jobs, memory: Memory::default() }
    }

    /// Goes over to other settings; what is known of processes and jobs stays.
    pub fn change(&mut self, settings: Settings) {
        let Self { settings, starts, follows_jobs, .. } = Self::new(settings);
        (self.settings, self.starts, self.follows_jobs) = (settings, starts, follows_jobs);
    }

    /// What is in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What had to be forgotten to keep within bounds, so far.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.memory.forgotten()
    }

    /// A program was started.
    pub fn start(&mut self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut report = Report::new(&self.settings, &mut self.memory, &RULES[0]);
        for (rule, decide) in &self.starts {
            report.turn(rule);
            decide(subject, &mut report);
        }
        let findings = report.into_findings();
        if self.follows_jobs {
            let member = Member::of(subject, &self.settings, &mut self.memory);
            self.memory.note(subject, member);
        }
        findings
    }

    /// A process was made by another. A daemon that only forks is followed by this.
    pub fn fork(&mut self, parent: TaskId, child: TaskId) {
        if let Some(member) = self.memory.members.get(&parent).map(Member::forked) {
            self.memory.enter(child, member);
        }
    }

    /// A process ended, at a time in ns since boot.
    pub fn exit(&mut self, id: TaskId, now: u64) {
        self.memory.exit(id, now);
    }

    /// Looks at what a service was found to be; `known` is what [`Known::of`] kept of its start. Nothing
    /// of a process that is none: a test or a tool that runs for long in the unit of something else.
    pub fn service(&mut self, state: &ServiceState, known: &Known) -> Vec<Finding> {
        if !known.service {
            return Vec::new();
        }
        let mut report = Report::new(&self.settings, &mut self.memory, &RULES[0]);
        for rule in RULES.iter().filter(|rule| self.settings.is_on(rule)) {
            if let Some(decide) = rule.service {
                report.turn(rule);
                decide(state, known, &mut report);
            }
        }
        report.into_findings()
    }

    /// Processes that outlive their job, at a time in ns since boot. Each is told once.
    pub fn tick(&mut self, now: u64) -> Vec<(TaskId, Finding)> {
        identity::left_over(&self.settings, &mut self.memory, now)
    }
}
