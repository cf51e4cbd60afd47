//! What policies take.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::table::{Row, row};
use crate::shell;

/// Records of a build in a CI job, with its go commands.
const RECORDS: &str = "tests/golden/go.json";
const BUNDLE: &str = "deploy/policies";

/// The starter bundle, each record decided anew and from memory. On a processor of its own, and where it may go to
/// any: the thread that decides is then often woken on another one.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, goal, own) in
        [("", "p50 ≤ 25 µs, p99 ≤ 100 µs", true), (", free to change processors", "shown", false)]
    {
        let report = report(bench, own)?;
        let (median, p99) = times(&report, "evaluated").context("policy bench evaluated nothing")?;
        let value = format!("p50 {median:.1} µs, p99 {p99:.1} µs");
        rows.push(row(format!("a decision of the starter policies{name}"), goal, value));
        if own {
            let remembered = times(&report, "remembered").map_or_else(
                || report["not_remembered"].as_str().unwrap_or("none was").to_owned(),
                |(median, p99)| format!("p50 {median:.2} µs, p99 {p99:.2} µs"),
            );
            rows.push(row("the same, remembered", "≤ 1 µs", remembered));
        }
    }
    Ok(rows)
}

fn report(bench: &Bench, own: bool) -> Result<Value> {
    let mut command = if own { Command::new("taskset") } else { Command::new(&bench.tracego) };
    if own {
        command.args(["--cpu-list", "0"]).arg(&bench.tracego);
    }
    command.args(["policy", "bench", BUNDLE, "--json", "--records", RECORDS]);
    let report = shell::output(command.current_dir(shell::root()?))?;
    serde_json::from_str(&report).context("policy bench gave no JSON")
}

/// Median and 99th percentile in microseconds.
fn times(report: &Value, what: &str) -> Option<(f64, f64)> {
    let us = |name: &str| report[what][name].as_f64().map(|ns| ns / 1e3);
    us("median_ns").zip(us("p99_ns"))
}
