//! The durable queue on one core: appending records with a group sync, draining them, and opening the spool.
//!
//! The measured program is an example of the spool's crate, so the measured code is the code that ships.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::table::{Row, median, range, row};
use crate::shell;

/// Sizes of the records in bytes: a typical record of tracego, and a short one.
const SIZES: [usize; 2] = [1500, 500];

/// The numbers that one run of the example prints.
struct SpoolRun {
    append: f64,
    sync_max_ms: f64,
    drain: f64,
    open: f64,
    disk: f64,
}

/// Measures records per second for each size.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let example = super::build("tracego-spool", Some("throughput"))?;
    let mut rows = Vec::new();
    for size in SIZES {
        let runs =
            (0..bench.pairs).map(|_| once(&example, bench, size)).collect::<Result<Vec<SpoolRun>>>()?;
        let all = |number: fn(&SpoolRun) -> f64| runs.iter().map(number).collect::<Vec<f64>>();
        let mut append = all(|run| run.append);
        let (low, high) = range(&append);
        let worst = range(&all(|run| run.sync_max_ms)).1;
        rows.push(row(
            format!("spool: records of {size} B in, fsync every 256 or 100 ms"),
            "≥ 100,000 a second on one core",
            format!("{:.0} ({low:.0} to {high:.0}); longest sync {worst:.1} ms", median(&mut append)),
        ));
        let mut ratios = all(|run| run.append / run.disk);
        let (low, high) = range(&ratios);
        rows.push(row(
            format!("spool: records of {size} B in / plain writes with the same syncs"),
            "≥ 0.7",
            format!(
                "{:.2} ({low:.2} to {high:.2}); the disk takes {:.0} a second",
                median(&mut ratios),
                median(&mut all(|run| run.disk))
            ),
        ));
        rows.push(row(
            format!("spool: records of {size} B out and acknowledged"),
            "faster than in",
            format!("{:.0} a second", median(&mut all(|run| run.drain))),
        ));
        rows.push(row(
            format!("spool: opening with records of {size} B, each checked"),
            "≥ 200,000 records a second",
            format!("{:.0} a second", median(&mut all(|run| run.open))),
        ));
    }
    Ok(rows)
}

fn once(example: &Path, bench: &Bench, size: usize) -> Result<SpoolRun> {
    let folder = tempfile::tempdir_in(shell::target()?).context("cannot make a folder for the spool")?;
    // One core, because the pipeline spends a single thread on this work.
    let mut command = std::process::Command::new("taskset");
    command.args(["-c", "1"]).arg(example).arg(folder.path());
    let text = shell::output(command.args([size.to_string(), bench.seconds.to_string()]))?;
    let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    ensure!(numbers.len() == 5, "unexpected output of the example: {text:?}");
    Ok(SpoolRun {
        append: numbers[0],
        sync_max_ms: numbers[1],
        drain: numbers[2],
        open: numbers[3],
        disk: numbers[4],
    })
}
