//! The starts that are to be killed because of findings, policies and rules for whole jobs.

use std::{collections::BTreeSet, sync::Arc};

use tracego_common::{
    event::ExitEvent,
    flags,
    verdict::{ARGV_LEN, Action, Verdict, VerdictKey, argv_hash},
};
use tracego_model::{
    enforcement::{Mode, Pending},
    event::Exec,
    finding::{Finding, Unenforced},
    policy::PolicyStop,
    record::Record,
    text,
};

use super::{
    rules_in_force::RulesInForce,
    settings::{Enforce, Unreadable},
};

/// The marked starts, and the settings that mark them.
pub(super) struct StartMarks {
    findings: BTreeSet<String>,
    unreadable: Unreadable,
    pub(super) mode: Mode,
    pub(super) shared: Arc<RulesInForce>,
    pending: Vec<Pending>,
}

/// The reason of a mark.
struct MarkReason<'a> {
    id: &'a str,
    message: &'a str,
    /// Whether the whole job is killed.
    job: bool,
    /// Whether the file and its arguments alone decided.
    by_arguments: bool,
    /// Whether the kernel side killed the process already.
    is_killed: bool,
}

impl StartMarks {
    /// Creates an empty set. `enforce`: the settings, which say what findings kill.
    pub(super) fn new(enforce: &Enforce, mode: Mode, shared: Arc<RulesInForce>) -> Self {
        let (findings, unreadable) = (enforce.findings().into_iter().collect(), enforce.unreadable);
        Self { findings, unreadable, mode, shared, pending: Vec::new() }
    }

    /// Replaces the settings.
    pub(super) fn change(&mut self, enforce: &Enforce) {
        self.findings = enforce.findings().into_iter().collect();
        self.unreadable = enforce.unreadable;
    }

    /// Whether findings of a rule kill. `unread`: the finding is about an executable that could not be read.
    pub(super) fn kills(&self, id: &str, unread: bool) -> bool {
        let is_stopped = unread && self.unreadable == Unreadable::Stop && matches!(id, "TG001" | "TG002");
        self.mode >= Mode::Audit && (self.findings.contains(id) || is_stopped)
    }

    /// Marks a start if one of the findings on its record asks for that. Returns the reason why such a finding
    /// is not enforced.
    pub(super) fn found(&mut self, exec: &Exec<'_>, record: &Record) -> Option<Unenforced> {
        let unread = record.tracego.executable.as_ref().is_some_and(|file| file.unread.is_some());
        let found = record.tracego.findings.iter().find(|found| self.kills(found.id, unread))?;
        if unread && self.unreadable == Unreadable::Allow {
            return Some(Unenforced::Unread);
        }
        let header = &exec.fixed.header;
        let Some(rules) = self.shared.rules(header.flags) else { return Some(Unenforced::RulesUnknown) };
        if rules.findings_in_job && header.job_root.tgid == 0 {
            return Some(Unenforced::OutsideOfJobs);
        }
        let Finding { id, message, by_arguments, .. } = found;
        // What is not known of the file may be another the next time.
        let by_arguments = *by_arguments && !unread;
        let reason = MarkReason { id, message, job: false, by_arguments, is_killed: false };
        self.take(exec, record, reason)
    }

    /// Marks a start because of a policy. Returns the reason why the policy is not enforced.
    pub(super) fn stop(&mut self, exec: &Exec<'_>, record: &Record, stop: &PolicyStop) -> Option<Unenforced> {
        let PolicyStop { id, message, job, remembered } = stop;
        let (job, by_arguments) = (*job, *remembered);
        self.take(exec, record, MarkReason { id, message, job, by_arguments, is_killed: false })
    }

    /// Marks a start unless the kernel side decided about it, whatever the decision: the event says so, and a
    /// record of its own follows. Of a start that the kernel side killed, the job is left to be killed.
    fn take(&mut self, exec: &Exec<'_>, record: &Record, reason: MarkReason<'_>) -> Option<Unenforced> {
        match Action::from_raw(flags::decision(exec.fixed.header.flags)) {
            None => self.mark(exec, record, &reason),
            Some(Action::Allow) => return Some(Unenforced::LetThrough),
            Some(Action::Audit) if self.mode > Mode::Audit => return Some(Unenforced::LetThrough),
            Some(Action::Kill | Action::Deny) if reason.job => {
                self.mark(exec, record, &MarkReason { by_arguments: false, is_killed: true, ..reason });
            }
            Some(_) => {}
        }
        None
    }

    fn mark(&mut self, exec: &Exec<'_>, record: &Record, reason: &MarkReason<'_>) {
        let header = &exec.fixed.header;
        let executable = record.process.as_ref().and_then(|process| process.executable.as_ref());
        self.pending.push(Pending {
            start: *header,
            comm: exec.fixed.comm,
            path: Some(text::lossy(&exec.exe)),
            elsewhere: executable.is_none_or(|executable| executable.elsewhere),
            name: String::new(),
            exit: None,
            key: key(exec).filter(|_| reason.by_arguments),
            job: reason.job.then_some(header.job_root),
            is_killed: reason.is_killed,
            reason: reason.id.to_owned(),
            message: reason.message.to_owned(),
        });
    }

