//! The command `tracego policy test --records`: reports what bundles would have decided.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;
use tracego_model::record::policy::{ErrorKind, PolicyDecision};
use tracego_policy::{PolicyEngine, bundle::Bundle};

use super::{
    json,
    log::{SkippedLines, starts},
};
use crate::cli::PolicyTest;

#[derive(Default, Serialize)]
struct RecordsReport {
    /// Number of program starts that were decided about.
    starts: u64,
    allowed: u64,
    denied: u64,
    /// Failed evaluations by kind.
    errors: BTreeMap<&'static str, u64>,
    /// Starts by bundle and rule; a start may count for several rules.
    violations: BTreeMap<String, u64>,
    warnings: BTreeMap<String, u64>,
    #[serde(flatten)]
    passed: SkippedLines,
    /// First starts that are not allowed, or whose evaluation failed.
    first: Vec<ShownStart>,
}

#[derive(Serialize)]
struct ShownStart {
    timestamp: String,
    pid: u64,
    body: String,
    decision: PolicyDecision,
}

impl RecordsReport {
    fn add(&mut self, record: &serde_json::Value, decision: PolicyDecision, first: usize) {
        self.starts += 1;
        *(if decision.allow { &mut self.allowed } else { &mut self.denied }) += 1;
        for (counts, list) in
            [(&mut self.violations, &decision.violations), (&mut self.warnings, &decision.warnings)]
        {
            let mut ids: Vec<_> = list.iter().map(|one| format!("{}/{}", one.bundle, one.id)).collect();
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                *counts.entry(id).or_default() += 1;
            }
        }
        if self.first.len() < first && (!decision.allow || decision.error.is_some()) {
            let text =
                |name: &str| record.get(name).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
            let pid = record.pointer("/process/pid").and_then(serde_json::Value::as_u64).unwrap_or_default();
            self.first.push(ShownStart { timestamp: text("timestamp"), pid, body: text("body"), decision });
        }
    }
}

pub(super) fn records(
    asked: &PolicyTest,
    bundles: &[Bundle],
    path: &Path,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let mut engine = PolicyEngine::new(bundles, &asked.limits.limits())?;
    let mut report = RecordsReport::default();
    report.passed = starts(path, |record| {
        let decision = engine.decide_json(&record);
        report.add(&record, decision, asked.first);
        true
    })?;
    let errors = engine.counts().errors;
    let named = ErrorKind::ALL.into_iter().zip(errors).filter(|(_, count)| *count > 0);
    report.errors = named.map(|(kind, count)| (kind.name(), count)).collect();
    if asked.report.is_json() {
        json(out, &report)?;
    } else {
        print(&report, out)?;
    }
    Ok(report.errors.is_empty() && report.passed.incomplete == 0)
}

fn print(report: &RecordsReport, out: &mut impl Write) -> io::Result<()> {
    let RecordsReport { starts, allowed, denied, .. } = report;
    writeln!(out, "{starts} starts: {allowed} allowed, {denied} denied")?;
    for (what, counts) in [("violation", &report.violations), ("warning", &report.warnings)] {
        for (id, count) in counts {
            writeln!(out, "{count:>8}  {what}  {id}")?;
        }
    }
    for (kind, count) in &report.errors {
        writeln!(out, "{count:>8}  error  {kind}")?;
    }
    let SkippedLines { others, unreadable, .. } = report.passed;
    if others + unreadable > 0 {
        writeln!(
            out,
            "passed over: {others} records of other kinds, {unreadable} lines that are no records"
        )?;
    }
    if let Some(incomplete) = report.passed.incomplete() {
        writeln!(out, "{incomplete}")?;
    }
    for line in &report.first {
        let ShownStart { timestamp, pid, body, decision } = line;
        let word = if decision.allow { "allowed" } else { "denied" };
        writeln!(out, "{timestamp}  {pid}  {word}  {body}")?;
        for violation in decision.violations.iter() {
            writeln!(out, "  {}/{}: {}", violation.bundle, violation.id, violation.msg)?;
        }
        if let Some(error) = &decision.error {
            writeln!(out, "  error: {error}")?;
        }
    }
    Ok(())
}
