//! Policies that fail while tracego runs.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tracego_tests::{ChildGuard, Session, records, tracego, wait_until};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("policies: one that hangs is out of force until SIGHUP loads another", hangs),
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

/// Starts the program with this argument until the decision about it meets the condition.
fn decided(folder: &Path, running: &mut ChildGuard, argument: &str, so: impl Fn(&Value) -> bool) {
    wait_until(argument, || {
        assert!(running.0.try_wait().unwrap().is_none(), "it has ended");
        assert!(Command::new(folder.join(NAME)).arg(argument).status().unwrap().success());
        let text = fs::read_to_string(folder.join("records")).unwrap_or_default();
        // The last line may be incomplete.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let about = |start: &Value| {
            let (args, decision) = (&start["process"]["command_args"], &start["tracego"]["policy"]);
            args[0].as_str().is_some_and(|name| name.ends_with(NAME)) && args[1] == *argument && so(decision)
        };
        records(whole).iter().any(about)
    });
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
    let mut tracego = Command::new(tracego());
    tracego.args(["--heartbeat", "0", "--output", "json", "--output-file"]).arg(path.join("records"));
    tracego.arg("--policy").arg(&policy).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = ChildGuard(tracego.spawn().unwrap());
    decided(path, &mut running, "well", |decision| decision["allow"] == true && decision["error"].is_null());
    decided(path, &mut running, "hang", |decision| decision["error_kind"] == "hang");
    decided(path, &mut running, "well", |decision| decision["error_kind"] == "out-of-force");
    let mended = format!(
        "package main\n\ndeny contains \"mended\" if {{\n\tinput.process.name == \"{NAME}\"\n\
         \tinput.process.argv[1] == \"hang\"\n}}\n"
    );
    fs::write(path.join("new"), mended).unwrap();
    fs::rename(path.join("new"), &policy).unwrap();
    let pid = i32::try_from(running.0.id()).unwrap();
    // SAFETY: the child is not reaped yet.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGHUP) }, 0);
    decided(path, &mut running, "hang", |decision| decision["violations"][0]["msg"] == "mended");
    decided(path, &mut running, "again", |decision| decision["allow"] == true && decision["error"].is_null());
    running.terminate();
    assert!(running.ended().success());
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
    let mut command = Command::new(tracego());
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
