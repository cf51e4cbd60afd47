//! The stages that judge a start: rules, policies, and enforcement after the start.

use tracego_analyze::{
    enrich::EnrichedRecord,
    rules::{place::Place, settings::RuleSettings},
    rules_stage::RulesStage,
    summary::FindingSummary,
};
use tracego_common::{TaskId, verdict::Action};
use tracego_golang::shape;
use tracego_model::{
    enforcement::{Ended, Pending},
    event::{Event, ExecCopy},
    finding::{Finding, Unenforced},
    input::facts::ServiceState,
    policy::PolicyCounts,
    record::{Record, policy::Identity},
};
use tracego_probe::enforce::{killer::Killer, rules_in_force::RulesInForce, settings::Enforce};

use crate::policy::{PolicyEngine, PolicyStage};

/// A callback that gets each record about a decision of enforcement.
pub(crate) type DecisionCallback = Box<dyn FnMut(&Record) + Send>;

/// Whether what a start is found to be rests on its arguments alone, because its executable could not be read and
/// has no name of the go command either.
fn is_unread(record: &Record) -> bool {
    let file = record.process.as_ref().and_then(|process| process.executable.as_ref());
    record.tracego.executable.as_ref().is_some_and(|file| file.unread.is_some())
        && !file.is_some_and(|file| shape::is_go_name(&file.name))
}

/// The stages that judge a start. Each may be absent.
#[derive(Default)]
pub(super) struct Judgement {
    rules: Option<RulesStage>,
    pub(super) policies: Option<PolicyStage>,
    /// Enforcement after the start.
    pub(super) killer: Option<Killer>,
    /// Callback for decisions of enforcement, beside their records.
    pub(super) callback: Option<DecisionCallback>,
    /// Process of the last enforcement check.
    check: Option<TaskId>,
}

impl Judgement {
    /// Creates the stages with rules alone.
    pub(super) fn new(rules: Option<RulesStage>) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Sets the process id of the agent.
    pub(super) fn set_agent(&mut self, agent: u32) {
        if let Some(rules) = &mut self.rules {
            rules.set_agent(agent);
        }
    }

    /// Whether any stage looks at starts, beside their records.
    pub(super) fn is_active(&self) -> bool {
        self.rules.is_some() || self.policies.is_some() || self.killer.is_some()
    }

    /// Whether the event belongs to the enforcement check, which is no activity of the machine.
    pub(super) fn is_check(&self, event: &Event<'_>) -> bool {
        self.killer.as_ref().is_some_and(|killer| is_check(killer.shared(), self.check, event))
    }

    /// Keeps the state up to date: of the rules with forks and exits, and of the enforcement check with its process.
    /// Must come before [`Self::is_check`] of the same event.
    pub(super) fn follow(&mut self, event: &Event<'_>) {
        if self.is_check(event) {
            self.check = Some(event.id());
        }
        match (event, &mut self.killer) {
            (Event::Exit(exit), Some(killer)) => killer.exited(exit),
            (Event::Exec(exec), Some(killer)) => killer.started(&exec.fixed.header),
            (Event::Fork(fork), Some(killer)) => killer.forked(fork.header.parent, fork.header.id),
            _ => {}
        }
        let Some(rules) = &mut self.rules else { return };
        match event {
            Event::Fork(fork) => rules.fork(fork.header.parent, fork.header.id),
            Event::Exit(exit) => rules.exit(exit.header.id, exit.header.boot_ns),
            _ => {}
        }
    }

