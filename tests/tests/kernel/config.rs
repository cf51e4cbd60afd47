//! Options from a file and from the environment.

use std::fs;

use tracego_tests::Session;

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a file gives options and a flag wins over it", file),
    ("a variable wins over the file", variable),
    ("a mistake in the file starts nothing", mistake),
];

/// Runs /bin/true with a configuration; `options` behind it.
fn with(text: &str, options: &[&str], variable: Option<(&str, &str)>) -> Session {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tracego.toml");
    fs::write(&path, text).unwrap();
    let all = [&["--config", path.to_str().unwrap()], options].concat();
    Session::run(&all, &["/bin/true"], |command| {
        command.envs(variable);
    })
}

fn file() {
    let text = "event = [\"execve\", \"exit\"]\nenv = [\"GIT_COMMIT=abc123f\", \"CI_JOB_ID=1\"]";
    let session = with(text, &["--env", "CI_JOB_ID=2"], None);
    assert_eq!(session.of("exit").count(), 1);
    let record = session.last();
    assert_eq!(record["vcs"]["ref"]["head"]["revision"], "abc123f");
    assert_eq!(record["cicd"]["pipeline"]["task"]["run"]["id"], "2");
    assert_eq!(with(text, &["-e", "execve"], None).of("exit").count(), 0);
}

fn variable() {
    let session = with("event = \"execve\"", &[], Some(("TRACEGO_EVENT", "execve,exit")));
    assert_eq!(session.of("exit").count(), 1);
}

fn mistake() {
    let session = with("outptu = \"json\"", &[], None);
    assert_eq!((session.output.status.code(), session.records.len()), (Some(2), 0));
    let said = session.stderr();
    assert!(said.contains("tracego.toml: unknown key 'outptu'; did you mean 'output'?"), "{said}");
}
