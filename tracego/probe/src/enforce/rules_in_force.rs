//! The rules in force, for the stages that decide after a start.

use std::sync::{Arc, OnceLock};

use tracego_model::enforcement::{EnforcementStatus, RuleHistory};

use super::{check::EnforcementCheck, compiler::CompiledRules};

/// The rules in force and the enforcement check of one run: the control loop writes, the pipeline reads.
#[derive(Debug, Default)]
pub struct RulesInForce {
    status: Arc<EnforcementStatus>,
    rules: RuleHistory<Arc<CompiledRules>>,
    check: OnceLock<EnforcementCheck>,
}

impl RulesInForce {
    /// Returns the state for records and metrics.
    #[must_use]
    pub fn status(&self) -> &Arc<EnforcementStatus> {
        &self.status
    }

    /// Sets the enforcement check, once.
    pub fn set_check(&self, check: &EnforcementCheck) {
        self.check.get_or_init(|| check.clone());
    }

    /// Returns whether a program start is the enforcement check, by the path of the executable and its
    /// arguments with their NULs. No other program can hide behind it, because a rule stops every program with
    /// this file name and these arguments.
    #[must_use]
    pub fn is_canary(&self, path: &[u8], argv: &[u8]) -> bool {
        self.check.get().is_some_and(|check| check.is(path, argv))
    }

    /// Adds the rules that are about to decide. `flags` are those of the events that they decide about.
    pub fn add_rules(&self, flags: u64, rules: Arc<CompiledRules>) {
        self.status.put(flags, rules.known.clone());
        self.rules.put(flags, rules);
    }

    /// Returns the rules that decided about an event with these flags. Returns `None` for events of another
    /// load, and for rules that are no longer kept.
    #[must_use]
    pub fn rules(&self, flags: u64) -> Option<Arc<CompiledRules>> {
        self.rules.find(flags, Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracego_common::flags;
    use tracego_model::enforcement::EnforcedRule;

    #[test]
    fn a_start_is_held_against_the_rules_that_decided_about_it() {
        let shared = RulesInForce::default();
        let named = |name: &str| {
            let known = EnforcedRule { name: name.to_owned(), ..EnforcedRule::default() };
            Arc::new(CompiledRules { known: vec![known], ..CompiledRules::default() })
        };
        let put = |number, name| shared.add_rules(flags::of_rules(3, number), named(name));
        let of = |flags| shared.rules(flags).map(|rules| rules.known[0].name.clone());
        assert!(of(flags::of_rules(3, 1)).is_none());
        put(1, "one");
        put(2, "refused");
        put(2, "two");
        let event = flags::of_rules(3, 1) | flags::IN_TREE | flags::EXE_DELETED;
        assert_eq!(of(event).as_deref(), Some("one"), "whatever decides by now");
        assert_eq!(of(flags::of_rules(3, 2)).as_deref(), Some("two"));
        // Events that an earlier load left in the ring.
        assert_eq!((of(flags::of_rules(2, 1)), of(0)), (None, None));
        (3..=9).for_each(|number| put(number, "other"));
        assert_eq!((of(event), of(flags::of_rules(3, 2)).as_deref()), (None, Some("two")));
    }
}
