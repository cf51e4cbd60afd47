//! A record that its receiver always answers with 500, while it accepts all others.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use tracego_tests::with_full_records;

use super::{
    Test,
    receiver::{ReceivedRequest, Receiver, answer},
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a record that its receiver fails at for ever is given up by name, and the others arrive", given_up),
    ("with give-up-after = \"never\" everything waits", never),
    ("while a receiver fails at everything nothing is given up", down),
];

fn uids(lines: &str) -> Vec<String> {
    let uid = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["log"]["record"]["uid"].as_str().unwrap().to_owned()
    };
    lines.lines().map(uid).collect()
}

/// Replays into a webhook. Returns the output of tracego, and the identifiers of all records.
fn replay(folder: &Path, port: u16, more: &str) -> (Output, Vec<String>) {
    let path = |name: &str| folder.join(name);
    let config = format!(
        "[[sinks]]\nname = \"it\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\n\
         batch-records = 16\ndead-letters = {:?}\n{more}\n",
        path("dead")
    );
    fs::write(path("tracego.toml"), config).unwrap();
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let mut command = with_full_records();
    command.args(["replay", "-e", "execve"]).arg("--config").arg(path("tracego.toml"));
    let output = command.arg("--output-file").arg(path("reference")).arg(capture).output().unwrap();
    (output, uids(&fs::read_to_string(path("reference")).unwrap()))
}

/// Creates a receiver that fails each request with one of these records, given by their position in the
/// capture.
fn failing(bad: &'static [u64]) -> Receiver {
    Receiver::new(move |seen| match holds(seen, bad) {
        true => answer("500 Internal Server Error", "", "cannot index"),
        false => answer("200 OK", "", ""),
    })
}

fn holds(seen: &ReceivedRequest, bad: &[u64]) -> bool {
    let seq = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap();
    seen.body().lines().any(|line| bad.contains(&seq(line)))
}

fn given_up() {
    let folder = tempfile::tempdir().unwrap();
    let bad = &[3, 4, 7];
    let receiver = failing(bad);
    let more = "give-up-after = \"1s\"\ndrain = \"2m\"";
    let (output, all) = replay(folder.path(), receiver.port, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("lost poison 3"), "{stderr}");
    let taken = receiver.seen().into_iter().filter(|seen| !holds(seen, bad));
    let mut got: Vec<String> = taken.flat_map(|seen| uids(&seen.body())).collect();
    let dead = fs::read_to_string(folder.path().join("dead")).unwrap();
    let dead: Vec<Value> = dead.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seqs: Vec<u64> = dead.iter().map(|line| line["record"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, bad);
    assert!(dead.iter().all(|line| line["reason"] == "poison" && line["refused"] == 1), "{dead:?}");
    assert!(dead[0]["why"].as_str().unwrap().contains("cannot index"), "{dead:?}");
    // The others arrived, some of them twice, because they were used to test whether the receiver is alive.
    got.extend(dead.iter().map(|line| line["record"]["log"]["record"]["uid"].as_str().unwrap().to_owned()));
    got.sort();
    got.dedup();
    let mut all = all;
    all.sort();
    assert_eq!(got, all);
}

fn never() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = failing(&[3]);
    let more = "give-up-after = \"never\"\ndrain = \"40s\"";
    let (output, all) = replay(folder.path(), receiver.port, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(&format!("lost stopped {}", all.len())), "{stderr}");
    assert!(!stderr.contains("poison") && !folder.path().join("dead").exists(), "{stderr}");
}

fn down() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::new(|_| answer("503 Service Unavailable", "", ""));
    let more = "give-up-after = \"0s\"\ndrain = \"40s\"";
    let (output, all) = replay(folder.path(), receiver.port, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(&format!("lost stopped {}", all.len())), "{stderr}");
    assert!(!stderr.contains("poison") && !folder.path().join("dead").exists(), "{stderr}");
    // The sink did try other records alone.
    let lines = |seen: &ReceivedRequest| seen.body().lines().count();
    assert!(receiver.seen().iter().any(|seen| lines(seen) == 1), "{}", receiver.seen().len());
}
