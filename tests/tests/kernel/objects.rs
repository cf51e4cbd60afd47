//! The BPF objects, and kernels without a helper, simulated on this one.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tracego_common::{
    limits::BOUNDED_PATH_DEPTH_MAX,
    settings::{event, filter},
};
use tracego_model::enforcement::Mode;
use tracego_probe::load::{
    LoadOptions, load,
    object::{BpfObject, VARIABLE},
};
use tracego_tests::{Session, records, with_full_records};

use crate::{
    Test,
    agent::{options, session},
    exec_edge_cases::tracefs,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("the BPF objects record the same", same),
    ("the BPF object with narrow bounds reports what it leaves out", bounded),
    ("every BPF object is named by doctor and by heartbeats", named),
    ("a kernel without a helper loses what needs it and nothing else", lacking),
];

/// Number of folders above the working directory of the test.
const FOLDERS: usize = 300;

/// Returns what an object records of a start with long values, and of a failed attempt before it.
fn recorded(object: BpfObject) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(vec!["d"; FOLDERS].join("/"));
    fs::create_dir_all(&folder).unwrap();
    let words = ["a".repeat(120_000), "b".repeat(120_000), "c".repeat(120_000)];
    // The last three arguments are those of `sh`.
    let script = "/nonexistent $1; exec /bin/true \"$@\"";
    let command = ["/bin/sh", "-c", script, "sh", &words[0], &words[1], &words[2]];
    let session = Session::run(
        &["-e", "execve,execve-failed", "--argv-max", "1M", "--raw-args"],
        &command,
        |tracego| {
            tracego.env(VARIABLE, object.name()).current_dir(&folder);
            // The environment is sorted, and the job comes last.
            tracego.envs((0..600).map(|n| (format!("A{n:03}"), "x".repeat(100))));
            tracego.envs([
                ("GITLAB_CI", "true"),
                ("CI_JOB_ID", "4711"),
                ("CI_COMMIT_SHA", "0123456789abcdef"),
            ]);
        },
    );
    let start = session.last();
    let missed: Vec<_> =
        session.of("exec_failed").filter(|r| r["process"]["command_args"][0] == "/nonexistent").collect();
    json!({
        "args": start["process"]["command_args"],
        "folder": start["process"]["working_directory"].as_str().map(|path| path.matches("/d").count()),
        "run": start["cicd"]["pipeline"]["task"]["run"]["id"],
        "cgroup": start["process"]["linux"]["cgroup"],
        "completeness": start["tracego"]["completeness"],
        "failed": missed.len(),
    })
}

fn same() {
    tracefs();
    let first = recorded(BpfObject::Loop);
    assert_eq!(first["folder"], FOLDERS);
    assert_eq!((&first["run"], &first["failed"]), (&json!("4711"), &json!(1)));
    assert_eq!(first["args"][3].as_str().unwrap().len(), 120_000);
    assert!(recorded(BpfObject::Each) == first);
}

/// Checks what the object with the narrow bounds leaves out, and that it says so.
fn bounded() {
    tracefs();
    let (whole, bounded) = (recorded(BpfObject::Loop), recorded(BpfObject::Bounded));
    assert!(bounded["args"] == whole["args"]);
    for part in ["cgroup", "failed"] {
        assert_eq!(bounded[part], whole[part]);
    }
    // Names are read from the end of the path.
    assert_eq!(bounded["folder"], BOUNDED_PATH_DEPTH_MAX);
    // The job is behind more variables than are read.
    assert_eq!(bounded["run"], Value::Null);
    let truncated = json!(["process.environment_variable", "process.working_directory"]);
    assert_eq!(bounded["completeness"]["truncated"], truncated, "{}", bounded["completeness"]);
    // A usual start is whole.
    let session = Session::run(&[], &["/bin/true"], |tracego| {
        tracego.env_clear().env(VARIABLE, BpfObject::Bounded.name());
        tracego.envs([("GITLAB_CI", "true"), ("CI_JOB_ID", "4711"), ("CI_COMMIT_SHA", "0123456789abcdef")]);
    });
    let start = session.last();
    assert_eq!(start["cicd"]["pipeline"]["task"]["run"]["id"], "4711", "{start:#}");
    assert_eq!(start["tracego"]["completeness"]["truncated"], Value::Null, "{start:#}");
}

