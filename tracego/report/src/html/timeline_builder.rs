//! Fills the columns of a timeline process by process.

use std::collections::HashMap;

use tracego_model::finding::Severity;

use super::timeline_data::{Exit, ProcessFlags, TimelineData, TimelineFinding};

/// The fields of one process. Texts that are unknown are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEntry<'a> {
    /// Index of the process that started it, if that is in the job. It may be added later.
    pub parent: Option<u32>,
    /// Nanoseconds from the start of the job.
    pub start: i64,
    /// Nanoseconds from the start of the job; nothing if the process was still running or its end is unknown.
    pub end: Option<i64>,
    /// Command line, with its arguments as they are.
    pub command: &'a str,
    /// Path of the executable.
    pub executable: &'a str,
    /// Working directory.
    pub directory: &'a str,
    /// Name or number of the user.
    pub user: &'a str,
    /// Process id.
    pub pid: u32,
    /// End of the process: exit code or signal.
    pub exit: Exit,
    /// Role in Go's tool chain, as records have it.
    pub role: &'a str,
    /// Properties that are true or false.
    pub flags: ProcessFlags,
}

/// The fields of one finding.
#[derive(Clone, Copy, Debug)]
pub struct FindingEntry<'a> {
    /// Index of the process; nothing if the finding is about the job.
    pub process: Option<u32>,
    /// Id of the rule.
    pub id: &'a str,
    /// Name of the rule.
    pub name: &'a str,
    /// Severity.
    pub severity: Severity,
    /// The finding in one sentence.
    pub message: &'a str,
    /// The fix.
    pub remedy: &'a str,
    /// Facts that decided.
    pub evidence: &'a [(&'a str, &'a str)],
    /// The place in a source file, as `file:line`.
    pub place: Option<&'a str>,
}

/// Builds the data of a page. Equal texts are kept once.
#[derive(Debug)]
pub struct TimelineBuilder {
    data: TimelineData,
    interned: HashMap<Box<str>, u32>,
}

impl Default for TimelineBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TimelineBuilder {
    /// Creates a timeline without processes.
    #[must_use]
    pub fn new() -> Self {
        let data = TimelineData { strings: vec![String::new()], ..TimelineData::default() };
        Self { data, interned: HashMap::from([(Box::default(), 0)]) }
    }

    /// Adds a process and returns its index.
    pub fn process(&mut self, entry: &ProcessEntry<'_>) -> u32 {
        let command = self.intern(entry.command);
        let executable = self.intern(entry.executable);
        let directory = self.intern(entry.directory);
        let user = self.intern(entry.user);
        let role = self.intern(entry.role);
        let index = index(self.data.processes.len());
        let columns = &mut self.data.processes;
        columns.parent.push(entry.parent.map_or(-1, signed));
        columns.start.push(entry.start);
        columns.end.push(end(entry.end));
        columns.command.push(command);
        columns.executable.push(executable);
        columns.directory.push(directory);
        columns.user.push(user);
        columns.pid.push(entry.pid);
        columns.exit.push(entry.exit.code());
        columns.role.push(role);
        columns.flags.push(entry.flags.bits());
        index
    }

    /// Sets the end of a process, which records report after its start. An index that is unknown changes nothing.
    pub fn end(&mut self, process: u32, at: Option<i64>, exit: Exit) {
        let columns = &mut self.data.processes;
        let position = process as usize;
        if let (Some(ends), Some(exits)) = (columns.end.get_mut(position), columns.exit.get_mut(position)) {
            *ends = end(at);
            *exits = exit.code();
        }
    }

    /// Sets the process that started another one. An index that is unknown changes nothing.
    pub fn parent(&mut self, process: u32, parent: Option<u32>) {
        if let Some(parents) = self.data.processes.parent.get_mut(process as usize) {
            *parents = parent.map_or(-1, signed);
        }
    }

    /// Adds a finding and counts it in the verdict.
    pub fn finding(&mut self, entry: &FindingEntry<'_>) {
        *self.data.verdict.findings.entry(entry.severity).or_default() += 1;
        let evidence = entry.evidence.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.data.findings.push(TimelineFinding {
            process: entry.process.map_or(-1, signed),
            id: entry.id.to_owned(),
            name: entry.name.to_owned(),
            severity: entry.severity,
            message: entry.message.to_owned(),
            remedy: entry.remedy.to_owned(),
            evidence: evidence.collect(),
            place: entry.place.map(str::to_owned),
        });
    }

    /// Returns the data, whose title, job, verdict and start the caller fills.
    #[must_use]
    pub fn finish(self) -> TimelineData {
        self.data
    }

    fn intern(&mut self, text: &str) -> u32 {
        if let Some(&known) = self.interned.get(text) {
            return known;
        }
        let new = index(self.data.strings.len());
        self.data.strings.push(text.to_owned());
        self.interned.insert(text.into(), new);
        new
    }
}

/// Returns a length as the index of the next element. A table with more elements than that does not fit into memory.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn signed(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(-1)
}

/// Returns the number in the column. An end at exactly −1 would read as unknown, so it moves by a nanosecond.
fn end(at: Option<i64>) -> i64 {
    at.map_or(-1, |at| if at == -1 { -2 } else { at })
}
