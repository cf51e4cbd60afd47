//! Bills of programs in records.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use serde_json::{Value, json};
use tracego_model::clock::Time;

use crate::{FORMATS, Test, components, cyclonedx, property, replay, sbom};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("records::lean_and_full_records_give_the_same_bill", lean),
    ("records::programs_are_named_with_their_runs", runs),
    ("records::losses_are_in_the_bill", losses),
    ("records::a_digest_in_the_record_is_used", digests),
    ("records::hostile_texts_are_texts", hostile),
    ("records::one_job_is_taken", one_job),
];

/// Returns the record of a start of an executable, as of now, with a number of modules.
pub(crate) fn start(file: &Path, modules: u64) -> String {
    let image = tracego_golang::parse(&fs::read(file).unwrap());
    let meta = fs::metadata(file).unwrap();
    let ctime = Time(meta.ctime() * 1_000_000_000 + meta.ctime_nsec());
    let record = json!({
        "schema": "tracego/2", "event_name": "tracego.process.start", "timestamp": "2026-11-25T02:00:00Z",
        "process": { "pid": 77, "runtime": { "name": "go", "version": image.go.unwrap().version },
            "executable": { "path": file, "build_id": { "htlhash": image.htlhash } } },
        "cicd": { "pipeline": { "task": { "run": { "id": "42/1/build" } } } },
        "tracego": { "executable": { "inode": meta.ino(), "ctime": ctime.text() }, "elf": { "linkage": "static" },
            "go": { "build": { "path": "example.com/hello", "dependencies": modules, "cgo": false } } },
    });
    format!("{record}\n")
}

fn lean() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["go", "job"] {
        let (lean, full) = (folder.path().join("lean"), folder.path().join("full"));
        replay(name, "lean", &lean);
        replay(name, "full", &full);
        for format in FORMATS {
            let of = |file: &Path| sbom(&["--format", format], &[file]).1;
            assert!(of(&lean) == of(&full) && of(&lean).len() > 1000, "{name} {format}");
        }
    }
}

fn runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    replay("go", "lean", &file);
    let (status, bill) = cyclonedx(&[], &[&file]);
    assert_eq!((status, &bill["metadata"]["lifecycles"]), (4, &json!([{ "phase": "operations" }])));
    let programs = components(&bill, "application");
    let names: Vec<_> = programs.iter().map(|program| program["name"].as_str().unwrap()).collect();
    let wanted = [
        "cmd/asm",
        "cmd/compile",
        "cmd/go",
        "cmd/link",
        "cmd/vet",
        "dash",
        "example.com/project",
        "example.com/project",
        "make",
    ];
    assert_eq!(names, wanted);
    let starts: u64 = programs
        .iter()
        .map(|program| property(program, "tracego:starts").unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(starts, 17);
    assert_eq!(
        programs[2]["evidence"]["occurrences"][0],
        json!({ "location": "/opt/go/bin/go", "additionalContext": "pid 10499, job 42/1/build" })
    );
    // No program of the capture has a digest, and the bill says so.
    assert!(programs.iter().all(|program| program.get("hashes").is_none()));
    assert_eq!(property(&bill["metadata"], "tracego:missing"), Some("programs without a digest: 9"));
}

fn losses() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    let lost = json!({
        "schema": "tracego/2", "event_name": "tracego.lost", "timestamp": "2026-11-25T02:00:00Z",
        "tracego": { "lost": { "ring_full": 7 } },
    });
    fs::write(&file, format!("{lost}\n")).unwrap();
    let (status, bill) = cyclonedx(&[], &[&file]);
    assert_eq!(status, 4);
    let missing = "lost events or records, ring_full: 7";
    assert_eq!(property(&bill["metadata"], "tracego:missing"), Some(missing));
    assert_eq!(bill["compositions"], json!([{ "aggregate": "incomplete", "dependencies": ["programs"] }]));
}

fn digests() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    replay("go", "full", &file);
    let text = fs::read_to_string(&file).unwrap();
    let mut records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in records.iter_mut().filter(|record| record["event_name"] == "tracego.process.start") {
        let hash = record["process"]["executable"]["build_id"]["htlhash"].as_str().unwrap().repeat(2);
        record["tracego"]["executable"]["digest"] = json!({ "sha256": hash });
    }
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    fs::write(&file, text).unwrap();
    let (status, bill) = cyclonedx(&[], &[&file]);
    assert_eq!(status, 0);
    for program in components(&bill, "application") {
        let digest = program["hashes"][0]["content"].as_str().unwrap();
        assert_eq!(program["bom-ref"], format!("sha256:{digest}"));
    }
}

fn hostile() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    let record = json!({
        "schema": "tracego/2", "event_name": "tracego.process.start", "timestamp": "2026-11-25T02:00:00Z",
        "process": { "pid": 7, "executable": { "path": "/a\u{1b}[2J\u{202e}\n/b", "build_id": { "htlhash": "00" } } },
    });
    fs::write(&file, format!("{record}\n")).unwrap();
    for format in FORMATS.into_iter().chain(["text"]) {
        let (status, stdout, stderr) = sbom(&["--format", format], &[&file]);
        let text = String::from_utf8(stdout).unwrap() + &stderr;
        assert_eq!(status, 4);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        assert!(text.contains("u{1b}") || text.contains("x1b"), "{text}");
    }
}

fn one_job() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    replay("go", "lean", &file);
    let all = cyclonedx(&[], &[&file]).1;
    assert_eq!(cyclonedx(&["--job", "42/1/build"], &[&file]).1["components"], all["components"]);
    let (status, _, stderr) = sbom(&["--job", "43"], &[&file]);
    assert!(status == 2 && stderr.contains("--job 43"), "{stderr}");
}
