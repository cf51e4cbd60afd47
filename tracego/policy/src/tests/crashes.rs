use std::{fs, thread, time::Instant};

use tracego_model::record::policy::ErrorKind;

use super::*;
use crate::limits::OnError;

/// Returns a policy that takes memory without end for a process start whose first argument is `grow`: values of
/// up to a mebibyte, each kept.
fn growing() -> String {
    let mut body = String::from("  input.process.argv[0] == \"grow\"\n  x0 := \"0123456789abcdef\"\n");
    for index in 1..16 {
        body.push_str(&format!("  x{index} := concat(\"\", [x{0}, x{0}])\n", index - 1));
    }
    body.push_str(
        "  all := [y | some i in numbers.range(1, 9000); y := concat(\"\", [x15, format_int(i, 10)])]\n",
    );
    format!(
        "package main\n\ndeny contains \"grows\" if {{\n{body}  count(all) == 9000\n}}\n\ndeny contains \"no\" if input.process.argv[1] == \"run\"\n"
    )
}

/// Returns the ids of the processes that evaluate an engine's bundles.
fn processes(engine: &PolicyEngine) -> Vec<i32> {
    engine.processes().collect()
}

fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn wait_until_gone(pid: i32) {
    let started = Instant::now();
    while is_alive(pid) {
        assert!(started.elapsed() < Duration::from_secs(10), "{pid} lives");
        thread::sleep(Duration::from_millis(5));
    }
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: a process that this test has started.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

#[test]
fn memory_is_bounded_and_a_crash_is_an_error_of_one_decision() {
    let limits = DecisionLimits { memory: 64 << 20, ..patient() };
    let other = bundle("other", "package main\n\ndeny contains \"other\" if true\n");
    let mut engine = PolicyEngine::new(&[bundle("growing", &growing()), other], &limits).unwrap();
    for _ in 0..2 {
        let decision = engine.decide_json(&start(&["grow", "run"], ""));
        let wanted = "growing: the process that evaluates it ended: the engine crashed, or it was killed";
        assert_eq!((decision.error_kind, decision.error.as_deref()), (Some(ErrorKind::Crash), Some(wanted)));
        assert_eq!(messages(&decision), ["other"]);
        let decision = engine.decide_json(&start(&["go", "run"], ""));
        assert_eq!((messages(&decision), decision.error.clone()), (vec!["no", "other"], None));
    }
    assert_eq!(engine.counts().errors[ErrorKind::Crash as usize], 2);
}

#[test]
fn a_process_that_is_killed_is_replaced() {
    let text = "package main\n\ndeny contains \"no\" if input.process.argv[1] == \"run\"\n";
    for signal in [libc::SIGKILL, libc::SIGSEGV, libc::SIGABRT] {
        for on_error in [OnError::Allow, OnError::Deny] {
            let limits = DecisionLimits { on_error, ..patient() };
            let mut engine = PolicyEngine::new(&[bundle("b", text)], &limits).unwrap();
            let [pid] = processes(&engine)[..] else { panic!("one process") };
            kill(pid, signal);
            wait_until_gone(pid);
            let mut record = start(&["go", "test"], "");
            record["tracego"] = json!({});
            let decision = engine.decide_json(&record);
            assert_eq!(
                (decision.error_kind, decision.allow),
                (Some(ErrorKind::Crash), on_error == OnError::Allow)
            );
            let decision = engine.decide_json(&start(&["go", "run"], ""));
            assert_eq!((messages(&decision), decision.error.clone()), (vec!["no"], None));
            assert_eq!(engine.counts().errors[ErrorKind::Crash as usize], 1);
        }
    }
}

#[test]
fn a_start_with_a_finding_is_denied_if_the_process_is_gone() {
    let mut engine = engine("package main\n\ndeny contains \"no\" if input.process.argv[1] == \"run\"\n");
    kill(processes(&engine)[0], libc::SIGKILL);
    assert!(!engine.decide_json(&start(&["go", "test"], "")).allow);
}

#[test]
fn a_process_has_nothing_open_and_ends_with_its_engine() {
    let engine = engine("package main\n\ndeny contains \"no\" if true\n");
    let pid = processes(&engine)[0];
    let proc = |name: &str| format!("/proc/{pid}/{name}");
    assert_eq!(fs::read_to_string(proc("comm")).unwrap(), "tracego-policy\n");
    let links = fs::read_dir(proc("fd")).unwrap();
    let mut open: Vec<_> = links
        .map(|link| fs::read_link(link.unwrap().path()).unwrap().to_string_lossy().into_owned())
        .collect();
    open.sort();
    // The socket, and the copy of it that is read from.
    let (sockets, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|name| name.starts_with("socket:"));
    assert_eq!((sockets.len(), sockets.first()), (2, sockets.last()));
    assert_eq!(rest, ["/dev/null"; 3]);
    let limits = fs::read_to_string(proc("limits")).unwrap();
    let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(!limit("Max address space").contains("unlimited"), "{limits}");
    assert!(
        limit("Max core file size").split_whitespace().filter(|word| *word == "0").count() == 2,
        "{limits}"
    );
    drop(engine);
    wait_until_gone(pid);
}

#[test]
fn a_crash_while_a_bundle_is_loaded_refuses_it() {
    let mut large = bundle("large", "package main\n\ndeny contains \"no\" if true\n");
    large.data = json!({ "a": "b".repeat(96 << 20) });
    let limits = |memory| DecisionLimits { memory, ..patient() };
    let error = PolicyEngine::new(&[large.clone()], &limits(32 << 20)).unwrap_err().to_string();
    assert_eq!(error, "large: the engine crashed, or its process was killed while it loaded the bundle");
    PolicyEngine::new(&[large], &limits(512 << 20)).unwrap();
}
