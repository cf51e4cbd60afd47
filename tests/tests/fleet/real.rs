//! Records that tracego sends through its sink, and records of every kind.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use tracego_tests::{records, samples, tracego};

use crate::{
    Test,
    server::{Store, ask},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("all that the sink sends is in the store", all_that_the_sink_sends_is_in_the_store),
    ("records of every kind are taken", records_of_every_kind_are_taken),
    ("a batch that comes twice is there once", a_batch_that_comes_twice_is_there_once),
    ("files answer without a store", files_answer_without_a_store),
];

/// Replays the captured session of a CI job. Returns the records of its output.
pub(crate) fn replay(options: &[&str]) -> Vec<Value> {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let mut command = Command::new(tracego());
    command.arg("replay").arg(capture).env("TRACEGO_CONFIG", "none");
    let output =
        command.args(["-e", "execve,exit", "--output", "json", "--seal"]).args(options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    records(&String::from_utf8(output.stdout).unwrap())
}

/// Returns the number of records of a kind.
fn count(records: &[Value], kind: &str) -> u64 {
    records.iter().filter(|record| record["event_name"] == kind).count() as u64
}

/// Whole days around the captured session.
const DAYS: [&str; 4] = ["--set", "from=2026-11-24 00:00:00", "--set", "to=2026-11-27 00:00:00"];

fn all_that_the_sink_sends_is_in_the_store() {
    let store = Store::start();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("records.json");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let mut command = Command::new(tracego());
    command.arg("replay").arg(capture).arg("--config").arg(store.sink());
    let output = command.args(["--seal", "--output-file"]).arg(&log).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let full = replay(&["--detail", "full", "--modules"]);
    let sent = full.len();
    assert!(report.contains(&format!("{sent} given (0 filtered), {sent} delivered")), "{report}");

    assert_eq!(store.number("SELECT count() FROM starts"), count(&full, "tracego.process.start"));
    assert_eq!(store.number("SELECT count() FROM exits"), count(&full, "tracego.process.exit"));
    assert_eq!(store.number("SELECT count() FROM seals"), count(&full, "tracego.seal"));
    let numbers = "SELECT groupBitmapMerge(seqs), min(lo), max(hi), any(counter) FROM seqs";
    assert_eq!(store.query(numbers), [format!("{sent}\t1\t{sent}\tsink")]);
    // Each start with its exit, by the process.
    let joined = "SELECT count() FROM starts AS s INNER JOIN exits AS e USING (boot_id, pid, start_ns)";
    assert!(store.number(joined) >= 15, "starts have exits");
    let start = full.iter().find(|record| record["body"] == "./app").unwrap();
    let wanted = start["tracego"]["exec_id"].as_str().unwrap();
    assert_eq!(store.query("SELECT exec_id FROM starts WHERE cmdline = './app'"), [wanted]);
    assert_eq!(
        store.query(
            "SELECT ancestor_commands, ancestor_exes[1], repo, go_main FROM starts WHERE cmdline = './app'"
        ),
        [
            "['ci.sh','make','tracego','systemd']\t/usr/bin/dash\thttps://github.com/example/project\texample.com/project/cmd/server"
        ]
    );

    let of_parent = start["tracego"]["parent"]["command_args"].as_array().unwrap();
    let of_parent = of_parent.iter().map(|arg| arg.as_str().unwrap()).collect::<Vec<_>>().join(" ");
    assert_eq!(store.query("SELECT parent_cmdline FROM starts WHERE cmdline = './app'"), [of_parent]);

    // The log is lean and has more records; its seal counts the same events.
    for question in ["gaps", "unsealed_jobs", "losses", "cloned_ids"] {
        assert_eq!(store.ask(question, &DAYS), Vec::<Value>::new(), "{question}");
    }
    let tree = store.ask("job_tree", &DAYS);
    assert_eq!(tree[0]["tree"], "make ci");
    let run = tree.iter().find(|row| row["tree"].as_str().unwrap().contains("go run ./cmd/server")).unwrap();
    assert!(run["tree"].as_str().unwrap().starts_with("  "), "{run}");
    assert_eq!(run["findings"], json!(["TG001"]));
    assert_eq!(run["code"], 0);
}

fn records_of_every_kind_are_taken() {
    let store = Store::start();
    let all: Vec<Value> =
        samples::synthetic().iter().map(|record| serde_json::to_value(record).unwrap()).collect();
    store.insert(&all, "samples");
    for (table, kind) in [
        ("starts", "tracego.process.start"),
        ("heartbeats", "tracego.heartbeat"),
        ("decisions WHERE origin = 'enforcement'", "tracego.enforcement"),
    ] {
        assert_eq!(store.number(&format!("SELECT count() FROM {table}")), count(&all, kind), "{table}");
    }
    assert_eq!(
        store.query("SELECT reason, events FROM losses ORDER BY reason"),
        ["no_scratch\t85002", "ring_full\t85001"]
    );
    assert_eq!(
        store.query("SELECT verdict, signer, source_revision, sha256 FROM images WHERE signer != ''"),
        [format!("untrusted-signer\tsigner-of-provenance\trevision-of-provenance\t{}", "d2".repeat(32))]
    );
    assert_eq!(
        store.query(
            "SELECT id_source, labels, mapKeys(policies), configuration, waiting, waiting_bytes, oldest_age_ms
            FROM heartbeats WHERE notEmpty(labels)"
        ),
        [format!(
            "machine-id\t{{'role-of-host':'label-of-host'}}\t['policy-of-configuration']\t{}\t\
            {{'sink-of-heartbeat':86024}}\t{{'sink-of-heartbeat':86025}}\t{{'sink-of-heartbeat':86026}}",
            "c1".repeat(32)
        )]
    );
    let findings: usize =
        all.iter().filter_map(|record| Some(record["tracego"]["findings"].as_array()?.len())).sum();
    assert_eq!(store.number("SELECT count() FROM findings"), findings as u64);
}

fn a_batch_that_comes_twice_is_there_once() {
    let store = Store::start();
    let full = replay(&["--detail", "full"]);
    let starts = count(&full, "tracego.process.start");
    store.insert(&full, "one");
    store.insert(&full, "one");
    assert_eq!(store.number("SELECT count() FROM starts"), starts);
    // Cut in another way, it is another batch; merges drop the rows, and bitmaps do not count them.
    store.insert(&full[..20], "two");
    assert!(store.number("SELECT count() FROM starts") > starts, "there are rows twice");
    assert_eq!(store.number("SELECT count() FROM starts FINAL"), starts);
    assert_eq!(store.number("SELECT groupBitmapMerge(seqs) FROM seqs"), full.len() as u64);
    assert_eq!(store.ask("unsealed_jobs", &DAYS), Vec::<Value>::new());
    // No record names its tenant.
    let mut forged = full[1].clone();
    forged["tenant"] = json!("another");
    store.insert(&[forged], "three");
    assert_eq!(store.query("SELECT DISTINCT tenant FROM starts"), ["default"]);
}

fn files_answer_without_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.json");
    let text: String = replay(&["--detail", "full"]).iter().map(|record| format!("{record}\n")).collect();
    std::fs::write(&file, text).unwrap();
    let rows = ask("go_run", &[&[file.to_str().unwrap()], &DAYS[..]].concat());
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["repo"], "https://github.com/example/project");
    assert_eq!((&rows[0]["jobs"], &rows[0]["runs"]), (&json!(1), &json!(1)));
}
