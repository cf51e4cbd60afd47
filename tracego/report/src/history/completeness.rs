//! The parts that a history lacks, as far as its records say so.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

/// Maximum number of problems that are named; all are counted.
const NAMED_MAX: usize = 20;
/// Maximum number of reasons of losses.
const REASONS_MAX: usize = 100;
/// Maximum number of streams whose numbers are followed.
const STREAMS_MAX: usize = 1000;

/// A line that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineProblem {
    /// Name of the file.
    pub file: String,
    /// Number of the line, from 1; 0 for the whole file.
    pub line: u64,
    /// The reason.
    pub reason: String,
}

impl fmt::Display for LineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}: {}", self.file, self.reason),
        }
    }
}

/// The result of checking the seals of the log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum SealVerdict {
    /// The log has no seals.
    #[default]
    NotSealed,
    /// The log has seals that were not checked, for this reason.
    Unchecked(String),
    /// The log is whole; with `signed`, every record is proven.
    Whole {
        /// Number of records.
        records: u64,
        /// Whether signatures were checked.
        signed: bool,
    },
    /// No damage was found, but the end is not proven.
    Unproven {
        /// Number of records.
        records: u64,
    },
    /// The log was changed.
    Damaged(String),
}

impl SealVerdict {
    /// Whether nothing speaks against the log.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::NotSealed | Self::Whole { .. })
    }
}

/// The numbers of one stream of records.
#[derive(Clone, Copy, Debug, Default)]
struct StreamNumbers {
    first: u64,
    last: u64,
    /// Number of the record that was counted last.
    latest: u64,
    count: u64,
}

/// The parts that a history lacks.
#[derive(Clone, Debug, Default)]
pub struct RecordCompleteness {
    /// Number of records, without those that others refer to.
    pub records: u64,
    /// Number of lines that could not be read.
    pub unread_lines: u64,
    /// The first such lines.
    pub problems: Vec<LineProblem>,
    /// Lost events and records by reason.
    pub lost: BTreeMap<String, u64>,
    /// Number of program starts that are not in the history because there are too many.
    pub programs_left_out: u64,
    /// Number of findings that are not in the history because there are too many.
    pub findings_left_out: u64,
    /// Number of starts on which policies gave no decision.
    pub undecided: u64,
    /// Number of failed executions.
    pub failed_starts: u64,
    /// Number of records of which only some members were written.
    pub selected: u64,
    /// Whether records of ends were read. Without them no run time is known.
    pub has_exits: bool,
    /// Whether a record opens a chain of seals.
    pub has_seals: bool,
    /// The result of checking the seals.
    pub seal: SealVerdict,
    /// Numbers by run.
    runs: HashMap<Box<str>, StreamNumbers>,
    /// Runs by the streams of their lean records.
    instances: HashMap<Box<str>, Box<str>>,
}

impl RecordCompleteness {
    /// Returns a sentence about each reason for which events or records are lost.
    pub fn losses(&self) -> impl Iterator<Item = String> + '_ {
        self.lost.iter().map(|(reason, count)| format!("{count} events or records are lost: {reason}"))
    }

    /// Notes a line that could not be read.
    pub fn add_problem(&mut self, problem: LineProblem) {
        self.unread_lines += 1;
        if self.problems.len() < NAMED_MAX {
            self.problems.push(problem);
        }
    }

    /// Adds losses.
    pub(crate) fn add_loss(&mut self, sink: Option<&str>, reasons: BTreeMap<String, u64>) {
        for (reason, count) in reasons {
            let reason = match sink {
                Some(sink) => format!("{reason} in sink {sink}"),
                None => reason,
            };
            let known = self.lost.contains_key(&reason) || self.lost.len() < REASONS_MAX;
            let of = self.lost.entry(if known { reason } else { "other".to_owned() }).or_default();
            *of = of.saturating_add(count);
        }
    }

    /// Notes which run a stream of lean records is of.
    pub(super) fn name_stream(&mut self, stream: &str, instance: &str) {
        if self.instances.len() < STREAMS_MAX && !stream.is_empty() {
            self.instances.insert(stream.into(), instance.into());
        }
    }

    /// Counts a record with its number in its run, which the record names itself, or by its stream. Records that others
    /// refer to have a number of their own, or, in a sink, that of the record behind them.
    pub(super) fn number(&mut self, instance: &str, stream: &str, seq: u64) {
        let run =
            if instance.is_empty() { self.instances.get(stream).map_or(stream, |run| run) } else { instance };
        if seq == 0 || (self.runs.len() >= STREAMS_MAX && !self.runs.contains_key(run)) {
            return;
        }
        let run: Box<str> = run.into();
        let numbers =
            self.runs.entry(run).or_insert(StreamNumbers { first: seq, ..StreamNumbers::default() });
        numbers.count += u64::from(numbers.latest != seq);
        numbers.latest = seq;
        numbers.first = numbers.first.min(seq);
        numbers.last = numbers.last.max(seq);
    }

    /// Returns the number of sequence numbers that are missing between the first and the last record of each run.
    #[must_use]
    pub fn missing_numbers(&self) -> u64 {
        let gap = |numbers: &StreamNumbers| (numbers.last - numbers.first + 1).saturating_sub(numbers.count);
        self.runs.values().map(gap).fold(0, u64::saturating_add)
    }

    /// Returns the runs by id, each with its first and its last sequence number and the number of records with one.
    #[must_use]
    pub fn sequences(&self) -> BTreeMap<&str, [u64; 3]> {
        let numbers = |of: &StreamNumbers| [of.first, of.last, of.count];
        self.runs.iter().map(|(run, of)| (&**run, numbers(of))).collect()
    }

    /// Returns the number of lost events and records.
    #[must_use]
    pub fn lost_total(&self) -> u64 {
        self.lost.values().copied().fold(0, u64::saturating_add)
    }

    /// Whether nothing is known to be missing. Missing sequence numbers do not count, since filters make gaps, too.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unread_lines == 0
            && self.lost.is_empty()
            && self.programs_left_out == 0
            && self.findings_left_out == 0
            && self.undecided == 0
            && self.seal.is_good()
    }
}
