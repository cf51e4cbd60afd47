//! The command `tracego policy bench`: measures the time of decisions.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{anyhow, bail};
use serde::Serialize;
use serde_json::Value;
use tracego_model::record::policy::{ErrorKind, PolicyDecision};
use tracego_policy::{DecisionLimits, PolicyEngine};

use super::{
    json, load,
    log::{SkippedLines, record, starts},
};
use crate::cli::PolicyBench;

/// Maximum number of records kept in memory.
const RECORDS: usize = 10_000;
/// Duration of each measurement.
const TIME: Duration = Duration::from_secs(2);
/// Maximum number of decisions of a measurement, checked after each round.
const DECISIONS: usize = 200_000;

#[derive(Serialize)]
struct BenchReport {
    records: usize,
    /// Number of lean records that could not be made full.
    #[serde(skip_serializing_if = "tracego_model::record::is_zero")]
    incomplete: u64,
    evaluated: Times,
    #[serde(skip_serializing_if = "Option::is_none")]
    remembered: Option<Times>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_remembered: Option<String>,
    errors: u64,
}

#[derive(Serialize)]
struct Times {
    decisions: usize,
    median_ns: u64,
    p99_ns: u64,
}

pub(super) fn bench(asked: &PolicyBench, out: &mut impl Write) -> anyhow::Result<bool> {
    let bundles = load(&asked.bundles)?;
    let mut records = Vec::new();
    let mut passed = SkippedLines::default();
    if let Some(path) = &asked.input {
        records.push(record(path)?);
    } else if let Some(path) = &asked.records {
        passed = starts(path, |record| {
            records.push(record);
            records.len() < RECORDS
        })?;
    }
    if records.is_empty() {
        let why = passed.incomplete().map_or_else(String::new, |why| format!("; {why}"));
        bail!("there is no program start to decide about{why}");
    }
    let mut engine =
        PolicyEngine::new(&bundles, &DecisionLimits { cache: None, ..DecisionLimits::default() })?;
    let (evaluated, mut errors) = measure(&mut engine, &records, false)?;
    let mut engine = PolicyEngine::new(&bundles, &DecisionLimits::default())?;
    let not_remembered = engine.uncacheable_reason().map(str::to_owned);
    let mut remembered = None;
    if not_remembered.is_none() {
        for record in &records {
            decide(&mut engine, record)?;
        }
        let (times, more) = measure(&mut engine, &records, true)?;
        errors += more;
        remembered = (times.decisions > 0).then_some(times);
    }
    let incomplete = passed.incomplete;
    let report =
        BenchReport { records: records.len(), incomplete, evaluated, remembered, not_remembered, errors };
    if asked.report.is_json() {
        json(out, &report)?;
    } else {
        writeln!(out, "{} records", report.records)?;
        if let Some(incomplete) = passed.incomplete() {
            writeln!(out, "{incomplete}")?;
        }
        print("evaluated", &report.evaluated, out)?;
        if let Some(times) = &report.remembered {
            print("remembered", times, out)?;
        }
        if let Some(why) = &report.not_remembered {
            writeln!(out, "decisions are not remembered: {why}")?;
        }
        if report.errors > 0 {
            writeln!(out, "{} evaluations failed", report.errors)?;
        }
    }
    Ok(report.errors == 0)
}

/// Decides about the records repeatedly and measures each decision. Only cached or only uncached decisions
/// count, as given by `cached`.
fn measure(engine: &mut PolicyEngine, records: &[Value], cached: bool) -> anyhow::Result<(Times, u64)> {
    let (mut times, mut errors) = (Vec::new(), 0);
    let started = Instant::now();
    while started.elapsed() < TIME && times.len() < DECISIONS {
        for record in records {
            let before = Instant::now();
            let decision = decide(engine, record)?;
            let took = before.elapsed();
            errors += u64::from(decision.error.is_some());
            if decision.cached == cached {
                times.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            }
        }
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    Ok((Times { decisions: times.len(), median_ns: at(50), p99_ns: at(99) }, errors))
}

/// Decides about a record. Fails if a bundle hangs or crashes, since that would be measured, and not the policy.
fn decide(engine: &mut PolicyEngine, record: &Value) -> anyhow::Result<PolicyDecision> {
    let decision = engine.decide_json(record);
    match &decision.error {
        Some(error) if matches!(decision.error_kind, Some(ErrorKind::Hang | ErrorKind::Crash)) => {
            Err(anyhow!("{error}"))
        }
        _ => Ok(decision),
    }
}

fn print(what: &str, times: &Times, out: &mut impl Write) -> std::io::Result<()> {
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    let Times { decisions, median_ns, p99_ns } = *times;
    writeln!(
        out,
        "{what}: median {:.2} µs, p99 {:.2} µs ({decisions} decisions)",
        micros(median_ns),
        micros(p99_ns)
    )
}
