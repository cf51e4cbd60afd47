//! `tracego report`, `diff` and `show` on records of captured sessions, and on records with hostile texts. Each format is
//! read by a library that is not tracego's. If a package is unavailable, its test is ignored with the reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod baseline;
mod chrome_trace;
mod hostile;
mod input;
mod junit;
mod markdown;
mod sarif;
mod show;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

use libtest_mimic::Arguments;
use tracego_tests::{python, tracego, trial};

type Test = fn();

/// The readers of Markdown and JUnit from PyPI.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("report"));

fn main() {
    let python = PYTHON.as_ref().err().cloned();
    let groups = [
        (input::TESTS, None),
        (baseline::TESTS, None),
        (chrome_trace::TESTS, None),
        (show::TESTS, None),
        (sarif::TESTS, None),
        (markdown::TESTS, None),
        (junit::READ, python.clone()),
        (markdown::READ, python),
        (markdown::CHARTED, markdown::MERMAID.as_ref().err().cloned()),
        (sarif::VALIDATED, sarif::SCHEMA.as_ref().err().cloned()),
    ];
    let mut trials = Vec::new();
    for (tests, missing) in groups {
        for &(name, test) in tests {
            trials.push(trial(name, missing.clone(), test));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The captured sessions.
const CAPTURES: [&str; 4] = ["arguments", "failed", "go", "job"];

/// Returns the path of a captured session.
fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.capture"))
}

/// Returns a command without settings of this machine.
fn command() -> Command {
    let mut command = Command::new(tracego());
    command.env("TRACEGO_CONFIG", "none").env_remove("GITHUB_STEP_SUMMARY").env_remove("TRACEGO_DETAIL");
    command
}

/// Returns the records of a captured session.
fn replay(name: &str, options: &[&str]) -> Vec<u8> {
    let mut command = command();
    command.arg("replay").arg(capture(name)).args(["-e", "execve,exit,fork,execve-failed"]).args(options);
    succeeded(&mut command)
}

/// Runs a command on input, whatever its status.
fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A command that ends early does not read everything.
            let _unread = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    })
}

/// Returns the output of a command that succeeds.
fn succeeded(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output.stdout
}

/// Returns a report about records in a format.
fn report(records: &[u8], options: &[&str]) -> String {
    let output = run(command().arg("report").args(options).arg("-"), records);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns what standard error says.
fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
