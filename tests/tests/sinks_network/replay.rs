//! Runs of tracego that send a capture to one sink.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Output, Stdio},
};

use serde_json::Value;
use tracego_tests::with_full_records;

/// A folder with a configuration, a spool and what a run writes.
pub(super) struct ReplayFolder(tempfile::TempDir);

impl ReplayFolder {
    /// Creates a folder whose configuration has one sink, `it`, with these keys.
    pub(super) fn new(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tracego.toml"), format!("[[sinks]]\nname = \"it\"\n{keys}\n")).unwrap();
        Self(folder)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts a replay with a spool. All records of a round have its number.
    pub(super) fn start(&self, round: u64) -> Child {
        let mut command = with_full_records();
        command.args(["replay", "-e", "execve", "--env", &format!("ROUND={round}")]);
        command.arg("--config").arg(self.path("tracego.toml")).arg("--spool-dir").arg(self.path("spool"));
        command.arg(capture()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs a replay from memory to its end. Returns its output, and the identifiers of all records.
    pub(super) fn run(&self) -> (Output, Vec<String>) {
        let mut command = with_full_records();
        command.args(["replay", "-e", "execve"]).arg("--config").arg(self.path("tracego.toml"));
        let output =
            command.arg("--output-file").arg(self.path("reference")).arg(capture()).output().unwrap();
        let reference = fs::read_to_string(self.path("reference")).unwrap();
        let uid = |line: &str| record(line)["log"]["record"]["uid"].as_str().unwrap().to_owned();
        (output, reference.lines().map(uid).collect())
    }
}

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture")
}

/// Parses a line.
pub(super) fn record(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}
