//! `cargo xtask bench`: the cost of tracego, against the same work without it in the same run.

mod agent;
mod clickhouse;
mod digests;
mod enforcement;
mod fleet;
mod golang;
mod kernel;
mod latency;
mod otlp;
mod peers;
mod policy;
mod replay;
mod spool;
mod storm;
mod table;
mod throughput;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;
use peers::Peer;
use storm::Storm;
use table::Row;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these measurements; all without a name
    names: Vec<String>,
    /// Seconds of one storm
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Pairs of a storm without and with tracego
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of the long storm
    #[arg(long, default_value_t = 60)]
    long: u64,
    /// Program starts of the simulated fleet
    #[arg(long, default_value_t = 10_000_000)]
    starts: u64,
    /// Measure execsnoop, bpftrace and auditd beside tracego in the storms; installs them
    #[arg(long)]
    peers: bool,
}

/// The context of a measurement.
struct Bench {
    seconds: u64,
    pairs: usize,
    long: u64,
    starts: u64,
    storm: Storm,
    tracego: PathBuf,
    folder: tempfile::TempDir,
    peers: Vec<Peer>,
}

impl Bench {
    /// Returns the file that records are written to, without the records of earlier runs.
    fn records(&self) -> Result<PathBuf> {
        let path = self.folder.path().join("records");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(path),
        }
    }

    /// Returns the name of the file system that records are written to.
    fn file_system(&self) -> Result<String> {
        let kind = shell::output(Command::new("stat").args(["-f", "-c", "%T"]).arg(self.folder.path()))?;
        Ok(kind.trim().to_owned())
    }
}

/// Options of the main job, without filters and without a file for the records.
const OPTIONS: [&str; 8] =
    ["-e", "execve", "--env", "GIT_COMMIT=abc123f", "--env", "CI_JOB_ID=456789", "--output", "json"];

/// The build profile of what ships.
const PROFILE: &str = "dist";

type Measurement = fn(&Bench) -> Result<Vec<Row>>;

/// All measurements by name.
const ALL: [(&str, Measurement); 17] = [
    ("kernel", kernel::run),
    ("enforcement", enforcement::run),
    ("diagnostics", kernel::diagnostics),
    ("storm", throughput::storm),
    ("true", throughput::dynamic),
    ("long", throughput::long),
    ("idle", throughput::idle),
    ("calm", latency::calm),
    ("delay", latency::delay),
    ("digests", digests::run),
    ("replay", replay::run),
    ("golang", golang::run),
    ("policy", policy::run),
    ("spool", spool::run),
    ("otlp", otlp::run),
    ("clickhouse", clickhouse::run),
    ("fleet", fleet::run),
];

/// Runs the measurements and prints one table.
pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(unknown) = args.names.iter().find(|name| ALL.iter().all(|(known, _)| known != name)) {
        let known: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        bail!("no benchmark is called {unknown}; there are: {}", known.join(", "));
    }
    if !shell::is_root()? {
        bail!("tracego has to be loaded: run this as root (sudo -E env PATH=$PATH cargo xtask bench)");
    }
    let bench = Bench {
        seconds: args.seconds,
        pairs: args.pairs,
        long: args.long,
        starts: args.starts,
        storm: Storm::build()?,
        tracego: build("tracego", None)?,
        // Not in /tmp, which may be memory.
        folder: tempfile::tempdir_in(shell::target()?)?,
        peers: if args.peers { peers::install()? } else { Vec::new() },
    };
    let (mut rows, mut failed) = (Vec::new(), Ok(()));
    for (name, measurement) in ALL {
        if args.names.is_empty() || args.names.iter().any(|wanted| wanted == name) {
            eprintln!("measuring: {name}");
            match measurement(&bench) {
                Ok(measured) => rows.extend(measured),
                // What is measured so far is shown.
                Err(error) => {
                    failed = Err(error.context(name));
                    break;
                }
            }
        }
    }
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    table::print(&rows, kernel.trim(), cpus, &bench.file_system()?);
    failed
}

/// Builds a package's program, or one of its examples, as it ships. Returns its path.
fn build(package: &str, example: Option<&str>) -> Result<PathBuf> {
    let mut cargo = shell::cargo()?;
    cargo.args(["build", "--locked", "--profile", PROFILE, "--package", package]);
    let folder = shell::target()?.join(PROFILE);
    let Some(example) = example else {
        shell::run(&mut cargo)?;
        return Ok(folder.join(package));
    };
    shell::run(cargo.args(["--example", example]))?;
    Ok(folder.join("examples").join(example))
}
