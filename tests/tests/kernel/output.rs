//! What a run says, and to whom.

use std::{
    fs,
    process::{Command, Stdio},
};

use tracego_tests::{Session, tracego};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a missing capability is named", capabilities),
    ("records are for their owner only", mode),
    ("text has a line each and no control characters", text),
    ("the agent does not trace itself", not_itself),
];

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
