//! Options from a file and from the environment.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::Value;
use tracego_tests::{Session, tracego};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a file gives options and a flag wins over it", file),
    ("a variable wins over the file", variable),
    ("a mistake in the file starts nothing", mistake),
    ("where each option comes from is shown", shown),
];

/// Runs /bin/true with a configuration and further options.
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
    assert!(said.contains("tracego.toml:1: unknown key 'outptu'; did you mean 'output'?"), "{said}");
}

fn shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracego.toml");
    fs::write(
        &file,
        "heartbeat = 5\n[[sinks]]\ntype = \"otlp\"\nheaders = { authorization = \"Bearer hush\" }\n",
    )
    .unwrap();
    let mut command = Command::new(tracego());
    command.args(["config", "show", "--json", "--", "--ring-size", "4M", "--config"]).arg(&file);
    let output = command.env("TRACEGO_UID", "7").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("hush"), "{text}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    let options: BTreeMap<&str, (&str, &str)> = shown["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|option| {
            let text = |key: &str| option[key].as_str().unwrap_or_default();
            (text("name"), (option["values"][0].as_str().unwrap_or_default(), text("origin")))
        })
        .collect();
    assert_eq!(options["ring-size"], ("4M", "command line"));
    assert_eq!(options["uid"], ("7", "TRACEGO_UID"));
    assert_eq!(options["heartbeat"], ("5", "file"));
    assert_eq!(options["event"], ("execve", "default"));
    assert_eq!(shown["tables"]["sinks"][0]["type"], "otlp");
}
