//! Commit and job of a process: explicit, its own, inherited, changed, dropped.

use tracego_model::job_variables::{self, JOB_VARIABLES};
use tracego_tests::Session;

use crate::{Test, VICTIM};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a wiped environment still belongs to its job", wiped),
    ("the kernel side and the agent have one definition of a job", openers),
    ("a child that changes its job is known by both", changed),
    ("a variable that is not on the list never arrives", allow_list),
    ("the trace of TRACEPARENT", trace),
    ("a double fork keeps its ancestors and its job", double_fork),
    ("vendor markers decide", vendor),
    ("a job lives on in shells of a wiped environment", wiped_shells),
    ("the last --env of a name wins", last_wins),
    ("legs of a matrix are jobs of their own", legs),
    ("names of users are those of the process's own root", users),
];

const JOB: &str = "cicd.pipeline.task.run.id";

fn wiped() {
    let session = Session::run(&[], &["/bin/sh", "-c", "env -i /bin/true; exit"], |c| {
        c.env("CI_JOB_ID", "77").env("GIT_COMMIT", "abc");
    });
    let (root, last) = (session.of("start").next().unwrap(), session.last());
    assert_eq!(root["cicd"]["pipeline"]["task"]["run"]["id"], "77");
    assert_eq!(root["tracego"]["job"]["sources"][0]["source"], "environment");
    assert!(last["process"]["environment_variable"].is_null());
    assert_eq!(last["tracego"]["exec"]["env_count"], 0);
    assert_eq!(last["cicd"], root["cicd"]);
    assert_eq!(last["vcs"]["ref"]["head"]["revision"], "abc");
    let job = &last["tracego"]["job"];
    assert_eq!(job["root"]["exec_id"], root["tracego"]["exec_id"]);
    assert!(job["sources"].as_array().unwrap().iter().all(|s| s["source"] == "inherited"));
    assert!(job["dropped"].as_array().unwrap().contains(&JOB.into()));
}

/// Checks every variable of the table, and values that mean no.
fn openers() {
    let mut all: Vec<(&str, &str)> = Vec::new();
    for (name, _) in JOB_VARIABLES {
        all.extend(["1", "false", ""].map(|value| (name, value)));
    }
    let values = ["true", "TRUE", "woodpecker", "falsetto", "0", "No", "off", "FALSE", "false-1"];
    all.extend(values.map(|value| ("CI", value)));
    all.extend(["BUILD_ID", "BUILD_NUMBER", "GIT_COMMIT", "CIX"].map(|name| (name, "1")));
    let script: String =
        all.iter().map(|(name, value)| format!("env -i {name}={value} /bin/true\n")).collect();
    let session = Session::run(&[], &["/bin/sh", "-c", &format!("{script}exit 0")], |_| {});
    let found: Vec<_> = session.of("start").filter(|start| start["process"]["command"] == "true").collect();
    assert_eq!(found.len(), all.len());
    for ((name, value), start) in all.into_iter().zip(found) {
        let opens = job_variables::opens(name.as_bytes(), value.as_bytes());
        let job = &start["tracego"]["job"];
        // The root is what the kernel side decided, `opened_by` what the agent did.
        assert_eq!(job["root"]["pid"] == start["process"]["pid"], opens, "{name}={value}: {job}");
        assert_eq!(job["opened_by"] == "self", opens, "{name}={value}: {job}");
    }
    let session = Session::run(&[], &["/bin/sh", "-c", "env -i /bin/true; exit"], |c| {
        c.env("CI", "true");
    });
    assert_eq!(session.of("start").next().unwrap()["tracego"]["job"]["opened_by"], "self");
    assert_eq!(session.last()["tracego"]["job"]["opened_by"], "ancestor");
    let session = Session::run(&["--env", "CI_JOB_ID=7"], &["/bin/true"], |_| {});
    assert_eq!(session.last()["tracego"]["job"]["opened_by"], "explicit");
}

