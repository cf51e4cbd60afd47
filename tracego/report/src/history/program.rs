//! A program start of a process.

use std::sync::Arc;

use tracego_golang::role::Role;
use tracego_model::{clock::Time, text};

/// The end of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExitOutcome {
    /// Exit code; 128 + signal where a signal ended the process.
    pub code: i64,
    /// Signal that ended the process.
    pub signal: Option<u32>,
    /// Peak resident set size in bytes; 0 if it is not known.
    pub max_rss_bytes: u64,
}

/// A program execution: from its start to the next program of the same process, or to the end of the process.
#[derive(Clone, Debug)]
pub struct ProgramRun {
    /// Process id.
    pub pid: u32,
    /// Number of the process in this history; several programs of one process have the same.
    pub process: usize,
    /// Index of the program that forked the process; `None` if the history has none.
    pub parent: Option<usize>,
    /// Index of the job.
    pub job: usize,
    /// Start.
    pub began: Time,
    /// End; `None` if it is in no record.
    pub ended: Option<Time>,
    /// Result of the process, at its last program.
    pub exit: Option<ExitOutcome>,
    /// Arguments, as far as they are kept.
    pub arguments: Vec<Box<str>>,
    /// Whether arguments were left out because they are long.
    pub is_cut: bool,
    /// Path of the executable, or the name of the task.
    pub executable: Arc<str>,
    /// Name of the task: of a script with an interpreter line, the name of the script.
    pub task: Arc<str>,
    /// Working folder.
    pub directory: Arc<str>,
    /// Name of the user, or the number.
    pub user: Arc<str>,
    /// Role in an execution of the go command.
    pub role: Option<Role>,
    /// Index of the go command that started the program.
    pub go_command: Option<usize>,
    /// Short hash of the executable (`htlhash`); empty if it is not known.
    pub digest: Arc<str>,
}

impl ProgramRun {
    /// Returns the command in one line of at most 200 characters, with control characters escaped.
    #[must_use]
    pub fn command_line(&self) -> String {
        if self.arguments.is_empty() {
            return text::printable(&self.executable);
        }
        let mut line = text::one_line(&self.arguments);
        if self.is_cut && !line.ends_with('…') {
            line.push('…');
        }
        line
    }

    /// Returns the file name of the executable.
    #[must_use]
    pub fn name(&self) -> &str {
        self.executable.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the run time in nanoseconds; `None` if the end is in no record.
    #[must_use]
    pub fn wall_ns(&self) -> Option<u64> {
        Some(u64::try_from(self.ended?.0.saturating_sub(self.began.0)).unwrap_or(0))
    }
}
