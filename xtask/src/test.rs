//! `cargo xtask test`: every test, as root where possible.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// What is tested: everything that is built for this machine.
pub(crate) const PACKAGES: [&str; 3] = ["--workspace", "--exclude", "tracego-ebpf"];

/// Builds tracego and the maker of its man pages, as `cargo test` with all packages does it: another choice of
/// packages would give their dependencies other features, and compile all of them once more.
pub(crate) fn build() -> Result<()> {
    let parts = ["--bin", "tracego", "--example", "generate"];
    shell::must(shell::cargo()?.args(["build", "--locked"]).args(PACKAGES).args(parts))
}

/// Replaces this process with `cargo test`, so the last lines are cargo's own.
pub(crate) fn run() -> Result<()> {
    // The end-to-end tests start the program itself.
    build()?;
    let mut command = shell::cargo()?;
    command.args(["test", "--locked"]).args(PACKAGES);
    if !shell::is_root()? {
        if can_sudo() {
            command.env(runner_variable()?, "sudo -E");
        } else {
            eprintln!(
                "not root, and sudo cannot be used: tests that load BPF programs will not pass or will skip"
            );
        }
    }
    Err(command.exec()).context("cannot start cargo test")
}

/// Whether sudo works without a password, or there is a terminal to ask for it.
fn can_sudo() -> bool {
    shell::succeeds(Command::new("sudo").args(["-n", "true"]))
        || (std::io::stdin().is_terminal() && shell::succeeds(Command::new("sudo").arg("--version")))
}

/// The variable that names the program which starts each test binary of the host's target.
fn runner_variable() -> Result<String> {
    Ok(format!("CARGO_TARGET_{}_RUNNER", shell::host()?.to_uppercase().replace('-', "_")))
}
