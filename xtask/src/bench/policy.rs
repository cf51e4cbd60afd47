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

/// The starter bundle, each record decided anew and from memory.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut tracego = Command::new(&bench.tracego);
    tracego.args(["policy", "bench", BUNDLE, "--json", "--records", RECORDS]);
    let report = shell::output(tracego.current_dir(shell::root()?))?;
    let report: Value = serde_json::from_str(&report).context("policy bench gave no JSON")?;
    let times = |what: &str| {
        let ns = |name: &str| report[what][name].as_f64().map(|ns| ns / 1e3);
        ns("median_ns").zip(ns("p99_ns"))
    };
    let (median, p99) = times("evaluated").context("policy bench evaluated nothing")?;
    let mut rows = vec![row(
        "a decision of the starter policies",
        "p50 ≤ 25 µs, p99 ≤ 100 µs",
        format!("p50 {median:.1} µs, p99 {p99:.1} µs"),
    )];
    let remembered = times("remembered").map_or_else(
        || report["not_remembered"].as_str().unwrap_or("none was").to_owned(),
        |(median, p99)| format!("p50 {median:.2} µs, p99 {p99:.2} µs"),
    );
    rows.push(row("the same, remembered", "≤ 1 µs", remembered));
    Ok(rows)
}
