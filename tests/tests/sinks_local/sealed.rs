//! A sealed file that is rotated all the time, and whose writer is killed at any moment. `tracego verify-log`
//! finds it intact, and detects every later change.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use tracego_deliver::sink::file::{FileSettings, FileTransport};
use tracego_model::{
    meta::Meta,
    units::{Bytes, Span},
};
use tracego_tests::{samples, tracego, with_full_records};

use super::{Test, rotated, runtime, unpacked};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("sealed::kills_leave_a_log_that_is_whole", plain),
    ("sealed::kills_leave_a_log_that_is_whole_with_gzip", gzip),
    ("sealed::kills_leave_a_log_that_is_whole_with_zstd", zstd),
    ("sealed::a_sink_of_the_configuration_is_sealed", configured),
    ("sealed::a_sink_that_needs_references_leaves_no_gap_in_a_sealed_output", beside),
    ("sealed::what_was_changed_or_removed_is_named", damaged),
    ("sealed::what_others_do_to_the_file_is_followed", moved),
    ("sealed::a_key_signs_and_what_is_no_record_is_refused", signed),
    ("sealed::jobs_have_their_seals_and_those_of_another_output_are_records", jobs),
];

const ROUNDS: u64 = 60;

fn filer(path: &Path, first: u64, compress: &str, batches: Option<u64>) -> Command {
    let mut filer = Command::new(env!("CARGO_BIN_EXE_filer"));
    filer.arg(path).args([&first.to_string(), compress, "sealed"]);
    filer.args(batches.map(|batches| batches.to_string())).stdout(Stdio::piped()).stderr(Stdio::piped());
    filer
}

/// Returns all files of a log, in the order of a shell's wildcard.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let mut all = rotated(path);
    all.extend(path.exists().then(|| path.to_owned()));
    all.sort();
    all
}

/// Runs `tracego verify-log`. Returns whether the log is intact, and the report.
fn verify(files: &[PathBuf], options: &[&str]) -> (bool, Value) {
    let output =
        with_full_records().args(["verify-log", "--json"]).args(options).args(files).output().unwrap();
    let report = serde_json::from_slice(&output.stdout);
    let report: Value = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.success(), report["whole"] == true, "{report}");
    (output.status.success(), report)
}

pub(crate) fn whole(files: &[PathBuf]) -> Value {
    let (whole, report) = verify(files, &[]);
    assert!(whole, "{report}");
    report
}

/// Verifies a log whose writer was killed, perhaps within a line.
fn undamaged(files: &[PathBuf]) {
    let (whole, report) = verify(files, &[]);
    assert!(whole || report["cut"].is_object() && report["damage"].is_null(), "{report}");
}

fn plain() {
    kills("none");
}

fn gzip() {
    kills("gzip");
}

fn zstd() {
    kills("zstd");
}

fn kills(compress: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut next = 1;
    let mut dice = 0x2545_F491_4F6C_DD1D_u64;
    for round in 0..ROUNDS {
        let mut child = filer(&path, next, compress, None).spawn().unwrap();
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        thread::sleep(Duration::from_micros(10_000 + dice % 60_000));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.stderr.is_empty(), "{round}: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        // Unacknowledged records are written again, as from a spool.
        if let Some((last, _)) = said.lines().last().and_then(|line| line.split_once(' ')) {
            next = last.parse::<u64>().unwrap() + 1;
        }
        // A slow machine may have killed all writers before their first line.
        if round % 10 == 0 && next > 1 {
            undamaged(&files(&path));
        }
    }
    let output = filer(&path, next, compress, Some(50)).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let last: u64 = said.lines().last().unwrap().split_once(' ').unwrap().0.parse().unwrap();
    let report = whole(&files(&path));
    let runs = report["runs"].as_array().unwrap();
    let (end, before) = runs.split_last().unwrap();
    assert!(end["closed"] == true && end["unsealed"] == 0, "{end}");
    assert!(before.len() as u64 > ROUNDS / 2 && before.iter().all(|run| run["closed"] == false), "{report}");
    assert!(runs.iter().all(|run| run["sink"] == "filer"), "{report}");
    assert!(runs.iter().map(|run| run["seals"].as_u64().unwrap()).sum::<u64>() > ROUNDS / 2, "{report}");
    assert!(rotated(&path).len() as u64 > ROUNDS, "{}", rotated(&path).len());
    // All records are there; only retried ones are there twice.
    let mut seen = Vec::new();
    let ordered = tracego_deliver::sink::file::rotated_name::ordered(&files(&path)).unwrap();
    for line in ordered.iter().flat_map(|path| lines(path)) {
        let Ok(record) = serde_json::from_str::<Value>(&line) else { continue };
        if record["event_name"] == "tracego.process.start" {
            seen.push(record["seq"].as_u64().unwrap() - 900_000);
        }
    }
    let lines = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    eprintln!("{compress}: {lines} lines, {} of them twice, {} chains", lines - seen.len(), runs.len());
}

