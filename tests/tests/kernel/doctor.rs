//! `tracego doctor`, and the diagnostics of the kernel side.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;
use tracego_tests::{Session, tracego, with_full_records};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("doctor reports that the main job works", works),
    ("doctor without rights names what is missing", without_rights),
    ("diagnostics arrive when they are on", diagnostics_on),
    ("diagnostics that are off are not in the programs", diagnostics_off),
];

fn doctor(edit: impl FnOnce(&mut Command)) -> (Output, Value) {
    let mut command = with_full_records();
    command.args(["doctor", "--json"]);
    edit(&mut command);
    let output = command.output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output, report)
}

fn state(report: &Value, name: &str) -> String {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no {name} in {report:#}"))["state"].as_str().unwrap().to_owned()
}

fn works() {
    let (output, report) = doctor(|_| {});
    assert_eq!((output.status.code(), &report["works"]), (Some(0), &Value::Bool(true)), "{report:#}");
    for name in ["BTF", "ring buffer", "BPF object", "maps", "tp_btf/sched_process_exec"] {
        assert_eq!(state(&report, name), "ok", "{report:#}");
    }
    // The state of LSM depends on the machine, but there is one. The kernel attaches programs without ever
    // calling them when BPF is not among the active modules.
    let lsm = state(&report, "lsm/bprm_check_security");
    assert_ne!(lsm, "missing");
    if let Ok(modules) = fs::read_to_string("/sys/kernel/security/lsm") {
        assert!(
            lsm == "optional" || modules.trim().split(',').any(|name| name == "bpf"),
            "{modules} {report:#}"
        );
    }
    let text = with_full_records().arg("doctor").output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("ok        tp_btf/sched_process_exec"), "{text}");
}

fn without_rights() {
    let drop = ["--bounding-set", "-bpf,-sys_admin", "--inh-caps", "-all"];
    let output =
        Command::new("setpriv").args(drop).arg(tracego()).args(["doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["works"]), (Some(3), &Value::Bool(false)));
    assert_eq!(state(&report, "capabilities"), "missing");
    assert!(report["checks"][1]["detail"].as_str().unwrap().starts_with("CAP_BPF is missing"));
}

fn diagnostics_on() {
    let filter = |level: &'static str| {
        move |command: &mut Command| {
            command.env("TRACEGO_LOG", format!("warn,tracego_ebpf={level}"));
        }
    };
    let session = Session::run(&[], &["/bin/true"], filter("trace"));
    let pid = session.last()["process"]["pid"].to_string();
    assert!(session.stderr().contains(&format!("exec: pid {pid}, ")), "{}", session.stderr());
    let session = Session::run(&[], &["/bin/true"], filter("debug"));
    assert!(!session.stderr().contains("exec: pid"), "{}", session.stderr());
}

/// Programs without diagnostics, because their decisions are events.
const SILENT: [&str; 2] = ["exec_verdict", "exec_denied"];

/// Returns the instruction counts of all other programs with diagnostics at a level. The probe has no
/// diagnostics.
fn sizes(level: &str) -> Vec<u64> {
    let (_, report) = doctor(|command| {
        command.env("TRACEGO_LOG", format!("tracego_ebpf={level}"));
    });
    let programs = report["programs"].as_array().unwrap();
    let real = programs.iter().filter(|program| {
        let name = program["name"].as_str().unwrap();
        !name.ends_with("_probe") && !SILENT.contains(&name)
    });
    real.map(|program| program["xlated_bytes"].as_u64().unwrap()).collect()
}

fn diagnostics_off() {
    let (off, on) = (sizes("off"), sizes("trace"));
    assert_eq!(sizes("info"), off, "no diagnostic is of that level");
    assert_eq!(off.len(), on.len());
    assert!(off.iter().zip(&on).all(|(off, on)| off + 2000 < *on), "{off:?} {on:?}");
}
