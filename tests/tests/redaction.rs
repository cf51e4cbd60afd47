//! Decisions see what happened; what is written has no secrets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path};

use serde_json::Value;
use tracego_tests::{records, with_full_records};

/// The capture of a job in which a program gets a password as an argument.
const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/job.capture");

/// The password.
const SECRET: &str = "hunter2";

/// A policy that looks for the password and quotes it.
const POLICY: &str = r#"package tracego.process

import rego.v1

deny contains {"id": "quoted", "msg": sprintf("started with %s", [input.process.args[1]]), "severity": "high"} if {
    input.process.args[1] == "--token=hunter2"
}
"#;

fn replay(folder: &Path, options: &[&str]) -> (Vec<Value>, String) {
    fs::write(folder.join("p.rego"), POLICY).unwrap();
    let mut command = with_full_records();
    command.args(["replay", "--output", "json", "--policy"]).arg(folder.join("p.rego"));
    command.arg("--decision-log").arg(folder.join("log")).args(options).arg(CAPTURE);
    let output = command.output().unwrap();
    let (text, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(!text.is_empty(), "{errors}");
    let log = fs::read_to_string(folder.join("log")).unwrap();
    (records(&text), format!("{text}\n{errors}\n{log}"))
}

fn quoted(records: &[Value]) -> Vec<&Value> {
    let message = "/tracego/policy/violations/0/msg";
    records.iter().filter_map(|record| record.pointer(message)).collect()
}

#[test]
fn a_policy_sees_the_secret_and_nothing_written_does() {
    let folder = tempfile::tempdir().unwrap();
    let (records, all) = replay(folder.path(), &[]);
    assert_eq!(quoted(&records), ["started with --token=[tracego:redacted]"]);
    assert!(!all.contains(SECRET), "{all}");
    let touched = "/tracego/completeness/redacted";
    assert_eq!(records.iter().filter(|record| record.pointer(touched).is_some()).count(), 2);
}

#[test]
fn with_raw_arguments_the_secret_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = replay(folder.path(), &["--raw-args"]);
    assert_eq!(quoted(&records), ["started with --token=hunter2"]);
}

#[test]
fn seals_of_a_job_have_no_secret_of_its_identity() {
    let mut command = with_full_records();
    command.args(["replay", "--output", "json", "--seal"]).arg(CAPTURE);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let seals = records(&text).into_iter().filter(|record| record["event_name"] == "tracego.seal");
    assert!(seals.count() > 0, "{text}");
    assert!(!text.contains(SECRET));
}
