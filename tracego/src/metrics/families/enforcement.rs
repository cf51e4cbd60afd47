//! Metrics of decisions about program starts, in the kernel and by policies.

use std::fmt;
use tracego_model::policy::PolicyCounts;

use tracego_model::{
    enforcement::{EnforcementStatus, Mode, name},
    record::policy::ErrorKind,
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