fn lines(path: &Path) -> Vec<String> {
    String::from_utf8(unpacked(path)).unwrap().lines().map(str::to_owned).collect()
}

/// Creates a log of several files.
fn log(dir: &Path) -> (PathBuf, Vec<PathBuf>) {
    let path = dir.join("log");
    assert!(filer(&path, 1, "none", Some(40)).output().unwrap().status.success());
    let mut all = rotated(&path);
    all.push(path.clone());
    assert!(all.len() > 4);
    (path, all)
}

fn damaged() {
    let dir = tempfile::tempdir().unwrap();
    let (_, all) = log(dir.path());
    whole(&all);
    let file = &all[2];
    let text = fs::read_to_string(file).unwrap();
    let before = lines(file);
    let victim = before.len() / 2;
    let uid = serde_json::from_str::<Value>(&before[victim]).unwrap()["log"]["record"]["uid"].clone();
    let number = serde_json::from_str::<Value>(&before[victim]).unwrap()["tracego"]["chain_seq"].clone();
    let named = |edit: &dyn Fn(&mut Vec<String>), kind: &str, seq: &Value, line: usize| {
        let mut lines = before.clone();
        edit(&mut lines);
        fs::write(file, lines.join("\n") + "\n").unwrap();
        let (whole, report) = verify(&all, &[]);
        let damage = &report["damage"];
        assert!(!whole && damage["kind"] == kind && damage["seq"] == *seq, "{damage}");
        assert_eq!(damage["line"], line as u64 + 1, "{damage}");
        assert_eq!(damage["file"], file.to_str().unwrap());
        damage.clone()
    };
    let changed =
        named(&|lines| lines[victim] = lines[victim].replace("INFO", "WARN"), "changed", &number, victim);
    assert_eq!(changed["uid"], uid);
    named(
        &|lines| lines[victim] = lines[victim].replace("\"chain\":\"", "\"chain\":\"0"),
        "changed",
        &number,
        victim,
    );
    named(&|lines| drop(lines.remove(victim)), "removed", &number, victim);
    let next = Value::from(number.as_u64().unwrap() + 1);
    named(&|lines| lines.swap(victim, victim + 1), "moved", &next, victim);
    named(
        &|lines| lines.insert(victim, lines[victim - 1].clone()),
        "added",
        &Value::from(number.as_u64().unwrap() - 1),
        victim,
    );
    // A missing file in the middle.
    fs::write(file, text).unwrap();
    let mut fewer = all.clone();
    fewer.remove(2);
    let (whole_then, report) = verify(&fewer, &[]);
    assert!(!whole_then && report["damage"]["kind"] == "removed", "{report}");
    // The first files are missing.
    assert!(!verify(&all[1..], &[]).0 && verify(&all[1..], &["--partial"]).0);
    whole(&all);
}

pub(crate) fn records(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let one = |n| {
        let mut out = Vec::new();
        let record = samples::minimal("tracego.process.start", n);
        tracego_deliver::format::Format::Json.write(&record, &mut out).unwrap();
        out
    };
    numbers.map(one).collect()
}

pub(crate) fn deliver(
    file: &mut FileTransport,
    lines: &[Vec<u8>],
) -> tracego_deliver::sink::delivery::DeliveryResult {
    let batch: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    runtime().block_on(file.deliver(&batch))
}

