//! Policies that fail while tracego runs.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tracego_tests::{ChildGuard, Session, wait_until, with_full_records, written_records};

use crate::{
    Test,
    metrics::{of as of_metric, on_unix},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("policies: one that hangs decides again, and SIGHUP loads another", hangs),
    ("policies: one that crashes the engine costs its decision alone", crashes),
    ("policies: their processes are not in a followed tree", unfollowed),
    ("policies: a program that ran to its end was not killed", ran_to_its_end),
    ("policies: what they allow runs, whatever was denied before", allowed),
    ("policies: the shipped bundle decides in the place of the built-in rule", shipped),
];

/// Name of the program that the policies are about, unique among the tests.
const NAME: &str = "hangs-no-more";

/// Returns a policy that hangs when the first argument is `hang`: one instruction compares values of 2^60
/// parts.
fn endless() -> String {
    let mut text = format!(
        "package main\n\ndeny contains \"no\" if {{\n\tinput.process.name == \"{NAME}\"\n\
         \tinput.process.argv[1] == \"hang\"\n\tx0 := [1]\n\ty0 := [1]\n"
    );
    for index in 1..60 {
        let before = index - 1;
        text.push_str(&format!(
            "\tx{index} := [x{before}, x{before}]\n\ty{index} := [y{before}, y{before}]\n"
        ));
    }
    text + "\tx59 == y59\n}\n"
}

/// Returns a policy that takes memory without end when the first argument is `grow`.
fn growing() -> String {
    let mut text = format!(
        "package main\n\ndeny contains \"no\" if {{\n\tinput.process.name == \"{NAME}\"\n\
         \tinput.process.argv[1] == \"grow\"\n\tx0 := \"0123456789abcdef\"\n"
    );
    for index in 1..16 {
        text.push_str(&format!("\tx{index} := concat(\"\", [x{0}, x{0}])\n", index - 1));
    }
    text + "\tall := [y | some i in numbers.range(1, 9000); y := concat(\"\", [x15, format_int(i, 10)])]\n\
            \tcount(all) == 9000\n}\n"
}

/// Returns the processes of policies that descend from a process, the one that forks them first.
fn policy_processes(tracego: u32) -> Vec<u32> {
    let children = |of: u32| {
        let tasks = fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
        let lists = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
        let pids =
            |text: String| text.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()).collect::<Vec<_>>();
        lists.flat_map(pids).collect::<Vec<_>>()
    };
    let is_policy = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "tracego-policy\n")
    };
    let nurseries: Vec<u32> = children(tracego).into_iter().filter(is_policy).collect();
    let below = nurseries.iter().flat_map(|nursery| children(*nursery)).collect::<Vec<_>>();
    nurseries.into_iter().chain(below).collect()
}

fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn kill(pid: u32, signal: i32) {
    // SAFETY: a process that this test has started, itself or through tracego.
    assert_eq!(unsafe { libc::kill(i32::try_from(pid).unwrap(), signal) }, 0);
}

/// Starts the program with this argument, until tracego is ready and the decision about it meets the condition.
fn attached(folder: &Path, running: &mut ChildGuard, argument: &str, so: impl Fn(&Value) -> bool) {
    wait_until(argument, || {
        start(folder, argument);
        is_decided(folder, running, argument, &so)
    });
}

/// Starts the program once with this argument, and waits until the decision about it meets the condition.
fn decided(folder: &Path, running: &mut ChildGuard, argument: &str, so: impl Fn(&Value) -> bool) {
    start(folder, argument);
    wait_until(argument, || is_decided(folder, running, argument, &so));
}

fn start(folder: &Path, argument: &str) {
    assert!(Command::new(folder.join(NAME)).arg(argument).status().unwrap().success());
}

fn is_decided(folder: &Path, running: &mut ChildGuard, argument: &str, so: impl Fn(&Value) -> bool) -> bool {
    let about = |start: &Value| {
        let (args, decision) = (&start["process"]["command_args"], &start["tracego"]["policy"]);
        args[0].as_str().is_some_and(|name| name.ends_with(NAME)) && args[1] == *argument && so(decision)
    };
    written(folder, running).iter().any(about)
}

/// Returns the records so far.
fn written(folder: &Path, running: &mut ChildGuard) -> Vec<Value> {
    assert!(running.0.try_wait().unwrap().is_none(), "it has ended");
    written_records(&folder.join("records"))
}

