//! The state of enforcement: what is in force, which rules decide, what was ended.

use std::{
    collections::VecDeque,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;
use tracego_common::{
    TaskId,
    event::EventHeader,
    flags,
    verdict::{Action, REMEMBERED, Verdict, VerdictKey},
};

/// The mode of enforcement, `--enforce`.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// No decisions are made
    #[default]
    Off,
    /// Starts that would be stopped are reported, and run
    Audit,
    /// A program that a rule stops is killed before its first instruction
    Kill,
    /// execve fails with EPERM where the kernel allows that (BPF LSM); elsewhere as `kill`, and records say
    /// so
    Deny,
}

impl Mode {
    /// Returns the name of the mode on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Audit => "audit",
            Self::Kill => "kill",
            Self::Deny => "deny",
        }
    }
}

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

/// The description of a compiled rule, found by its bit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EnforcedRule {
    /// Name of the rule.
    pub name: String,
    /// Reason, shown to the person whose program is stopped.
    pub message: Option<String>,
    /// Remediation: what to do instead.
    pub remediation: Option<String>,
    /// Owner and reason of an exception.
    pub exception: Option<(String, String)>,
    /// Whether the whole job is killed.
    pub job: bool,
    /// Whether the rule is tracego's own; its decisions are not reported.
    pub own: bool,
}

/// A process start that is to be killed.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Header of the event of the start. Its process is the one to kill, which may have ended and be forgotten
    /// by the time of the attempt.
    pub start: EventHeader,
    /// Name of the task.
    pub comm: [u8; 16],
    /// Path of the executable; `None` where only its name is known.
    pub path: Option<String>,
    /// Whether the path is no path of the host.
    pub elsewhere: bool,
    /// File name of the executable; empty where the path is known.
    pub name: String,
    /// Wait status, and time in ns since boot, if the process is known to have ended.
    pub exit: Option<(u32, u64)>,
    /// Key of the start; `None` if the kernel side knows it already.
    pub key: Option<VerdictKey>,
    /// Root process of the job, if the whole job is to be killed.
    pub job: Option<TaskId>,
    /// Whether the kernel side killed the process itself, so that only its job is left.
    pub is_killed: bool,
    /// Id of the finding or of the policy violation.
    pub reason: String,
    /// Reason, shown to the person whose program is stopped.
    pub message: String,
}

/// The outcome of killing a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The process was killed.
    Killed,
    /// The process had ended by itself.
    Gone,
    /// The process still runs.
    Failed,
    /// The process cannot be reached from the agent's pid namespace, and no end of it was seen.
    Unreachable,
}

/// Reasons that are told apart; a policy could make up any number. Those that come later have the last one's name.
const REASONS_MAX: usize = 4096;
/// Number of rule sets that are kept, the one in force among them. Events that an earlier set decided about
/// may still be in the ring; sets change at most once a second, except for reloads.
const RULES_KEPT: usize = 8;

/// The latest rule sets by [`flags::rules`] of the events that they decide about, the newest first.
#[derive(Debug)]
pub struct RuleHistory<T>(RwLock<VecDeque<(u64, T)>>);

impl<T> Default for RuleHistory<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> RuleHistory<T> {
    /// Adds the rules that decide from now on. `flags` are those of the events that they decide about.
    pub fn put(&self, flags: u64, rules: T) {
        let number = flags::rules(flags);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A number is reused if the kernel refused its rules.
        all.retain(|(known, _)| *known != number);
        all.push_front((number, rules));
        all.truncate(RULES_KEPT);
    }

    /// Returns what `take` makes of the rules that decided about an event with these flags. Returns `None` for
    /// events of another load, and for rules that are no longer kept.
    pub fn find<R>(&self, flags: u64, take: impl FnOnce(&T) -> R) -> Option<R> {
        let number = flags::rules(flags);
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| *known == number).map(|(_, rules)| take(rules))
    }
}

/// The state of enforcement of one run: the control loop writes, the pipeline reads.
#[derive(Debug)]
pub struct EnforcementStatus {
    in_force: RwLock<InForce>,
    rules: RuleHistory<Vec<EnforcedRule>>,
    /// Why starts were judged that the kernel side remembers, by their numbers.
    remembered: RwLock<Vec<String>>,
    counts: [AtomicU64; 5],
}

impl Default for EnforcementStatus {
    fn default() -> Self {
        let in_force = InForce { mode: Mode::Off, state: "unavailable: not started yet".into() };
        Self {
            in_force: RwLock::new(in_force),
            rules: RuleHistory::default(),
            remembered: RwLock::default(),
            counts: Default::default(),
        }
    }
}

impl EnforcementStatus {
    /// Returns what is in force now.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what the enforcement check has shown. Returns whether that is new.
    pub fn show(&self, asked: Mode, shown: Result<Mode, String>) -> bool {
        let now = match shown {
            Ok(mode) => {
                InForce { mode, state: if mode == Mode::Audit { "audit" } else { "enforced" }.into() }
            }
            Err(why) => InForce { mode: asked, state: format!("unavailable: {why}").into() },
        };
        let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        let new = *in_force != now;
        *in_force = now;
        new
    }

    /// Adds the rules that decide from now on, by bit; `flags`: those of the events that they decide about.
    pub fn put(&self, flags: u64, rules: Vec<EnforcedRule>) {
        self.rules.put(flags, rules);
    }

    /// Returns the rule that a verdict is of; `None` for those of another load, and for those that are no longer kept.
    #[must_use]
    pub fn rule(&self, verdict: &Verdict) -> Option<EnforcedRule> {
        if verdict.bit == REMEMBERED {
            return None;
        }
        let bit = verdict.bit.trailing_zeros() as usize;
        self.rules.find(verdict.header.flags, |rules| rules.get(bit).cloned())?
    }

    /// Returns the number of a reason, for what the kernel side remembers.
    pub fn number(&self, reason: &str) -> u32 {
        let mut all = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
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
        let all = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        all.get(number as usize).cloned()
    }

    /// Counts a decision.
    pub fn count(&self, action: Action) {
        if let Some(count) = self.counts.get(action as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of decisions so far by action.
    #[must_use]
    pub fn counts(&self) -> [(Action, u64); 4] {
        let count = |action: Action| {
            let count = self.counts.get(action as usize).map_or(0, |count| count.load(Ordering::Relaxed));
            (action, count)
        };
        [Action::Allow, Action::Audit, Action::Kill, Action::Deny].map(count)
    }
}
