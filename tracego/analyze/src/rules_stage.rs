//! The stage that runs the rules. Findings at a program start go onto its record and raise its severity;
//! later findings become records of their own.

use std::{collections::BTreeMap, num::NonZeroUsize};

use lru::LruCache;
use tracego_common::TaskId;
use tracego_model::{
    finding::{Finding, Severity},
    input::facts::ServiceState,
    process_key::ProcessKey,
    record::Record,
};

use crate::{
    enrich::StartInput,
    rules::{
        Rules,
        place::Place,
        settings::RuleSettings,
        subject::{KeptProcess, Subject},
    },
    summary::FindingSummary,
};

/// Maximum number of Go programs whose start is kept for later findings. The least recently used is evicted,
/// and later findings about it are lost.
const KNOWN: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(known) => known,
    None => NonZeroUsize::MIN,
};

/// The rules, and what they need to know about processes that started before.
pub struct RulesStage {
    rules: Rules,
    known: LruCache<ProcessKey, KeptProcess>,
    summary: FindingSummary,
}

impl RulesStage {
    /// Creates the stage for one run.
    #[must_use]
    pub fn new(settings: RuleSettings) -> Self {
        Self { rules: Rules::new(settings), known: LruCache::new(KNOWN), summary: FindingSummary::default() }
    }

    /// Sets the process id of the agent, as events have it.
    pub fn set_agent(&mut self, agent: u32) {
        self.summary.set_agent(agent);
    }

    /// Applies reloaded settings; what is known about processes stays.
    pub fn change(&mut self, settings: RuleSettings) {
        self.rules.change(settings);
    }

    /// Runs the rules on a program start and puts the findings onto its record.
    pub fn start(&mut self, record: &mut Record, started: &StartInput) {
        self.judge(record, started, Rules::start);
    }

    /// Returns the place where the process of a record runs.
    #[must_use]
    pub fn place(&self, record: &Record) -> Place {
        Place::of(record, self.rules.settings())
    }

    /// Runs the rules that hold later on a program that ran before, and puts the findings onto its record.
    pub fn running(&mut self, record: &mut Record, started: &StartInput) {
        self.judge(record, started, Rules::running);
    }

    /// Runs the rules about provenance on the record of an executable, and puts the findings onto it.
    pub fn proven(&mut self, id: TaskId, record: &mut Record) {
        let variables = BTreeMap::new();
        let findings = self.rules.proven(&Subject::new(id, record, &variables));
        self.put(record, findings);
    }

    fn judge(
        &mut self,
        record: &mut Record,
        started: &StartInput,
        decide: fn(&mut Rules, &Subject<'_>) -> Vec<Finding>,
    ) {
        let mut subject = Subject::new(started.id, record, &started.variables);
        subject.task = Some(&started.task).filter(|task| task.role.is_some() || task.command.is_some());
        subject.image = started.image.as_deref();
        subject.surroundings = started.surroundings.as_deref();
        let findings = decide(&mut self.rules, &subject);
        if subject.build().is_some_and(|build| !build.path.starts_with("cmd/")) {
            let known = KeptProcess::of(&subject, self.rules.settings());
            self.known.put(started.id.into(), known);
        } else if !self.known.is_empty() {
            // The process now runs another program.
            self.known.pop(&started.id.into());
        }
        self.put(record, findings);
    }

    /// Puts findings onto a record about the same process.
    pub fn put(&mut self, record: &mut Record, findings: Vec<Finding>) {
        let Some(worst) = findings.iter().map(|finding| finding.severity).max() else { return };
        record.raise(worst.into());
        record.tracego.findings = findings;
    }

    /// Adds the findings and the policy violations of a record, from which secrets are taken out, to the summary.
    pub fn summarise(&mut self, record: &Record) {
        self.summary.add(record);
    }

    /// Adds an enforcement record to the summary.
    pub fn decided(&mut self, record: &Record) {
        self.summary.decided(record);
    }

    /// Handles a fork.
    pub fn fork(&mut self, parent: TaskId, child: TaskId) {
        self.rules.fork(parent, child);
    }

    /// Handles the exit of a process; `now` is in nanoseconds since boot.
    pub fn exit(&mut self, id: TaskId, now: u64) {
        self.rules.exit(id, now);
        self.known.pop(&id.into());
    }

    /// Returns the findings about an inspected service.
    pub fn service(&mut self, state: &ServiceState) -> Vec<Finding> {
        match self.known.get(&state.id().into()) {
            Some(known) => self.rules.service(state, known),
            None => Vec::new(),
        }
    }

    /// Returns the findings that become due by time alone; `now` is in nanoseconds since boot.
    pub fn tick(&mut self, now: u64) -> Vec<(TaskId, Finding)> {
        self.rules.tick(now)
    }

    /// Returns the number of entries that the rules evicted so far to stay within bounds.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.rules.forgotten()
    }

    /// Returns the summary of the findings so far.
    #[must_use]
    pub fn summary(&self) -> &FindingSummary {
        &self.summary
    }
}

/// The selection of the records to write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordSelection {
    /// Kinds of records, as bits of [`tracego_common::settings::event`].
    pub kinds: u32,
    /// Least severity of a finding or violation for the record of a process to be written. `None` writes all records.
    pub min_severity: Option<Severity>,
}

impl RecordSelection {
    /// Whether the record of a process is selected.
    #[must_use]
    pub fn takes(self, record: &Record) -> bool {
        self.min_severity.is_none_or(|least| record.worst().is_some_and(|worst| worst >= least))
    }
}

impl From<u32> for RecordSelection {
    fn from(kinds: u32) -> Self {
        Self { kinds, min_severity: None }
    }
}
