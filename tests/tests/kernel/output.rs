//! How a run ends and what it says then.

use std::{
    fs,
    io::Read as _,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use tracego_tests::{Session, tracego};

use crate::{Test, VICTIM};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("run ends with the command's status", status),
    ("run passes signals on", signals),
    ("a missing command is 127", missing),
    ("SIGTERM drains and prints the ledger", terminate),
    ("a broken pipe is quiet", broken_pipe),
    ("a full disk is said and counted", full_disk),
    ("a missing capability is named", capabilities),
    ("records are for their owner only", mode),
    ("text has a line each and no control characters", text),
    ("the agent does not trace itself", not_itself),
    ("filters: uid, comm", filters),
];

fn status() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -15 $$", 143)] {
        let session = Session::run(&[], &["/bin/sh", "-c", script], |_| {});
        assert_eq!(session.output.status.code(), Some(code), "{script}");
    }
}

fn signals() {
    let mut child = Command::new(tracego())
        .args(["run", "--output-file", "/dev/null", "--", "/bin/sh"])
        .args(["-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    terminate_child(&child);
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

fn terminate_child(child: &Child) {
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: the child is not reaped yet.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
}

fn missing() {
    let session = Session::run(&[], &["/nonexistent/program"], |_| {});
    assert_eq!(session.output.status.code(), Some(127));
    assert!(session.stderr().contains("/nonexistent/program"), "{}", session.stderr());
}

/// The whole machine, into a pipe.
fn watch(args: &[&str]) -> Command {
    let mut command = Command::new(tracego());
    command.args(["--output", "json", "--heartbeat", "0"]).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn terminate() {
    let marker = format!("tracego-test-{}", std::process::id());
    let child = watch(&["--comm", "true"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    for _ in 0..50 {
        Command::new("/bin/true").arg(&marker).status().unwrap();
    }
    terminate_child(&child);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains(" = 0 lost + "), "{stderr}");
    let all = tracego_tests::records(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(all.iter().filter(|r| r["process"]["command_args"][1] == marker.as_str()).count(), 50);
}

fn broken_pipe() {
    let mut child = watch(&["--duration", "20"]).spawn().unwrap();
    drop(child.stdout.take());
    std::thread::sleep(Duration::from_millis(700));
    Command::new("/bin/true").status().unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(0), ""));
}

fn full_disk() {
    let child = watch(&["--output-file", "/dev/full", "--duration", "2", "--comm", "true"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    Command::new("/bin/true").status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("No space left on device") && !stderr.contains(" 0 refused"), "{stderr}");
    assert!(!stderr.contains("DOES NOT BALANCE"), "{stderr}");
}

fn capabilities() {
    for (drop, name) in [("-bpf,-sys_admin", "CAP_BPF"), ("-perfmon,-sys_admin", "CAP_PERFMON")] {
        let output = Command::new("setpriv")
            .args(["--bounding-set", drop, "--inh-caps", "-all"])
            .arg(tracego())
            .args(["--duration", "1"])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let wanted = format!(
            "tracego: {name} is missing: run tracego as root (sudo tracego …), or grant CAP_BPF and CAP_PERFMON\n"
        );
        assert_eq!((output.status.code(), stderr), (Some(3), wanted));
    }
}

fn mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records");
    let status = Command::new(tracego())
        .args(["run", "--output", "json", "--output-file"])
        .arg(&file)
        .args(["--", "/bin/true"])
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

fn text() {
    let output = Command::new(tracego())
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

fn filters() {
    let session = Session::run(
        &["--uid", "65534"],
        &["/bin/sh", "-c", "/bin/true; setpriv --reuid 65534 /bin/true"],
        |_| {},
    );
    assert_eq!(session.of("start").count(), 1);
    assert_eq!(session.last()["process"]["real_user"]["id"], 65534);
    let session = Session::run(&["--comm", "victim"], &[VICTIM, "spawn"], |_| {});
    assert_eq!(session.of("start").count(), 1);
}
