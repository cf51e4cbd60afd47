//! capture → replay gives the records of the original run.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use tracego_tests::{records, with_full_records};

use crate::{Test, VICTIM, digests::sha256};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a capture holds a long argv and its end", round_trip),
    ("a replay writes the digests that came late", late_digests),
    ("damaged captures give what comes before", damage),
];

pub(crate) fn capture(file: &Path, command: &[&str]) {
    let output = with_full_records()
        .args(["capture", "--heartbeat", "0"])
        .arg(file)
        .arg("--")
        .args(command)
        .env("CI_JOB_ID", "77")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn replay(file: &Path, options: &[&str]) -> Output {
    with_full_records().arg("replay").args(options).arg(file).output().unwrap()
}

fn round_trip() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.capture");
    let long = "x".repeat(131_000);
    capture(&file, &["/bin/sh", "-c", "/bin/true \"$@\"; exit 0", "sh", &long, &long]);
    let output = replay(&file, &["--output", "json", "-e", "execve,exit,fork"]);
    assert!(output.status.success());
    let all = records(std::str::from_utf8(&output.stdout).unwrap());
    let last = all.iter().rfind(|r| r["event_name"] == "tracego.process.start").unwrap();
    assert_eq!(tracego_tests::args(last), ["/bin/true", &long, &long]);
    assert_eq!(last["cicd"]["pipeline"]["task"]["run"]["id"], "77");
    assert_eq!(last["tracego"]["ancestors"].as_array().unwrap().last().unwrap()["pid"], 1);
    assert!(all.iter().any(|r| r["event_name"] == "tracego.process.exit"));
    assert_eq!(replay(&file, &["--output", "json", "-e", "execve,exit,fork"]).stdout, output.stdout);
    let injected = replay(&file, &["--output", "json", "--env", "GIT_COMMIT=later"]);
    let all = records(std::str::from_utf8(&injected.stdout).unwrap());
    assert!(all.iter().all(|r| r["vcs"]["ref"]["head"]["revision"] == "later"));
    // An existing file is not overwritten.
    let again = with_full_records().arg("capture").arg(&file).args(["--", "/bin/true"]).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
}

fn late_digests() {
    let dir = tempfile::tempdir().unwrap();
    let (file, program) = (dir.path().join("x.capture"), dir.path().join("program"));
    fs::copy("/bin/true", &program).unwrap();
    capture(&file, &["/bin/sh", "-c", "\"$0\"; sleep 1; \"$0\"", program.to_str().unwrap()]);
    let output = replay(&file, &["--output", "json"]);
    let all = records(std::str::from_utf8(&output.stdout).unwrap());
    let of = |kind: &str| {
        let is_of = |record: &&Value| {
            record["event_name"] == kind
                && record["process"]["executable"]["path"] == program.to_str().unwrap()
        };
        all.iter().filter(is_of).collect::<Vec<_>>()
    };
    let digest = |record: &Value| {
        let digest = &record["tracego"]["executable"]["digest"];
        (digest["sha256"].as_str().map(str::to_owned), digest["state"].as_str().map(str::to_owned))
    };
    let known = (Some(sha256(&program)), None);
    let starts = of("tracego.process.start");
    assert_eq!(
        starts.iter().map(|start| digest(start)).collect::<Vec<_>>(),
        [(None, Some("pending".into())), known.clone()]
    );
    let late = of("tracego.executable");
    assert_eq!(late.len(), 1, "{all:#?}");
    assert_eq!((digest(late[0]), &late[0]["tracego"]["exec_id"]), (known, &starts[0]["tracego"]["exec_id"]));
    // Each start that waits has its record, and there is no other.
    let pending = all.iter().filter(|record| {
        record["event_name"] == "tracego.process.start" && digest(record).1.as_deref() == Some("pending")
    });
    let count = all.iter().filter(|record| record["event_name"] == "tracego.executable").count();
    assert_eq!(pending.count(), count, "{all:#?}");
}

fn damage() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.capture");
    capture(&file, &[VICTIM, "storm", "300"]);
    let whole = fs::read(&file).unwrap();
    let count = |output: &Output| {
        let all = records(std::str::from_utf8(&output.stdout).unwrap());
        all.iter().filter(|record| record["event_name"] == "tracego.process.start").count()
    };
    let all = count(&replay(&file, &["--output", "json"]));
    assert_eq!(all, 301);

    fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    let cut = replay(&file, &["--output", "json"]);
    let stderr = String::from_utf8_lossy(&cut.stderr).into_owned();
    assert!(stderr.contains("cut off after"), "{stderr}");
    assert_eq!((cut.status.code(), count(&cut)), (Some(1), all));

    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&file, &flipped).unwrap();
    let damaged = replay(&file, &["--output", "json"]);
    let stderr = String::from_utf8_lossy(&damaged.stderr).into_owned();
    assert!(stderr.contains("the checksum is wrong"), "{stderr}");
    assert!(count(&damaged) < all);

    fs::write(&file, b"#!/bin/sh\nexit 0\n").unwrap();
    let foreign = replay(&file, &[]);
    let stderr = String::from_utf8_lossy(&foreign.stderr).into_owned();
    assert!(stderr.contains("not a capture of tracego"), "{stderr}");
    let mut newer = whole;
    newer[8] = 99;
    fs::write(&file, &newer).unwrap();
    assert!(String::from_utf8_lossy(&replay(&file, &[]).stderr).contains("format 99"));
}
