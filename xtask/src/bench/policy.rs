//! The cost of policies.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Bench;
use super::replay;
use super::table::{Row, percentile, row};
use crate::shell;

/// Records of a build in a CI job, with its go commands.
const RECORDS: &str = "tests/golden/go.json";
const BUNDLE: &str = "deploy/policies";

/// Measures the starter bundle, evaluated anew and remembered: pinned to one CPU, and free to move. An
/// unpinned worker is often woken on another CPU.
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
                || report["not_remembered"].as_str().unwrap_or("no decision was remembered").to_owned(),
                |(median, p99)| format!("p50 {median:.2} µs, p99 {p99:.2} µs"),
            );
            rows.push(row("the same, remembered, from a log in JSON", "shown", remembered));
            let on_the_way = on_the_way(bench)?;
            rows.push(row("the same, remembered, from the records of a storm", "≤ 1 µs", on_the_way));
        }
    }
    Ok(rows)
}

/// Duration of the storm in seconds.
const STORM: u64 = 1;

/// Measures remembered decisions in the pipeline, from the times in their records.
fn on_the_way(bench: &Bench) -> Result<String> {
    let capture = replay::capture(bench, "policy", STORM)?;
    let out = bench.folder.path().join("decided");
    let mut replay = Command::new("taskset");
    replay.args(["--cpu-list", "0"]).arg(&bench.tracego);
    replay.args(["replay", "--policy", BUNDLE, "--output", "json", "--output-file"]);
    shell::run(replay.args([&out, &capture]).current_dir(shell::root()?).stdout(Stdio::null()))?;
    let mut times = Vec::new();
    for line in BufReader::new(File::open(&out)?).lines() {
        let policy = &serde_json::from_str::<Value>(&line?)?["tracego"]["policy"];
        if policy["cached"] == true {
            times.extend(policy["took_ns"].as_f64().map(|ns| ns / 1e3));
        }
    }
    ensure!(!times.is_empty(), "no decision was remembered");
    let (median, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
    Ok(format!("p50 {median:.2} µs, p99 {p99:.2} µs, of {}", times.len()))
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

/// Returns the median and the 99th percentile in microseconds.
fn times(report: &Value, what: &str) -> Option<(f64, f64)> {
    let us = |name: &str| report[what][name].as_f64().map(|ns| ns / 1e3);
    us("median_ns").zip(us("p99_ns"))
}