fn changed() {
    let session = Session::run(&[], &["/bin/sh", "-c", "CI_JOB_ID=666 /bin/true; exit"], |c| {
        c.env("CI_JOB_ID", "77");
    });
    let last = session.last();
    assert_eq!(last["cicd"]["pipeline"]["task"]["run"]["id"], "666");
    let wanted =
        serde_json::json!([{"attribute": JOB, "claimed": "666", "expected": "77", "source": "inherited"}]);
    assert_eq!(last["tracego"]["job"]["changed"], wanted);
    assert_eq!(last["tracego"]["job"]["root"]["pid"], session.of("start").next().unwrap()["process"]["pid"]);
}

fn allow_list() {
    let session = Session::run(&["--env", "WANTED"], &["/bin/true"], |c| {
        c.env("WANTED", "yes")
            .env("WANTED_NOT", "secret-1")
            .env("CI_JOB_TOKEN", "secret-2")
            .env("GITHUB_TOKEN", "secret-3");
    });
    let record = session.last();
    assert_eq!(record["process"]["environment_variable"], serde_json::json!({"WANTED": "yes"}));
    assert!(!record.to_string().contains("secret-"));
}

fn trace() {
    let session = Session::run(&[], &["/bin/true"], |c| {
        c.env("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    });
    assert_eq!(session.last()["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(session.last()["span_id"], "00f067aa0ba902b7");
}

fn double_fork() {
    let script = "(sleep 0.2; exec env -i /bin/true) & exit 0";
    let session = Session::run(&["--wait"], &["/bin/sh", "-c", script], |c| {
        c.env("CI_JOB_ID", "77");
    });
    let (shell, last) = (session.of("start").next().unwrap(), session.last());
    assert_eq!(last["process"]["executable"]["name"], "true");
    assert_eq!(last["tracego"]["reparented"], true);
    assert_ne!(last["process"]["parent_pid"], shell["process"]["pid"]);
    assert_eq!(last["tracego"]["ancestors"][0]["pid"], shell["process"]["pid"]);
    assert_eq!(last["cicd"]["pipeline"]["task"]["run"]["id"], "77");
}

fn vendor() {
    let session = Session::run(&[], &[VICTIM, "spawn"], |c| {
        c.env("GITHUB_ACTIONS", "true").env("GITHUB_RUN_ID", "9").env("GITHUB_RUN_ATTEMPT", "2");
        c.env("GITHUB_JOB", "build").env("GITHUB_SHA", "f00");
    });
    let last = session.last();
    assert_eq!(last["cicd"]["system"]["component"], "github");
    assert_eq!(last["cicd"]["pipeline"]["run"]["id"], "9");
    assert_eq!(last["cicd"]["pipeline"]["task"]["run"]["id"], "9/2/build");
    assert_eq!(last["vcs"]["ref"]["head"]["revision"], "f00");
}

fn wiped_shells() {
    let script = "env -i /bin/sh -c '/bin/sh -c \"/bin/true; exit\"; exit'; exit";
    let session = Session::run(&["-e", "execve,exit"], &["/bin/sh", "-c", script], |c| {
        c.env("CI_JOB_ID", "77");
    });
    let root = session.of("start").next().unwrap();
    // sh, env, sh in its place, sh, true.
    assert_eq!(session.of("start").count(), 5, "{:#?}", session.records);
    for record in &session.records {
        assert_eq!(record["cicd"]["pipeline"]["task"]["run"]["id"], "77", "{record}");
        assert_eq!(record["tracego"]["job"]["root"]["exec_id"], root["tracego"]["exec_id"]);
    }
    assert_eq!(session.last()["tracego"]["job"]["dropped"], serde_json::json!([JOB]));
}

fn last_wins() {
    let options = ["--env", "GIT_COMMIT=first", "--env", "GIT_COMMIT", "--env", "GIT_COMMIT=last"];
    let session = Session::run(&options, &["/bin/true"], |c| {
        c.env("GIT_COMMIT", "own");
    });
    let record = session.last();
    assert_eq!(record["process"]["environment_variable"]["GIT_COMMIT"], "last");
    assert_eq!(record["vcs"]["ref"]["head"]["revision"], "last");
    let sources = record["tracego"]["job"]["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 1, "{sources:#?}");
    assert_eq!(sources[0]["source"], "explicit");
    // The contradicting claim of the process is shown.
    assert_eq!(record["tracego"]["job"]["changed"][0]["claimed"], "own");
}

fn legs() {
    let job = "export GITHUB_ACTIONS=true GITHUB_RUN_ID=9 GITHUB_JOB=test";
    let leg = |n| {
        format!(
            "(export RUNNER_NAME=r RUNNER_TRACKING_ID=github_{n}; /bin/true; env -u RUNNER_TRACKING_ID /bin/true)"
        )
    };
    let script = format!("{job}; {}; {}; exit", leg(1), leg(2));
    let session = Session::run(&[], &["/bin/sh", "-c", &script], |_| {});
    let of = |name: &str| -> Vec<(&str, &str)> {
        let starts = session.of("start").filter(|record| record["process"]["executable"]["name"] == name);
        let text =
            |value: &serde_json::Value| value.as_str().map(str::to_owned).unwrap_or_default().leak() as &str;
        let job = |record: &serde_json::Value| {
            (
                text(&record["cicd"]["pipeline"]["task"]["run"]["id"]),
                text(&record["tracego"]["job"]["root"]["exec_id"]),
            )
        };
        starts.map(job).collect()
    };
    let ids: Vec<_> = of("true").into_iter().map(|(id, _)| id).collect();
    // A process without the tracking id, in the process that had it, is of the same leg.
    assert_eq!(ids, ["9/1/test/github_1", "9/1/test/github_1", "9/1/test/github_2", "9/1/test/github_2"]);
    let roots: std::collections::BTreeSet<_> = of("true").into_iter().map(|(_, root)| root).collect();
    assert!(roots.len() >= 2, "{roots:?}");
    for record in session.of("start") {
        assert!(record["tracego"]["job"]["changed"].is_null(), "{record}");
    }
}

fn users() {
    let folder = tempfile::tempdir().unwrap();
    let passwd = folder.path().join("passwd");
    std::fs::write(&passwd, "root:x:0:0::/:/bin/sh\nimageacct:x:64711:64711::/:/bin/sh\n").unwrap();
    let script = format!(
        "setpriv --reuid 64711 --clear-groups /bin/true; exec unshare -m sh -c 'mount --bind {} /etc/passwd; \
         setpriv --reuid 64711 --clear-groups /bin/true; /bin/true; sleep 0.2; exit'",
        passwd.display()
    );
    // The sleep keeps the namespace until its users are read; without a process nobody can look into it.
    let session = Session::run(&["-e", "execve,exit"], &["/bin/sh", "-c", &script], |_| {});
    assert!(session.output.status.success(), "{}", session.stderr());
    let of_true = |event: &str| -> Vec<serde_json::Value> {
        let of = session.of(event).filter(|record| record["process"]["executable"]["name"] == "true");
        of.map(|record| record["process"].clone()).collect()
    };
    let starts = of_true("start");
    let names: Vec<_> = starts.iter().map(|process| &process["user"]["name"]).collect();
    assert_eq!(names, [&serde_json::Value::Null, &"imageacct".into(), &"root".into()], "{starts:#?}");
    // The end of a process has the name of its start.
    let ends = of_true("exit");
    let names: Vec<_> = ends.iter().map(|process| &process["real_user"]["name"]).collect();
    assert_eq!(names, [&serde_json::Value::Null, &"imageacct".into(), &"root".into()], "{ends:#?}");
}
