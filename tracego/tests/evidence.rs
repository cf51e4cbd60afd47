//! The answers of `tracego verify-log` about logs that were changed by somebody who can write them, or who
//! has the key of today.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_deliver::seal::chain::{hex, split};

const UNPROVEN: Option<i32> = Some(6);
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIDFAwXN2k7CSp7z0iht4VO9+7fPBo2jZrkVRjm6F5SyV\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAPGHYo5tliduFJvG7mTlt4B1XFHSKYv3ArtCTOAeioKw=\n\
    -----END PUBLIC KEY-----\n";

fn tracego(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tracego")).args(args).env("TRACEGO_DETAIL", "full").output().unwrap()
}

/// A folder with a key, and logs that are signed with it.
struct Folder(TempDir);

impl Folder {
    fn with_fixed_key() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("key"), PRIVATE).unwrap();
        fs::write(folder.path("public"), PUBLIC).unwrap();
        fs::set_permissions(folder.path("key"), Permissions::from_mode(0o600)).unwrap();
        folder
    }

    fn with_evolving_key() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let made = tracego(&["seal-key", folder.path("key").to_str().unwrap()]);
        assert!(made.status.success(), "{made:?}");
        fs::write(folder.path("public"), made.stdout).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Appends a run of lean records to a log.
    fn run(&self, log: &str) {
        self.run_of("lean", log);
    }

    /// Appends a run of records with this detail to a log.
    fn run_of(&self, detail: &str, log: &str) {
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/go.capture");
        let [key, log] = [self.path("key"), self.path(log)];
        let output = tracego(&[
            "replay",
            capture.to_str().unwrap(),
            "--detail",
            detail,
            "--output",
            "json",
            "--seal",
            "--seal-interval",
            "3600",
            "--seal-key",
            key.to_str().unwrap(),
            "--output-file",
            log.to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{output:?}");
    }

    fn lines(&self, log: &str) -> Vec<Vec<u8>> {
        let bytes = fs::read(self.path(log)).unwrap();
        bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    fn put(&self, log: &str, lines: &[Vec<u8>]) {
        fs::write(self.path(log), lines.concat()).unwrap();
    }

    fn verify(&self, options: &[&str], logs: &[&str]) -> (Option<i32>, Value) {
        let public = self.path("public");
        let logs: Vec<_> = logs.iter().map(|log| self.path(log)).collect();
        let mut args = vec!["verify-log", "--json", "--key", public.to_str().unwrap()];
        args.extend(options);
        args.extend(logs.iter().map(|log| log.to_str().unwrap()));
        let output = tracego(&args);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!(output.status.success(), report["whole"] == true, "{report:#}");
        (output.status.code(), report)
    }
}

fn has(line: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(line).contains(text)
}

fn is_signed(line: &[u8]) -> bool {
    has(line, "\"signature\":\"")
}

fn body(line: &[u8]) -> Vec<u8> {
    split(line.strip_suffix(b"\n").unwrap()).unwrap().body.to_vec()
}

/// Links lines anew behind others, as anybody can.
fn relink(before: &[u8], bodies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut link = split(before.strip_suffix(b"\n").unwrap()).unwrap().link;
    let mut one = |body: &Vec<u8>| {
        link = link.record(body);
        [body.as_slice(), b",\"chain\":\"", hex(&link.0).as_bytes(), b"\"}}\n"].concat()
    };
    bodies.iter().map(&mut one).collect()
}

/// Returns the runs of a log.
fn runs(lines: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut runs: Vec<Vec<Vec<u8>>> = Vec::new();
    for line in lines {
        if has(line, "\"event_name\":\"tracego.seal.opened\"") {
            runs.push(Vec::new());
        }
        runs.last_mut().unwrap().push(line.clone());
    }
    runs
}

#[test]
fn what_no_signature_covers_is_named() {
    for folder in [Folder::with_fixed_key(), Folder::with_evolving_key()] {
        folder.run("log");
        assert_eq!(folder.verify(&[], &["log"]).0, Some(0));
        let lines = folder.lines("log");
        for count in 1..lines.len() {
            folder.put("cut", &lines[..count]);
            let (code, report) = folder.verify(&[], &["cut"]);
            assert_eq!((code, &report["damage"]), (UNPROVEN, &Value::Null), "{count}");
            let tail = lines[..count].iter().rev().take_while(|line| !is_signed(line)).count();
            let unproven = &report["unproven"];
            assert_eq!(
                (&unproven["records"], &unproven["open_runs"]),
                (&tail.into(), &1.into()),
                "{report:#}"
            );
            if tail > 0 {
                assert_eq!(unproven["first"]["line"], count - tail + 1);
            }
        }
        // The tail of a run that was killed, edited and shortened by somebody who can compute links.
        let is_start = |line: &Vec<u8>| has(line, "\"tracego.process.start\"");
        let at = (2..lines.len()).find(|&n| !is_signed(&lines[n]) && is_start(&lines[n])).unwrap();
        let begin = at - lines[..at].iter().rev().take_while(|line| !is_signed(line)).count();
        let bodies: Vec<Vec<u8>> = lines[begin..=at].iter().map(|line| body(line)).collect();
        let mut edited = bodies.clone();
        let text = String::from_utf8(edited.pop().unwrap()).unwrap().replace("\"process\":", "\"process\": ");
        edited.push(text.into_bytes());
        for tail in [edited, bodies[..bodies.len() - 1].to_vec()] {
            let forged = relink(&lines[begin - 1], &tail);
            folder.put("forged", &[&lines[..begin], &forged].concat());
            let (code, report) = folder.verify(&[], &["forged"]);
            assert_eq!((code, &report["unproven"]["records"]), (UNPROVEN, &tail.len().into()), "{report:#}");
        }
    }
}

#[test]
fn a_log_that_ends_within_a_line_is_named() {
    let folder = Folder::with_fixed_key();
    folder.run("log");
    let (lines, bytes) = (folder.lines("log"), folder.lines("log").concat());
    let mut begin = 0;
    for (n, line) in lines.iter().enumerate() {
        for end in (begin + 1..begin + line.len() - 1).step_by(613) {
            fs::write(folder.path("cut"), &bytes[..end]).unwrap();
            let cut = folder.path("cut");
            let output = tracego(&["verify-log", "--json", cut.to_str().unwrap()]);
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            // Without its first record, a log has no sealed run.
            let code = if n == 0 { Some(1) } else { UNPROVEN };
            assert_eq!((output.status.code(), &report["whole"]), (code, &false.into()), "{report:#}");
            assert_eq!(report["cut"]["line"], n + 1, "{report:#}");
        }
        begin += line.len();
    }
}

#[test]
fn a_finding_is_sealed_at_once() {
    let folder = Folder::with_fixed_key();
    folder.run("log");
    let lines = folder.lines("log");
    let finding = lines.iter().position(|line| has(line, "\"findings\":[{")).unwrap();
    let seal = lines.iter().position(|line| has(line, "\"scope\":\"window\"")).unwrap();
    assert!(seal > finding && lines.len() > seal + 3, "{finding} {seal} of {}", lines.len());
    // In a sink, too.
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/go.capture");
    let [config, log] = [folder.path("config"), folder.path("sink")];
    let text = format!("[[sinks]]\ntype = \"file\"\npath = {log:?}\nseal = true\nseal-interval = \"1h\"\n");
    fs::write(&config, text).unwrap();
    let args = ["replay", capture.to_str().unwrap(), "--config", config.to_str().unwrap()];
    assert!(tracego(&args).status.success());
    let lines = folder.lines("sink");
    assert!(lines.iter().any(|line| has(line, "\"scope\":\"window\"")));
    assert!(tracego(&["verify-log", log.to_str().unwrap()]).status.success());
}

#[test]
fn runs_that_are_missing_or_moved_are_named() {
    let folder = Folder::with_evolving_key();
    (0..3).for_each(|_| folder.run("log"));
    let (code, report) = folder.verify(&[], &["log"]);
    assert_eq!((code, &report["runs_total"]), (Some(0), &3.into()), "{report:#}");
    let runs = runs(&folder.lines("log"));
    for order in [&[0, 2][..], &[1, 0, 2], &[0, 2, 1], &[1, 2]] {
        let changed: Vec<Vec<u8>> = order.iter().map(|&n| runs[n].concat()).collect();
        folder.put("changed", &changed);
        let (code, report) = folder.verify(&[], &["changed"]);
        assert_eq!(code, Some(1), "{report:#}");
    }
    // The file is rolled back between two runs: the next one appends to what it finds.
    folder.put("log", &runs[0]);
    folder.run("log");
    let (code, report) = folder.verify(&[], &["log"]);
    assert_eq!((code, &report["damage"]["line"]), (Some(1), &(runs[0].len() + 1).into()), "{report:#}");
    // The same in files of their own, where no line precedes a run.
    let folder = Folder::with_evolving_key();
    for log in ["1", "2", "3"] {
        folder.run(log);
    }
    assert_eq!(folder.verify(&[], &["3", "1", "2"]).0, Some(0));
    for some in [&["1", "3"][..], &["2", "3"], &["3"]] {
        assert_eq!(folder.verify(&[], some).0, Some(1), "{some:?}");
    }
}

#[test]
fn runs_that_name_no_other_are_not_proven() {
    let folder = Folder::with_fixed_key();
    ["1", "2"].iter().for_each(|log| folder.run(log));
    folder.put("log", &[folder.lines("1").concat(), folder.lines("2").concat()]);
    let (code, report) = folder.verify(&[], &["log"]);
    assert_eq!((code, &report["unproven"]["unlinked_runs"]), (UNPROVEN, &1.into()), "{report:#}");
}

#[test]
fn the_key_of_today_cannot_sign_what_was_sealed_before() {
    let folder = Folder::with_evolving_key();
    folder.run("log");
    let lines = folder.lines("log");
    let before = fs::read(folder.path("key")).unwrap();
    folder.run("log");
    assert_ne!(before, fs::read(folder.path("key")).unwrap());
    // Somebody who has the key now replaces the whole log by a new one that is signed with it.
    fs::remove_file(folder.path("log")).unwrap();
    folder.run("log");
    let (code, report) = folder.verify(&[], &["log"]);
    assert_eq!((code, &report["damage"]["kind"]), (Some(1), &"seal".into()), "{report:#}");
    // Or continues the log at an earlier place.
    let own = folder.lines("log");
    for count in 1..lines.len() {
        folder.put("forged", &[lines[..count].concat(), own[1..].concat()]);
        assert_eq!(folder.verify(&[], &["forged"]).0, Some(1), "{count}");
    }
    // An epoch cannot be skipped.
    let signed: Vec<usize> = (0..lines.len()).filter(|&n| is_signed(&lines[n])).collect();
    assert!(signed.len() >= 3, "{signed:?}");
    let epoch = |n: usize| serde_json::from_slice::<Value>(&lines[n]).unwrap();
    assert_eq!(epoch(0)["tracego"]["chain_start"]["epoch"], 0);
    let keys: std::collections::BTreeSet<String> = signed
        .iter()
        .map(|&n| epoch(n).to_string().split("next_key\":\"").nth(1).unwrap()[..64].to_owned())
        .collect();
    assert!(keys.len() >= signed.len() / 2, "{keys:?}");
}

#[test]
fn a_head_that_is_kept_elsewhere_shows_a_rollback() {
    let folder = Folder::with_evolving_key();
    folder.run("log");
    let lines = folder.lines("log");
    let [public, log] = [folder.path("public"), folder.path("log")];
    let key = fs::read(&public).unwrap();
    let print = || {
        let args = ["verify-log", "--print-head", "--key", public.to_str().unwrap(), log.to_str().unwrap()];
        let output = tracego(&args);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let first = print();
    folder.run("log");
    let second = print();
    let expect = |head: &Value| folder.verify(&["--expect-head", head["link"].as_str().unwrap()], &["log"]);
    assert_eq!((expect(&first).0, expect(&second).0), (Some(0), Some(0)));
    // Old files are gone, and the verifier has kept the key that followed.
    let all = folder.lines("log");
    folder.put("rest", &all[lines.len()..]);
    fs::write(&public, first["key"].as_str().unwrap()).unwrap();
    assert_eq!(folder.verify(&["--partial"], &["rest"]).0, Some(0));
    // Rolled back to the end of the first run, which is a whole log.
    folder.put("log", &lines);
    fs::write(&public, key).unwrap();
    assert_eq!(folder.verify(&[], &["log"]).0, Some(0));
    let (code, report) = expect(&second);
    assert_eq!((code, &report["damage"]["kind"]), (Some(1), &"removed".into()), "{report:#}");
    let bad = tracego(&["verify-log", "--expect-head", "12", log.to_str().unwrap()]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn files_are_ordered_by_their_links() {
    let folder = Folder::with_fixed_key();
    // Parts of a log of lean records are not complete by themselves.
    folder.run("lean");
    let lean = folder.lines("lean");
    folder.put("1", &lean[..lean.len() / 2]);
    folder.put("2", &lean[lean.len() / 2..]);
    let (code, report) = folder.verify(&[], &["1", "2"]);
    assert_eq!((code, &report["damage"]["kind"]), (Some(1), &"dangling".into()), "{report:#}");
    (0..2).for_each(|_| folder.run_of("full", "log"));
    let lines = folder.lines("log");
    let (a, b) = (lines.len() / 3, 2 * lines.len() / 3);
    for dir in ["z", "a", "m"] {
        fs::create_dir(folder.path(dir)).unwrap();
    }
    let names = ["z/log.20260101T000000.000Z", "a/log.20260102T000000.000Z", "m/log"];
    for (name, part) in names.iter().zip([&lines[..a], &lines[a..b], &lines[b..]]) {
        folder.put(name, part);
    }
    for order in [[0, 1, 2], [1, 2, 0], [2, 1, 0], [0, 2, 1]] {
        let (code, report) = folder.verify(&[], &order.map(|n| names[n]));
        assert_eq!(code, Some(0), "{report:#}");
    }
    let (code, report) = folder.verify(&[], &[names[0], names[2]]);
    assert_eq!((code, &report["damage"]["kind"]), (Some(1), &"removed".into()), "{report:#}");
}

#[test]
fn a_sealed_file_and_an_evolving_key_have_one_user() {
    let folder = Folder::with_evolving_key();
    folder.run("log");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/go.capture");
    let [key, log, other] = [folder.path("key"), folder.path("log"), folder.path("other")];
    let replay = |log: &Path, more: &[&str]| {
        let mut args = vec!["replay", capture.to_str().unwrap(), "--output", "json", "--output-file"];
        args.push(log.to_str().unwrap());
        args.extend(more);
        tracego(&args)
    };
    let sealed = ["--seal", "--seal-key", key.to_str().unwrap()];
    let held = fs::OpenOptions::new().append(true).open(&log).unwrap();
    held.lock().unwrap();
    for more in [&["--seal"][..], &[]] {
        let output = replay(&log, more);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("another process writes"), "{output:?}");
    }
    drop(held);
    let held = fs::File::open(&key).unwrap();
    held.lock().unwrap();
    let output = replay(&other, &sealed);
    assert!(String::from_utf8_lossy(&output.stderr).contains("another process signs"), "{output:?}");
    drop(held);
    assert!(replay(&log, &sealed).status.success());
    assert_eq!(folder.verify(&[], &["log"]).0, Some(0));
}
