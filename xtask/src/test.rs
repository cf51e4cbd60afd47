//! `cargo xtask test`: runs all tests, as root where possible.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// The tested packages: all that are built for this machine.
pub(crate) const PACKAGES: [&str; 3] = ["--workspace", "--exclude", "tracego-ebpf"];

/// Builds tracego and the generator of its man pages with the package selection of `cargo test`. Another
/// selection would change the features of the dependencies and recompile all of them.
pub(crate) fn build() -> Result<()> {
    let parts = ["--bin", "tracego", "--example", "generate"];
    shell::run(shell::cargo()?.args(["build", "--locked"]).args(PACKAGES).args(parts))
}

/// Replaces this process with `cargo test`, so that the last lines are cargo's own.
pub(crate) fn run() -> Result<()> {
    // The end-to-end tests start the tracego program itself.
    build()?;
    let mut command = shell::cargo()?;
    command.args(["test", "--locked"]).args(PACKAGES);
    if !shell::is_root()? {
        if can_sudo() {
            command.env(runner_variable()?, "sudo -E");
        } else {
            eprintln!(
                "not root, and sudo cannot be used: tests that load BPF programs will fail or be skipped"
            );
        }
    }
    Err(command.exec()).context("cannot start cargo test")
}

/// Returns whether sudo works without a password, or a terminal is available to ask for it.
fn can_sudo() -> bool {
    shell::succeeds(Command::new("sudo").args(["-n", "true"]))
        || (std::io::stdin().is_terminal() && shell::succeeds(Command::new("sudo").arg("--version")))
}

/// Returns the name of the variable for the program that cargo starts each test binary with.
fn runner_variable() -> Result<String> {
    Ok(format!("CARGO_TARGET_{}_RUNNER", shell::host()?.to_uppercase().replace('-', "_")))
}
