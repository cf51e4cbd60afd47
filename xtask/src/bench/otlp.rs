//! Delivery of log records to a local OTLP receiver over HTTP with gzip: a sink against the SDK's batch
//! processor.
//!
//! The measured program is an example of the tests. It runs on one core, its receiver on another.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::table::{Row, median, range, row};
use crate::shell;

/// Number of records in an hour at 500 a second.
const HOUR: &str = "1800000";

/// The numbers that one run of the example prints.
struct OtlpRun {
    given: f64,
    arrived: f64,
    seconds: f64,
    cpu: f64,
}

/// Compares records per second and losses of both ways, in alternation.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let example = super::build("tracego-tests", Some("otlp_rate"))?;
    let (mut ours, mut sdk) = (Vec::new(), Vec::new());
    for _ in 0..bench.pairs {
        ours.push(once(&example, "ours", bench.seconds)?);
        sdk.push(once(&example, "sdk", bench.seconds)?);
    }
    let rates = |runs: &[OtlpRun]| runs.iter().map(|run| run.arrived / run.seconds).collect::<Vec<f64>>();
    let lost = |runs: &[OtlpRun]| {
        let (given, arrived) = (sum(runs, |run| run.given), sum(runs, |run| run.arrived));
        // Records that lean records refer to come again and again, so more may arrive than were given.
        match given - arrived {
            lost if lost > 0.0 => format!("{lost:.0} of {given:.0} lost"),
            more => format!("{arrived:.0} of {given:.0} arrived, {:.0} of them references", -more),
        }
    };
    let cpu = |runs: &[OtlpRun]| sum(runs, |run| run.cpu) / sum(runs, |run| run.arrived) * 1e6;
    let shown = |runs: &[OtlpRun]| {
        let mut rates = rates(runs);
        let (low, high) = range(&rates);
        let (rate, cpu) = (median(&mut rates), cpu(runs));
        format!("{rate:.0} ({low:.0} to {high:.0}); {}; {cpu:.1} µs of CPU a record that arrived", lost(runs))
    };
    let folder = tempfile::tempdir_in(shell::target()?)?;
    let mut down = Command::new(&example);
    let text = shell::output(down.args(["down", HOUR]).arg(folder.path()))?;
    let [given, waiting, lost, peak] = numbers(&text)?;
    // Those that lean records refer to come again and again.
    let references = waiting + lost - given;
    ensure!(
        (0.0..given / 100.0).contains(&references),
        "of {given} records {waiting} wait and {lost} are lost"
    );
    let ratio = median(&mut rates(&ours)) / median(&mut rates(&sdk));
    Ok(vec![
        row(
            "OTLP over HTTP with gzip: a sink",
            "≥ 80,000 records a second on one core, none lost",
            shown(&ours),
        ),
        row("the same through the SDK's batch processor", "for comparison", shown(&sdk)),
        row("a sink / the SDK's batch processor", "> 1", format!("{ratio:.2}")),
        row(
            "most resident memory of a sink with a spool of 1 GiB, receiver down for an hour of 500 a second",
            "with the rest of tracego under 64 MiB",
            format!("{peak:.1} MiB; {waiting:.0} wait, {lost:.0} were evicted and counted"),
        ),
    ])
}

fn sum(runs: &[OtlpRun], of: fn(&OtlpRun) -> f64) -> f64 {
    runs.iter().map(of).sum()
}

fn once(example: &Path, way: &str, seconds: u64) -> Result<OtlpRun> {
    let mut command = Command::new("taskset");
    command.args(["-c", "1"]).arg(example).args([way, &seconds.to_string()]);
    let text = shell::output(&mut command)?;
    let [given, arrived, seconds, cpu] = numbers(&text)?;
    Ok(OtlpRun { given, arrived, seconds, cpu })
}

fn numbers(text: &str) -> Result<[f64; 4]> {
    let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    numbers.try_into().ok().with_context(|| format!("unexpected output of the example: {text:?}"))
}
