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
    ("records::a_digest_that_comes_later_is_used", late_digests),
    ("records::a_late_digest_is_of_its_own_file", written_again),
    ("records::all_places_are_named", places),
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
        json!({ "location": "/opt/go/bin/go", "additionalContext": "pid 10499, job 42/1/build, host host" })
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

/// Returns the records of a session, of which all starts say that their digest is pending.
fn pending(detail: &str, folder: &Path) -> Vec<Value> {
    let file = folder.join("pending");
    replay("go", detail, &file);
    let text = fs::read_to_string(&file).unwrap();
    let mut records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &mut records {
        // Lean starts refer to the record of their executable.
        if record["tracego"]["executable"].is_object() {
            record["tracego"]["executable"]["digest"] = json!({ "state": "pending" });
        }
    }
    records
}

/// Returns the record of a digest that was not known when the start was written.
fn executable(start: &Value, path: &str, sha256: &str) -> Value {
    let mut record = start.clone();
    record["event_name"] = "tracego.executable".into();
    record["process"]["executable"]["path"] = path.into();
    record["tracego"]["executable"]["digest"] = json!({ "sha256": sha256 });
    record
}

fn bill(records: &[Value], folder: &Path) -> (i32, Value) {
    let file = folder.join("records");
    fs::write(&file, records.iter().map(|record| format!("{record}\n")).collect::<String>()).unwrap();
    cyclonedx(&[], &[&file])
}

fn late_digests() {
    let folder = tempfile::tempdir().unwrap();
    for detail in ["lean", "full"] {
        let mut records = pending(detail, folder.path());
        let (status, without) = bill(&records, folder.path());
        assert_eq!(status, 4);
        assert!(components(&without, "application").iter().all(|one| one.get("hashes").is_none()));
        let mut late = Vec::new();
        for start in records.iter().filter(|record| record["event_name"] == "tracego.process.start") {
            let path = start["process"]["executable"]["path"].as_str().unwrap();
            let digest = format!("{:064x}", path.len());
            late.push(executable(start, path, &digest));
        }
        records.extend(late);
        let (status, bill) = bill(&records, folder.path());
        assert_eq!(status, 0, "{detail}");
        for program in components(&bill, "application") {
            let path = program["evidence"]["occurrences"][0]["location"].as_str().unwrap();
            assert_eq!(program["hashes"][0]["content"], format!("{:064x}", path.len()), "{detail}");
        }
    }
}

/// Two files with the same path and short hash, of which one was hashed.
fn written_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = pending("full", folder.path());
    records.retain(|record| record["process"]["executable"]["path"] == "/usr/bin/make");
    let mut again = records[0].clone();
    again["timestamp"] = "2026-11-25T02:12:00.000000000Z".into();
    again["tracego"]["exec_id"] = "other".into();
    again["tracego"]["executable"]["inode"] = 7.into();
    let digest = "ab".repeat(32);
    let mut late = executable(&records[0], "/usr/bin/make", &digest);
    late["tracego"]["executable"]["digest"]["state"] = "unproven".into();
    let (status, bill) = bill(&[records.remove(0), again, late], folder.path());
    let programs = components(&bill, "application");
    assert_eq!((status, programs.len()), (4, 2));
    let hashes: Vec<_> =
        programs.iter().filter_map(|program| program["hashes"][0]["content"].as_str()).collect();
    assert_eq!(hashes, [digest]);
    let unproven: Vec<_> = programs.iter().map(|program| property(program, "tracego:digest")).collect();
    assert!(unproven.contains(&Some("unproven")) && unproven.contains(&None), "{unproven:?}");
}

fn places() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = pending("full", folder.path());
    records.retain(|record| record["process"]["executable"]["path"] == "/usr/bin/make");
    let start = records.remove(0);
    let on = |n: u32, host: &str, pod: &str| {
        let mut start = start.clone();
        start["timestamp"] = format!("2026-11-25T02:12:{n:02}.000000000Z").into();
        start["host"]["name"] = host.into();
        if !pod.is_empty() {
            start["container"] = json!({ "id": "c0ffee" });
            start["k8s"] = json!({ "namespace": { "name": "shop" }, "pod": { "name": pod }, "container": { "name": "app" } });
        }
        start
    };
    // More runs than are named, the last of them elsewhere.
    let mut all: Vec<Value> = (0..30).map(|n| on(n, "one", "")).collect();
    all.push(on(30, "two", "shop-1"));
    let (_, bill) = bill(&all, folder.path());
    let program = components(&bill, "application")[0];
    let of = |name: &str| -> Vec<&str> {
        let all =
            program["properties"].as_array().unwrap().iter().filter(|property| property["name"] == name);
        all.map(|property| property["value"].as_str().unwrap()).collect()
    };
    assert_eq!(program["evidence"]["occurrences"].as_array().unwrap().len(), 20);
    assert_eq!((of("tracego:starts"), of("tracego:host")), (vec!["31"], vec!["one", "two"]));
    assert_eq!(
        (of("tracego:container"), of("tracego:job")),
        (vec!["c0ffee shop/shop-1/app"], vec!["42/1/build"])
    );
    for format in ["spdx-2.3", "spdx-3.0.1"] {
        let text =
            String::from_utf8(sbom(&["--format", format], &[&folder.path().join("records")]).1).unwrap();
        assert!(
            text.contains("Ran in host two") && text.contains("Ran in container c0ffee shop/shop-1/app"),
            "{text}"
        );
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
