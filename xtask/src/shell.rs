//! Helpers to start other programs.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Returns the root folder of the workspace, from the variable that `cargo run` sets.
pub(crate) fn root() -> Result<PathBuf> {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").context("start this as `cargo xtask SUBCOMMAND`")?;
    let folder = PathBuf::from(manifest).join("..");
    folder.canonicalize().with_context(|| format!("no workspace at {}", folder.display()))
}

/// Returns the folder of cargo's build output.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(root()?.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"))))
}

/// Returns the target triple of this machine, as rustc names it.
pub(crate) fn host() -> Result<String> {
    let verbose = output(Command::new("rustc").arg("-vV"))?;
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}

/// Returns a command for the cargo that started this program, in the workspace's root.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root()?);
    Ok(command)
}

/// Prints the command to stderr and runs it with this program's own streams. Fails if the command fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("+ {line}");
    let status = command.status().with_context(|| format!("cannot start: {line}"))?;
    ensure!(status.success(), "{status}: {line}");
    Ok(())
}

/// Runs the command and returns its trimmed standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let out = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start: {line}"))?;
    ensure!(out.status.success(), "{}: {line}", out.status);
    Ok(String::from_utf8(out.stdout).with_context(|| format!("not UTF-8: {line}"))?.trim().to_owned())
}

/// Returns whether the command starts and succeeds; discards its output.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Returns whether this process runs as root: `/proc/self` belongs to the effective user.
pub(crate) fn is_root() -> Result<bool> {
    Ok(std::fs::metadata("/proc/self").context("this arm needs Linux's /proc")?.uid() == 0)
}

/// Returns a command for `program` as root: directly when already root, else under sudo.
pub(crate) fn as_root(program: impl Into<OsString>) -> Result<Command> {
    let program = program.into();
    if is_root()? {
        return Ok(Command::new(program));
    }
    if !succeeds(Command::new("sudo").arg("--version")) {
        bail!("{} needs root: this is not root, and sudo is not installed", program.display());
    }
    let mut command = Command::new("sudo");
    command.arg("--").arg(program);
    Ok(command)
}

/// Returns the words of the command, for messages.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