    /// Marks the job of a start that the kernel side decided about, if the rule kills jobs. A process that the
    /// signal of the kernel side did not reach is marked with its job.
    pub(super) fn decided(&mut self, verdict: &Verdict) {
        let rule = self.shared.status().rule(verdict);
        let Some(rule) = rule.filter(|rule| rule.job && verdict.action >= Action::Kill as u32) else {
            return;
        };
        self.pending.push(Pending {
            start: verdict.header,
            comm: verdict.comm,
            path: None,
            elsewhere: true,
            name: text::lossy(text::until_nul(&verdict.name)),
            exit: None,
            key: None,
            job: Some(verdict.header.job_root),
            is_killed: verdict.errno == 0,
            reason: rule.name,
            message: rule.message.unwrap_or_default(),
        });
    }

    /// Notes how a marked process ended.
    pub(super) fn exited(&mut self, exit: &ExitEvent) {
        for pending in self.pending.iter_mut().filter(|pending| pending.start.id == exit.header.id) {
            pending.exit = Some((exit.status, exit.header.boot_ns));
        }
    }

    /// Takes the marked starts out.
    pub(super) fn drain(&mut self) -> Vec<Pending> {
        std::mem::take(&mut self.pending)
    }
}

/// Builds the key by which the kernel side recognizes such a start. Returns `None` if the key does not cover all
/// arguments: beyond its first bytes they may be others the next time.
fn key(exec: &Exec<'_>) -> Option<VerdictKey> {
    let fixed = &exec.fixed;
    let total = usize::try_from(fixed.argv_total).ok().filter(|total| *total <= ARGV_LEN)?;
    if exec.argv.len() != total {
        return None;
    }
    let mut words = [0_u64; ARGV_LEN / 8];
    for (word, bytes) in words.iter_mut().zip(exec.argv.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
    Some(VerdictKey {
        inode: fixed.exe_inode,
        ctime_ns: fixed.exe_ctime_ns,
        argv: argv_hash(&words),
        argv_total: u64::from(fixed.argv_total),
        cgroup_id: fixed.cgroup_id,
        job_start: fixed.header.job_root.start_boottime,
        dev: fixed.exe_dev,
        uid: fixed.uid,
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tracego_common::{ExecFixed, TaskId, event::EventHeader, verdict::REMEMBERED};
    use tracego_model::{
        clock::Reading,
        enforcement::EnforcedRule,
        finding::{Confidence, Severity},
        ledger::Ledger,
        meta::Meta,
        record::{Executable, Process, builder::RecordBuilder},
    };
    use zerocopy::FromZeros as _;

    use super::*;
    use crate::enforce::compiler::CompiledRules;

    /// Returns marks with one rule, which kills jobs.
    fn marks(mode: Mode) -> StartMarks {
        let shared = Arc::new(RulesInForce::default());
        let rule = EnforcedRule { name: "whole".to_owned(), job: true, ..EnforcedRule::default() };
        shared.add_rules(0, Arc::new(CompiledRules { known: vec![rule], ..CompiledRules::default() }));
        StartMarks::new(&Enforce::default(), mode, shared)
    }

    /// Returns a start about which the kernel side decided.
    fn exec(decision: Option<Action>, argv: &[u8]) -> Exec<'_> {
        let mut fixed = ExecFixed::new_zeroed();
        fixed.header.id = TaskId { tgid: 7, start_boottime: 70, ..TaskId::default() };
        fixed.header.job_root = TaskId { tgid: 5, start_boottime: 50, ..TaskId::default() };
        fixed.header.flags = flags::with_decision(0, decision.map_or(0, |action| action as u32), 0);
        fixed.argv_total = u32::try_from(argv.len()).expect("few");
        let (exe, argv) = (b"/bin/x".to_vec(), Cow::Borrowed(argv));
        Exec { fixed, exe, cwd: Vec::new(), cgroup: Vec::new(), filename: b"", interp: b"", argv, env: b"" }
    }

    /// Returns the record of a start with a finding.
    fn record(by_arguments: bool) -> Record {
        let mut record = RecordBuilder::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        let (path, name) = ("/bin/x".to_owned(), "x".to_owned());
        let executable = Some(Executable { path, name, build_id: None, elsewhere: false });
        record.process = Some(Box::new(Process { executable, ..Process::default() }));
        record.tracego.findings.push(Finding {
            id: "TG001",
            name: "go-run",
            variant: None,
            severity: Severity::High,
            confidence: Confidence::High,
            message: String::new(),
            remedy: "",
            evidence: [].into(),
            claimed: false,
            unenforced: None,
            by_arguments,
        });
        record
    }

    fn policy(job: bool) -> PolicyStop {
        PolicyStop { id: "p".to_owned(), message: String::new(), job, remembered: true }
    }

    fn verdict(bit: u64, errno: u32) -> Verdict {
        let mut verdict = Verdict::new_zeroed();
        verdict.header = EventHeader { flags: 0, ..exec(None, b"").fixed.header };
        (verdict.bit, verdict.action, verdict.errno) = (bit, Action::Kill as u32, errno);
        verdict.name[..2].copy_from_slice(b"go");
        verdict
    }

    #[test]
    fn the_kernel_sides_decision_is_before_policies_and_findings() {
        let let_through = Some(Unenforced::LetThrough);
        for (mode, decision, unenforced, marked) in [
            (Mode::Kill, None, None, 1),
            (Mode::Kill, Some(Action::Kill), None, 0),
            (Mode::Deny, Some(Action::Deny), None, 0),
            (Mode::Kill, Some(Action::Allow), let_through, 0),
            (Mode::Kill, Some(Action::Audit), let_through, 0),
            (Mode::Audit, Some(Action::Allow), let_through, 0),
            (Mode::Audit, Some(Action::Audit), None, 0),
            (Mode::Audit, None, None, 1),
        ] {
            let (exec, record, mut marks) = (exec(decision, b"x\0"), record(true), marks(mode));
            assert_eq!(marks.stop(&exec, &record, &policy(false)), unenforced, "{mode:?} {decision:?}");
            assert_eq!(marks.drain().len(), marked, "{mode:?} {decision:?}");
            assert_eq!(marks.found(&exec, &record), unenforced, "{mode:?} {decision:?}");
            assert_eq!(marks.drain().len(), marked, "{mode:?} {decision:?}");
        }
    }

    #[test]
    fn a_start_that_the_kernel_killed_leaves_its_job_alone_to_be_killed() {
        let mut marks = marks(Mode::Kill);
        assert_eq!(marks.stop(&exec(Some(Action::Kill), b"x\0"), &record(true), &policy(true)), None);
        marks.decided(&verdict(1, 0));
        for pending in marks.drain() {
            assert!(pending.is_killed && pending.job.is_some_and(|root| root.tgid == 5), "{pending:?}");
            assert!(pending.key.is_none(), "the kernel side knows it");
        }
        // The signal did not reach it.
        marks.decided(&verdict(1, 3));
        assert!(marks.drain().iter().all(|pending| !pending.is_killed));
        marks.decided(&verdict(REMEMBERED, 0));
        assert!(marks.drain().is_empty(), "no rule");
    }

    #[test]
    fn a_decision_about_a_later_start_of_the_process_takes_no_mark_away() {
        let mut marks = marks(Mode::Kill);
        marks.stop(&exec(None, b"x\0"), &record(true), &policy(false));
        marks.decided(&verdict(REMEMBERED, 0));
        assert_eq!(marks.drain().len(), 1);
    }

    #[test]
    fn only_what_file_and_whole_arguments_decide_is_remembered() {
        let (short, long) = ([b'x'; ARGV_LEN], [b'x'; ARGV_LEN + 1]);
        for (argv, by_arguments, is_remembered) in
            [(&short[..], true, true), (&short, false, false), (&long, true, false)]
        {
            let mut marks = marks(Mode::Kill);
            marks.found(&exec(None, argv), &record(by_arguments));
            let stop = PolicyStop { remembered: by_arguments, ..policy(false) };
            marks.stop(&exec(None, argv), &record(false), &stop);
            let keys: Vec<_> = marks.drain().iter().map(|pending| pending.key.is_some()).collect();
            assert_eq!(keys, [is_remembered; 2], "{} {by_arguments}", argv.len());
        }
        let cut = Exec { argv: Cow::Borrowed(b"x"), ..exec(None, &short) };
        assert!(key(&cut).is_none(), "a part of the arguments is missing");
    }

    #[test]
    fn a_path_is_of_the_host_only_if_the_record_says_so() {
        let mut marks = marks(Mode::Kill);
        let (here, mut there) = (record(true), record(true));
        there.process.as_mut().and_then(|process| process.executable.as_mut()).expect("it").elsewhere = true;
        for record in [&here, &there] {
            marks.found(&exec(None, b"x\0"), record);
        }
        let paths: Vec<_> =
            marks.drain().into_iter().map(|pending| (pending.path, pending.elsewhere)).collect();
        let path = Some("/bin/x".to_owned());
        assert_eq!(paths, [(path.clone(), false), (path, true)]);
        marks.decided(&verdict(1, 0));
        let named = marks.drain().remove(0);
        assert_eq!((named.path, named.name.as_str()), (None, "go"), "a file name is no path");
    }
}
