//! The state of enforcement that records and metrics report.

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tracego_common::{
    flags,
    verdict::{Action, REMEMBERED, Verdict},
};

use super::{
    canary::Canary,
    compile::{Compiled, Known},
    settings::Mode,
};

/// Maximum number of distinct reasons; a policy could invent any number. Later ones get the name of the last.
const REASONS_MAX: usize = 4096;
/// Number of rule sets that are kept, including the one in force: starts that they decided about may still be
/// in the ring. Apart from reloads, the rules change at most once a second.
const RULES_KEPT: usize = 8;

/// Returns the name of an action in records and metrics.
#[must_use]
pub fn name(action: Action) -> &'static str {
    match action {
        Action::Allow => "allow",
        Action::Audit => "audit",
        Action::Kill => "kill",
        Action::Deny => "deny",
    }
}

/// The state of enforcement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InForce {
    /// Mode that the enforcement check has shown to work.
    pub mode: Mode,
    /// `enforced`, `audit`, or `unavailable: ` and the reason.
    pub state: Arc<str>,
}

impl InForce {
    /// Returns the reason if enforcement is unavailable.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        Some(&*self.state).filter(|state| state.starts_with("unavailable"))
    }
}

/// The shared state of a run: written by the control loop, read by the pipeline.
#[derive(Debug)]
pub struct Shared {
    in_force: RwLock<InForce>,
    /// Rule sets by [`flags::rules`] of the events they decide about, the newest first.
    rules: RwLock<VecDeque<(u64, Arc<Compiled>)>>,
    /// Reasons of verdicts that the kernel side remembers, by number.
    remembered: RwLock<Vec<String>>,
    counts: [AtomicU64; 5],
    canary: OnceLock<Canary>,
}

impl Default for Shared {
    fn default() -> Self {
        let in_force = InForce { mode: Mode::Off, state: "unavailable: not started yet".into() };
        Self {
            in_force: RwLock::new(in_force),
            rules: RwLock::default(),
            remembered: RwLock::default(),
            counts: Default::default(),
            canary: OnceLock::new(),
        }
    }
}

impl Shared {
    /// Returns the current state.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Sets the program start that is the enforcement check.
    pub fn expect(&self, canary: &Canary) {
        self.canary.get_or_init(|| canary.clone());
    }

    /// Whether a start is the enforcement check, by the path of the executable and its arguments with their
    /// NULs. Nobody can hide behind that: a rule stops every start with this file name and these arguments.
    #[must_use]
    pub fn is_canary(&self, path: &[u8], argv: &[u8]) -> bool {
        self.canary.get().is_some_and(|canary| canary.is(path, argv))
    }

    /// Stores the result of an enforcement check. Returns whether it differs from the last one.
    pub fn show(&self, asked: Mode, shown: Result<Mode, String>) -> bool {
        let now = match shown {
            Ok(mode) => {
                InForce { mode, state: if mode == Mode::Audit { "audit" } else { "enforced" }.into() }
            }
            Err(why) => InForce { mode: asked, state: format!("unavailable: {why}").into() },
        };
        let mut in_force = self.in_force.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let new = *in_force != now;
        *in_force = now;
        new
    }

    /// Adds the rules that are about to decide, with the flags that their events will have.
    pub fn put(&self, flags: u64, rules: Arc<Compiled>) {
        let number = flags::rules(flags);
        let mut all = self.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A number is reused if the kernel refused its rules.
        all.retain(|(known, _)| *known != number);
        all.push_front((number, rules));
        all.truncate(RULES_KEPT);
    }

    /// Returns the rules that decided at an event with these flags. Returns `None` for those of another load
    /// and for those no longer kept.
    #[must_use]
    pub fn rules(&self, flags: u64) -> Option<Arc<Compiled>> {
        let number = flags::rules(flags);
        let all = self.rules.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.iter().find(|(known, _)| *known == number).map(|(_, rules)| Arc::clone(rules))
    }

    /// Returns the rule that a verdict comes from.
    #[must_use]
    pub fn rule(&self, verdict: &Verdict) -> Option<Known> {
        if verdict.bit == REMEMBERED {
            return None;
        }
        self.rules(verdict.header.flags)?.known.get(verdict.bit.trailing_zeros() as usize).cloned()
    }

    /// Returns the number of a reason, for verdicts that the kernel side remembers.
    pub fn number(&self, reason: &str) -> u32 {
        let mut all = self.remembered.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = all.iter().position(|known| known == reason).unwrap_or_else(|| {
            if all.len() < REASONS_MAX {
                all.push(reason.to_owned());
            }
            all.len() - 1
        });
        u32::try_from(at).unwrap_or(0)
    }

    /// Returns the reason with a number.
    #[must_use]
    pub fn reason(&self, number: u32) -> Option<String> {
        let all = self.remembered.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.get(number as usize).cloned()
    }

    /// Counts a decision.
    pub fn count(&self, action: Action) {
        if let Some(count) = self.counts.get(action as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of decisions so far, by action.
    #[must_use]
    pub fn counts(&self) -> [(Action, u64); 4] {
        let count = |action: Action| {
            let count = self.counts.get(action as usize).map_or(0, |count| count.load(Ordering::Relaxed));
            (action, count)
        };
        [Action::Allow, Action::Audit, Action::Kill, Action::Deny].map(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_held_against_the_rules_that_decided_about_it() {
        let shared = Shared::default();
        let named = |name: &str| {
            let known = Known { name: name.to_owned(), ..Known::default() };
            Arc::new(Compiled { known: vec![known], ..Compiled::default() })
        };
        let put = |number, name| shared.put(flags::of_rules(3, number), named(name));
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
