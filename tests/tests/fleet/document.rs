//! The commands of `docs/fleet.md` and `docs/sigma.md`, in their order, in a folder of their own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{fs::symlink, process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use tracego_tests::{ports::free_port, tracego};

use crate::{PYTHON, Test, deployed};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("the quick start ends with an answer", the_quick_start_ends_with_an_answer)];

/// Comment before a block of the document that this test runs.
const RUN: &str = "<!-- run by: the tests of the fleet -->\n```console\n";

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Whether a line is what the document shows; `…` stands for any text.
fn is_shown(shown: &str, line: &str) -> bool {
    let parts: Vec<&str> = shown.split('…').collect();
    let Some(mut rest) = line.strip_prefix(parts[0]) else { return false };
    for part in &parts[1..] {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    parts.len() > 1 || rest.is_empty()
}

/// Ends the processes of a group with their leader.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let leader = i32::try_from(self.0.id()).unwrap();
        // SAFETY: `kill` takes no memory; the group is that of a process which this test started and did not wait for.
        unsafe { libc::kill(-leader, libc::SIGKILL) };
        drop(self.0.wait());
    }
}

/// Returns a folder with what the commands of a document read, and with `tracego` and `sudo` in `bin`.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for name in ["clickhouse", "sigma"] {
        copy(&deployed(name), &here.join("deploy").join(name));
    }
    copy(&deployed("../tests/golden"), &here.join("tests/golden"));
    fs::create_dir(here.join("bin")).unwrap();
    symlink(tracego(), here.join("bin/tracego")).unwrap();
    fs::write(here.join("bin/sudo"), "#!/bin/sh\nexec \"$@\"\n").unwrap();
    fs::set_permissions(here.join("bin/sudo"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

/// Runs the commands of a document in a folder, with a Python interpreter. The document shows lines of what they print.
/// A command that ends with `&` is a server. Returns the number of commands.
pub(crate) fn run(text: &str, here: &Path, python: &Path, variables: &[(&str, &str)]) -> usize {
    let python = python.parent().unwrap();
    let path =
        std::env::join_paths([&here.join("bin"), python, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let blocks = text.split(RUN).skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut groups = Vec::new();
    let mut count = 0;
    for command in blocks.flat_map(|block| block.split("$ ")).filter(|one| !one.is_empty()) {
        count += 1;
        let (command, shown) = command.split_once('\n').unwrap();
        let mut shell = Command::new("sh");
        shell.env_clear().env("PATH", &path).env("LC_ALL", "C.UTF-8").envs(variables.iter().copied());
        shell.current_dir(here).stdin(Stdio::null());
        if let Some(command) = command.strip_suffix(" &") {
            let mut child = shell
                .args(["-c", &format!("exec {command}")])
                .stdout(Stdio::piped())
                .process_group(0)
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            groups.push(Group(child));
            assert!(line.contains("listens on"), "{command}: {line:?}");
            continue;
        }
        let output = shell.args(["-c", command]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command}: {printed}{}", String::from_utf8_lossy(&output.stderr));
        for line in shown.lines().filter(|line| !line.is_empty() && *line != "…") {
            let is_there = printed.lines().any(|one| is_shown(line.trim_end(), one.trim_end()));
            assert!(is_there, "{command}: {line:?} is not in\n{printed}");
        }
    }
    count
}

fn the_quick_start_ends_with_an_answer() {
    let port = free_port().to_string();
    let folder = folder();
    let here = folder.path();
    for name in ["local.py", "sink.toml"] {
        let file = here.join("deploy/clickhouse").join(name);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("8123", &port)).unwrap();
    }
    fs::write(here.join("Makefile"), "all:\n\t/bin/true\n").unwrap();
    let text = fs::read_to_string(deployed("../docs/fleet.md")).unwrap().replace("8123", &port);
    assert_eq!(run(&text, here, PYTHON.as_ref().unwrap(), &[]), 7);
}
