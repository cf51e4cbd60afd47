//! The data of the page, in the shape that the script reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracego_model::finding::Severity;

/// Everything that the page shows about one job.
///
/// Columns and a table of strings keep a job of 100,000 processes small: a text that many processes share is written
/// once. [`TimelineBuilder`](super::TimelineBuilder) fills both.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct TimelineData {
    /// Title of the page; empty for the name of the job.
    pub title: String,
    /// The name and version of the program that recorded the job.
    pub recorder: String,
    /// The CI job.
    pub job: JobFields,
    /// The result.
    pub verdict: Verdict,
    /// The time that offsets count from, as RFC 3339; empty if no process is known.
    pub start: String,
    /// Texts that columns name by their index. The first is empty.
    pub strings: Vec<String>,
    /// The processes, one element in each column.
    pub processes: ProcessColumns,
    /// The findings.
    pub findings: Vec<TimelineFinding>,
}

/// The CI job that a timeline is of. An empty field is unknown.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct JobFields {
    /// Name: `build`.
    pub name: String,
    /// Id of the run: `42/1/build`.
    pub id: String,
    /// Address of the run at the CI system. The page links it only if it is `https:` or `http:`.
    pub url: String,
    /// Name of the CI system: `github`.
    pub system: String,
    /// Commit that was checked out.
    pub commit: String,
    /// Address or name of the repository.
    pub repository: String,
    /// Branch or tag.
    pub branch: String,
}

/// The result of a job.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Verdict {
    /// Number of findings by severity. Severities without a finding may be left out.
    pub findings: BTreeMap<Severity, u64>,
    /// Number of programs that enforcement stopped.
    pub stopped: u64,
    /// Losses, one sentence each; empty if every process start of the job was recorded.
    pub lost: Vec<String>,
    /// State of the seal of the records.
    pub seal: SealState,
    /// Details of the seal: its key, or the reason why it is broken.
    pub seal_detail: String,
}

/// State of the seal of the records that a page was made from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SealState {
    /// The records are not sealed.
    #[default]
    Absent,
    /// The records are sealed, and nobody checked the seal.
    Unchecked,
    /// The seal holds.
    Valid,
    /// The records are not what was sealed.
    Broken,
}

/// The processes of a job: element *n* of each column is about process *n*.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ProcessColumns {
    /// Index of the process that started it; −1 if that is not in the job.
    pub parent: Vec<i32>,
    /// Nanoseconds from the start of the job to the start of the process. Negative if a clock stepped backwards.
    pub start: Vec<i64>,
    /// Nanoseconds from the start of the job to the end of the process; −1 if it was still running or is unknown.
    pub end: Vec<i64>,
    /// String: command line.
    pub command: Vec<u32>,
    /// String: path of the executable.
    pub executable: Vec<u32>,
    /// String: working directory.
    pub directory: Vec<u32>,
    /// String: user.
    pub user: Vec<u32>,
    /// Process id.
    pub pid: Vec<u32>,
    /// End of the process, see [`Exit::code`].
    pub exit: Vec<i32>,
    /// String: its role in Go's tool chain, as records have it (`go-run`, `compiler-helper`).
    pub role: Vec<u32>,
    /// [`ProcessFlags`].
    pub flags: Vec<u8>,
}

impl ProcessColumns {
    /// Returns the number of processes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Returns whether there is no process.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }
}

/// The end of a process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Exit {
    /// The process was still running, or its end was not recorded.
    #[default]
    Unknown,
    /// An end by itself, with its exit code.
    Code(u8),
    /// An end by a signal.
    Signal(u8),
}

impl Exit {
    /// Returns the number in the column: the exit code, 256 + the signal, or −1 for an end that is unknown.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Unknown => -1,
            Self::Code(code) => code.into(),
            Self::Signal(signal) => 256 + i32::from(signal),
        }
    }
}

/// Properties of a process that are true or false.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProcessFlags {
    /// Enforcement stopped it.
    pub stopped: bool,
    /// The baseline does not have it.
    pub is_new: bool,
}

impl ProcessFlags {
    /// Returns the number in the column: 1 for stopped, 2 for new.
    #[must_use]
    pub fn bits(self) -> u8 {
        u8::from(self.stopped) | u8::from(self.is_new) << 1
    }
}

/// One finding.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TimelineFinding {
    /// Index of the process; −1 if the finding is about the job.
    pub process: i32,
    /// Id of the rule: `TG001`.
    pub id: String,
    /// Name of the rule: `go-run`.
    pub name: String,
    /// Severity.
    pub severity: Severity,
    /// The finding in one sentence.
    pub message: String,
    /// The fix.
    pub remedy: String,
    /// Facts that decided, as names and values.
    #[serde(default)]
    pub evidence: Vec<(String, String)>,
    /// The place in a source file that started the process, as `file:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}
