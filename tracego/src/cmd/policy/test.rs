//! The command `tracego policy test`.

use std::io::{self, Write};

use serde::Serialize;
use tracego_policy::{
    bundle::Bundle,
    trial::{self, Coverage, Outcome, Tested},
};

use super::{json, load, records};
use crate::cli::PolicyTest;

#[derive(Serialize)]
struct TestReport<'a> {
    bundle: &'a str,
    #[serde(flatten)]
    tested: &'a Tested,
}

pub(super) fn test(asked: &PolicyTest, out: &mut impl Write) -> anyhow::Result<bool> {
    let bundles = load(&asked.bundles)?;
    if let Some(path) = &asked.records {
        return records::records(asked, &bundles, path, out);
    }
    let test =
        |bundle| -> anyhow::Result<_> { Ok((bundle, trial::run(bundle, asked.coverage, trial::TIME)?)) };
    let all: Vec<(&Bundle, Tested)> = bundles.iter().map(test).collect::<Result<_, _>>()?;
    let good = all.iter().all(|(_, tested)| tested.is_good());
    if asked.json {
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
fn print(bundle: &Bundle, tested: &Tested, out: &mut impl Write) -> io::Result<()> {
    let count =
        |wanted: fn(&Outcome) -> bool| tested.tests.iter().filter(|test| wanted(&test.outcome)).count();
    for test in &tested.tests {
        let (word, why) = match &test.outcome {
            Outcome::Pass => ("PASS", ""),
            Outcome::Fail => ("FAIL", ""),
            Outcome::Error(why) => ("ERROR", why.as_str()),
            Outcome::Skipped => ("SKIPPED", ""),
        };
        let (path, line, name) = (&test.path, test.line, &test.name);
        writeln!(out, "{}/{path}:{line}: {name}: {word} ({:.2?})", bundle.name, test.took)?;
        if !why.is_empty() {
            writeln!(out, "  {why}")?;
        }
    }
    tested.coverage.iter().try_for_each(|coverage| cover(coverage, out))?;
    let (all, passed) = (tested.tests.len(), count(|outcome| *outcome == Outcome::Pass));
    writeln!(out, "{}: PASS: {passed}/{all}", bundle.name)?;
    for (word, count) in [
        ("FAIL", count(|outcome| *outcome == Outcome::Fail)),
        ("ERROR", count(|outcome| matches!(outcome, Outcome::Error(_)))),
        ("SKIPPED", count(|outcome| *outcome == Outcome::Skipped)),
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
