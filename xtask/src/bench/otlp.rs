//! Delivery of log records to a local OTLP receiver over HTTP with gzip: a sink against the SDK's batch
//! processor.
//!
//! The measured program is an example of the tests. It runs on one core, its receiver on another.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::table::{Row, median, range, row};
use crate::shell;

/// Number of records in an hour at 500 a second.
const HOUR: &str = "1800000";

/// The numbers that one run of the example prints.
struct Run {
    given: f64,
    arrived: f64,
    seconds: f64,
    cpu: f64,
}

/// Compares records per second and losses of both ways, in alternation.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut build = shell::cargo()?;
    let example = ["--package", "tracego-tests", "--example", "otlp_rate"];
    shell::must(build.args(["build", "--release", "--locked"]).args(example))?;
    let (mut ours, mut sdk) = (Vec::new(), Vec::new());
    for _ in 0..bench.pairs {
        ours.push(once("ours", bench.seconds)?);
        sdk.push(once("sdk", bench.seconds)?);
    }
    let rates = |runs: &[Run]| runs.iter().map(|run| run.arrived / run.seconds).collect::<Vec<f64>>();
    let lost = |runs: &[Run]| {
        let (given, arrived) = (sum(runs, |run| run.given), sum(runs, |run| run.arrived));
        format!("{:.0} of {given:.0} lost", given - arrived)
    };
    let cpu = |runs: &[Run]| sum(runs, |run| run.cpu) / sum(runs, |run| run.arrived) * 1e6;
    let shown = |runs: &[Run]| {
        let mut rates = rates(runs);
        let (low, high) = range(&rates);
        let (rate, cpu) = (median(&mut rates), cpu(runs));
        format!("{rate:.0} ({low:.0} to {high:.0}); {}; {cpu:.1} µs of CPU a record that arrived", lost(runs))
    };
    let folder = tempfile::tempdir_in(shell::target()?)?;
    let example = shell::target()?.join("release/examples/otlp_rate");
    let mut down = Command::new(example);
    let text = shell::output(down.args(["down", HOUR]).arg(folder.path()))?;
    let [given, waiting, lost, peak] = numbers(&text)?;
    ensure!(given == waiting + lost, "of {given} records {waiting} wait and {lost} are lost");
    let ratio = median(&mut rates(&ours)) / median(&mut rates(&sdk));
    Ok(vec![
        row(
            "OTLP over HTTP with gzip: a sink",
            "≥ 50,000 records a second on one core, none lost",
            shown(&ours),
        ),
        row("the same through the SDK's batch processor", "for comparison", shown(&sdk)),
        row("a sink / the SDK's batch processor", "> 1", format!("{ratio:.2}")),
        row(
            "most resident memory of a sink with a spool of 1 GiB, receiver down for an hour of 500 a second",
            "with the rest of tracego under 64 MiB",
            format!("{peak:.1} MiB; {waiting:.0} wait, {lost:.0} made room and are counted"),
        ),
    ])
}

fn sum(runs: &[Run], of: fn(&Run) -> f64) -> f64 {
    runs.iter().map(of).sum()
}

fn once(way: &str, seconds: u64) -> Result<Run> {
    let example = shell::target()?.join("release/examples/otlp_rate");
    let mut command = Command::new("taskset");
    command.args(["-c", "1"]).arg(example).args([way, &seconds.to_string()]);
    let text = shell::output(&mut command)?;
    let [given, arrived, seconds, cpu] = numbers(&text)?;
    Ok(Run { given, arrived, seconds, cpu })
}

fn numbers(text: &str) -> Result<[f64; 4]> {
    let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    numbers.try_into().ok().with_context(|| format!("the example said {text:?}"))
}
