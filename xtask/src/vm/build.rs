//! The programs under test, and the guest's file system that contains them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::tree::Tree;
use crate::{shell, test, toolchain};

/// Test binaries of `tests/tests` that run in the guest.
const SUITES: [&str; 1] = ["kernel"];
/// Programs that the tests or the guest's first process start by name.
const COMMANDS: [&str; 40] = [
    "sh", "base64", "cat", "chmod", "chown", "cp", "date", "dd", "dmesg", "echo", "env", "false", "grep",
    "head", "id", "ip", "kill", "ln", "ls", "make", "mkdir", "mkfifo", "mount", "mv", "openssl", "rm",
    "script", "sed", "seq", "setpriv", "sleep", "stat", "stty", "tee", "test", "touch", "true", "umount",
    "uname", "unshare",
];
/// Variable that chooses the BPF object; guests get this program's.
const OBJECT: &str = "TRACEGO_BPF_OBJECT";
/// Packages of commands that a small system lacks.
const PACKAGES: [(&str, &str); 3] = [("ip", "iproute2"), ("make", "make"), ("openssl", "openssl")];
/// Mount points that the first process of the guest and tests use.
const FOLDERS: [&str; 7] = ["/proc", "/sys", "/dev", "/tmp", "/root", "/var/tmp", "/mnt"];
const PASSWD: &str =
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";

/// The programs built from the working tree.
pub(super) struct GuestPrograms {
    pub(super) tracego: PathBuf,
    /// Names and paths of the test binaries.
    suites: Vec<(&'static str, PathBuf)>,
    /// Programs that the tests start by their path in the build folder.
    programs: Vec<PathBuf>,
}

/// The build profile of the programs.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Profile {
    /// Optimized, which is three times as fast in an emulator.
    Release,
    /// The profile that `cargo xtask test` builds anyway.
    Dev,
}

/// Builds tracego and the test binaries.
pub(super) fn build(profile: Profile) -> Result<GuestPrograms> {
    let optimized = (profile == Profile::Release).then_some("--release");
    match profile {
        Profile::Dev => test::build()?,
        Profile::Release => {
            shell::run(shell::cargo()?.args(["build", "--package", "tracego", "--locked", "--release"]))?;
        }
    }
    let mut tests = shell::cargo()?;
    tests.args(["test", "--no-run", "--locked", "--message-format=json"]).args(optimized);
    match profile {
        Profile::Dev => tests.args(test::PACKAGES),
        Profile::Release => tests.args(["--package", "tracego-tests"]),
    };
    tests.args(SUITES.iter().flat_map(|suite| ["--test", suite]));
    let messages = shell::output(&mut tests)?;
    let (mut suites, mut programs) = (Vec::new(), Vec::new());
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).context("cargo's messages are not JSON")?;
        let Some(path) = message["executable"].as_str().map(PathBuf::from) else { continue };
        let target = &message["target"];
        if let Some(suite) = SUITES.iter().find(|suite| target["name"] == **suite) {
            suites.push((*suite, path));
        } else if target["kind"][0] == "bin" && message["profile"]["test"] == false {
            programs.push(path);
        }
    }
    ensure!(suites.len() == SUITES.len(), "cargo made the test binaries {suites:?} instead of {SUITES:?}");
    let folder =
        suites.first().and_then(|(_, path)| path.parent()?.parent()).context("no folder of the build")?;
    Ok(GuestPrograms { tracego: folder.join("tracego"), suites, programs })
}

/// Writes the guest's file system, in which all programs have the same paths as here. A suite runs once with
/// each of the `filters`, and without a filter if there are none. The flag of a filter marks the few tests
/// that also run on machines with something missing.
pub(super) fn initramfs(built: &GuestPrograms, filters: &[(&str, bool)], to: &Path) -> Result<()> {
    let mut tree = Tree::default();
    FOLDERS.iter().for_each(|folder| tree.folder(Path::new(folder)));
    for (command, package) in PACKAGES {
        toolchain::install_command(command, package, "tests in the emulator use it")?;
    }
    for command in COMMANDS {
        tree.command(command)?;
    }
    let stripped = to.with_extension("stripped");
    fs::create_dir_all(&stripped)?;
    for program in built.suites.iter().map(|(_, path)| path).chain(&built.programs).chain([&built.tracego]) {
        tree.program(program)?;
        let to = stripped.join(program.file_name().context("a program without a name")?);
        shell::run(Command::new("strip").arg("--strip-debug").arg("-o").args([&to, program]))?;
        tree.replace(program, to)?;
    }
    let go = go(&built.programs)?;
    tree.program(&go)?;
    tree.made("/init", 0o755, include_str!("init.sh"));
    tree.made("/suites", 0o644, script(built, &go, filters)?);
    tree.made("/etc/passwd", 0o644, PASSWD);
    tree.made("/etc/group", 0o644, GROUP);
    tree.write(to)
}

/// Returns the path of a real go command, which the tests have downloaded or download now.
fn go(programs: &[PathBuf]) -> Result<PathBuf> {
    let toolchain = programs.iter().find(|path| path.ends_with("toolchain"));
    let toolchain = toolchain.context("cargo made no program `toolchain` of the tests")?;
    Ok(PathBuf::from(shell::output(&mut Command::new(toolchain))?))
}

/// Returns the script that the guest's first process runs.
fn script(built: &GuestPrograms, go: &Path, filters: &[(&str, bool)]) -> Result<String> {
    let mut script = format!("export TRACEGO_TEST_GO_COMMAND={}\n", quoted(path(go)?));
    if let Some(object) = std::env::var_os(OBJECT) {
        let object = object.into_string().ok().with_context(|| format!("{OBJECT} is not UTF-8"))?;
        writeln!(script, "export {OBJECT}={}", quoted(&object))?;
    }
    script += &format!("suite doctor doctor {}\n", quoted(path(&built.tracego)?));
    for (name, binary) in &built.suites {
        let binary = quoted(path(binary)?);
        for (filter, few) in filters {
            let when = if *few { "" } else { "[ \"$few\" ] || " };
            writeln!(script, "{when}suite {name} {binary} {}", quoted(filter))?;
        }
        if filters.is_empty() {
            writeln!(script, "suite {name} {binary}")?;
        }
    }
    Ok(script)
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{}: not UTF-8", path.display()))
}

/// Quotes one word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_stays_one() {
        assert_eq!(quoted("a b's $c"), r"'a b'\''s $c'");
    }
}
