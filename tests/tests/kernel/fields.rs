//! Every field, compared with the values that the observed process knows about itself.

use std::path::Path;

use serde_json::Value;
use tracego_tests::{Session, args};

use crate::{Test, VICTIM};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("every field is what /proc says", every_field),
    ("exit has code, time and size", exit),
    ("fork names the child and its parent", fork),
    ("limits are soft and hard", limits),
    ("users, groups and capabilities of a setpriv", credentials),
    ("a terminal is named", terminal),
];

/// Returns the words of a line of /proc/PID/status.
fn status<'a>(facts: &'a Value, name: &str) -> Vec<&'a str> {
    let text = facts["status"].as_str().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').split_whitespace().collect()
}

fn every_field() {
    let session = Session::run(
        &["--env", "GIT_COMMIT=abc123f", "--env", "CI_JOB_ID=456789"],
        &[VICTIM, "facts"],
        |c| {
            c.current_dir("/tmp");
        },
    );
    let facts: Value = serde_json::from_slice(&session.output.stdout).unwrap();
    let record = session.start(Path::new(VICTIM));
    let (process, own) = (&record["process"], &record["tracego"]);
    assert_eq!(process["pid"], facts["pid"]);
    assert_eq!(process["vpid"], facts["pid"]);
    assert_eq!(process["parent_pid"], facts["ppid"]);
    assert_eq!(process["command"], "victim");
    assert_eq!(args(record), [VICTIM, "facts"]);
    assert_eq!(process["args_count"], 2);
    assert_eq!(own["exec"]["args_bytes"], VICTIM.len() + 1 + 6);
    assert_eq!(own["exec"]["env_count"], facts["env"]);
    assert_eq!(own["exec"]["filename"], VICTIM);
    assert_eq!(process["executable"]["path"], facts["exe"]);
    assert_eq!(process["executable"]["name"], "victim");
    assert_eq!(process["working_directory"], "/tmp");
    assert_eq!(process["group_leader"]["pid"], facts["pgid"]);
    assert_eq!(process["session_leader"]["pid"], facts["sid"]);
    assert_eq!(process["user"]["id"], 0);
    assert_eq!(process["user"]["name"], "root");
    assert_eq!(own["executable"]["inode"], facts["inode"]);
    assert_eq!(own["executable"]["mode"], facts["mode"]);
    assert_eq!(own["executable"]["owner_id"], facts["owner"]);
    let ctime = tracego_model::clock::Time(facts["ctime_ns"].as_i64().unwrap()).text();
    assert_eq!(own["executable"]["ctime"], ctime.as_str());
    assert_eq!(own["executable"]["device"], facts["device"]);
    assert_eq!(own["executable"]["deleted"], false);
    assert_eq!(own["executable"]["memfd"], false);
    assert_eq!(own["namespace"]["pid"], facts["pid_ns"]);
    assert_eq!(own["namespace"]["mnt"], facts["mnt_ns"]);
    assert_eq!(own["namespace"]["user"], facts["user_ns"]);
    for (set, name) in [
        ("effective", "CapEff"),
        ("permitted", "CapPrm"),
        ("inheritable", "CapInh"),
        ("bounding", "CapBnd"),
        ("ambient", "CapAmb"),
    ] {
        assert_eq!(own["capability"][set], status(&facts, name)[0], "{set}");
    }
    assert_eq!(
        own["seccomp"],
        ["off", "strict", "filter"][status(&facts, "Seccomp")[0].parse::<usize>().unwrap()]
    );
    assert_eq!(own["no_new_privs"], status(&facts, "NoNewPrivs")[0] == "1");
    let login = facts["loginuid"].as_str().unwrap();
    match own["audit"]["login_user_id"].as_u64() {
        Some(id) => assert_eq!(id.to_string(), login),
        None => assert!(matches!(login, "" | "4294967295"), "{login}"),
    }
    cgroup(process["linux"]["cgroup"].as_str().unwrap(), own["cgroup"]["version"].as_u64().unwrap(), &facts);
    start_time(process["creation"]["time"].as_str().unwrap(), &facts);
    assert_eq!(process["environment_variable"]["GIT_COMMIT"], "abc123f");
    assert_eq!(record["vcs"]["ref"]["head"]["revision"], "abc123f");
    assert_eq!(record["cicd"]["pipeline"]["task"]["run"]["id"], "456789");
    assert_eq!(own["in_tree"], true);
    assert!(own["completeness"].is_null(), "{}", own["completeness"]);
    // From the agent up to the first process.
    let above = own["ancestors"].as_array().unwrap();
    assert_eq!(above[0]["command"], "tracego");
    assert_eq!(above.last().unwrap()["pid"], 1);
}

