//! `tracego run` as a gate: its exit code says what the command did, what was found, and what was not seen.

use std::{
    fs::{self, File, Permissions},
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tracego_tests::{Session, remove_job, tracego, with_full_records};

use crate::{ConditionalTest, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("run ends with 4 when records are refused", refused),
    ("run ends with 4 when a sink loses records", lost),
    ("run ends with 4 when the kernel side loses events", overrun),
    ("run ends with 3 when enforcement is not in force", unenforced),
    ("run ends with 3 when enforcement stops working", undone),
    ("run ends with the command's status whatever becomes of standard error", no_stderr),
    ("run writes records to standard error on request only", quiet),
    ("run waits for the tree of a job and counts the rest", tree),
    ("run takes the job from the caller of sudo", sudo),
    ("run starts the command as another user", user),
    ("run refuses options that do nothing", useless),
    ("run ends with 2 for an option that cannot be used and starts nothing", unusable),
    ("run is no success if a signal ends the wait for its tree", interrupted),
    ("run ends with 4 when a policy gives no decision", undecided),
    ("run counts as written what an output took", untaken),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("run takes the job from the caller of the real sudo", real_sudo as Test, needs_sudo)];

/// Returns `tracego run OPTIONS -- COMMAND` without CI variables of the machine.
fn run(options: &[&str], command: &[&str]) -> Command {
    let mut run = with_full_records();
    run.arg("run").args(options).arg("--").args(command);
    remove_job(&mut run);
    run
}

fn ended(mut run: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = run.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

const FINE: [&str; 3] = ["/bin/sh", "-c", "/bin/true; exit 0"];
const FAILED: [&str; 3] = ["/bin/sh", "-c", "/bin/true; exit 7"];

/// Checks the exit codes of a run that loses records.
fn loses(options: &[&str]) {
    let strict = [options, &["--fail-on-loss"]].concat();
    for (options, command, code) in
        [(options, FINE, 4), (options, FAILED, 7), (&strict, FINE, 4), (&strict, FAILED, 4)]
    {
        let (status, stderr) = ended(run(options, &command));
        assert_eq!(status, Some(code), "{options:?} {command:?}: {stderr}");
    }
}

fn refused() {
    loses(&["--output-file", "/dev/full"]);
}

fn lost() {
    // Port 9 (discard) takes no connection here.
    loses(&["--output", "otlp", "--otlp-endpoint", "http://127.0.0.1:9"]);
}

fn overrun() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    // The ring holds two such starts, and they come faster than it is emptied.
    let script =
        "a=$(printf '%01000d' 0); i=0; while [ $i -lt 400 ]; do /bin/true $a & i=$((i+1)); done; wait";
    let file = file.to_str().unwrap();
    let options = ["--ring-size", "4096", "--argv-max", "1024", "--output-file", file];
    let (status, stderr) = ended(run(&options, &["/bin/sh", "-c", script]));
    assert!(!stderr.contains(" = 0 lost"), "nothing was lost, so nothing is shown: {stderr}");
    assert_eq!(status, Some(4), "{stderr}");
}

/// A copy of tracego that cannot be started again: enforcement is shown to work by starting it again.
struct BreakableCopy {
    folder: tempfile::TempDir,
}

impl BreakableCopy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(tracego(), folder.path().join("tracego")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, options: &[&str]) -> Command {
        let mut run = Command::new(self.path("tracego"));
        run.args(["run", "--enforce", "kill"]).args(options);
        run
    }
}

