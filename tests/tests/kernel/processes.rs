//! The creation and the end of processes.

use std::{
    collections::HashMap,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tracego_tests::{Session, args};

use crate::{ConditionalTest, Test, VICTIM};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("exec from a thread", thread),
    ("posix_spawn", spawn),
    ("a start has the command line of its parent", parent),
    ("vfork", vfork),
    ("a pid and a user namespace", namespaces),
    ("a process that renames itself", rename),
    ("death by signal with a core", signal),
    ("a storm of short lives", storm),
    ("threads that end together end their process once", ends),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("a number that is used again is another process", reuse, reuse_needs)];

fn thread() {
    let session = Session::run(&[], &[VICTIM, "thread"], |_| {});
    let text = String::from_utf8(session.output.stdout.clone()).unwrap();
    let ids: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    let record = session.last();
    assert_eq!(args(record), ["from-thread"]);
    assert_eq!(record["process"]["pid"], ids[0]);
    assert_eq!(record["tracego"]["exec"]["thread_id"], ids[1]);
    let first = session.of("start").next().unwrap();
    assert_eq!(first["tracego"]["exec_id"], record["tracego"]["exec_id"]);
}

fn spawn() {
    let session = Session::run(&["-e", "execve,fork"], &[VICTIM, "spawn"], |_| {});
    let (parent, child) = (session.start(Path::new(VICTIM)), session.start(Path::new("/bin/true")));
    assert_eq!(child["process"]["parent_pid"], parent["process"]["pid"]);
    assert_eq!(session.of("fork").count(), 1);
}

fn parent() {
    // Each fork shows what the shell was when it forked, though the shell executes another program then.
    let script =
        "(/bin/true inner; :) ; exec /bin/sh -c 'sleep 0; /bin/true --token=hunter22; /bin/true last; :'";
    let session = Session::run(&[], &["/bin/sh", "-c", script], |_| {});
    let starts: Vec<_> = session.of("start").collect();
    let shown = |start: &Value| start["tracego"]["parent"]["command_args"].clone();
    let of = |name: &str| *starts.iter().find(|start| args(start).last() == Some(&name)).unwrap();
    let first = args(starts[0]).iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    assert!(first[2].contains("[tracego:redacted]"), "{first:?}");
    assert_eq!(shown(of("inner")), serde_json::json!(first), "a subshell has the arguments of the shell");
    let second = starts.iter().find(|start| args(start).len() == 3 && args(start)[2].starts_with("sleep"));
    assert_eq!(shown(of("last")), serde_json::json!(args(second.unwrap())));
    assert!(!format!("{:?}", session.records).contains("hunter22"));
    // tracego itself ran before, and forked the first shell: its arguments come from /proc.
    let of_tracego = shown(starts[0]);
    assert!(of_tracego[0].as_str().unwrap().ends_with("tracego"), "{of_tracego}");
}

fn vfork() {
    let session = Session::run(&["-e", "execve,fork"], &[VICTIM, "vfork"], |_| {});
    let parent = session.start(Path::new(VICTIM));
    let child = session.start(Path::new("/bin/true"));
    let pid: u64 = String::from_utf8(session.output.stdout.clone()).unwrap().trim().parse().unwrap();
    assert_eq!(args(child), ["true", "from-vfork"]);
    assert_eq!(child["process"]["pid"], pid);
    assert_eq!(child["process"]["parent_pid"], parent["process"]["pid"]);
    assert_eq!(child["tracego"]["ancestors"][0]["pid"], parent["process"]["pid"]);
    assert_eq!(child["tracego"]["exec"]["env_count"], 0);
    let forks: Vec<_> = session.of("fork").collect();
    assert_eq!(forks.len(), 1, "{forks:#?}");
    assert_eq!(forks[0]["process"]["pid"], pid);
    assert_eq!(forks[0]["process"]["parent_pid"], parent["process"]["pid"]);
    assert_eq!(forks[0]["tracego"]["exec_id"], child["tracego"]["exec_id"]);
    assert!(forks[0]["seq"].as_u64() < child["seq"].as_u64());
}

