//! `tracego top` that records this machine itself.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use tracego_tests::{ChildGuard, remove_job, screen::TestScreen, tracego, wait_until, with_background};

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("top shows what runs now, and leaves nothing behind", screen),
    ("top prints what runs now", text),
    ("top tells that its tracego ended", ended),
    ("a top that is killed leaves no tracego", killed),
];

/// A run id that no other job has.
const RUN: &str = "771177";
const JOB: &str = "771177/1/top";

/// Starts a program in a CI job.
fn in_job(program: &str, argument: &str) -> Child {
    let mut command = Command::new(program);
    remove_job(&mut command);
    let variables =
        [("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", RUN), ("GITHUB_RUN_ATTEMPT", "1")];
    command.arg(argument).envs(variables).env("GITHUB_JOB", "top").stdout(Stdio::null()).spawn().unwrap()
}

fn top(options: &[&str]) -> Command {
    let mut command = Command::new(tracego());
    command.arg("top").args(options).env_remove("TRACEGO_CONFIG");
    command
}

/// Returns a screen that has shown a record of the job.
fn shown() -> TestScreen {
    let mut screen = TestScreen::start(top(&["--interval", "100ms"]), false, (110, 30));
    screen.wait_for("q quit");
    screen.press(&format!("/{RUN}\r"));
    with_background(|| drop(in_job("/bin/true", "").wait()), || screen.wait_for(JOB));
    screen
}

/// Returns the process that records for a screen.
fn agent(screen: &TestScreen) -> String {
    let pid = screen.child.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let all: Vec<&str> = children.split_whitespace().collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].to_owned()
}

fn is_gone(pid: &str) -> bool {
    !Path::new("/proc").join(pid).exists()
}

fn screen() {
    let mut screen = shown();
    let agent = agent(&screen);
    let mut sleep = ChildGuard(in_job("/bin/sleep", "1000"));
    screen.press("\r");
    screen.wait_for("Processes that run: 1");
    screen.wait_for("/bin/sleep 1000");
    sleep.0.kill().unwrap();
    sleep.0.wait().unwrap();
    screen.wait_for("Processes that run: 0");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0), "{}", screen.text());
    assert!(is_gone(&agent));
}

fn text() {
    let mut child = ChildGuard(
        top(&["--iterations", "40", "--interval", "250ms", "--rows", "500"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let output = child.0.stdout.take().unwrap();
    let has_job = || {
        let lines = std::io::BufRead::lines(std::io::BufReader::new(output));
        lines.map(Result::unwrap).any(|line| line.starts_with(JOB))
    };
    assert!(with_background(|| drop(in_job("/bin/true", "").wait()), has_job));
}

fn ended() {
    let mut screen = shown();
    let pid: i32 = agent(&screen).parse().unwrap();
    // SAFETY: the process is a child of the screen, which reaps it at its end alone.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
    screen.wait_for("tracego ended");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(137));
}

fn killed() {
    let mut screen = shown();
    let agent = agent(&screen);
    screen.child.kill().unwrap();
    screen.child.wait().unwrap();
    wait_until("the tracego that recorded has ended", || is_gone(&agent));
}