fn configured() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let config = format!(
        "[[sinks]]\nname = \"audit\"\ntype = \"file\"\npath = {path:?}\nrotate-bytes = \"8K\"\ncompress = \"zstd\"\n\
         seal = true\nwhere = \"seq > 2 && seq != 7\"\n"
    );
    fs::write(dir.path().join("toml"), config).unwrap();
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    for round in 1..=3 {
        let mut command = with_full_records();
        command.args(["replay", "-e", "execve", "--config"]).arg(dir.path().join("toml"));
        command.arg("--spool-dir").arg(dir.path().join("spool")).arg(&capture);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = whole(&files(&path));
        assert_eq!(
            (report["runs_total"].as_u64(), report["foreign"].as_u64()),
            (Some(round), Some(0)),
            "{report}"
        );
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tracego/schema/record.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for line in files(&path).iter().flat_map(|path| lines(path)) {
        let record: Value = serde_json::from_str(&line).unwrap();
        if let Err(error) = schema.validate(&record) {
            panic!("{error}: {record:#}");
        }
        kinds.insert(record["event_name"].as_str().unwrap().to_owned());
    }
    assert!(kinds.contains("tracego.seal") && kinds.contains("tracego.seal.opened"), "{kinds:?}");
    // Other formats have no chain.
    let config = format!("[[sinks]]\ntype = \"file\"\npath = {path:?}\nseal = true\nformat = \"ocsf\"\n");
    fs::write(dir.path().join("toml"), config).unwrap();
    let mut check = with_full_records();
    let output = check.args(["config", "check"]).arg(dir.path().join("toml")).output().unwrap();
    let stderr =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && stderr.contains("only format = \"json\" can be sealed"), "{stderr}");
}

/// Checks a sealed output beside sinks that get references at other moments: one of another choice of records, and one
/// whose file is rotated all the time.
fn beside() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let config = format!(
        "[[sinks]]\nname = \"exits\"\ntype = \"file\"\npath = {:?}\nevents = [\"tracego.process.exit\"]\n\
         [[sinks]]\nname = \"small\"\ntype = \"file\"\npath = {:?}\nrotate-bytes = \"8K\"\n",
        path("exits"),
        path("small")
    );
    fs::write(path("toml"), config).unwrap();
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    for detail in ["lean", "full"] {
        let (log, mut command) = (path(detail), Command::new(tracego()));
        command.args(["replay", "-e", "execve,exit", "--detail", detail, "--seal", "--output", "json"]);
        command.arg("--config").arg(path("toml")).arg("--output-file").arg(&log).arg(&capture);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        whole(std::slice::from_ref(&log));
        let number = |line: &String| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap();
        let numbers: Vec<u64> = lines(&log).iter().map(number).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{detail}");
        assert!(lines(&path("exits")).iter().any(|line| line.contains("\"tracego.process.exit\"")));
    }
}

fn moved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let settings = FileSettings { seal: true, ..FileSettings::new(&path) };
    let mut file = FileTransport::sealed(&settings, "it", &Meta::default()).unwrap();
    let mut step = |records: std::ops::Range<u32>| {
        let lines = self::records(records);
        assert_eq!(deliver(&mut file, &lines).done, lines.len());
    };
    step(0..5);
    // logrotate moves the file away; the chain continues.
    let old = dir.path().join("log.1");
    fs::rename(&path, &old).unwrap();
    step(5..10);
    let report = whole(&[old.clone(), path.clone()]);
    assert_eq!((report["runs_total"].as_u64(), report["records"].as_u64()), (Some(1), Some(11)));
    // Another program writes to the file: the next chain states what it follows.
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"hello\n").unwrap();
    step(10..15);
    let report = whole(&[old.clone(), path.clone()]);
    assert_eq!((report["runs_total"].as_u64(), report["foreign"].as_u64()), (Some(2), Some(1)), "{report}");
    // The file is emptied.
    fs::write(&path, "").unwrap();
    step(15..20);
    let (whole_then, report) = verify(&[old, path.clone()], &[]);
    assert!(!whole_then && report["damage"]["kind"] == "removed", "{report}");
    // A partial line that a disk left is ended, and the chain follows it.
    runtime().block_on(file.close());
    drop(file);
    let text = fs::read_to_string(&path).unwrap();
    let mut last = self::records(50..51).remove(0);
    last.truncate(100);
    fs::write(&path, [text.as_bytes(), &last].concat()).unwrap();
    let mut file = FileTransport::sealed(&settings, "it", &Meta::default()).unwrap();
    assert_eq!(deliver(&mut file, &self::records(20..22)).done, 2);
    runtime().block_on(file.close());
    let (whole_then, report) = verify(&[path], &["--partial"]);
    assert!(whole_then, "{report}");
    assert_eq!(report["runs_total"], 2);
}

