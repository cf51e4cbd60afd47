//! The output of a run, and who can read it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use serde_json::Value;
use tracego_deliver::detail::expansion::Expander;
use tracego_tests::{Session, records, tracego, with_full_records};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a missing capability is named", capabilities),
    ("CAP_BPF and CAP_PERFMON are enough", enough),
    ("records are for their owner only", mode),
    ("lean records are complete, and much smaller than full ones", lean),
    ("the exit of a short process is in the record of its start on request", folded),
    ("heartbeats know the machine by its given id and labels", machine),
    ("text has a line each and no control characters", text),
    ("the agent does not trace itself", not_itself),
    ("the start that shows that stops are in force is in no record", not_the_canary),
    ("the enforcement check passes whatever the filters are", watched_alone),
    ("a start with which something is wrong is written whatever was asked for", wrong),
];

fn machine() {
    let mut command = with_full_records();
    command.args(["run", "--heartbeat", "1", "--host-id", "node-7", "--host-label", "role=builder"]);
    command.args(["--host-label", "role=tester", "--output", "json", "--output-file"]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records");
    let output = command.arg(&file).args(["--", "/bin/sleep", "2.5"]).output().unwrap();
    let session = Session { records: records(&fs::read_to_string(&file).unwrap()), output };
    let beat = session.records.iter().find(|record| record["event_name"] == "tracego.heartbeat").unwrap();
    let wanted = serde_json::json!({"id_source": "option", "label": {"role": "tester"}});
    assert_eq!((&beat["host"]["id"], &beat["tracego"]["host"]), (&"node-7".into(), &wanted));
    let start = session.of("start").next().unwrap();
    assert_eq!((&start["host"]["id"], start["tracego"].get("host")), (&"node-7".into(), None));
    let labels: Vec<_> = (0..33).flat_map(|n| ["--host-label".to_owned(), format!("l{n}=x")]).collect();
    let output = Command::new(tracego()).args(labels).args(["--duration", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("33 labels, at most 32"));
}

/// Runs `tracego --duration 1` under setpriv(1). Returns its exit code and standard error.
fn restricted(by: &[&str]) -> (Option<i32>, String) {
    // In a folder that every user can enter: the build folder may be closed to others.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("tracego");
    fs::copy(tracego(), &program).unwrap();
    let mut setpriv = Command::new("setpriv");
    let output = setpriv.args(by).arg(program).args(["--duration", "1"]).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn capabilities() {
    for (by, name) in [
        (["--bounding-set", "-bpf,-sys_admin", "--inh-caps", "-all"], "CAP_BPF"),
        (["--bounding-set", "-perfmon,-sys_admin", "--inh-caps", "-all"], "CAP_PERFMON"),
        (["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"], "CAP_BPF"),
    ] {
        let wanted = format!(
            "tracego: {name} is missing: run tracego as root (sudo tracego …), or grant CAP_BPF and CAP_PERFMON\n"
        );
        assert_eq!(restricted(&by), (Some(3), wanted), "{by:?}");
    }
}

fn enough() {
    let by = ["--bounding-set", "-all,+bpf,+perfmon", "--inh-caps", "-all"];
    let (code, stderr) = restricted(&by);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains(" hooked = "), "{stderr}");
}

/// Checks `--aggregate exits` on processes that end at once, that live long, and that have children.
fn folded() {
    let script = "/bin/true; /bin/sh -c 'exit 7'; /bin/sh -c 'kill -9 $$'; /bin/sleep 2.5; /bin/sh -c '/bin/true a; :'";
    let options = ["-e", "execve,exit", "--aggregate", "exits"];
    let session = Session::run(&options, &["/bin/sh", "-c", script], |_| {});
    assert!(session.output.status.success(), "{}", session.stderr());
    let all: Vec<(String, &str, Option<i64>)> = session
        .records
        .iter()
        .filter_map(|record| {
            let kind = record["event_name"].as_str()?.strip_prefix("tracego.process.")?;
            let body = record["body"].as_str()?.to_owned();
            Some((body, kind, record["process"]["exit"]["code"].as_i64()))
        })
        .collect();
    let of = |text: &str| {
        let found = all.iter().filter(|(body, _, _)| body.contains(text));
        found.map(|(_, kind, code)| (*kind, *code)).collect::<Vec<_>>()
    };
    assert_eq!(of("/bin/sh -c exit 7"), [("start", Some(7))], "{all:?}");
    assert_eq!(of("/bin/sh -c kill -9 $$"), [("start", Some(137))], "{all:?}");
    assert_eq!(of("/bin/true a").last(), Some(&("start", Some(0))), "{all:?}");
    assert_eq!(of("sleep")[1..], [("start", None), ("exit", Some(0))], "{all:?}");
    // Both processes with children have records of their own for their ends.
    assert_eq!(of("sh ended with 0"), [("exit", Some(0)); 2], "{all:?}");
    let folded = session.records.iter().find(|record| record["process"]["exit"]["code"] == 137).unwrap();
    assert_eq!(folded["tracego"]["exit"]["signal"], 9, "{folded}");
    assert!(session.stderr().contains(" hooked = ") && !session.stderr().contains("DOES NOT"));
}

/// Checks the default of a run: records that refer to others, each to one that is there.
fn lean() {
    let script =
        "for n in 1 2 3; do /bin/sh -c '/bin/true; /bin/sh -c \"/bin/ls / | /usr/bin/wc -l\"'; done; true";
    let run = |detail: &str| {
        let options = [
            "-e",
            "execve,exit",
            "--env",
            "GIT_COMMIT=abc123f",
            "--env",
            "TEAM=a",
            "--digest=false",
            "--detail",
            detail,
        ];
        let session = Session::run(&options, &["/bin/sh", "-c", script], |tracego| {
            tracego.env("CI_JOB_ID", "4711");
        });
        assert!(session.output.status.success(), "{}", session.stderr());
        session.records
    };
    let is_one = |record: &&Value, kind: &str| record["event_name"] == format!("tracego.process.{kind}");
    let full = run("full");
    let (mut expander, mut bytes, mut starts, mut exits) = (Expander::default(), 0, 0, 0);
    for mut record in run("lean") {
        let line = record.to_string();
        if is_one(&&record, "start") {
            // A person sees what ran, where, for which commit and job, and who started it.
            for text in ["abc123f", "4711", "\"TEAM\":\"a\"", "command_args", "\"lineage\":[\"", "/"] {
                assert!(line.contains(text), "{text}: {line}");
            }
        }
        starts += u64::from(is_one(&&record, "start"));
        exits += u64::from(is_one(&&record, "exit"));
        bytes += line.len();
        expander.expand(&mut record).unwrap_or_else(|missing| panic!("{missing}: {line}"));
        if is_one(&&record, "start") {
            assert!(
                record["tracego"]["ancestors"].as_array().is_some_and(|all| !all.is_empty()),
                "{record:#}"
            );
            assert!(
                record["tracego"]["rlimit"].is_object() && record["tracego"]["job"].is_object(),
                "{record:#}"
            );
        }
    }
    let count = |kind| full.iter().filter(|record| is_one(record, kind)).count() as u64;
    assert_eq!((starts, exits), (count("start"), count("exit")));
    let whole: usize = full.iter().map(|record| record.to_string().len()).sum();
    // The references of a short run weigh more than those of a long one.
    assert!(bytes * 2 < whole, "{bytes} of {whole}");
}

fn mode() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records");
    let status = with_full_records()
        .args(["run", "--output", "json", "--output-file"])
        .arg(&file)
        .args(["--", "/bin/true"])
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

fn text() {
    let output = with_full_records()
        .args(["run", "--output", "text", "--color", "never", "--heartbeat", "0", "--"])
        .args(["/bin/sh", "-c", "/bin/true 'a\n\x1b[31m'; exit"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines[0].starts_with("TIME "), "{stderr}");
    assert!(lines.iter().any(|line| line.contains("/bin/true a\\n\\u{1b}[31m")), "{stderr}");
    assert!(!stderr.contains('\x1b'));
    assert_eq!(lines.len(), 4, "{stderr}");
}

fn not_itself() {
    let session = Session::run(&["-e", "execve,exit,fork"], &["/bin/true"], |_| {});
    assert!(
        session
            .records
            .iter()
            .all(|r| r["process"]["command"] != "tracego" || r["event_name"] == "tracego.process.fork")
    );
    assert_eq!(session.of("exit").count(), 1);
}

fn not_the_canary() {
    let session = Session::run(&["-e", "execve,exit", "--enforce", "kill"], &["/bin/true"], |_| {});
    let state = &session.last()["tracego"]["enforcement"]["state"];
    assert_eq!((session.of("start").count(), state), (1, &"enforced".into()), "{}", session.stderr());
    assert!(session.of("exit").all(|r| r["process"]["command"] == "true"), "{:#?}", session.records);
}

/// Checks that the enforcement check passes although the user's filters exclude it.
fn watched_alone() {
    for filter in [["--uid", "54321"], ["--comm", "none"]] {
        let options = [&filter[..], &["--duration", "2", "--output", "json", "--heartbeat", "1"]].concat();
        let output = with_full_records().args(["--enforce", "kill"]).args(options).output().unwrap();
        let records = records(&String::from_utf8_lossy(&output.stdout));
        let last = records.last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(last["tracego"]["enforcement"]["state"], "enforced", "{last:#}");
    }
}

fn wrong() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("p.rego");
    let text = "package tracego.process\n\ndeny contains \"no\" if input.process.argv[1] == \"this\"\n";
    fs::write(&policy, text).unwrap();
    let options = ["-e", "exit", "--policy", policy.to_str().unwrap()];
    let session = Session::run(&options, &["sh", "-c", "true; /bin/echo this; /bin/echo that"], |_| {});
    let starts: Vec<_> = session.of("start").map(|start| start["body"].as_str().unwrap()).collect();
    assert_eq!(starts, ["/bin/echo this"], "{}", session.stderr());
    assert!(session.of("exit").count() > 2);
}