fn named() {
    for object in BpfObject::ALL {
        let output =
            with_full_records().args(["doctor", "--json"]).env(VARIABLE, object.name()).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "BPF object").unwrap();
        let state = if object == BpfObject::Bounded { "degraded" } else { "ok" };
        assert_eq!(check["state"], state, "{check}");
        assert!(check["detail"].as_str().unwrap().starts_with(object.name()), "{check}");
        assert_eq!(report["works"], true, "{report:#}");
        // The control loop of an emulated machine may be late by seconds.
        let time = if std::env::var_os("TRACEGO_TEST_EMULATED").is_some() { "8" } else { "2.5" };
        let (file, mut run) = (tempfile::NamedTempFile::new().unwrap(), with_full_records());
        run.args(["run", "--heartbeat", "1", "--output", "json", "--output-file"]).arg(file.path());
        let output = run.args(["--", "/bin/sleep", time]).env(VARIABLE, object.name()).output().unwrap();
        let (all, stderr) =
            (records(&fs::read_to_string(file.path()).unwrap()), output.stderr.escape_ascii());
        let mut beats = all.iter().filter(|record| record["event_name"] == "tracego.heartbeat");
        assert_eq!(beats.next().unwrap()["tracego"]["bpf_object"], object.name(), "{stderr}");
    }
    let wrong = Session::run(&[], &["/bin/true"], |tracego| {
        tracego.env(VARIABLE, "other");
    });
    assert_eq!(wrong.output.status.code(), Some(3));
    assert!(wrong.stderr().contains("TRACEGO_BPF_OBJECT=other"), "{}", wrong.stderr());
}

/// Returns options for a kernel without some helpers, with everything asked for.
fn without(helpers: &[&str]) -> LoadOptions {
    let mut load = options(1 << 20, Duration::ZERO).load;
    load.without = helpers.iter().map(|&name| name.to_owned()).collect();
    load.settings.events |= event::EXEC_FAILED;
    load
}

fn lacking() {
    tracefs();
    // The object is the one that the kernel can run.
    if std::env::var_os(VARIABLE).is_none() {
        for (helpers, object) in [
            (&[][..], BpfObject::Loop),
            (&["bpf_loop"], BpfObject::Each),
            (&["bpf_loop", "bpf_for_each_map_elem"], BpfObject::Bounded),
        ] {
            let mut loaded = load(&without(helpers), Mode::Off).unwrap();
            assert_eq!(loaded.object, object, "without {helpers:?}");
            loaded.detach().unwrap();
        }
    }
    // A filter that cannot be applied would record more than was asked for.
    let mut load_options = without(&["bpf_get_current_ancestor_cgroup_id"]);
    load_options.settings.filters |= filter::CGROUP;
    let error = load(&load_options, Mode::Off).err().unwrap().to_string();
    assert!(error.contains("--cgroup") && error.contains("(Linux 5.12)"), "{error}");
    // Deny is not there, and says why; kill is.
    let mut loaded = load(&without(&["bpf_task_pt_regs"]), Mode::Deny).unwrap();
    assert!(
        loaded.why_no_deny().unwrap().contains("bpf_task_pt_regs (Linux 5.15)"),
        "{:?}",
        loaded.why_no_deny()
    );
    loaded.detach().unwrap();
    // Failed attempts are not recorded, and everything else is.
    let mut options = options(1 << 20, Duration::ZERO);
    options.load = without(&["bpf_task_pt_regs"]);
    let mut shell = 0;
    let (report, text) = session(options, async |agent| {
        let programs: Vec<&str> =
            agent.kernel().ebpf.programs().filter(|(_, p)| p.fd().is_ok()).map(|(n, _)| n).collect();
        assert!(!programs.iter().any(|name| name.contains("failed")), "{programs:?}");
        let script = "/bin/true; /nonexistent; exit 0";
        let mut child = Command::new("/bin/sh").args(["-c", script]).stderr(Stdio::null()).spawn().unwrap();
        shell = child.id();
        assert!(child.wait().unwrap().success());
    });
    assert!(report.ledger.balanced(), "{}", report.ledger);
    let all = records(&text);
    let count = |kind: &str| {
        let name = format!("tracego.process.{kind}");
        let of_shell = |r: &&Value| r["event_name"] == name && r["process"]["parent_pid"] == shell;
        all.iter().filter(of_shell).count()
    };
    assert_eq!((count("start"), count("fork"), count("exec_failed")), (1, 2, 0));
}