/// Compares a cgroup path with the lines `hierarchy:controllers:path`; the v2 hierarchy has number 0.
fn cgroup(path: &str, version: u64, facts: &Value) {
    let wanted = facts["cgroup"].as_str().unwrap().lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let pids = controllers.split(',').any(|name| name == "pids");
        (if version == 2 { number == "0" } else { pids }).then_some(path)
    });
    assert_eq!(Some(path), wanted);
}

/// Compares a start time with field 22 of stat. That is in ticks of 10 ms since boot; the record has
/// nanoseconds.
fn start_time(text: &str, facts: &Value) {
    let stat = facts["stat"].as_str().unwrap();
    let ticks: i64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap();
    let now = tracego_model::clock::Reading::now();
    let wanted = now.unix_ns - now.boot_ns + ticks * 10_000_000;
    let near = |ns: i64| tracego_model::clock::Time(ns).text();
    // Up to a tick later, plus the difference between two readings of the clocks.
    assert!(
        (near(wanted - 2_000_000).as_str()..=near(wanted + 12_000_000).as_str()).contains(&text),
        "{text}"
    );
}

fn exit() {
    let session = Session::run(&["-e", "execve,exit"], &["/bin/sh", "-c", "/bin/true; exit 3"], |_| {});
    assert_eq!(session.output.status.code(), Some(3));
    let ends: Vec<_> = session.of("exit").collect();
    assert_eq!(ends.len(), 2);
    assert_eq!(
        (&ends[0]["process"]["command"], &ends[0]["process"]["exit"]["code"]),
        (&"true".into(), &0.into())
    );
    assert_eq!(
        (&ends[1]["process"]["command"], &ends[1]["process"]["exit"]["code"]),
        (&"sh".into(), &3.into())
    );
    for end in ends {
        let start = session.of("start").find(|s| s["process"]["pid"] == end["process"]["pid"]).unwrap();
        assert_eq!(start["tracego"]["exec_id"], end["tracego"]["exec_id"]);
        assert_eq!(start["process"]["creation"], end["process"]["creation"]);
        assert!(end["tracego"]["exit"]["run_time_ns"].as_u64().unwrap() > 0);
        assert!(end["tracego"]["exit"]["max_rss_bytes"].as_u64().unwrap() > 100_000);
        assert!(end["tracego"]["exit"]["signal"].is_null());
        assert!(end["timestamp"].as_str() > start["timestamp"].as_str());
    }
}

fn fork() {
    let session = Session::run(&["-e", "execve,fork"], &["/bin/sh", "-c", "(exec /bin/true); exit"], |_| {});
    let parent = session.of("start").next().unwrap();
    let child = session.last();
    let fork = session.of("fork").find(|f| f["process"]["pid"] == child["process"]["pid"]).unwrap();
    assert_eq!(fork["process"]["parent_pid"], parent["process"]["pid"]);
    assert_eq!(fork["tracego"]["exec_id"], child["tracego"]["exec_id"]);
    assert!(fork["seq"].as_u64() < child["seq"].as_u64());
}

fn limits() {
    let script = "ulimit -S -n 100; ulimit -H -n 200; ulimit -c 0; exec /bin/true";
    let session = Session::run(&[], &["/bin/sh", "-c", script], |_| {});
    let limits = &session.last()["tracego"]["rlimit"];
    assert_eq!(limits["nofile"], serde_json::json!({"soft": 100, "hard": 200}));
    assert_eq!(limits["core"]["soft"], 0);
    assert_eq!(limits["cpu"]["soft"], Value::Null);
    assert_eq!(limits.as_object().unwrap().len(), 16);
}

fn credentials() {
    let command =
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs", "/bin/true"];
    let session = Session::run(&[], &command, |_| {});
    let record = session.last();
    assert_eq!(record["process"]["user"]["id"], 65534);
    assert_eq!(record["process"]["user"]["name"], "nobody");
    assert_eq!(record["process"]["real_user"]["id"], 65534);
    assert_eq!(record["process"]["saved_user"]["id"], 65534);
    assert_eq!(record["tracego"]["no_new_privs"], true);
    assert_eq!(record["tracego"]["capability"]["effective"], "0000000000000000");
}

fn terminal() {
    // script(1) of bsdutils, an essential package of Debian, allocates a terminal.
    let session = Session::run(&[], &["script", "-qc", "exec /bin/true", "/dev/null"], |_| {});
    let record = session.last();
    assert_eq!(record["process"]["interactive"], true);
    assert!(record["tracego"]["tty"].as_str().unwrap().starts_with("136:"), "{record}");
}
