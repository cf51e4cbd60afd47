//! The command `tracego policy test`.

use std::io::{self, Write};

use serde::Serialize;
use tracego_policy::{
    bundle::Bundle,
    offline::bundle_tests::{self, Coverage, TestOutcome, TestRun},
};

use super::{json, load, records};
use crate::cli::PolicyTest;

#[derive(Serialize)]
struct TestReport<'a> {
    bundle: &'a str,
    #[serde(flatten)]
    tested: &'a TestRun,
}

pub(super) fn test(asked: &PolicyTest, out: &mut impl Write) -> anyhow::Result<bool> {
    let bundles = load(&asked.bundles)?;
    if let Some(path) = &asked.records {
        return records::records(asked, &bundles, path, out);
    }
    let test = |bundle| -> anyhow::Result<_> {
        Ok((bundle, bundle_tests::run(bundle, asked.coverage, bundle_tests::TIME)?))
    };
    let all: Vec<(&Bundle, TestRun)> = bundles.iter().map(test).collect::<Result<_, _>>()?;
    let good = all.iter().all(|(_, tested)| tested.passed());
    if asked.report.is_json() {
        let reports: Vec<_> =
            all.iter().map(|(bundle, tested)| TestReport { bundle: &bundle.name, tested }).collect();
        json(out, &reports)?;
    } else {
        for (bundle, tested) in &all {
            print(bundle, tested, out)?;
        }
    }
    Ok(good)
}

/// Prints the results as `opa test` does.
fn print(bundle: &Bundle, tested: &TestRun, out: &mut impl Write) -> io::Result<()> {
    let count =
        |wanted: fn(&TestOutcome) -> bool| tested.tests.iter().filter(|test| wanted(&test.outcome)).count();
    for test in &tested.tests {
        let (word, why) = match &test.outcome {
            TestOutcome::Pass => ("PASS", ""),
            TestOutcome::Fail => ("FAIL", ""),
            TestOutcome::Error(why) => ("ERROR", why.as_str()),
            TestOutcome::Skipped => ("SKIPPED", ""),
        };
        let (path, line, name) = (&test.path, test.line, &test.name);
        writeln!(out, "{}/{path}:{line}: {name}: {word} ({:.2?})", bundle.name, test.took)?;
        if !why.is_empty() {
            writeln!(out, "  {why}")?;
        }
    }
    tested.coverage.iter().try_for_each(|coverage| cover(coverage, out))?;
    let (all, passed) = (tested.tests.len(), count(|outcome| *outcome == TestOutcome::Pass));
    writeln!(out, "{}: PASS: {passed}/{all}", bundle.name)?;
    for (word, count) in [
        ("FAIL", count(|outcome| *outcome == TestOutcome::Fail)),
        ("ERROR", count(|outcome| matches!(outcome, TestOutcome::Error(_)))),
        ("SKIPPED", count(|outcome| *outcome == TestOutcome::Skipped)),
    ] {
        if count > 0 {
            writeln!(out, "{}: {word}: {count}/{all}", bundle.name)?;
        }
    }
    Ok(())
}

fn cover(coverage: &Coverage, out: &mut impl Write) -> io::Result<()> {
    let (covered, not) = (coverage.covered.len(), coverage.not_covered.len());
    let percent = if covered + not == 0 { 100.0 } else { 100.0 * covered as f64 / (covered + not) as f64 };
    write!(out, "{}: {percent:.1} % of {} lines", coverage.path, covered + not)?;
    if not > 0 {
        let lines: Vec<_> = coverage.not_covered.iter().map(ToString::to_string).collect();
        write!(out, "; not covered: {}", lines.join(", "))?;
    }
    writeln!(out)
}
