//! Metrics of decisions about program starts, in the kernel and by policies.

use std::fmt;

use tracego_model::{
    enforcement::{EnforcementStatus, Mode, name},
    policy::PolicyCounts,
    record::policy::ErrorKind,
};

use super::families::{Families, label};

impl Families<'_> {
    pub(super) fn policy(&mut self, counts: &PolicyCounts) -> fmt::Result {
        let PolicyCounts { decisions, denied, errors, cut, hits, misses: _ } = *counts;
        let results = [("allow", decisions.saturating_sub(denied)), ("deny", denied)];
        let help = "Decisions of policies about program starts.";
        self.counters("tracego_policy_decisions", help, label("result", results))?;
        let kinds = ErrorKind::ALL.map(|kind| (kind.name(), errors[kind as usize]));
        let help = "Evaluations of policies that failed, by the kind of failure.";
        self.counters("tracego_policy_errors", help, label("kind", kinds))?;
        self.counter("tracego_policy_violations_cut", "Violations that found no room in a decision.", cut)?;
        self.counter("tracego_policy_remembered", "Decisions that were made before on the same input.", hits)
    }

    pub(super) fn enforcement(&mut self, shared: &EnforcementStatus) -> fmt::Result {
        let counts = shared.counts().into_iter().map(|(action, count)| ([("action", name(action))], count));
        let help = "Program starts that a rule, an exception or a finding decided about, by the decision.";
        self.counters("tracego_enforcement_decisions", help, counts)?;
        let in_force = shared.in_force();
        let enforced = in_force.trouble().is_none();
        let modes = [Mode::Audit, Mode::Kill, Mode::Deny].into_iter();
        let modes = modes.map(|mode| ([("mode", mode.name())], u32::from(enforced && mode == in_force.mode)));
        let help = "Whether the last start that had to be stopped shows that this mode is in force.";
        self.gauges("tracego_enforcement_in_force", help, modes)
    }
}
