//! Sealed logs of real runs: with losses, with several jobs, after a kill.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tracego_tests::{records, remove_job, with_full_records};

use crate::{
    Test,
    agent::{options, session_of},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("seals say what the ledger says, with losses", losses),
    ("two jobs at a time have a seal each", two_jobs),
    ("a kill leaves a log that is whole up to its end", kill),
    ("a signed log is checked with OpenSSL's keys", signed),
    ("what cannot be sealed or read is refused", refused),
];

fn verify(options: &[&str], file: &Path) -> (Option<i32>, Value, String) {
    let output = with_full_records().args(["verify-log", "--json"]).args(options).arg(file).output();
    let Output { status, stdout, stderr } = output.unwrap();
    let report = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code(), report, String::from_utf8(stderr).unwrap())
}

fn seals<'a>(all: &'a [Value], scope: &str) -> Vec<&'a Value> {
    all.iter().map(|record| &record["tracego"]["seal"]).filter(|seal| seal["scope"] == scope).collect()
}

fn sum(seals: &[&Value], name: &str) -> u64 {
    seals.iter().map(|seal| seal.pointer(name).map_or(0, |number| number.as_u64().unwrap())).sum()
}

fn losses() {
    let sealer = tracego_deliver::seal::window::Sealer::new([7; 32], 1, None, None);
    let (report, text) = session_of(options(64 * 1024, Duration::ZERO), Some(sealer), async |agent| {
        agent.hold(true);
        for _ in 0..300 {
            assert!(Command::new("/bin/true").status().unwrap().success());
        }
        agent.run(tokio::time::sleep(Duration::from_millis(2500))).await.unwrap();
        agent.hold(false);
        agent.run(tokio::time::sleep(Duration::from_millis(1500))).await.unwrap();
    });
    let ledger = report.ledger;
    assert!(ledger.balanced() && ledger.kernel.ring_full > 0, "{ledger}");
    let all = records(&text);
    let windows = seals(&all, "window");
    assert!(windows.len() >= 3, "{windows:#?}");
    // Events that waited in the ring when the counters were read are reported.
    assert!(windows.iter().any(|seal| seal["pending"].as_i64().unwrap() > 0), "{windows:#?}");
    for sealed in [&windows, &seals(&all, "run")] {
        let sum = |name: &str| sum(sealed, name);
        assert_eq!(sum("/hooked"), ledger.kernel.happened());
        assert_eq!(sum("/filtered"), ledger.kernel.filtered);
        assert_eq!(sum("/dropped/ring_full"), ledger.kernel.ring_full);
        assert_eq!(sum("/undecodable"), ledger.decode_errors);
        assert_eq!(sum("/unrequested"), ledger.unrequested);
        assert_eq!(sum("/written"), ledger.written);
        assert_eq!(sum("/refused_events"), ledger.write_errors);
        assert_eq!(sealed.last().unwrap()["pending"], 0);
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    fs::write(&file, &text).unwrap();
    let (code, report, _) = verify(&[], &file);
    assert_eq!((code, &report["whole"]), (Some(0), &Value::Bool(true)), "{report:#}");
    assert_eq!(report["runs"][0]["lost"]["ring_full"], ledger.kernel.ring_full);
    // One changed digit in one record.
    let at = text.find("\"seq\":100,").unwrap();
    fs::write(&file, format!("{}\"seq\":900,{}", &text[..at], &text[at + 10..])).unwrap();
    let (code, report, _) = verify(&[], &file);
    assert_eq!((code, &report["damage"]["kind"]), (Some(1), &Value::from("changed")), "{report:#}");
    assert_eq!(report["damage"]["line"], 100);
}

/// Runs `tracego run --seal` into a file. Returns its log.
fn run(file: &Path, more: &[&str], script: &str) -> String {
    let mut tracego = with_full_records();
    tracego.args(["run", "-e", "execve,exit", "--output", "json", "--seal", "--heartbeat", "0"]).args(more);
    remove_job(&mut tracego);
    let output = tracego.arg("--output-file").arg(file).args(["--", "/bin/sh", "-c", script]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(file).unwrap()
}

fn two_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    // One job ends long before the run, the other with it.
    let script = "CI_JOB_ID=71 sh -c '/bin/true; /bin/true; exit' & \
                  CI_JOB_ID=72 sh -c 'sleep 2.5; /bin/true; exit' & wait";
    let text = run(&file, &["--digest=false"], script);
    let all = records(&text);
    for (job, starts) in [("71", 3), ("72", 3)] {
        let of = |record: &&Value| record["cicd"]["pipeline"]["task"]["run"]["id"] == job;
        let lines = all.iter().filter(of).filter(|record| record["event_name"] != "tracego.seal").count();
        let sealed: Vec<&Value> = all
            .iter()
            .filter(of)
            .map(|record| &record["tracego"]["seal"])
            .filter(|seal| !seal.is_null())
            .collect();
        assert_eq!(sealed.len(), 1, "{job}: {sealed:#?}");
        assert_eq!(sealed[0]["ended"], true, "{job}");
        // sh is executed once more if it ends in the last command.
        assert!(lines >= starts && sealed[0]["records"] == lines, "{job}: {lines} {sealed:#?}");
        assert_eq!(sealed[0]["written"], lines);
    }
    let position = |job: &str| {
        all.iter().position(|record| {
            record["event_name"] == "tracego.seal" && record["cicd"]["pipeline"]["task"]["run"]["id"] == job
        })
    };
    let later = all.iter().skip(position("71").unwrap()).any(|r| r["event_name"] == "tracego.process.start");
    assert!(later, "the first job's seal waited for the end of the run");
    // A second run is linked to the first: a removal between them is detected.
    let both = run(&file, &[], "exit");
    assert_eq!(verify(&[], &file).1["runs_total"], 2);
    let cut: Vec<&str> = text.lines().collect();
    let less = format!("{}\n{}", cut[..cut.len() - 2].join("\n"), &both[text.len()..]);
    fs::write(&file, less).unwrap();
    let (code, report, _) = verify(&[], &file);
    assert_eq!((code, &report["damage"]["kind"]), (Some(1), &Value::from("removed")), "{report:#}");
}

fn kill() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    for round in 0..6_u64 {
        let mut tracego = with_full_records();
        tracego.args(["-e", "execve,exit,fork", "--output", "json", "--seal", "--seal-interval", "1"]);
        tracego.arg("--output-file").arg(&file).stderr(Stdio::null());
        let mut running = tracego_tests::ChildGuard(tracego.spawn().unwrap());
        let before = fs::metadata(&file).map_or(0, |about| about.len());
        let begun = Instant::now();
        while fs::metadata(&file).map_or(0, |about| about.len()) <= before {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing is written");
            assert!(Command::new("/bin/true").status().unwrap().success());
        }
        for _ in 0..200 {
            assert!(Command::new("/bin/true").status().unwrap().success());
        }
        sleep(Duration::from_millis(round * 317 % 1500));
        running.0.kill().unwrap();
        running.0.wait().unwrap();
        // A log that ends within a line is told, and is not damaged.
        let is_cut = !fs::read(&file).unwrap().ends_with(b"\n");
        let wanted = if is_cut { 6 } else { 0 };
        let (code, report, stderr) = verify(&[], &file);
        assert_eq!((code, &report["damage"]), (Some(wanted), &Value::Null), "{report:#} {stderr}");
        assert_eq!(report["runs_total"], round + 1);
        let last = &report["runs"].as_array().unwrap().last().unwrap();
        assert!(
            last["closed"] == false && last["unsealed"].as_u64() < last["records"].as_u64().map(|n| n + 1)
        );
        // As a cut write leaves the file: the next run continues after it.
        let length = fs::metadata(&file).unwrap().len();
        fs::File::options().write(true).open(&file).unwrap().set_len(length - 40 * (round % 3)).unwrap();
    }
}

