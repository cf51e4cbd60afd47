//! The summary of findings that `tracego run` prints at the end.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use tracego_model::{
    finding::{Finding, Severity},
    record::Record,
    text,
};

/// Maximum number of findings that are printed one by one; all are counted.
const TOLD: usize = 50;
/// Maximum number of ancestors that are printed.
const ANCESTORS: usize = 12;

/// The counts of findings, and the findings to print.
#[derive(Clone, Debug, Default)]
pub struct FindingSummary {
    counts: BTreeMap<Severity, u64>,
    told: Vec<PrintedFinding>,
    /// Executions of `go run` that are printed. The finding about the program that each started is the same
    /// and is left out.
    commands: HashSet<String>,
    stopped: u64,
    escaped: u64,
    /// Process id of the agent, whose ancestors are not printed; 0 for none.
    agent: u32,
}

#[derive(Clone, Debug)]
struct PrintedFinding {
    finding: Finding,
    line: String,
    times: u64,
}

impl FindingSummary {
    /// Sets the process id of the agent, as events have it.
    pub fn set_agent(&mut self, agent: u32) {
        self.agent = agent;
    }

    /// Counts the program start of an enforcement record if it was stopped, or should have been.
    pub fn decided(&mut self, record: &Record) {
        let decision = record.tracego.enforcement.as_ref().and_then(|about| about.decision.as_ref());
        let Some(decision) = decision.filter(|decision| decision.stops()) else { return };
        match decision.error {
            None => self.stopped += 1,
            Some(_) => self.escaped += 1,
        }
    }

    /// Counts the policy violations of a record.
    pub fn refused(&mut self, record: &Record) {
        let Some(policy) = &record.tracego.policy else { return };
        for violation in policy.violations.iter() {
            let severity = violation.severity.unwrap_or(Severity::High);
            *self.counts.entry(severity).or_default() += 1;
        }
    }

    /// Returns the number of program starts that were stopped.
    #[must_use]
    pub fn stopped(&self) -> u64 {
        self.stopped
    }

    /// Returns the number of program starts that should have been stopped and were not.
    #[must_use]
    pub fn escaped(&self) -> u64 {
        self.escaped
    }

    /// Adds the findings of a record.
    pub fn add(&mut self, record: &Record) {
        for finding in &record.tracego.findings {
            *self.counts.entry(finding.severity).or_default() += 1;
            if self.is_told(record, finding) {
                continue;
            }
            let same = |told: &&mut PrintedFinding| {
                (told.finding.id, &told.finding.message) == (finding.id, &finding.message)
            };
            if let Some(told) = self.told.iter_mut().find(same) {
                told.times += 1;
            } else if self.told.len() < TOLD {
                self.told.push(PrintedFinding {
                    finding: finding.clone(),
                    line: self.line(record),
                    times: 1,
                });
            }
        }
    }

    /// Formats a process and its ancestors, oldest first: `make (811) → ci.sh (812) → go run ./cmd/server (813)`.
    fn line(&self, record: &Record) -> String {
        let Some(process) = &record.process else { return String::new() };
        let mut parts = vec![format!("{} ({})", record.body, process.pid)];
        let above = record.tracego.ancestors.iter().flat_map(|line| line.iter());
        // Ancestors above the agent started the agent, not the process.
        for ancestor in above.take_while(|ancestor| ancestor.id.tgid != self.agent).take(ANCESTORS) {
            let mut name = String::new();
            ancestor.command.chars().for_each(|c| text::push_printable(&mut name, c));
            parts.push(format!("{name} ({})", ancestor.id.tgid));
        }
        parts.reverse();
        parts.join(" → ")
    }

    /// Whether the finding is about a program whose `go run` is already printed.
    fn is_told(&mut self, record: &Record, finding: &Finding) -> bool {
        let command = record.tracego.go.as_ref().and_then(|go| go.command.as_ref());
        let Some(command) = command else { return false };
        match finding.id {
            "TG001" => {
                self.commands.insert(command.exec_id.clone());
                false
            }
            "TG002" => self.commands.contains(&command.exec_id),
            _ => false,
        }
    }

    /// Returns the worst severity found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.counts.keys().next_back().copied()
    }

    /// Whether there are no findings.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

impl fmt::Display for FindingSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts.iter().rev().map(|(severity, count)| format!("{count} {}", severity.name()));
        write!(f, "findings: {}", counts.collect::<Vec<_>>().join(", "))?;
        let mut told: Vec<&PrintedFinding> = self.told.iter().collect();
        told.sort_by_key(|told| std::cmp::Reverse(told.finding.severity));
        for PrintedFinding { finding, line, times } in told {
            write!(
                f,
                "\n  {} {} {}: {}",
                finding.severity.name(),
                finding.id,
                finding.name,
                finding.message
            )?;
            if *times > 1 {
                write!(f, " ({times} times)")?;
            }
            write!(f, "\n    by   {line}\n    fix  {}", finding.remedy)?;
        }
        Ok(())
    }
}