/// Checks a pid that goes from a shell with a job to a process without one.
fn reuse() {
    let session = Session::run(&["-e", "execve,exit,fork"], &[VICTIM, "reuse"], |_| {});
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    let pid: u64 = String::from_utf8(session.output.stdout.clone()).unwrap().trim().parse().unwrap();
    let victim = session.start(Path::new(VICTIM));
    let (shell, second) = (session.start(Path::new("/bin/sh")), session.start(Path::new("/bin/cat")));
    let late = session.start(Path::new("/bin/true"));
    assert_eq!((&shell["process"]["pid"], &second["process"]["pid"]), (&pid.into(), &pid.into()));

    // A different identity in its start, its fork and its end.
    assert_ne!(shell["tracego"]["exec_id"], second["tracego"]["exec_id"]);
    assert_ne!(shell["process"]["creation"], second["process"]["creation"]);
    let lives = lives(&session.records);
    for record in [shell, second] {
        let life = &lives[record["tracego"]["exec_id"].as_str().unwrap()];
        assert_eq!(*life, ["fork", "start", "exit"]);
    }

    // The job stays with the first process.
    assert_eq!(shell["cicd"]["pipeline"]["task"]["run"]["id"], "1");
    for record in session.records.iter().filter(|r| r["tracego"]["exec_id"] == second["tracego"]["exec_id"]) {
        assert!(record["cicd"].is_null() && record["tracego"]["job"].is_null(), "{record}");
        assert_eq!(record["tracego"]["ancestors"][0]["pid"], victim["process"]["pid"]);
        assert_eq!(record["process"]["parent_pid"], victim["process"]["pid"]);
        assert_eq!(record["tracego"]["in_tree"], true);
    }

    // The descendant of the first started after the second, and while the second ran.
    assert!(late["seq"].as_u64() > second["seq"].as_u64());
    let end = session.of("exit").find(|r| r["tracego"]["exec_id"] == second["tracego"]["exec_id"]);
    assert!(late["seq"].as_u64() < end.unwrap()["seq"].as_u64());
    assert_eq!(late["cicd"], shell["cicd"]);
    assert_eq!(late["tracego"]["job"]["root"]["exec_id"], shell["tracego"]["exec_id"]);
    assert_eq!(late["tracego"]["ancestors"][0]["pid"], pid);
    assert_eq!(late["tracego"]["ancestors"][0]["creation"], shell["process"]["creation"]);
    assert_eq!(late["tracego"]["reparented"], true);
}

/// Returns why a pid cannot be chosen: clone3(2) needs CAP_CHECKPOINT_RESTORE in the pid namespace.
fn reuse_needs() -> Option<String> {
    let output = Command::new(VICTIM).arg("reuse").stderr(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.code() == Some(77)).then_some(said)
}

fn namespaces() {
    let command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "/bin/true"];
    let session = Session::run(&[], &command, |_| {});
    let (outside, inside) = (session.of("start").next().unwrap(), session.last());
    assert_eq!(inside["process"]["vpid"], 1, "{}", session.stderr());
    assert_ne!(inside["process"]["pid"], 1);
    for name in ["pid", "user"] {
        assert_ne!(inside["tracego"]["namespace"][name], outside["tracego"]["namespace"][name]);
    }
    assert_eq!(inside["tracego"]["namespace"]["mnt"], outside["tracego"]["namespace"]["mnt"]);
}

fn rename() {
    let session = Session::run(&["-e", "execve,exit"], &[VICTIM, "rename"], |_| {});
    let end = session.of("exit").next().unwrap();
    assert_eq!(end["process"]["command"], "other name");
    assert_eq!(end["process"]["executable"]["path"], VICTIM);
}

