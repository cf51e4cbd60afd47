//! `tracego top` on records of a captured session: as text, and in a terminal, with keys, signals and other sizes. What
//! the terminal shows is read by an emulator that is not tracego's.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod screen;
mod text;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use libtest_mimic::Arguments;
use tracego_tests::{tracego, trial};

type Test = fn();

fn main() {
    let tests = [text::TESTS, screen::TESTS].concat();
    let trials = tests.into_iter().map(|(name, test)| trial(name, None, test)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Returns a command without settings of this machine.
fn command() -> Command {
    let mut command = Command::new(tracego());
    command.env("TRACEGO_CONFIG", "none").env_remove("TRACEGO_DETAIL").env_remove("COLUMNS");
    command
}

/// Returns the records of the captured session `go`, whole lines.
fn records() -> Vec<u8> {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let output =
        command().arg("replay").arg(capture).args(["-e", "execve,exit", "--output", "json"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// A folder with a file of records.
struct RecordFile {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl RecordFile {
    fn new(content: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.json");
        fs::write(&path, content).unwrap();
        Self { folder, path }
    }

    fn append(&self, content: &[u8]) {
        fs::OpenOptions::new().append(true).open(&self.path).unwrap().write_all(content).unwrap();
    }

    fn rotate(&self) {
        fs::rename(&self.path, self.folder.path().join("records.json.1")).unwrap();
    }
}

/// Runs `tracego top` on input, whatever its status.
fn run(options: &[&str], files: &[&Path], input: &[u8]) -> Output {
    let mut child = command()
        .arg("top")
        .args(options)
        .args(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that ends early does not read everything.
    let _unread = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Returns a record of a program start in a job, of now.
fn start(pid: u32, job: &str, command: &str) -> String {
    let now = tracego_model::clock::Time(tracego_model::clock::Reading::now().unix_ns).text();
    let record = serde_json::json!({
        "schema": "tracego/2", "event_name": "tracego.process.start", "timestamp": now, "seq": 1,
        "host": { "id": "h", "name": "runner-7" }, "service": { "instance": { "id": "run-1" } },
        "process": { "pid": pid, "command_args": command.split(' ').collect::<Vec<_>>(), "executable": { "path": command } },
        "cicd": { "pipeline": { "task": { "run": { "id": job } } } },
        "tracego": { "exec_id": format!("b-1-{pid}") },
    });
    record.to_string() + "\n"
}
