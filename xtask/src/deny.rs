//! Checks of licences, sources and advisories of the dependencies, with cargo-deny.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::shell::{self, cargo, output, succeeds};

const VERSION: &str = "0.20.2";

/// Checks `deny.toml`. Skips advisories, with a message, when their database cannot be reached.
pub(crate) fn run() -> Result<()> {
    install()?;
    shell::run(cargo()?.args(["deny", "--locked", "check", "bans", "licenses", "sources"]))?;
    if succeeds(cargo()?.args(["deny", "fetch", "db"])) {
        shell::run(cargo()?.args(["deny", "--locked", "check", "advisories"]))
    } else {
        eprintln!("skipped: advisories, because the database of RustSec cannot be reached from here");
        Ok(())
    }
}

/// Installs cargo-deny, with a message, unless the exact version is already installed.
fn install() -> Result<()> {
    let wanted = format!("cargo-deny {VERSION}");
    let found = || output(Command::new("cargo-deny").arg("--version").stderr(std::process::Stdio::null()));
    if found().is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    eprintln!("installing {wanted} with cargo, because it checks licences and sources of the dependencies");
    shell::run(cargo()?.args(["install", "--locked", "cargo-deny", "--version", VERSION]))?;
    let found = found()?;
    ensure!(found == wanted, "PATH finds {found} instead of {wanted}");
    Ok(())
}
