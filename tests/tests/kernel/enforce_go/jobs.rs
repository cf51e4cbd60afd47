//! The agent on the whole machine: `go run` is stopped in processes of a CI job, and not elsewhere.
//!
//! Decisions are limited to one user, so that tests do not stop other programs of the machine.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tracego_tests::{ChildGuard, go, records, wait_until, with_full_records};

use super::workspace::ProgramState;
use crate::enforcement::decided;

/// A user id without a user.
const USER: u32 = 54_321;

/// Returns why the tests cannot run here.
pub(super) fn needs() -> Option<String> {
    let root = match go::toolchain(go::GO_1_27) {
        Ok(root) => root,
        Err(why) => return Some(why),
    };
    let tried =
        Command::new(root.join("bin/go")).arg("version").env_clear().uid(USER).current_dir("/").output();
    let can = tried.is_ok_and(|output| output.status.success());
    (!can).then(|| format!("other users cannot reach {}", root.display()))
}

/// A folder of the user, with the records.
struct Job {
    folder: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::write(folder.path().join("go.mod"), "module example.com/project\n\ngo 1.21\n").unwrap();
        let job = Self { folder };
        own(job.path());
        own(&job.path().join("home"));
        job
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script as that user. Returns whether go ran. `mark` names its program.
    fn went(&self, variables: &[(&str, &str)], mark: &str, script: &str) -> bool {
        super::workspace::program(&self.path().join(format!("{mark}.go")), ProgramState::Broken);
        let root = go::toolchain(go::GO_1_27).unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).env_clear().envs(go::environment(&root, &self.path().join("home")));
        shell.envs(variables.iter().copied()).current_dir(self.path()).uid(USER).gid(USER);
        let output = shell.output().unwrap();
        assert!(!output.status.success(), "a program that is broken ran");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Any other output matches neither.
        assert!(said.contains("not/there") != said.contains("Killed"), "{mark}: {said}");
        said.contains("not/there")
    }

    fn watch(&self, options: &[&str]) -> ChildGuard {
        let mut tracego = with_full_records();
        tracego.args(["--uid", &USER.to_string(), "--heartbeat", "0", "--output", "json", "--output-file"]);
        tracego.arg(self.path().join("records")).args(options);
        ChildGuard(tracego.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

impl Job {
    fn in_force(&self) {
        wait_until("the rules are in force and reported", || {
            let stopped = !self.went(CI, "first", "go run first.go; exit 1");
            let text = fs::read_to_string(self.path().join("records")).unwrap_or_default();
            stopped && text.contains("\"mode\":\"kill\"")
        });
    }

    /// Stops tracego and returns the records.
    fn records(&self, mut tracego: ChildGuard) -> Vec<Value> {
        tracego.terminate();
        assert!(tracego.ended().success());
        records(&fs::read_to_string(self.path().join("records")).unwrap())
    }
}

fn own(path: &Path) {
    chown(path, Some(USER), Some(USER)).unwrap();
}

const CI: &[(&str, &str)] = &[("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "77")];

/// Returns the program of each decision, and the action. A decision after the start has its arguments in the
/// start record.
fn told(records: &[Value]) -> Vec<String> {
    let told = |record: &Value| {
        let about = &record["tracego"]["enforcement"];
        let id = &record["tracego"]["exec_id"];
        let start = records.iter().find(|other| {
            other["event_name"] == "tracego.process.start" && other["tracego"]["exec_id"] == *id
        });
        let args = about["args"].as_array().or_else(|| start?["process"]["command_args"].as_array());
        let file = args.and_then(|args| args.last()?.as_str()).unwrap_or("none");
        let told = ["rule", "action", "when", "mode"].map(|key| about[key].as_str().unwrap());
        format!("{file} {}", told.join(" "))
    };
    // Starts before the rules were in force do not count.
    let all = decided(records).map(told).filter(|told| !told.starts_with("first.go"));
    let mut all: Vec<String> = all.collect();
    all.sort_unstable();
    all
}

pub(super) fn jobs() {
    let job = Job::new();
    let tracego = job.watch(&["--enforce", "kill"]);
    job.in_force();
    assert!(!job.went(CI, "inside", "go run inside.go; exit 1"));
    assert!(!job.went(CI, "wiped", "env -i PATH=$PATH HOME=$HOME go run wiped.go; exit 1"));
    assert!(!job.went(
        &[],
        "itself",
        "CI=true GITHUB_ACTIONS=true GITHUB_RUN_ID=78 go run itself.go; exit 1"
    ));
    assert!(!job.went(&[], "alone", "CI=true go run alone.go; exit 1"));
    assert!(!job.went(&[], "codebuild", "CODEBUILD_BUILD_ID=p:1 go run codebuild.go; exit 1"));
    assert!(job.went(&[], "outside", "go run outside.go; exit 1"), "it was stopped outside of a job");
    assert!(job.went(&[], "denied", "CI=false go run denied.go; exit 1"), "CI=false made a job");
    let told = told(&job.records(tracego));
    let wanted = ["alone.go", "codebuild.go", "inside.go", "itself.go", "wiped.go"]
        .map(|file| format!("{file} go-run kill before-start kill"));
    assert_eq!(told, wanted);
}

/// Checks that a start allowed by an exception is not killed for a finding either.
pub(super) fn excepted() {
    let job = Job::new();
    let config = "[[enforce.exceptions]]\nname = \"one\"\nowner = \"ops\"\nreason = \"until it moves\"\n\
        expires = \"2199-01-01\"\nexecutables = [\"go\"]\nargs = [\"run\", \"excepted.go\"]\n";
    // Not in the folder of the job: whoever owns it could change what is stopped.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracego.toml");
    fs::write(&file, config).unwrap();
    let tracego = job.watch(&["--enforce", "kill", "--config", file.to_str().unwrap()]);
    job.in_force();
    for _ in 0..5 {
        assert!(job.went(CI, "excepted", "go run excepted.go; exit 1"), "an exception was stopped");
    }
    let told = told(&job.records(tracego));
    assert_eq!(told, ["excepted.go one allow before-start kill"; 5]);
}