/// Starts programs that are too short to be killed. Each is told apart from one that was killed, with its name,
/// its parent and its exit code.
fn ran_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let rule =
        "package tracego.process\ndeny contains \"no\" if input.process.executable.name == \"false\"\n";
    fs::write(folder.path().join("p.rego"), rule).unwrap();
    let options = ["--policy", folder.path().to_str().unwrap(), "--enforce", "kill", "-e", "execve,exit"];
    let script = "for i in 1 2 3 4 5 6 7 8; do /bin/false; done; exit 0";
    let session = Session::run(&options, &["sh", "-c", script], |_| {});
    let shell = &session.of("start").next().unwrap()["process"]["pid"];
    let gone: Vec<_> = session
        .records
        .iter()
        .filter(|record| record["tracego"]["enforcement"]["error"].is_string())
        .collect();
    assert!(!gone.is_empty(), "{}", session.stderr());
    for record in gone {
        let process = &record["process"];
        assert_eq!(record["tracego"]["enforcement"]["error"], "it ran to its end");
        assert_eq!(
            (process["command"].as_str(), &process["parent_pid"]),
            (Some("false"), shell),
            "{record:#}"
        );
        assert_eq!(process["executable"]["name"], "false");
        // The end came in the same batch, or its record follows.
        assert!(process["exit"].is_null() || process["exit"]["code"] == 1, "{record:#}");
        let body = record["body"].as_str().unwrap();
        let wanted =
            format!("should have been killed by deny, but it ran to its end: false (pid {})", process["pid"]);
        assert!(body.starts_with(&wanted), "{body}");
        let told = format!("false (pid {}) should have been stopped by the rule deny, but", process["pid"]);
        assert!(session.stderr().contains(&told), "{}", session.stderr());
    }
    // A part of the command ran that had to be stopped.
    assert_eq!(session.output.status.code(), Some(5), "{}", session.stderr());
}

fn hangs() {
    let folder = tempfile::tempdir().unwrap();
    let (path, policy) = (folder.path(), folder.path().join("p.rego"));
    let of = ["/usr/bin/true", "/bin/true"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    fs::copy(of, path.join(NAME)).unwrap();
    fs::write(&policy, endless()).unwrap();
    let mut tracego = with_full_records();
    tracego.args(["--heartbeat", "0", "--output", "json", "--output-file"]).arg(path.join("records"));
    tracego.arg("--policy").arg(&policy).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = ChildGuard(tracego.spawn().unwrap());
    attached(path, &mut running, "well", |decision| decision["allow"] == true && decision["error"].is_null());
    decided(path, &mut running, "hang", |decision| decision["error_kind"] == "hang");
    decided(path, &mut running, "other", |decision| {
        decision["allow"] == true && decision["error"].is_null() && decision["cached"] == false
    });
    let mended = format!(
        "package main\n\ndeny contains \"mended\" if {{\n\tinput.process.name == \"{NAME}\"\n\
         \tinput.process.argv[1] == \"hang\"\n}}\n"
    );
    fs::write(path.join("new"), mended).unwrap();
    fs::rename(path.join("new"), &policy).unwrap();
    let pid = i32::try_from(running.0.id()).unwrap();
    // SAFETY: the child is not reaped yet.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGHUP) }, 0);
    attached(path, &mut running, "hang", |decision| decision["violations"][0]["msg"] == "mended");
    decided(path, &mut running, "again", |decision| decision["allow"] == true && decision["error"].is_null());
    running.terminate();
    // A start was allowed without a decision.
    assert_eq!(running.ended().code(), Some(4));
}

fn crashes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, policy, socket) = (folder.path(), folder.path().join("p.rego"), folder.path().join("metrics"));
    let of = ["/usr/bin/true", "/bin/true"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    fs::copy(of, path.join(NAME)).unwrap();
    fs::write(&policy, growing()).unwrap();
    let mut tracego = with_full_records();
    tracego.args(["--heartbeat", "0", "--policy-time-limit", "30000", "--output", "json", "--output-file"]);
    tracego.arg(path.join("records")).arg("--policy").arg(&policy);
    tracego
        .arg("--listen")
        .arg(format!("unix:{}", socket.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut running = ChildGuard(tracego.spawn().unwrap());
    let is_crash = |decision: &Value| decision["error_kind"] == "crash" && decision["allow"] == true;
    let is_good = |decision: &Value| decision["error"].is_null() && decision["cached"] == false;
    attached(path, &mut running, "well", is_good);
    // The engine itself, which runs out of memory.
    decided(path, &mut running, "grow", is_crash);
    decided(path, &mut running, "second", is_good);
    // From outside.
    let pid = running.0.id();
    // The kernel's list of children can leave out some while others end.
    wait_until("one process", || policy_processes(pid).len() == 2);
    let [nursery, process] = policy_processes(pid)[..] else { panic!("one process") };
    kill(process, libc::SIGKILL);
    wait_until("it is gone", || !is_alive(process));
    start(path, "third");
    // Programs of other tests start, too.
    let crashed = |running: &mut ChildGuard| {
        let all = written(path, running);
        all.iter().filter(|record| is_crash(&record["tracego"]["policy"])).count()
    };
    wait_until("the next decision is an error", || crashed(&mut running) >= 2);
    decided(path, &mut running, "fourth", is_good);
    let errors = || {
        let answer = on_unix(&socket, "/metrics")?;
        // Until the numbers are first copied, there is no such metric.
        let metric = "tracego_policy_errors_total{kind=\"crash\"}";
        answer.body.contains(metric).then(|| of_metric(&answer.body, metric))
    };
    wait_until("both crashes are counted", || errors() == Some(2));
    // Even the process that forks the others.
    kill(nursery, libc::SIGKILL);
    wait_until("it is gone", || !is_alive(nursery));
    start(path, "fifth");
    wait_until("the next decision is an error", || crashed(&mut running) >= 3);
    decided(path, &mut running, "sixth", is_good);
    let is_own = |record: &Value| record["process"]["command"] == "tracego-policy";
    assert!(!written(path, &mut running).iter().any(is_own));
    // Nothing is left of a tracego that is killed.
    wait_until("one process", || policy_processes(pid).len() == 2);
    let left = policy_processes(pid);
    assert_eq!(left.len(), 2);
    running.0.kill().unwrap();
    wait_until("its processes end", || !left.iter().any(|pid| is_alive(*pid)));
}

fn unfollowed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, policy) = (folder.path(), folder.path().join("p.rego"));
    fs::copy("/bin/true", path.join(NAME)).unwrap();
    fs::write(&policy, endless()).unwrap();
    let options = ["--policy", policy.to_str().unwrap(), "-e", "execve,fork,exit"];
    let program = path.join(NAME);
    // The second decision is made by a second process.
    let script = format!("{0} hang; {0} well", program.display());
    let session = Session::run(&options, &["sh", "-c", &script], |_| {});
    let decided: Vec<_> =
        session.of("start").map(|start| &start["tracego"]["policy"]["error_kind"]).collect();
    assert_eq!(decided.iter().filter(|kind| **kind == "hang").count(), 1, "{decided:?}");
    let is_own = |record: &Value| {
        record["process"]["command"].as_str().is_some_and(|name| name.starts_with("tracego"))
    };
    assert!(!session.records.iter().any(is_own), "{}", session.stderr());
}