    /// Puts findings and the decision of the policies onto the record of an event, and marks its process if
    /// they ask for a kill.
    pub(super) fn judge(&mut self, event: &Event<'_>, EnrichedRecord { record, start }: &mut EnrichedRecord) {
        if let (Some(rules), Some(started)) = (&mut self.rules, &*start) {
            rules.start(record, started);
        }
        let refused = self.policies.as_mut().and_then(|policies| policies.decide(record));
        match (event, &mut self.killer) {
            (Event::Exec(exec), Some(killer)) => {
                if let Some(refused) = refused {
                    let why = killer.stop(exec, record, &refused);
                    if let Some(policy) = &mut record.tracego.policy {
                        policy.unenforced = why;
                    }
                } else {
                    let unread = is_unread(record);
                    let why = killer.found(exec, record);
                    for finding in &mut record.tracego.findings {
                        finding.unenforced = why.filter(|_| killer.kills(finding.id, unread));
                    }
                }
            }
            (Event::Verdict(verdict), Some(killer)) => killer.decided(verdict),
            _ => {}
        }
    }

    /// Whether policies read what the record of a start leaves open, and did not refuse the start without it.
    /// `unjudged`: whether a verdict about its executable may come.
    pub(super) fn is_undecided(&self, start: &Record, unjudged: bool) -> bool {
        self.policies.as_ref().is_some_and(|policies| policies.is_undecided(start, unjudged))
    }

    /// Puts findings about provenance and the decision of the policies onto the record of an executable, and marks its
    /// process if they ask for a kill. `exec`: the event, where the process may be stopped; `is_too_late`: not any more.
    /// `undecided`: the record of the start, where policies decide again.
    pub(super) fn proven(
        &mut self,
        id: TaskId,
        exec: Option<&ExecCopy>,
        is_too_late: bool,
        undecided: Option<Box<Record>>,
        record: &mut Record,
    ) {
        if let Some(rules) = &mut self.rules {
            rules.proven(id, record);
        }
        let refused = match (&mut self.policies, undecided) {
            (Some(policies), Some(start)) => policies.decide_again(*start, record),
            _ => None,
        };
        let (Some(exec), Some(killer)) = (exec, &mut self.killer) else { return };
        let ended = is_too_late.then_some(Unenforced::TracegoEnded);
        if let Some(refused) = refused {
            let why = ended.or_else(|| killer.stop(&exec.exec(), record, &refused));
            if let Some(policy) = &mut record.tracego.policy {
                policy.unenforced = why;
            }
        } else if !record.tracego.findings.is_empty() {
            let why = ended.or_else(|| killer.found(&exec.exec(), record));
            for finding in &mut record.tracego.findings {
                finding.unenforced = why.filter(|_| killer.kills(finding.id, false));
            }
        }
    }

    /// Returns the place where the process of a record runs.
    pub(super) fn place(&self, record: &Record) -> Place {
        self.rules.as_ref().map_or_else(Place::default, |rules| rules.place(record))
    }

    /// Puts findings onto the record of a program that ran before. Nothing is stopped for them.
    pub(super) fn running(&mut self, EnrichedRecord { record, start }: &mut EnrichedRecord) {
        if let (Some(rules), Some(started)) = (&mut self.rules, &*start) {
            rules.running(record, started);
        }
    }

    /// Takes note of a judged record, from which secrets are taken out: for the summary and the decision log.
    pub(super) fn conclude(&mut self, record: &Record) {
        if let Some(rules) = &mut self.rules {
            rules.summarise(record);
        }
        if let Some(policies) = &mut self.policies {
            policies.log(record);
        }
    }

    /// Reports the record of a decision about a start.
    pub(super) fn report(&mut self, record: &Record) {
        if let Some(rules) = &mut self.rules {
            rules.decided(record);
        }
        if let Some(callback) = &mut self.callback {
            callback(record);
        }
    }

    /// Kills the marked processes, which the kernel side did not stop because it could not know them.
    pub(super) fn kill_marked(&mut self) -> Vec<(Pending, Action, Ended)> {
        self.killer.as_mut().map(Killer::end).unwrap_or_default()
    }

    /// Returns the findings about running services.
    pub(super) fn services(&mut self, states: &[ServiceState]) -> Vec<(TaskId, Vec<Finding>)> {
        let Some(rules) = &mut self.rules else { return Vec::new() };
        states.iter().map(|state| (state.id(), rules.service(state))).collect()
    }

