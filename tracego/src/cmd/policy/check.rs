//! The command `tracego policy check`.

use std::io::Write;

use serde::Serialize;
use tracego_model::record::policy::Identity;
use tracego_policy::{DecisionLimits, PolicyEngine, error::PolicyProblem};

use super::{json, load};
use crate::cli::PolicyCheck;

#[derive(Serialize)]
struct CheckReport<'a> {
    good: bool,
    bundles: &'a [Identity],
    refusals: &'a [PolicyProblem],
    warnings: Vec<&'a PolicyProblem>,
    rules: Vec<(&'a str, &'a str)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_remembered: Option<&'a str>,
}

pub(super) fn check(asked: &PolicyCheck, out: &mut impl Write) -> anyhow::Result<bool> {
    let bundles = load(&asked.bundles)?;
    let engine = match PolicyEngine::new(&bundles, &DecisionLimits::default()) {
        Ok(engine) => engine,
        Err(error) => {
            let (refusals, warnings) = (error.problems.as_slice(), Vec::new());
            let report = CheckReport {
                good: false,
                bundles: &[],
                refusals,
                warnings,
                rules: Vec::new(),
                not_remembered: None,
            };
            if asked.report.is_json() {
                json(out, &report)?;
            } else {
                writeln!(out, "{error}")?;
            }
            return Ok(false);
        }
    };
    if asked.report.is_json() {
        let report = CheckReport {
            good: true,
            bundles: engine.bundles(),
            refusals: &[],
            warnings: engine.warnings().collect(),
            rules: engine.entries().collect(),
            not_remembered: engine.uncacheable_reason(),
        };
        json(out, &report)?;
        return Ok(true);
    }
    for warning in engine.warnings() {
        writeln!(out, "warning: {warning}")?;
    }
    for bundle in engine.bundles().iter() {
        let rules: Vec<_> =
            engine.entries().filter(|(name, _)| *name == &*bundle.name).map(|(_, rule)| rule).collect();
        writeln!(out, "{}: good, {}; decides with {}", bundle.name, bundle.digest, rules.join(", "))?;
    }
    if let Some(why) = engine.uncacheable_reason() {
        writeln!(out, "decisions are not remembered: {why}")?;
    }
    Ok(true)
}
