//! The end of a run.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use tracego_tests::{ChildGuard, Session, tracego, watch, with_full_records};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("run ends with the command's status", status),
    ("run passes signals on", signals),
    ("a missing command is 127", missing),
    ("SIGTERM drains and prints the ledger", drain),
    ("a second SIGTERM ends a drain that is stuck", second_signal),
    ("run ends a drain that is stuck with the command's status", run_second_signal),
    ("run --wait can be given up", give_up_waiting),
    ("a FIFO without a reader can be given up", fifo),
    ("--duration ends by itself", duration),
    ("a broken pipe is quiet", broken_pipe),
    ("a full disk is reported and counted", full_disk),
    ("a file that cannot be made is named before anything is attached", no_folder),
    ("wrong usage exits with 2 and prints the right one", usage),
];

fn status() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -15 $$", 143)] {
        let session = Session::run(&[], &["/bin/sh", "-c", script], |_| {});
        assert_eq!(session.output.status.code(), Some(code), "{script}");
    }
}

fn signals() {
    let mut run = with_full_records();
    run.args(["run", "--output-file", "/dev/null", "--", "/bin/sh"])
        .args(["-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"]);
    let mut tracego = ChildGuard(run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut ready = [0; 6];
    tracego.0.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    tracego.terminate();
    assert_eq!(tracego.ended().code(), Some(9));
}

fn missing() {
    let session = Session::run(&[], &["/nonexistent/program"], |_| {});
    assert_eq!(session.output.status.code(), Some(127));
    assert!(session.stderr().contains("/nonexistent/program"), "{}", session.stderr());
}

fn drain() {
    let marker = format!("tracego-test-{}", std::process::id());
    let tracego = watch(&["--comm", "true"]);
    for _ in 0..50 {
        Command::new("/bin/true").arg(&marker).status().unwrap();
    }
    tracego.terminate();
    let session = Session::of_output(tracego.output());
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    assert!(session.stderr().contains(" = 0 lost + "), "{}", session.stderr());
    assert_eq!(
        session.of("start").filter(|r| r["process"]["command_args"][1] == marker.as_str()).count(),
        50
    );
}

/// Length of an argument that fills a pipe which is not read.
const LONG: usize = 100_000;

/// Returns the exit status, or `None` if the process is still running after two seconds.
fn still(running: &mut ChildGuard) -> Option<ExitStatus> {
    for _ in 0..20 {
        sleep(Duration::from_millis(100));
        if let Some(status) = running.0.try_wait().unwrap() {
            return Some(status);
        }
    }
    None
}

fn second_signal() {
    let mut tracego = watch(&["--comm", "true"]);
    for _ in 0..3 {
        Command::new("/bin/true").arg("x".repeat(LONG)).status().unwrap();
    }
    tracego.terminate();
    assert_eq!(still(&mut tracego), None, "the pipe is full, so the drain cannot end");
    tracego.terminate();
    assert_eq!(tracego.ended().code(), Some(1));
}

fn run_second_signal() {
    let mut run = with_full_records();
    run.args(["run", "--output", "json", "--heartbeat", "0", "--", "/bin/sh", "-c"]);
    run.args(["/bin/true $0; echo; exit 7", &"x".repeat(LONG)]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tracego = ChildGuard(run.spawn().unwrap());
    tracego.0.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    assert_eq!(still(&mut tracego), None, "the pipe is full, so the drain cannot end");
    tracego.terminate();
    assert_eq!(still(&mut tracego), None, "the first may have been meant for the command");
    tracego.terminate();
    assert_eq!(tracego.ended().code(), Some(7));
}

/// A process that outlives its parents, by its pid.
struct Orphan(i32);

impl Drop for Orphan {
    fn drop(&mut self) {
        // SAFETY: the pid is that of a sleep, which no other process ends or waits for while it runs.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
    }
}

fn give_up_waiting() {
    let mut run = with_full_records();
    run.args(["run", "--wait", "--output-file", "/dev/null", "--", "/bin/sh", "-c"]);
    run.arg("sleep 300 >/dev/null 2>&1 & echo $!; exit 7").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tracego = ChildGuard(run.spawn().unwrap());
    let mut pid = String::new();
    BufReader::new(tracego.0.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    let _orphan = Orphan(pid.trim().parse().unwrap());
    assert_eq!(still(&mut tracego), None, "the orphan lives");
    tracego.terminate();
    assert_eq!(tracego.ended().code(), Some(7));
    let mut stderr = String::new();
    tracego.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains(" = 0 lost"), "{stderr}");
}

fn fifo() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let child = with_full_records().arg("--output-file").arg(&path).stderr(Stdio::null()).spawn();
    let mut tracego = ChildGuard(child.unwrap());
    assert_eq!(still(&mut tracego), None, "open(2) waits for a reader");
    tracego.terminate();
    let status = tracego.ended();
    assert!(!status.success(), "{status}");
}

fn duration() {
    let session = Session::of_output(watch(&["--comm", "true", "--duration", "1"]).output());
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    assert!(session.stderr().contains(" hooked = 0 lost + "), "{}", session.stderr());
}

fn broken_pipe() {
    let mut tracego = watch(&["--duration", "20", "--quiet"]);
    drop(tracego.0.stdout.take());
    Command::new("/bin/true").status().unwrap();
    let Output { status, stderr, .. } = tracego.output();
    assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(0), ""));
}

fn full_disk() {
    let tracego = watch(&["--output-file", "/dev/full", "--duration", "2", "--comm", "true"]);
    Command::new("/bin/true").status().unwrap();
    let session = Session::of_output(tracego.output());
    let stderr = session.stderr();
    assert_eq!(session.output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("No space left on device") && !stderr.contains(" 0 refused"), "{stderr}");
    assert!(!stderr.contains("DOES NOT BALANCE"), "{stderr}");
}

fn no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (file, started) = (dir.path().join("no/records"), dir.path().join("started"));
    // Without the capabilities to attach: a run that tried would exit with 3 and name the capability.
    let tracego = |arguments: &[&Path]| {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-bpf,-sys_admin", "--inh-caps", "-all"]).arg(tracego());
        let output = command.args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let wanted =
        format!("tracego: --output-file {}: No such file or directory (os error 2)\n", file.display());
    let option = Path::new("--output-file");
    assert_eq!(tracego(&[option, &file]), (Some(2), wanted.clone()));
    let run = [Path::new("run"), option, &file, Path::new("--"), Path::new("touch"), &started];
    assert_eq!(tracego(&run), (Some(2), wanted));
    assert!(!fs::exists(&started).unwrap(), "the command was started");
}

fn usage() {
    for line in ["-e exceve", "-e execve,exceve", "run -e exceve -- /bin/true", "replay -e exceve file"] {
        let output = with_full_records().args(line.split(' ')).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {stderr}");
        assert!(stderr.contains("[possible values: execve, exit, fork, execve-failed]"), "{line}: {stderr}");
    }
}