fn unenforced() {
    for (options, code) in [(&[][..], 3), (&["--enforce-optional"], 0)] {
        let copy = BreakableCopy::new();
        let (fifo, ran) = (copy.path("fifo"), copy.path("ran"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let mut run = copy.run(options);
        run.args(["--output", "json", "--output-file"]).arg(&fifo).args(["--", "touch"]).arg(&ran);
        let child = run.stderr(Stdio::piped()).spawn().unwrap();
        // tracego waits for a reader before it attaches anything, and from here on it cannot be started.
        fs::set_permissions(copy.path("tracego"), Permissions::from_mode(0o600)).unwrap();
        let reader = thread::spawn(move || fs::read(fifo).unwrap());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{options:?}: {stderr}");
        assert!(stderr.contains("--enforce kill: not in force: "), "{stderr}");
        assert_eq!(ran.exists(), code == 0, "{options:?}: {stderr}");
        reader.join().unwrap();
    }
}

fn undone() {
    for (options, code) in [(&[][..], 3), (&["--enforce-optional"], 7)] {
        let copy = BreakableCopy::new();
        let mut run = copy.run(options);
        let script = "chmod 600 \"$0\"; exit 7";
        let (status, stderr) = ended({
            run.args(["--", "/bin/sh", "-c", script]).arg(copy.path("tracego"));
            run
        });
        assert_eq!(status, Some(code), "{options:?}: {stderr}");
        assert_eq!(stderr.contains("tracego: --enforce: not in force: "), code == 3, "{stderr}");
    }
}

fn no_stderr() {
    for output in [&[][..], &["--output", "json"]] {
        for (command, code) in [(FINE, 0), (FAILED, 7)] {
            for log in ["warn", "trace"] {
                let options = [output, &["--log", log]].concat();
                let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
                let broken = || {
                    let (reader, writer) = std::io::pipe().unwrap();
                    drop(reader);
                    Stdio::from(OwnedFd::from(writer))
                };
                for (name, stderr) in [("full", full()), ("broken", broken())] {
                    let status = run(&options, &command).stderr(stderr).status().unwrap();
                    assert_eq!(status.code(), Some(code), "{name}: {options:?} {command:?}");
                }
                let closed = "exec \"$@\" 2>&-";
                let of = run(&options, &command);
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", closed, "sh"]).arg(of.get_program()).args(of.get_args());
                assert_eq!(shell.status().unwrap().code(), Some(code), "closed: {options:?} {command:?}");
            }
        }
    }
    // Refused records count on request, as everywhere.
    let mut strict = run(&["--output", "json", "--fail-on-loss"], &FINE);
    strict.stderr(File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(strict.status().unwrap().code(), Some(4));
}

fn quiet() {
    let (status, stderr) = ended(run(&[], &FINE));
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.starts_with("tracego: ") && stderr.lines().count() == 1, "{stderr}");
    for (options, wanted) in [(["--output", "json"], "{\"schema\":"), (["--output", "text"], "/bin/true")] {
        let (status, stderr) = ended(run(&options, &FINE));
        assert_eq!(status, Some(0), "{stderr}");
        assert!(stderr.contains(wanted), "{options:?}: {stderr}");
    }
}

fn tree() {
    let script = "(sleep 1; exec /bin/ls /nonexistent) >/dev/null 2>&1 & exit 0";
    for (options, seen) in [(&["--profile", "ci"][..], true), (&["--wait-tree", "20s"], true), (&[], false)] {
        let session = Session::run(options, &["/bin/sh", "-c", script], |_| {});
        assert_eq!(session.output.status.code(), Some(0), "{options:?}: {}", session.stderr());
        let late = session.of("start").any(|record| record["process"]["executable"]["name"] == "ls");
        assert_eq!(late, seen, "{options:?}: {}", session.stderr());
        assert_eq!(session.stderr().contains("of the command still run"), !seen, "{}", session.stderr());
    }
    let begin = Instant::now();
    let script = "sleep 300 >/dev/null 2>&1 & sleep 300 >/dev/null 2>&1 & echo $!; exit 7";
    let options = ["--profile", "ci", "--wait-tree", "500ms"];
    let session = Session::run(&options, &["/bin/sh", "-c", script], |_| {});
    let last: i32 = String::from_utf8_lossy(&session.output.stdout).trim().parse().unwrap();
    for pid in [last - 1, last] {
        if fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n") {
            // SAFETY: a sleep of this test; another process with the pid would have to be a sleep, too.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
    assert_eq!(session.output.status.code(), Some(7), "{}", session.stderr());
    assert!(
        session.stderr().contains("2 processes of the command still run: sleep ("),
        "{}",
        session.stderr()
    );
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

/// Variables of a job on GitHub, and others that sudo clears for a reason.
const JOB: [(&str, &str); 6] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_RUN_ID", "4711"),
    ("GITHUB_JOB", "build"),
    ("GITHUB_SHA", "0123456789012345678901234567890123456789"),
    ("GITHUB_TOKEN", "secret"),
    ("PYTHONPATH", "/tmp"),
];

/// Checks the records and the command's environment of a run in [`JOB`] behind sudo.
fn has_job(records: &Path, environment: &Path) {
    let records = tracego_tests::records(&fs::read_to_string(records).unwrap());
    assert_eq!(records[0]["cicd"]["pipeline"]["run"]["id"], "4711", "{:#}", records[0]);
    let environment = fs::read_to_string(environment).unwrap();
    assert!(environment.contains("GITHUB_JOB=build\n"), "{environment}");
    assert!(!environment.contains("secret") && !environment.contains("PYTHONPATH"), "{environment}");
}

fn sudo() {
    let folder = tempfile::tempdir().unwrap();
    let (sudo, records, environment) =
        (folder.path().join("sudo"), folder.path().join("records"), folder.path().join("environment"));
    // The name of the program is what tells sudo from other ancestors: a shell that clears the environment does
    // the same.
    fs::copy("/bin/sh", &sudo).unwrap();
    let line = "/usr/bin/env -i PATH=/usr/bin:/bin SUDO_UID=65534 SUDO_GID=65534 \"$@\"; exit $?";
    let mut command = Command::new(&sudo);
    command.args(["-c", line, "sudo"]).arg(tracego()).args(["run", "--user", "caller", "--output", "json"]);
    command.args(["--detail", "full"]);
    command.arg("--output-file").arg(&records).args(["--", "/bin/sh", "-c", "env; id -u"]);
    let output = command.env_clear().envs(JOB).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(&environment, &output.stdout).unwrap();
    has_job(&records, &environment);
    assert!(output.stdout.ends_with(b"65534\n"), "{}", String::from_utf8_lossy(&output.stdout));
    // Without sudo there is nobody to take anything from.
    let (status, stderr) = ended(run(&["--user", "caller"], &FINE));
    assert_eq!(status, Some(2), "{stderr}");
    assert!(stderr.contains("was not started through sudo"), "{stderr}");
}

fn needs_sudo() -> Option<String> {
    let works = Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status();
    (!works.is_ok_and(|status| status.success())).then(|| "needs a sudo that root may use".to_owned())
}

fn real_sudo() {
    let folder = tempfile::tempdir().unwrap();
    let (records, environment) = (folder.path().join("records"), folder.path().join("environment"));
    let mut command = Command::new("sudo");
    command.arg("-n").arg(tracego()).args(["run", "--output", "json", "--output-file"]).arg(&records);
    command.args(["--detail", "full", "--", "/bin/sh", "-c", "env"]);
    let output = command.env_clear().env("PATH", "/usr/bin:/bin").envs(JOB).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(&environment, &output.stdout).unwrap();
    has_job(&records, &environment);
}

fn user() {
    let script =
        "id -u; id -G; echo $HOME:$USER:$LOGNAME; touch /etc/tracego-test 2>/dev/null || echo unprivileged";
    let lookup = "id -u nobody; id -G nobody; echo $(getent passwd nobody | cut -d: -f6):nobody:nobody; echo unprivileged";
    let wanted = Command::new("/bin/sh").args(["-c", lookup]).output().unwrap().stdout;
    let wanted = String::from_utf8(wanted).unwrap();
    let number = wanted.lines().next().unwrap();
    for name in ["nobody", number] {
        let session = Session::run(&["--user", name], &["/bin/sh", "-c", script], |_| {});
        assert_eq!(String::from_utf8_lossy(&session.output.stdout), wanted, "{}", session.stderr());
        let id = &session.of("start").next().unwrap()["process"]["real_user"]["id"];
        assert_eq!(id.to_string(), number);
    }
    let (status, stderr) = ended(run(&["--user", "tracego-no-such-user"], &FINE));
    assert_eq!(status, Some(2), "{stderr}");
    assert!(stderr.contains("--user tracego-no-such-user: there is no such user"), "{stderr}");
}

fn useless() {
    for option in [&["--duration", "5"][..], &["--handover", "crash"], &["--pin-dir", "/sys/fs/bpf/x"]] {
        let (status, stderr) = ended(run(option, &FINE));
        assert_eq!(status, Some(2), "{option:?}: {stderr}");
        assert!(stderr.contains(&format!("{} does nothing with tracego run", option[0])), "{stderr}");
    }
}

fn unusable() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let path = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, file) = (path("key", "no key"), path("file", ""));
    let policy = path("p.rego", "package main\n\ndeny := \"no\"\n");
    let below = format!("{file}/below");
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let common: &[&[&str]] = &[
        &["--output-file", "/nonexistent/x"],
        &["--output-file", &below],
        &["--output-file", "-"],
        &["--output-file", "/"],
        &["--policy", "/nonexistent"],
        &["--policy", &policy],
        &["--decision-log", "z"],
        &["--cgroup", "/nonexistent"],
        &["--cgroup", "/"],
        &["--seal", "--output", "json", "--seal-key", "/nonexistent"],
        &["--seal", "--output", "json", "--seal-key", &key],
        &["--listen", "192.0.2.1:1"],
        &["--listen", &taken],
        &["--listen", "unix:/nonexistent/x"],
        &["--output", "otlp", "--otlp-endpoint", "http://[::1"],
        &["--otlp-traces", "--otlp-endpoint", "http://[::1"],
        &["--otlp-metrics", "--otlp-endpoint", "http://[::1"],
        &["--output", "otlp", "--spool-dir", &below],
        &["--config", "/nonexistent"],
    ];
    let touch = ["touch", started.to_str().unwrap()];
    let of_run: &[&[&str]] = &[&["--user", "tracego-no-such-user"], &["--user", "caller"], &["--seal"]];
    for options in common.iter().chain(of_run) {
        let (status, stderr) = ended(run(options, &touch));
        assert_eq!(status, Some(2), "{options:?}: {stderr}");
        assert!(!started.exists() && !stderr.is_empty(), "{options:?}: {stderr}");
    }
    for options in common {
        let output = with_full_records().args(*options).args(["--duration", "1"]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{options:?}: {stderr}");
    }
    for (file, options) in [("/nonexistent/x", &[][..]), ("y", &["--cgroup", "/nonexistent"])] {
        let mut capture = with_full_records();
        capture.arg("capture").args(options).arg(folder.path().join(file)).arg("--").args(touch);
        let (status, stderr) = ended(capture);
        assert_eq!(status, Some(2), "{file}: {stderr}");
        assert!(!started.exists());
    }
}

fn interrupted() {
    for signal in ["TERM", "INT", "HUP", "USR1"] {
        // A child of the command ends the wait, and goes on.
        let script = format!("P=$PPID; (sleep 1; kill -{signal} $P; sleep 3) >/dev/null 2>&1 & exit");
        for (end, code) in [("0", 4), ("7", 7)] {
            let script = format!("{script} {end}");
            let (status, stderr) = ended(run(&["--profile", "ci"], &["/bin/sh", "-c", &script]));
            assert!(stderr.contains("of the command still run"), "{signal}: {stderr}");
            assert_eq!(status, Some(code), "{signal}: {stderr}");
        }
    }
    // Nothing is left of a command that ends what it started.
    let script = "P=$PPID; (sleep 1; exec kill -TERM $P) >/dev/null 2>&1 & exit 0";
    let (status, stderr) = ended(run(&["--profile", "ci"], &["/bin/sh", "-c", script]));
    assert_eq!(stderr.contains("of the command still run"), status == Some(4), "{stderr}");
}

fn undecided() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("p.rego");
    // The value is one that only a record shows, so that it cannot be refused at load.
    fs::write(&policy, "package main\n\ndeny := input.process.executable.path\n").unwrap();
    let policy = policy.to_str().unwrap();
    let fails = |more: &[&str], command: &[&str]| {
        let (status, stderr) = ended(run(&[&["--policy", policy][..], more].concat(), command));
        assert!(stderr.contains("tracego: policies: 2 failed to decide, "), "{stderr}");
        assert!(stderr.contains("data.main.deny is a text, and has to be a set"), "{stderr}");
        status
    };
    assert_eq!(fails(&[], &FINE), Some(4));
    assert_eq!(fails(&[], &FAILED), Some(7));
    assert_eq!(fails(&["--fail-on-loss"], &FAILED), Some(4));
    // A denial is a decision.
    assert_eq!(fails(&["--policy-on-error", "deny"], &FINE), Some(0));
    assert_eq!(fails(&["--policy-on-error", "deny", "--fail-on", "high"], &FINE), Some(5));
    let mut watch = with_full_records();
    watch.args(["--policy", policy, "--duration", "2", "--output-file", "/dev/null"]);
    let child = watch.stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    Command::new("/bin/true").status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("failed to decide"), "{stderr}");
}

fn untaken() {
    let folder = tempfile::tempdir().unwrap();
    let (_, stderr) = ended(run(&[], &FINE));
    assert!(stderr.contains("processed; 0 written, "), "{stderr}");
    let config = folder.path().join("config");
    let file = folder.path().join("log");
    for (filter, written) in [("", "2"), ("min-severity = \"critical\"", "0")] {
        let text = format!("[[sinks]]\ntype = \"file\"\npath = \"{}\"\n{filter}\n", file.display());
        fs::write(&config, text).unwrap();
        let (status, stderr) = ended(run(&["--config", config.to_str().unwrap()], &FINE));
        assert_eq!(status, Some(0), "{stderr}");
        assert!(stderr.contains(&format!("processed; {written} written, ")), "{filter}: {stderr}");
        assert!(!stderr.contains("DOES NOT BALANCE"), "{stderr}");
    }
}