fn signed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key, public) = (dir.path().join("log"), dir.path().join("key"), dir.path().join("public"));
    let openssl = |args: &[&str], to: &Path| {
        assert!(Command::new("openssl").args(args).arg("-out").arg(to).output().unwrap().status.success());
    };
    openssl(&["genpkey", "-algorithm", "ed25519"], &key);
    openssl(&["pkey", "-in", key.to_str().unwrap(), "-pubout"], &public);
    let settings = FileSettings {
        seal: true,
        seal_key: Some(key.clone()),
        rotate_bytes: Some(Bytes(5000)),
        ..FileSettings::new(&path)
    };
    let mut file = FileTransport::sealed(&settings, "it", &Meta::default()).unwrap();
    let mut lines = records(0..10);
    lines.insert(4, b"no record\n".to_vec());
    let delivered = deliver(&mut file, &lines);
    assert_eq!((delivered.done, delivered.refused.len(), delivered.refused[0].first), (11, 1, 4));
    runtime().block_on(file.close());
    let by = ["--key", public.to_str().unwrap()];
    let (whole_then, report) = verify(&files(&path), &by);
    assert!(whole_then, "{report}");
    assert_eq!((report["records"].as_u64(), report["runs"][0]["closed"].as_bool()), (Some(12), Some(true)));
    openssl(&["genpkey", "-algorithm", "ed25519"], &key);
    openssl(&["pkey", "-in", key.to_str().unwrap(), "-pubout"], &public);
    let (whole_then, report) = verify(&files(&path), &by);
    assert!(!whole_then && report["damage"]["kind"] == "seal", "{report}");
}

fn jobs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    // Each batch is another window.
    let settings = FileSettings {
        seal: true,
        seal_interval: Some(Span(Duration::from_nanos(1))),
        ..FileSettings::new(&path)
    };
    let mut file = FileTransport::sealed(&settings, "it", &Meta::default()).unwrap();
    let with = |n: u32, more: &str| {
        let line = String::from_utf8(self::records(n..n + 1).remove(0)).unwrap();
        format!("{},{more}}}}}\n", line.strip_suffix("}}\n").unwrap()).into_bytes()
    };
    let of = |n: u32, job: &str| with(n, &format!("\"job\":{{\"root\":{{\"exec_id\":\"{job}\"}}}}"));
    let run = r#""seal":{"scope":"job","window":{"start":"","end":""},"job":"a","ended":true,"records":9,"written":9,
        "truncated":0,"unread":0,"refused":0,"link":"00"}"#;
    let foreign = String::from_utf8(with(4, &run.replace(['\n', ' '], ""))).unwrap();
    let foreign = foreign.replace("\"tracego.process.start\"", "\"tracego.seal\"").into_bytes();
    for batch in [
        vec![of(0, "a"), of(1, "b"), of(2, "a")],
        vec![of(3, "b"), foreign],
        records(5..6),
        vec![of(6, "a"), of(7, "c")],
    ] {
        assert_eq!(deliver(&mut file, &batch).done, batch.len());
    }
    runtime().block_on(file.close());
    let report = whole(std::slice::from_ref(&path));
    assert_eq!(report["runs"][0]["closed"], true, "{report}");
    let mut seals = Vec::new();
    for line in lines(&path) {
        let record: Value = serde_json::from_str(&line).unwrap();
        let seal = &record["tracego"]["seal"];
        if seal["sink"] == "it" && seal["scope"] == "job" {
            assert_eq!(seal["ended"], Value::Null, "it is not known");
            seals.push((seal["job"].as_str().unwrap().to_owned(), seal["records"].as_u64().unwrap()));
        }
    }
    let wanted = [("a", 2), ("b", 2), ("a", 1), ("c", 1)].map(|(job, records)| (job.to_owned(), records));
    assert_eq!(seals, wanted);
}
