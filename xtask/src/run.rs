//! `cargo xtask run`: builds tracego as this user and runs it as root.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};

use crate::shell;

/// Options of `cargo xtask run`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// tracego's own arguments, after `--`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds, then replaces this process with tracego.
pub(crate) fn run(args: &Args) -> Result<()> {
    shell::run(shell::cargo()?.args(["build", "--release", "--locked", "--package", "tracego"]))?;
    let failure = shell::as_root(shell::target()?.join("release/tracego"))?.args(&args.arguments).exec();
    Err(failure).context("cannot start tracego")
}
