//! A fleet in ClickHouse's engine: records of real builds, made into those of 500 nodes and 20 days, with faults that each
//! question has to find.

mod measured;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Bench;
use super::table::Row;
use crate::shell;
use measured::FleetMeasured;

/// Rounds of the builds. Each is another variant of each job.
const ROUNDS: u32 = 6;

/// Builds, makes the fleet of the records, asks, and returns what it cost.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let builds = Builds::captured(bench, ROUNDS)?;
    let records = bench.records()?;
    let mut replay = Command::new(&bench.tracego);
    replay.args([
        "replay",
        "-e",
        "execve,exit",
        "--output",
        "json",
        "--detail",
        "full",
        "--seal",
        "--output-file",
    ]);
    shell::run(replay.arg(&records).arg(&builds.capture).env("TRACEGO_CONFIG", "none"))?;
    let store = tempfile::tempdir_in(bench.folder.path())?;
    let mut measure = Command::new(python()?);
    measure.arg(shell::root()?.join("tests/python/fleet/measure.py")).arg(store.path()).arg(&records);
    measure.arg("--work").arg(&builds.folder).args(["--starts", &bench.starts.to_string()]);
    let text = shell::output(&mut measure)?;
    let measured: FleetMeasured = serde_json::from_str(&text).context("measure.py printed no result")?;
    Ok(measured.rows())
}

/// Captured builds.
pub(super) struct Builds {
    /// Folder of the builds, with one below it for each round.
    folder: PathBuf,
    /// Events of all rounds.
    pub(super) capture: PathBuf,
}

impl Builds {
    /// Captures the builds of `builds.sh`, so many rounds of them.
    pub(super) fn captured(bench: &Bench, rounds: u32) -> Result<Self> {
        let builds = Self {
            folder: bench.folder.path().join("builds"),
            capture: bench.folder.path().join(format!("builds-{rounds}.capture")),
        };
        let script = shell::root()?.join("xtask/src/bench/fleet/builds.sh");
        let script_of_rounds = format!(
            "for round in $(seq {rounds}); do mkdir -p \"$1/$round\"; sh \"$2\" \"$1/$round\" \"$3\" $round || exit 1; \
             rm -rf \"$1/$round\"; done"
        );
        let mut capture = Command::new(&bench.tracego);
        capture.args(["capture", "--heartbeat", "1s"]).arg(&builds.capture).args([
            "--",
            "sh",
            "-c",
            &script_of_rounds,
            "sh",
        ]);
        capture.arg(&builds.folder).arg(script).arg(go()?.unwrap_or_default());
        shell::run(capture.env("TRACEGO_CONFIG", "none"))?;
        Ok(builds)
    }
}

/// Returns the newest go command that the tests have downloaded, or that of this machine.
fn go() -> Result<Option<PathBuf>> {
    let toolchains = fs::read_dir(shell::target()?.join("go")).into_iter().flatten().flatten();
    let newest = toolchains.map(|entry| entry.path().join("bin/go")).filter(|go| go.exists()).max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(newest.or_else(|| std::env::split_paths(&path).map(|folder| folder.join("go")).find(|go| go.exists())))
}

/// Returns a Python with ClickHouse's engine, which is that of the tests, and installs it if it is missing.
fn python() -> Result<PathBuf> {
    let list = shell::root()?.join("tests/python/fleet.txt");
    let wanted = fs::read_to_string(&list)?;
    let folder = shell::target()?.join("python/fleet");
    let (python, done) = (folder.join("bin/python"), folder.with_extension("installed"));
    if fs::read_to_string(&done).is_ok_and(|from| from == wanted) && python.exists() {
        return Ok(python);
    }
    if !shell::succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)) {
        bail!("python3 cannot make an environment: apt-get install python3-venv");
    }
    install(&python, &list)?;
    fs::write(done, wanted)?;
    Ok(python)
}

fn install(python: &Path, list: &Path) -> Result<()> {
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]);
    shell::run(pip.args(["--only-binary", ":all:", "--ignore-requires-python", "--requirement"]).arg(list))
}
