//! The baseline file: a line about itself, then a line for each process, sorted, so that a version control system shows
//! what changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracego_model::clock::Time;

use super::key::{KeyMaker, ProcessKey};
use crate::{history::RunHistory, wire::BASELINE_SCHEMA as SCHEMA};

/// Number of runs from which on a new process is a finding.
pub const RUNS_NEEDED: u64 = 3;
/// Number of runs after which a process that did not run again is forgotten.
const RUNS_KEPT: u64 = 50;
/// Maximum number of processes.
const ENTRIES_MAX: usize = 200_000;
/// Maximum size of a file in bytes.
const FILE_MAX: usize = 128 << 20;
/// Maximum number of users and executables of a process.
const VALUES_MAX: usize = 8;

/// The reason why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The first line is not that of a baseline.
    #[error(
        "no baseline: the first line has not the schema {SCHEMA}; tracego report --baseline FILE --update creates one"
    )]
    Schema,
    /// A line is not an entry.
    #[error("line {line}: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// The file is too large.
    #[error("the baseline is too large: at most {FILE_MAX} bytes and {ENTRIES_MAX} processes are read")]
    Size,
}

/// Run times of a process, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct WallTimes {
    /// Median of the last run.
    pub p50: u64,
    /// Longest of all runs.
    pub max: u64,
}

/// A process of earlier runs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct BaselineEntry {
    /// The key.
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Number of runs that had it.
    pub runs: u64,
    /// Number of the last run that had it.
    pub last: u64,
    /// Time of the first run that had it.
    pub first_seen: String,
    /// Run times; absent if no end was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<WallTimes>,
    /// Users that ran it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Short hashes of its executable, the last one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<String>,
}

/// The first line of a file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Header {
    schema: String,
    runs: u64,
    updated: String,
}

/// The processes of earlier runs.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// Number of runs.
    pub runs: u64,
    /// Time of the last run.
    pub updated: String,
    /// The processes by their keys.
    pub entries: BTreeMap<ProcessKey, BaselineEntry>,
}

impl Baseline {
    /// Parses a file.
    ///
    /// # Errors
    /// Fails if it is no baseline.
    pub fn parse(file: &[u8]) -> Result<Self, BaselineError> {
        if file.len() > FILE_MAX {
            return Err(BaselineError::Size);
        }
        let mut lines = file.split(|&b| b == b'\n').enumerate();
        let header = lines.next().and_then(|(_, line)| serde_json::from_slice::<Header>(line).ok());
        let header = header.filter(|header| header.schema == SCHEMA).ok_or(BaselineError::Schema)?;
        let mut baseline = Self { runs: header.runs, updated: header.updated, entries: BTreeMap::new() };
        for (at, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
            let entry: BaselineEntry = serde_json::from_slice(line).map_err(|error| BaselineError::Line {
                line: at + 1,
                reason: tracego_model::text::printable(&error.to_string()),
            })?;
            if baseline.entries.len() >= ENTRIES_MAX {
                return Err(BaselineError::Size);
            }
            baseline.entries.insert(entry.key.clone(), entry);
        }
        Ok(baseline)
    }

    /// Returns the file.
    ///
    /// # Errors
    /// Fails if a text cannot be serialised.
    pub fn to_file(&self) -> serde_json::Result<Vec<u8>> {
        let header = Header { schema: SCHEMA.to_owned(), runs: self.runs, updated: self.updated.clone() };
        let mut out = serde_json::to_vec(&header)?;
        out.push(b'\n');
        for entry in self.entries.values() {
            serde_json::to_writer(&mut out, entry)?;
            out.push(b'\n');
        }
        Ok(out)
    }

    /// Returns the processes of one run.
    #[must_use]
    pub fn of_run(history: &RunHistory) -> Self {
        let mut baseline = Self::default();
        baseline.add(history);
        baseline
    }

    /// Adds a run.
    pub fn add(&mut self, history: &RunHistory) {
        self.runs += 1;
        let time = history.programs.first().map_or_else(Time::default, |program| program.began).text();
        let mut walls: BTreeMap<ProcessKey, Vec<u64>> = BTreeMap::new();
        let mut keys = KeyMaker::new(history);
        for (at, run) in history.programs.iter().enumerate() {
            let Some(key) = keys.key(at) else { continue };
            let wall = walls.entry(key.clone()).or_default();
            wall.extend(run.wall_ns().map(|wall| wall / 1_000_000));
            if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&key) {
                continue;
            }
            let entry = self.entries.entry(key).or_insert_with_key(|key| BaselineEntry {
                key: key.clone(),
                first_seen: time.clone(),
                ..BaselineEntry::default()
            });
            if entry.last != self.runs {
                entry.last = self.runs;
                entry.runs += 1;
            }
            put(&mut entry.users, &run.user, false);
            put(&mut entry.digests, &run.digest, true);
        }
        for (key, mut times) in walls {
            times.sort_unstable();
            if let (Some(entry), Some(&p50), Some(&max)) =
                (self.entries.get_mut(&key), times.get(times.len() / 2), times.last())
            {
                let before = entry.wall_ms.map_or(0, |wall| wall.max);
                entry.wall_ms = Some(WallTimes { p50, max: max.max(before) });
            }
        }
        let runs = self.runs;
        self.entries.retain(|_, entry| runs.saturating_sub(entry.last) < RUNS_KEPT);
        self.updated = time;
    }
}

/// Adds a value to a short list. `first`: at its beginning, and the last one is forgotten.
fn put(values: &mut Vec<String>, value: &str, first: bool) {
    if value.is_empty() || values.iter().any(|known| known == value) {
        return;
    }
    if first {
        values.insert(0, value.to_owned());
        values.truncate(VALUES_MAX);
    } else if values.len() < VALUES_MAX {
        values.push(value.to_owned());
        values.sort();
    }
}
