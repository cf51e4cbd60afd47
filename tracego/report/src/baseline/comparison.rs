//! A run held against a baseline.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tracego_golang::role::Role;

use super::{
    file::{Baseline, RUNS_NEEDED},
    key::{KeyMaker, ProcessKey},
};
use crate::history::RunHistory;

/// Factor and difference in milliseconds from which on a process counts as slower.
const SLOWER: (u64, u64) = (2, 1000);
/// Folders whose executables are made by the job itself, so that they are others with each commit.
const MADE: [&str; 6] = ["$WORKSPACE/", "$TMPDIR/", "$RUNNER_TEMP/", "$GOCACHE/", "/tmp/", "$HOME/"];

/// A process that no run of the baseline had.
#[derive(Clone, Debug)]
pub struct NewProcess {
    /// The key.
    pub key: ProcessKey,
    /// Index of its first program start.
    pub program: usize,
    /// Number of its program starts.
    pub count: u64,
}

/// A process that another user ran.
#[derive(Clone, Debug)]
pub struct OtherUser {
    /// Index of the program start.
    pub program: usize,
    /// The user.
    pub user: String,
    /// The users of the baseline.
    pub before: Vec<String>,
}

/// An executable whose content is another one.
#[derive(Clone, Debug)]
pub struct ChangedExecutable {
    /// Path of the executable.
    pub path: Arc<str>,
    /// Short hash now.
    pub digest: Arc<str>,
    /// Short hash in the last run of the baseline.
    pub before: String,
}

/// A process that took longer than in any run of the baseline.
#[derive(Clone, Debug)]
pub struct SlowerProcess {
    /// Index of the slowest program start.
    pub program: usize,
    /// Run time in milliseconds.
    pub wall_ms: u64,
    /// Longest run time in the baseline, in milliseconds.
    pub before_ms: u64,
}

/// A run held against a baseline.
#[derive(Clone, Debug, Default)]
pub struct BaselineComparison {
    /// Number of runs of the baseline.
    pub runs: u64,
    /// Whether the run is added to the baseline, so that new processes are no findings.
    pub is_accepted: bool,
    /// Processes that no run of the baseline had, by time.
    pub new: Vec<NewProcess>,
    /// Processes that every run of the baseline had, and this one has not.
    pub gone: Vec<ProcessKey>,
    /// Processes that another user ran.
    pub other_users: Vec<OtherUser>,
    /// Executables whose content is another one.
    pub changed: Vec<ChangedExecutable>,
    /// Processes that took longer, the largest difference first.
    pub slower: Vec<SlowerProcess>,
}

impl BaselineComparison {
    /// Compares a run with a baseline.
    #[must_use]
    pub fn new(baseline: &Baseline, history: &RunHistory) -> Self {
        let mut comparison = Self { runs: baseline.runs, ..Self::default() };
        let mut seen: HashMap<ProcessKey, Option<usize>> = HashMap::new();
        let mut slowest: BTreeMap<ProcessKey, (usize, u64)> = BTreeMap::new();
        let mut keys = KeyMaker::new(history);
        for (at, run) in history.programs.iter().enumerate() {
            let Some(key) = keys.key(at) else { continue };
            let Some(entry) = baseline.entries.get(&key) else {
                let new = seen.entry(key.clone()).or_insert_with(|| {
                    comparison.new.push(NewProcess { key, program: at, count: 0 });
                    Some(comparison.new.len() - 1)
                });
                if let Some(new) = new.and_then(|new| comparison.new.get_mut(new)) {
                    new.count += 1;
                }
                continue;
            };
            let is_known_user = entry.users.is_empty() || entry.users.iter().any(|user| **user == *run.user);
            if !is_known_user && !seen.contains_key(&key) {
                let (user, before) = (run.user.to_string(), entry.users.clone());
                comparison.other_users.push(OtherUser { program: at, user, before });
            }
            let is_made = MADE.iter().any(|folder| key.program.starts_with(folder))
                || matches!(run.role, Some(Role::GoRunChild | Role::GoTestBinary));
            let is_known =
                entry.digests.is_empty() || entry.digests.iter().any(|known| **known == *run.digest);
            let is_told = || comparison.changed.iter().any(|changed| changed.path == run.executable);
            if !is_made && !is_known && !run.digest.is_empty() && !is_told() {
                comparison.changed.push(ChangedExecutable {
                    path: Arc::clone(&run.executable),
                    digest: Arc::clone(&run.digest),
                    before: entry.digests.first().cloned().unwrap_or_default(),
                });
            }
            if let Some(wall) = run.wall_ns().map(|wall| wall / 1_000_000) {
                let longest = slowest.entry(key.clone()).or_insert((at, wall));
                if wall > longest.1 {
                    *longest = (at, wall);
                }
            }
            seen.entry(key).or_insert(None);
        }
        for (key, (program, wall_ms)) in slowest {
            let before = baseline.entries.get(&key).and_then(|entry| entry.wall_ms).map(|wall| wall.max);
            if let Some(before_ms) = before
                && wall_ms > before_ms.saturating_mul(SLOWER.0)
                && wall_ms > before_ms.saturating_add(SLOWER.1)
            {
                comparison.slower.push(SlowerProcess { program, wall_ms, before_ms });
            }
        }
        comparison.slower.sort_by_key(|slower| std::cmp::Reverse(slower.wall_ms - slower.before_ms));
        let always = baseline.entries.values().filter(|entry| entry.runs == baseline.runs);
        let gone = always.filter(|entry| !seen.contains_key(&entry.key));
        comparison.gone = gone.map(|entry| entry.key.clone()).collect();
        comparison
    }

    /// Whether the baseline has enough runs to make a new process a finding.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.runs >= RUNS_NEEDED
    }

    /// Whether the run differs from the baseline in nothing but time and the content of executables.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty() && self.other_users.is_empty()
    }
}