/// Returns a folder with a program named `go` that does its work after a while: a shell, for which the first
/// argument `run` is a script.
fn go_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy("/bin/sh", folder.path().join("go")).unwrap();
    fs::write(folder.path().join("run"), "sleep 1\necho $CI $1 >>ran\n").unwrap();
    folder
}

/// Runs a script in the folder under the policy, with kills. Returns what ran.
fn run(folder: &Path, policy: &Path, script: &str) -> String {
    let mut command = with_full_records();
    command.args(["run", "--enforce", "kill", "--policy-time-limit", "2000", "--policy"]).arg(policy);
    command.args(["--output", "json", "--output-file", "records", "--", "/bin/sh", "-c", script]);
    let output = command.current_dir(folder).output().unwrap();
    let ran = fs::read_to_string(folder.join("ran")).unwrap_or_default();
    assert!(!ran.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    ran
}

fn allowed() {
    let folder = go_folder();
    let policy = folder.path().join("p.rego");
    let text = "package tracego.process\n\ndeny contains \"no\" if {\n\tendswith(input.process.argv[0], \"go\")\n\
                \tinput.process.argv[1] == \"run\"\n\tdata.env.CI == \"true\"\n}\n";
    fs::write(&policy, text).unwrap();
    // Equal to the kernel side but for the environment, or behind its first bytes of the arguments.
    let long = "x".repeat(300);
    let script = format!(
        "CI=1 ./go run a; CI=true ./go run a; CI=true ./go run a; CI=1 ./go run a; CI=true ./go run {long}1; \
         CI=1 ./go run {long}2"
    );
    let ran = run(folder.path(), &policy, &script);
    assert_eq!(ran, format!("1 a\n1 a\n1 {long}2\n"));
}

fn shipped() {
    let folder = go_folder();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/policies");
    // The program is no go command, so that the bundle allows it; the built-in rule goes by its name.
    assert_eq!(run(folder.path(), &bundle, "CI=true ./go run a"), "true a\n");
}
