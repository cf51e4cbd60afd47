//! The summary of findings and policy violations that `tracego run` prints at the end.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use tracego_model::{
    finding::Severity,
    record::{Record, event_name},
    text::printable,
};

/// Maximum number of different findings that are printed one by one; the others are counted by rule.
const TOLD: usize = 50;
/// Maximum number of rules and policies whose findings beyond [`TOLD`] are counted.
const COUNTED: usize = 200;
/// Maximum number of executions of `go run` that are remembered.
const COMMANDS: usize = 4096;
/// Maximum number of ancestors that are printed.
const ANCESTORS: usize = 12;

/// The counts of findings, and the findings to print.
#[derive(Clone, Debug, Default)]
pub struct FindingSummary {
    counts: BTreeMap<Severity, u64>,
    told: Vec<PrintedFinding>,
    /// Findings that are not printed one by one, by severity and name.
    untold: BTreeMap<(Severity, String), u64>,
    /// Executions of `go run` that are printed, each with the position of its finding. The finding about the
    /// program that it started is printed with it.
    commands: HashMap<String, usize>,
    stopped: u64,
    escaped: u64,
    failed: FailedDecisions,
    /// Process id of the agent, whose ancestors are not printed; 0 for none.
    agent: u32,
}

/// The decisions of policies that failed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FailedDecisions {
    /// Number of them.
    pub count: u64,
    /// Number of those whose start was allowed nevertheless, so that nobody decided about it.
    pub allowed: u64,
    /// Bundle and error of the first one.
    first: String,
}

impl fmt::Display for FailedDecisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, allowed, first } = self;
        let (noun, verb) = if *allowed == 1 { ("start", "was") } else { ("starts", "were") };
        write!(
            f,
            "policies: {count} failed to decide, {allowed} {noun} {verb} allowed without a decision: {first}"
        )
    }
}

/// A finding or a violation, and the process that it is about.
#[derive(Clone, Debug)]
struct PrintedFinding {
    severity: Severity,
    /// Id and name of the rule, or bundle and id of the violation.
    name: String,
    message: String,
    remedy: String,
    line: String,
    times: u64,
    /// Number of findings about the programs that this `go run` started, by severity and name.
    children: BTreeMap<(Severity, String), u64>,
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

    /// Adds the findings of a record, and the violations of a policy that does not allow it.
    pub fn add(&mut self, record: &Record) {
        let command = record.tracego.go.as_ref().and_then(|go| go.command.as_ref());
        let command = command.map(|command| command.exec_id.as_str());
        for finding in &record.tracego.findings {
            let severity = finding.severity;
            *self.counts.entry(severity).or_default() += 1;
            let name = format!("{} {}", finding.id, finding.name);
            let parent = command.filter(|_| finding.id == "TG002").and_then(|id| self.commands.get(id));
            if let Some(told) = parent.and_then(|&at| self.told.get_mut(at)) {
                *told.children.entry((severity, name)).or_default() += 1;
                continue;
            }
            let at = self.print(record, severity, name, &finding.message, finding.remedy);
            if let (Some(command), Some(at)) = (command.filter(|_| finding.id == "TG001"), at)
                && self.commands.len() < COMMANDS
            {
                self.commands.insert(command.to_owned(), at);
            }
        }
        let Some(policy) = &record.tracego.policy else { return };
        if let Some(error) = &policy.error {
            if self.failed.count == 0 {
                self.failed.first = printable(error);
            }
            self.failed.count += 1;
            self.failed.allowed += u64::from(policy.allow);
        }
        for reason in policy.reasons() {
            *self.counts.entry(reason.severity).or_default() += 1;
            let remedy = printable(reason.remediation.unwrap_or_default());
            let name = printable(&reason.to_string());
            self.print(record, reason.severity, name, &printable(reason.message), &remedy);
        }
    }

    /// Formats a process and its ancestors, oldest first: `make (811) → ci.sh (812) → go run ./cmd/server (813)`.
    fn line(&self, record: &Record) -> String {
        let Some(process) = &record.process else { return String::new() };
        // The text of another kind of record is not that of a command.
        let command = match (record.event_name, &process.executable) {
            (event_name::EXECUTABLE, Some(file)) => printable(&file.path).to_string(),
            _ => record.body.clone(),
        };
        let mut parts = vec![format!("{command} ({})", process.pid)];
        let above = record.tracego.ancestors.iter().flat_map(|line| line.iter());
        // Ancestors above the agent started the agent, not the process.
        for ancestor in above.take_while(|ancestor| ancestor.id.tgid != self.agent).take(ANCESTORS) {
            parts.push(format!("{} ({})", printable(&ancestor.command), ancestor.id.tgid));
        }
        parts.reverse();
        parts.join(" → ")
    }

    /// Adds a finding to those to print. Returns its position, unless there are too many.
    fn print(
        &mut self,
        record: &Record,
        severity: Severity,
        name: String,
        message: &str,
        remedy: &str,
    ) -> Option<usize> {
        let same = |told: &PrintedFinding| {
            (told.severity, &told.name, told.message.as_str()) == (severity, &name, message)
        };
        if let Some(at) = self.told.iter().position(same) {
            self.told.get_mut(at)?.times += 1;
            return Some(at);
        }
        if self.told.len() == TOLD {
            let key = (severity, name);
            let known = self.untold.contains_key(&key) || self.untold.len() < COUNTED;
            let key = if known { key } else { (severity, "others".to_owned()) };
            *self.untold.entry(key).or_default() += 1;
            return None;
        }
        self.told.push(PrintedFinding {
            severity,
            name,
            message: message.to_owned(),
            remedy: remedy.to_owned(),
            line: self.line(record),
            times: 1,
            children: BTreeMap::new(),
        });
        Some(self.told.len() - 1)
    }

    /// Returns the decisions of policies that failed.
    #[must_use]
    pub fn failed(&self) -> &FailedDecisions {
        &self.failed
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
        for PrintedFinding { severity, name, message, remedy, line, times, children } in told {
            write!(f, "\n  {} {name}: {message}{}", severity.name(), Times(*times))?;
            for ((severity, name), times) in children.iter().rev() {
                write!(
                    f,
                    "\n    with {} {name}: the program that it started{}",
                    severity.name(),
                    Times(*times)
                )?;
            }
            write!(f, "\n    by   {line}")?;
            if !remedy.is_empty() {
                write!(f, "\n    fix  {remedy}")?;
            }
        }
        for ((severity, name), count) in self.untold.iter().rev() {
            write!(f, "\n  {} {name}: {count} more", severity.name())?;
        }
        Ok(())
    }
}

/// Number of times that a finding was found; shown as nothing for once.
struct Times(u64);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            times => write!(f, " ({times} times)"),
        }
    }
}

#[cfg(test)]
mod tests;
