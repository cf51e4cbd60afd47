//! What is in force, for the parts that tell of it.

use std::sync::{
    Arc, OnceLock, RwLock,
    atomic::{AtomicU64, Ordering},
};

use tracego_common::verdict::Action;

use super::{
    canary::Canary,
    compile::{Compiled, Known},
    settings::Mode,
};

/// Reasons that are told apart; a policy could make up any number. Those that come later have the last one's name.
const REASONS_MAX: usize = 4096;

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
    /// Rules of both sets.
    known: RwLock<[Vec<Known>; 2]>,
    /// Those that decide and those before, with the times from which on they did, ns since boot.
    rules: RwLock<Vec<(u64, Arc<Compiled>)>>,
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
            known: RwLock::default(),
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

    /// The rules of a set that will decide.
    pub fn set(&self, set: u32, known: Vec<Known>) {
        let mut sets = self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(place) = sets.get_mut(set as usize) {
            *place = known;
        }
    }

    /// The rules that decide since a time, ns since boot.
    pub fn put(&self, since: u64, rules: Compiled) {
        let mut all = self.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.insert(0, (since, Arc::new(rules)));
        all.truncate(2);
    }

    /// The rules that decided at a time, ns since boot; nothing before the first, and before the last but one.
    #[must_use]
    pub fn rules(&self, at: u64) -> Option<Arc<Compiled>> {
        let all = self.rules.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.iter().find(|(since, _)| *since <= at).map(|(_, rules)| Arc::clone(rules))
    }

    /// A rule by its bit.
    #[must_use]
    pub fn rule(&self, set: u32, bit: u64) -> Option<Known> {
        let sets = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        sets.get(set as usize)?.get(bit.trailing_zeros() as usize).cloned()
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
    fn a_start_is_held_against_the_rules_of_its_time() {
        let shared = Shared::default();
        assert!(shared.rules(5).is_none());
        for since in [10, 20, 30] {
            shared.put(since, Compiled { absent: vec![since.to_string()], ..Compiled::default() });
        }
        let at = |time| shared.rules(time).map(|rules| rules.absent[0].clone());
        assert_eq!([at(30), at(29), at(20)], ["30", "20", "20"].map(|text| Some(text.to_owned())));
        assert_eq!(at(19), None, "those are forgotten");
    }
}
