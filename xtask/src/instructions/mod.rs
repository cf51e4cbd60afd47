//! `cargo xtask instructions`: instructions of fixed work, against the committed bounds. Unlike times, instructions are
//! the same on a busy machine, so growth by a few percent is seen.

mod bounds;
mod callgrind;

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{shell, test, toolchain};
use bounds::{Bounds, Place};

/// Options of `cargo xtask instructions`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the figures of this run as the new bounds
    #[arg(long)]
    write: bool,
}

/// The committed bounds.
const BOUNDS: &str = "xtask/instructions.json";
const EXAMPLE: &str = "instructions";

/// Counts and compares. Says so where it cannot.
pub(crate) fn run(args: &Args) -> Result<()> {
    let path = shell::root()?.join(BOUNDS);
    let place = Place::here()?;
    let old = if args.write {
        None
    } else {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let bounds: Bounds = serde_json::from_str(&text).with_context(|| format!("{BOUNDS} is damaged"))?;
        if let Some(why) = bounds.place.difference(&place) {
            eprintln!("instructions: SKIPPED, nothing was compared: {why}");
            return Ok(());
        }
        Some(bounds)
    };
    if let Err(error) =
        toolchain::install_command("valgrind", "valgrind", "callgrind counts the instructions")
    {
        ensure!(!args.write, "nothing can be written: {error:#}");
        eprintln!("instructions: SKIPPED, nothing was compared: {error:#}");
        return Ok(());
    }
    // The profile and the selection of packages of `cargo xtask test`: all of it is built already, or will be used.
    shell::run(
        shell::cargo()?.args(["build", "--locked"]).args(test::PACKAGES).args(["--example", EXAMPLE]),
    )?;
    let example = shell::target()?.join("debug/examples").join(EXAMPLE);
    let figures = callgrind::count(&example)?;
    let Some(old) = old else {
        let mut text = serde_json::to_string_pretty(&Bounds { place, figures })?;
        text.push('\n');
        return fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()));
    };
    for (name, figure) in &figures {
        eprintln!("{name}: {figure} instructions");
    }
    let differences = old.differences(&figures);
    ensure!(
        differences.is_empty(),
        "{}\nif this is as it should be, write new bounds: cargo xtask instructions --write",
        differences.join("\n")
    );
    Ok(())
}
