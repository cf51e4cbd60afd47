//! The summary of findings and policy violations that `tracego run` prints at the end.

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
}

/// A finding or violation that is printed.
#[derive(Clone, Debug)]
struct PrintedFinding {
    severity: Severity,
    /// Id and name of the finding; bundle and id of the violation.
    name: String,
    message: String,
    /// Process and ancestors.
    line: String,
    remedy: Option<String>,
    times: u64,
}

impl FindingSummary {
    /// Counts the program start of an enforcement record if it was stopped.
    pub fn decided(&mut self, record: &Record) {
        let decision = record.tracego.enforcement.as_ref().and_then(|about| about.decision.as_ref());
        let stopped = decision.is_some_and(|one| one.error.is_none() && one.stops());
        self.stopped += u64::from(stopped);
    }

    /// Returns the number of program starts that were stopped.
    #[must_use]
    pub fn stopped(&self) -> u64 {
        self.stopped
    }

    /// Adds the findings of a record, and the violations of a policy that does not allow it.
    pub fn add(&mut self, record: &Record) {
        for finding in &record.tracego.findings {
            *self.counts.entry(finding.severity).or_default() += 1;
            if !self.is_told(record, finding) {
                let name = format!("{} {}", finding.id, finding.name);
                self.tell(record, finding.severity, name, &finding.message, Some(finding.remedy));
            }
        }
        let Some(policy) = &record.tracego.policy else { return };
        for reason in policy.reasons() {
            *self.counts.entry(reason.severity).or_default() += 1;
            let name = printable(&reason.to_string());
            let remedy = reason.remediation.map(printable);
            self.tell(record, reason.severity, name, &printable(reason.message), remedy.as_deref());
        }
    }

    /// Adds a finding or violation to those that are printed, or counts it if one like it is.
    fn tell(
        &mut self,
        record: &Record,
        severity: Severity,
        name: String,
        message: &str,
        remedy: Option<&str>,
    ) {
        let same = |told: &&mut PrintedFinding| told.name == name && told.message == message;
        if let Some(told) = self.told.iter_mut().find(same) {
            told.times += 1;
        } else if self.told.len() < TOLD {
            let (message, line, remedy) = (message.to_owned(), line(record), remedy.map(str::to_owned));
            self.told.push(PrintedFinding { severity, name, message, line, remedy, times: 1 });
        }
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
        told.sort_by_key(|told| std::cmp::Reverse(told.severity));
        for PrintedFinding { severity, name, message, line, remedy, times } in told {
            write!(f, "\n  {} {name}: {message}", severity.name())?;
            if *times > 1 {
                write!(f, " ({times} times)")?;
            }
            write!(f, "\n    by   {line}")?;
            if let Some(remedy) = remedy {
                write!(f, "\n    fix  {remedy}")?;
            }
        }
        Ok(())
    }
}

/// Returns a text with characters that a terminal would interpret escaped.
fn printable(value: &str) -> String {
    let mut printable = String::with_capacity(value.len());
    value.chars().for_each(|c| text::push_printable(&mut printable, c));
    printable
}

/// Formats a process and its ancestors, oldest first: `make (811) → ci.sh (812) → go run ./cmd/server (813)`.
fn line(record: &Record) -> String {
    let Some(process) = &record.process else { return String::new() };
    let own = std::process::id();
    let mut parts = vec![format!("{} ({})", record.body, process.pid)];
    let above = record.tracego.ancestors.iter().flat_map(|line| line.iter());
    // Ancestors above the agent started the agent, not the process.
    for ancestor in above.take_while(|ancestor| ancestor.id.tgid != own).take(ANCESTORS) {
        parts.push(format!("{} ({})", printable(&ancestor.command), ancestor.id.tgid));
    }
    parts.reverse();
    parts.join(" → ")
}