    /// Returns the findings that a lapse of time makes; `now` is in nanoseconds since boot.
    pub(super) fn tick(&mut self, now: u64) -> Vec<(TaskId, Vec<Finding>)> {
        let found = self.rules.as_mut().map(|rules| rules.tick(now)).unwrap_or_default();
        found.into_iter().map(|(id, finding)| (id, vec![finding])).collect()
    }

    /// Puts findings onto a record about the same process.
    pub(super) fn put(&mut self, record: &mut Record, findings: Vec<Finding>) {
        if let Some(rules) = &mut self.rules {
            rules.put(record, findings);
        }
    }

    /// Applies new settings.
    pub(super) fn reload(&mut self, rules: RuleSettings, enforce: &Enforce, policies: Option<PolicyEngine>) {
        if let Some(judge) = &mut self.rules {
            judge.change(rules);
        }
        if let Some(killer) = &mut self.killer {
            killer.change(enforce);
        }
        if let Some(engine) = policies {
            self.change_policies(engine);
        }
    }

    /// Replaces the policies.
    pub(super) fn change_policies(&mut self, engine: PolicyEngine) {
        if let Some(stage) = &mut self.policies {
            stage.reload(engine);
        }
    }

    /// Returns the number of entries that rules had to evict.
    pub(super) fn evicted(&self) -> u64 {
        self.rules.as_ref().map_or(0, RulesStage::forgotten)
    }

    /// Returns the policies in force.
    pub(super) fn bundles(&self) -> Vec<Identity> {
        self.policies.as_ref().map_or_else(Vec::new, |policies| policies.bundles().to_vec())
    }

    /// Returns the counts of the policies, if there are any.
    pub(super) fn policy_counts(&self) -> Option<PolicyCounts> {
        self.policies.as_ref().map(PolicyStage::counts)
    }

    /// Returns the findings so far.
    pub(super) fn summary(&self) -> FindingSummary {
        self.rules.as_ref().map_or_else(FindingSummary::default, |rules| rules.summary().clone())
    }
}

/// Whether the event belongs to the enforcement check; `last`: process of the last one.
fn is_check(shared: &RulesInForce, last: Option<TaskId>, event: &Event<'_>) -> bool {
    match event {
        Event::Exec(exec) => shared.is_canary(&exec.exe, &exec.argv),
        Event::Failed(failed) => shared.is_canary(failed.filename, failed.argv),
        Event::Exit(exit) => last == Some(exit.header.id),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tracego_common::{ExecFixed, event::ExitEvent};
    use tracego_model::event::Exec;
    use tracego_probe::enforce::check::EnforcementCheck;
    use zerocopy::FromZeros as _;

    use super::*;

    /// Checks the exit of one check that comes in the same batch as the start of the next.
    #[test]
    fn the_exit_of_a_check_belongs_to_it_until_another_check_starts() {
        let (shared, check) = (RulesInForce::default(), EnforcementCheck::new().unwrap());
        shared.set_check(&check);
        let id = |tgid| TaskId { tgid, ..TaskId::default() };
        let words: Vec<&str> =
            std::iter::once(&check.rule().executable).chain(&check.rule().args).map(String::as_str).collect();
        let argv = words.join("\0") + "\0";
        let mut fixed = ExecFixed::new_zeroed();
        fixed.header.id = id(2);
        let (exe, cwd, cgroup) = (b"/proc/self/exe".to_vec(), Vec::new(), Vec::new());
        let argv = Cow::Borrowed(argv.as_bytes());
        let exec = Exec { fixed, exe, cwd, cgroup, filename: b"", interp: b"", argv, env: b"" };
        let next = Event::Exec(Box::new(exec));
        let mut exit = ExitEvent::new_zeroed();
        exit.header.id = id(1);
        let exit = Event::Exit(exit);
        let last = Some(id(1));
        // Looking at the start of the next check first changes nothing.
        assert!(is_check(&shared, last, &next));
        assert!(is_check(&shared, last, &exit));
        assert!(!is_check(&shared, Some(id(2)), &exit));
    }
}
