//! Runs the rules: findings go onto the record that they are about, and raise its severity; what is found
//! later becomes a record of its own.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_common::TaskId;

use crate::{
    enrich::Started,
    rules::{
        Rules,
        settings::Settings,
        subject::{Known, Subject},
    },
    summary::Summary,
};
use tracego_model::{
    finding::{Finding, Severity},
    input::facts::ServiceState,
    record::Record,
};

/// Go programs whose start is remembered for what is found out about them later; the one that was asked
/// for longest ago makes room, and what is found out about it is then not told.
const KNOWN: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(known) => known,
    None => NonZeroUsize::MIN,
};

/// The rules, and what they need to know of processes that started before.
pub struct Judge {
    rules: Rules,
    known: LruCache<TaskId, Known>,
    summary: Summary,
}

impl Judge {
    /// For one run.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { rules: Rules::new(settings), known: LruCache::new(KNOWN), summary: Summary::default() }
    }

    /// Goes over to other settings; what is known of processes stays.
    pub fn change(&mut self, settings: Settings) {
        self.rules.change(settings);
    }

    /// A program was started: what is found goes onto its record.
    pub fn start(&mut self, record: &mut Record, started: &Started) {
        let mut subject = Subject::new(started.id, record, &started.variables);
        subject.task = Some(&started.task).filter(|task| task.role.is_some() || task.command.is_some());
        subject.image = started.image.as_deref();
        subject.surroundings = started.surroundings.as_deref();
        let findings = self.rules.start(&subject);
        if subject.build().is_some_and(|build| !build.path.starts_with("cmd/")) {
            let known = Known::of(&subject, self.rules.settings());
            self.known.put(started.id, known);
        } else if !self.known.is_empty() {
            // The process has become another program.
            self.known.pop(&started.id);
        }
        self.put(record, findings);
    }

    /// Puts findings onto a record that is about the same process.
    pub fn put(&mut self, record: &mut Record, findings: Vec<Finding>) {
        let Some(worst) = findings.iter().map(|finding| finding.severity).max() else { return };
        record.raise(worst.into());
        record.tracego.findings = findings;
        self.summary.add(record);
    }

    /// A policy does not allow a start.
    pub fn refused(&mut self, record: &Record) {
        self.summary.refused(record);
    }

    /// It was decided about a program start.
    pub fn decided(&mut self, record: &Record) {
        self.summary.decided(record);
    }

    /// A process was made by another.
    pub fn fork(&mut self, parent: TaskId, child: TaskId) {
        self.rules.fork(parent, child);
    }

    /// A process ended, at a time in ns since boot.
    pub fn exit(&mut self, id: TaskId, now: u64) {
        self.rules.exit(id, now);
        self.known.pop(&id);
    }

    /// What a look at a service gave.
    pub fn service(&mut self, state: &ServiceState) -> Vec<Finding> {
        match self.known.get(&state.id()) {
            Some(known) => self.rules.service(state, known),
            None => Vec::new(),
        }
    }

    /// What time alone brings, in ns since boot.
    pub fn tick(&mut self, now: u64) -> Vec<(TaskId, Finding)> {
        self.rules.tick(now)
    }

    /// What the rules had to forget to keep within bounds, so far.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.rules.forgotten()
    }

    /// What was found so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}

/// Which records are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Selection {
    /// Kinds, bits of [`tracego_common::settings::event`].
    pub kinds: u32,
    /// Records of processes need a finding that is at least as bad; all are written without.
    pub min_severity: Option<Severity>,
}

impl Selection {
    /// Whether a record of a process is written.
    #[must_use]
    pub fn takes(self, record: &Record) -> bool {
        let worst = || record.tracego.findings.iter().map(|finding| finding.severity).max();
        self.min_severity.is_none_or(|least| worst().is_some_and(|worst| worst >= least))
    }
}

impl From<u32> for Selection {
    fn from(kinds: u32) -> Self {
        Self { kinds, min_severity: None }
    }
}