fn signed() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (key, public, other) = (path("key"), path("public"), path("other"));
    for private in [&key, &other] {
        let made =
            Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out", private]).status();
        assert!(made.unwrap().success());
        assert!(Command::new("chmod").args(["600", private]).status().unwrap().success());
    }
    let half = |private: &str, public: &str| {
        let made = Command::new("openssl").args(["pkey", "-in", private, "-pubout", "-out", public]).status();
        assert!(made.unwrap().success());
    };
    half(&key, &public);
    half(&other, &path("stranger"));
    let file = dir.path().join("log");
    let text = run(&file, &["--seal-key", &key], "/bin/true; exit");
    let (code, report, _) = verify(&["--key", &public], &file);
    assert_eq!((code, &report["signatures"]), (Some(0), &Value::Bool(true)), "{report:#}");
    assert_eq!(report["runs"][0]["key"], records(&text)[0]["tracego"]["chain_start"]["key"]);
    let (code, report, _) = verify(&["--key", &path("stranger")], &file);
    assert_eq!((code, &report["damage"]["kind"]), (Some(1), &Value::from("seal")), "{report:#}");
    // Verified by OpenSSL, too.
    let bytes = |digits: &str| -> Vec<u8> {
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    };
    let lines: Vec<&str> = text.lines().collect();
    let [.., before, last] = lines[..] else { panic!("{text}") };
    let chain = |line: &str| bytes(&line[line.len() - 3 - 64..line.len() - 3]);
    let (body, rest) = last.split_once(",\"signature\":\"").unwrap();
    let mut signed = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let stdin = [&*chain(before), body.as_bytes()].concat();
    signed.stdin.take().unwrap().write_all(&stdin).unwrap();
    let signed = String::from_utf8(signed.wait_with_output().unwrap().stdout).unwrap();
    let message = [b"tracego.seal.signature/1\n", &*bytes(&signed[..64])].concat();
    fs::write(path("message"), message).unwrap();
    fs::write(path("signature"), bytes(&rest[..128])).unwrap();
    let (message, signature) = (path("message"), path("signature"));
    let check = ["pkeyutl", "-verify", "-pubin", "-inkey", &public, "-rawin", "-in", &message, "-sigfile"];
    let output = Command::new("openssl").args(check).arg(&signature).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    let says = |options: &[&str]| {
        let output = with_full_records().args(options).args(["--duration", "1"]).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let name = key.to_str().unwrap();
    assert!(
        Command::new("openssl")
            .args(["genpkey", "-algorithm", "ed25519", "-out", name])
            .status()
            .unwrap()
            .success()
    );
    assert!(Command::new("chmod").args(["644", name]).status().unwrap().success());
    assert!(says(&["--output", "json", "--seal", "--seal-key", name]).contains("mode 644): chmod 600"));
    assert!(says(&["--output", "json", "--seal-key", name]).contains("only with --seal"));
    assert!(says(&["--output", "text", "--seal"]).contains("--output json"));
    let (code, _, stderr) = verify(&[], &dir.path().join("none"));
    assert!(code == Some(2) && stderr.contains("none: No such file"), "{code:?} {stderr}");
    assert_eq!(verify(&["--key", name], &key).0, Some(2));
    fs::write(dir.path().join("log"), "{\"schema\":\"tracego/1\"}\n").unwrap();
    let (code, report, _) = verify(&[], &dir.path().join("log"));
    assert_eq!((code, &report["whole"], &report["damage"]), (Some(1), &Value::Bool(false), &Value::Null));
}