fn signal() {
    let session = Session::run(&["-e", "exit"], &[VICTIM, "abort"], |c| {
        c.current_dir(std::env::temp_dir());
    });
    let dumped = session.output.stdout.starts_with(b"true");
    let end = session.of("exit").next().unwrap();
    assert_eq!(end["process"]["exit"]["code"], 134);
    assert_eq!(end["tracego"]["exit"]["signal"], 6);
    assert_eq!(end["tracego"]["exit"]["core_dumped"], dumped);
}

fn storm() {
    const LIVES: usize = 3000;
    let session = Session::run(&["-e", "execve,exit,fork"], &[VICTIM, "storm", &LIVES.to_string()], |_| {});
    assert_eq!(session.of("start").filter(|r| r["process"]["executable"]["name"] == "true").count(), LIVES);
    assert_eq!(session.of("start").count(), LIVES + 1);
    assert_eq!(session.of("exit").count(), LIVES + 1);
    assert_eq!(session.of("fork").count(), LIVES);
    let seqs: Vec<u64> = session.records.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let mut uids: Vec<&str> =
        session.records.iter().map(|r| r["log"]["record"]["uid"].as_str().unwrap()).collect();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), session.records.len());
    let lives = lives(&session.records);
    assert_eq!(lives.len(), LIVES + 1);
    // The agent forks the command itself, and the agent is not traced.
    assert_eq!(lives.values().filter(|life| **life == ["fork", "start", "exit"]).count(), LIVES);
    // The first start is the command, which lives through the whole session.
    let mut starts = session.of("start");
    let groups = groups(starts.next().unwrap());
    for record in starts {
        assert_eq!(self::groups(record), groups, "{record}");
        assert!(record["tracego"]["completeness"].is_null(), "{record}");
        assert_eq!(record["tracego"]["ancestors"].as_array().unwrap().last().unwrap()["pid"], 1);
    }
    assert!(session.stderr().contains(" = 0 lost"), "{}", session.stderr());
}

/// Compares the end of processes whose threads end together with what wait(2) told their parent.
fn ends() {
    const LIVES: usize = 4000;
    let session = Session::run(&["-e", "exit"], &[VICTIM, "ends", &LIVES.to_string()], |_| {});
    assert!(session.stderr().contains(" = 0 lost"), "{}", session.stderr());
    let mut ended: HashMap<u64, Vec<(u64, &str)>> = HashMap::new();
    for record in session.of("exit") {
        let (process, name) = (&record["process"], record["process"]["command"].as_str().unwrap());
        let code = process["exit"]["code"].as_u64().unwrap();
        ended.entry(process["pid"].as_u64().unwrap()).or_default().push((code, name));
    }
    let text = String::from_utf8(session.output.stdout.clone()).unwrap();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let (pid, code) = line.split_once(' ').unwrap();
        let told = [(code.parse().unwrap(), "victim")];
        let seen = ended.remove(&pid.parse().unwrap()).unwrap_or_default();
        if seen != told {
            wrong.push((told, seen));
        }
    }
    assert_eq!(text.lines().count(), LIVES);
    assert!(wrong.is_empty(), "{} of {LIVES}: {:?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    // The command itself is left.
    assert_eq!(ended.len(), 1, "{ended:?}");
}

/// Returns the kinds of each process's records, in order.
fn lives(records: &[Value]) -> HashMap<&str, Vec<&str>> {
    let mut lives: HashMap<&str, Vec<&str>> = HashMap::new();
    let of_lives = records.iter().filter(|record| record["event_name"] != "tracego.executable");
    for record in of_lives {
        let kind = record["event_name"].as_str().unwrap().rsplit('.').next().unwrap();
        lives.entry(record["tracego"]["exec_id"].as_str().unwrap()).or_default().push(kind);
    }
    lives
}

/// Returns the names in a record, two levels deep.
fn groups(record: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for (name, value) in record.as_object().unwrap() {
        match value.as_object() {
            Some(below) => names.extend(below.keys().map(|key| format!("{name}.{key}"))),
            None => names.push(name.clone()),
        }
    }
    names
}
