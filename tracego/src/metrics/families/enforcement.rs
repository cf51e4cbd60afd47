//! Metrics of decisions about program starts, in the kernel and by policies.

use std::fmt;

use tracego_model::{
    enforcement::{EnforcementStatus, Mode, name},
    policy::{PolicyCounts, SourceCounts},
    record::{configuration::PolicySource, policy::ErrorKind},
};

use super::{Families, label};

/// Writes the counts of policy decisions.
pub(super) fn write_policies(out: &mut Families<'_>, counts: &PolicyCounts) -> fmt::Result {
    let PolicyCounts { decisions, denied, errors, cut, hits, misses: _ } = *counts;
    let results = [("allow", decisions.saturating_sub(denied)), ("deny", denied)];
    let help = "Decisions of policies about program starts.";
    out.counters("tracego_policy_decisions", help, label("result", results))?;
    let kinds = ErrorKind::ALL.map(|kind| (kind.name(), errors[kind as usize]));
    let help = "Evaluations of policies that failed, by the kind of failure.";
    out.counters("tracego_policy_errors", help, label("kind", kinds))?;
    out.counter("tracego_policy_violations_cut", "Violations dropped because a decision had too many.", cut)?;
    out.counter("tracego_policy_remembered", "Decisions answered from the cache.", hits)
}

/// Writes what is known of the servers that policies come from.
pub(super) fn write_policy_sources(
    out: &mut Families<'_>,
    sources: &[(PolicySource, SourceCounts)],
) -> fmt::Result {
    let results = sources.iter().flat_map(|(source, counts)| {
        let SourceCounts { changed, unchanged, failed, refused } = *counts;
        let results =
            [("changed", changed), ("unchanged", unchanged), ("failed", failed), ("refused", refused)];
        results.map(|(result, count)| ([("url", source.url.as_str()), ("result", result)], count))
    });
    let help = "Requests for the bundle of a URL, by their result.";
    out.counters("tracego_policy_source_requests", help, results)?;
    let rows = |value: fn(&PolicySource) -> f64| {
        sources.iter().map(move |(source, _)| ([("url", source.url.as_str())], value(source)))
    };
    let help = "1 if the last request for the bundle of a URL was answered with a good one, 0 if not.";
    out.gauges(
        "tracego_policy_source_current",
        help,
        rows(|source| if source.error.is_none() { 1.0 } else { 0.0 }),
    )?;
    let help = "Serial number of the bundle in force.";
    out.gauges("tracego_policy_source_serial", help, rows(|source| source.serial.unwrap_or(0) as f64))?;
    let help = "Time since which the bundle is in force, in seconds since 1970.";
    out.gauges("tracego_policy_source_since_seconds", help, rows(|source| source.since.0 as f64 / 1e9))?;
    let help =
        "Time of the last request that was answered with a good bundle, in seconds since 1970; 0 before.";
    let checked = |source: &PolicySource| source.checked.map_or(0.0, |time| time.0 as f64 / 1e9);
    out.gauges("tracego_policy_source_checked_seconds", help, rows(checked))
}

/// Writes the counts of enforcement decisions, and whether enforcement is in force.
pub(super) fn write(out: &mut Families<'_>, shared: &EnforcementStatus) -> fmt::Result {
    let counts = shared.counts().into_iter().map(|(action, count)| ([("action", name(action))], count));
    let help = "Program starts that a rule, an exception or a finding decided about, by the decision.";
    out.counters("tracego_enforcement_decisions", help, counts)?;
    let in_force = shared.in_force();
    let enforced = in_force.trouble().is_none();
    let modes = [Mode::Audit, Mode::Kill, Mode::Deny].into_iter();
    let modes = modes.map(|mode| ([("mode", mode.name())], u32::from(enforced && mode == in_force.mode)));
    let help = "Whether the last enforcement check shows that this mode is in force.";
    out.gauges("tracego_enforcement_in_force", help, modes)
}
