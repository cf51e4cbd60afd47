//! The command `tracego policy eval`: makes one decision and explains it.

use std::io::{self, Write};

use serde::Serialize;
use tracego_model::record::policy::{PolicyDecision, Violation};
use tracego_policy::{
    PolicyEngine, input,
    offline::{
        bundle_tests,
        explanation::{self, RuleValue},
    },
};

use super::{json, load, log::record};
use crate::cli::PolicyEval;

#[derive(Serialize)]
struct EvalReport<'a> {
    decision: &'a PolicyDecision,
    /// Rules of each bundle with their results.
    rules: &'a [(String, Vec<RuleValue>)],
}

pub(super) fn eval(asked: &PolicyEval, out: &mut impl Write) -> anyhow::Result<bool> {
    let bundles = load(&asked.bundles)?;
    let mut engine = PolicyEngine::new(&bundles, &asked.limits.limits())?;
    let record = record(&asked.input)?;
    let decision = engine.decide_json(&record);
    let input = input::from_json(record);
    let mut good = decision.error.is_none();
    let mut rules: Vec<(String, Vec<RuleValue>)> = Vec::new();
    for bundle in &bundles {
        let explained = explanation::explain(bundle, &input, bundle_tests::TIME)?;
        good &= explained.whole;
        rules.push((bundle.name.clone(), explained.rules));
    }
    if asked.report.is_json() {
        json(out, &EvalReport { decision: &decision, rules: &rules })?;
    } else {
        print(&decision, &rules, out)?;
    }
    Ok(good)
}

fn print(
    decision: &PolicyDecision,
    rules: &[(String, Vec<RuleValue>)],
    out: &mut impl Write,
) -> io::Result<()> {
    let word = if decision.allow { "allowed" } else { "denied" };
    let severity = decision.severity.map_or_else(String::new, |severity| format!(", {severity}"));
    writeln!(out, "{word}{severity}, action {}, in {:.1?}", decision.action, decision.took)?;
    if let Some(error) = &decision.error {
        writeln!(out, "error: {error}")?;
    }
    decision.violations.iter().try_for_each(|violation| one("violation", violation, out))?;
    decision.warnings.iter().try_for_each(|warning| one("warning", warning, out))?;
    if decision.cut > 0 {
        writeln!(out, "and {} more", decision.cut)?;
    }
    for bundle in decision.bundles.iter() {
        let revision = bundle.revision.as_ref().map_or_else(String::new, |name| format!(", revision {name}"));
        writeln!(out, "decided by {} {}{revision}", bundle.name, bundle.digest)?;
    }
    for (bundle, rules) in rules {
        for held in rules {
            let RuleValue { rule, path, line, value, error } = held;
            match (value, error) {
                (_, Some(error)) => writeln!(out, "  {bundle}/{path}:{line}: {rule}: error: {error}")?,
                (Some(value), None) => {
                    let value: String = value.to_string().chars().take(200).collect();
                    writeln!(out, "  {bundle}/{path}:{line}: {rule} is {value}")?;
                }
                (None, None) => writeln!(out, "  {bundle}/{path}:{line}: {rule} does not hold")?,
            }
        }
    }
    Ok(())
}

fn one(what: &str, violation: &Violation, out: &mut impl Write) -> io::Result<()> {
    let severity = violation.severity.map_or_else(String::new, |severity| format!(" ({severity})"));
    writeln!(out, "{what} {}/{}{severity}: {}", violation.bundle, violation.id, violation.msg)?;
    if let Some(remediation) = &violation.remediation {
        writeln!(out, "  {remediation}")?;
    }
    Ok(())
}
