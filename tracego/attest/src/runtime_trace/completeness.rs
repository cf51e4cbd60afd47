//! The missing parts of a trace, as its records and the seals of its log say them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use tracego_report::history::RecordCompleteness;

use crate::subject::Subject;

/// The verdict about the seals of a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogVerdict {
    /// No record was changed, removed, moved or added; with a key, each is proven.
    Whole,
    /// No damage was found, but the end is not proven.
    Unproven,
    /// The log was changed.
    Damaged,
    /// The log has no seals.
    NotSealed,
    /// The seals were not checked.
    Unchecked,
}

/// A file of records.
pub type AttestedFile = Subject;

/// The missing parts of a trace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestedCompleteness {
    /// Verdict about the seals.
    pub seal: LogVerdict,
    /// Whether nothing is known to be missing. A log without seals can be complete, but proves nothing.
    pub is_complete: bool,
    /// Number of records.
    pub records: u64,
    /// Number of lines that could not be read.
    pub unread_lines: u64,
    /// Number of sequence numbers that are missing; filters make gaps, too.
    pub missing_numbers: u64,
    /// Number of program starts that are not listed because there are too many.
    pub programs_left_out: u64,
    /// Lost events and records by reason, as records report them.
    pub lost: BTreeMap<String, u64>,
    /// Number of events that the kernel side counted, as the seals say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooked: Option<u64>,
    /// First and last sequence number of each run.
    runs: Vec<AttestedRun>,
    /// Link of the last record, for `tracego verify-log --expect-head`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal_link: Option<String>,
    /// Ids of the keys that signed the seals.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seal_keys: Vec<String>,
    /// The files of records.
    pub files: Vec<AttestedFile>,
    /// The result of `tracego verify-log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_log: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttestedRun {
    run: String,
    first_seq: u64,
    last_seq: u64,
    records: u64,
}

impl AttestedCompleteness {
    /// Creates the missing parts from what records say.
    #[must_use]
    pub fn new(of: &RecordCompleteness, seal: LogVerdict, files: Vec<AttestedFile>) -> Self {
        let run = |(run, [first_seq, last_seq, records]): (&str, [u64; 3])| AttestedRun {
            run: tracego_model::text::printable(run),
            first_seq,
            last_seq,
            records,
        };
        Self {
            seal,
            is_complete: of.is_whole() && matches!(seal, LogVerdict::Whole | LogVerdict::NotSealed),
            records: of.records,
            unread_lines: of.unread_lines,
            missing_numbers: of.missing_numbers(),
            programs_left_out: of.programs_left_out,
            lost: of.lost.clone(),
            hooked: None,
            runs: of.sequences().into_iter().map(run).collect(),
            seal_link: None,
            seal_keys: Vec::new(),
            files,
            verify_log: None,
        }
    }
}
