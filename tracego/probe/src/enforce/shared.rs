//! What is in force, for the parts that tell of it.

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

use super::{canary::Canary, compile::Compiled};
use tracego_model::enforcement::{Known, Mode};

/// Reasons that are told apart; a policy could make up any number. Those that come later have the last one's name.
const REASONS_MAX: usize = 4096;
/// Rules that are kept, those in force among them: starts that they decided about may still be in the ring. They change
/// once a second at the most, but for reloads.
const RULES_KEPT: usize = 8;

/// As records and metrics name an action.
#[must_use]
pub fn name(action: Action) -> &'static str {
    match action {
        Action::Allow => "allow",
        Action::Audit => "audit",
        Action::Kill => "kill",
        Action::Deny => "deny",
    }
}

/// What is in force now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InForce {
    /// What the canary has shown.
    pub mode: Mode,
    /// `enforced`, `audit`, or `unavailable: ` and why.
    pub state: Arc<str>,
}

impl InForce {
    /// Why nothing is, where nothing is.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        Some(&*self.state).filter(|state| state.starts_with("unavailable"))
    }
}

/// One for a run: the control loop writes, the pipeline reads.
#[derive(Debug)]
pub struct Shared {
    in_force: RwLock<InForce>,
    /// The newest first, by [`flags::rules`] of the starts that they decide about.
    rules: RwLock<VecDeque<(u64, Arc<Compiled>)>>,
    /// Why starts were judged that the kernel side remembers, by their numbers.
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
    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// How the canary is started.
    pub fn expect(&self, canary: &Canary) {
        self.canary.get_or_init(|| canary.clone());
    }

    /// Whether this is the canary, by the path of the executable and its arguments with their NULs. Nobody
    /// can hide behind that: a rule stops whatever has this file name and these arguments.
    #[must_use]
    pub fn is_canary(&self, path: &[u8], argv: &[u8]) -> bool {
        self.canary.get().is_some_and(|canary| canary.is(path, argv))
    }

    /// What the canary has shown; whether that is new.
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

    /// Rules that are about to decide, and the flags that events have from then on.
    pub fn put(&self, flags: u64, rules: Arc<Compiled>) {
        let number = flags::rules(flags);
        let mut all = self.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Of rules that the kernel refused the number is used again.
        all.retain(|(known, _)| *known != number);
        all.push_front((number, rules));
        all.truncate(RULES_KEPT);
    }

    /// The rules that decided when there was an event with these flags; nothing for those of another load and for
    /// those that are no longer kept.
    #[must_use]
    pub fn rules(&self, flags: u64) -> Option<Arc<Compiled>> {
        let number = flags::rules(flags);
        let all = self.rules.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.iter().find(|(known, _)| *known == number).map(|(_, rules)| Arc::clone(rules))
    }

    /// The rule that a verdict is of.
    #[must_use]
    pub fn rule(&self, verdict: &Verdict) -> Option<Known> {
        if verdict.bit == REMEMBERED {
            return None;
        }
        self.rules(verdict.header.flags)?.known.get(verdict.bit.trailing_zeros() as usize).cloned()
    }

    /// The number of a reason, for what the kernel side remembers.
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

    /// The reason with a number.
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

    /// Decisions so far.
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
        // What a load before left in the ring.
        assert_eq!((of(flags::of_rules(2, 1)), of(0)), (None, None));
        (3..=9).for_each(|number| put(number, "other"));
        assert_eq!((of(event), of(flags::of_rules(3, 2)).as_deref()), (None, Some("two")));
    }
}
