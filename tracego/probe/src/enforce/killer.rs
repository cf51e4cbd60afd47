//! Killing of processes that were judged in user space after their start; the kernel decides about the next
//! such start.

use std::{collections::BTreeSet, fs::File, io, sync::Arc};

use procfs::{FromRead as _, process::Stat};
use rustix::{
    fs::{Mode as FileMode, OFlags, open, openat},
    io::Errno,
    process::{Signal, pidfd_send_signal},
};
use tracego_common::{
    TaskId,
    event::ExitEvent,
    flags,
    verdict::{ARGV_LEN, Action, Verdict, VerdictKey, argv_hash},
};
use tracego_model::{
    clock::TICK_NS,
    enforcement::{Ended, Mode, Pending},
    event::Exec,
    finding::Unenforced,
    policy::PolicyStop,
    text,
};

use super::{
    maps::VerdictCache,
    rules_in_force::RulesInForce,
    settings::{Enforce, Unreadable},
};

/// The enforcement stage of the pipeline: kills processes because of findings, policies and rules for whole
/// jobs.
pub struct Killer {
    findings: BTreeSet<String>,
    unreadable: Unreadable,
    mode: Mode,
    remembered: VerdictCache,
    shared: Arc<RulesInForce>,
    pending: Vec<Pending>,
}

impl Killer {
    /// Creates the stage. `enforce`: the settings, which say what findings kill.
    #[must_use]
    pub fn new(enforce: &Enforce, mode: Mode, remembered: VerdictCache, shared: Arc<RulesInForce>) -> Self {
        let (findings, unreadable) = (enforce.findings().into_iter().collect(), enforce.unreadable);
        Self { findings, unreadable, mode, remembered, shared, pending: Vec::new() }
    }

    /// Returns the shared state of enforcement.
    #[must_use]
    pub fn shared(&self) -> &RulesInForce {
        &self.shared
    }

    /// Replaces the settings.
    pub fn change(&mut self, enforce: &Enforce) {
        self.findings = enforce.findings().into_iter().collect();
        self.unreadable = enforce.unreadable;
    }

    /// Whether findings of a rule kill. `unread`: the finding is about an executable that could not be read.
    #[must_use]
    pub fn kills(&self, id: &str, unread: bool) -> bool {
        let is_stopped = unread && self.unreadable == Unreadable::Stop && matches!(id, "TG001" | "TG002");
        self.mode >= Mode::Audit && (self.findings.contains(id) || is_stopped)
    }

    /// Marks a start for killing if one of its findings asks for that. Starts that the kernel side decided
    /// about are left alone, whatever the decision: the event says so, and a record of its own follows. Returns
    /// the reason why such a finding is not enforced. `unread`: the executable could not be read.
    pub fn found<'a>(
        &mut self,
        exec: &Exec<'_>,
        mut found: impl Iterator<Item = (&'a str, &'a str)>,
        unread: bool,
    ) -> Option<Unenforced> {
        let (id, message) = found.find(|(id, _)| self.kills(id, unread))?;
        if unread && self.unreadable == Unreadable::Allow {
            return Some(Unenforced::Unread);
        }
        let header = &exec.fixed.header;
        let Some(rules) = self.shared.rules(header.flags) else { return Some(Unenforced::RulesUnknown) };
        if rules.findings_in_job && header.job_root.tgid == 0 {
            return Some(Unenforced::OutsideOfJobs);
        }
        match Action::from_raw(flags::decision(header.flags)) {
            None => self.mark(exec, id, message, false, true),
            Some(Action::Allow) => return Some(Unenforced::LetThrough),
            Some(Action::Audit) if self.mode > Mode::Audit => return Some(Unenforced::LetThrough),
            Some(_) => {}
        }
        None
    }

    /// Marks a start for killing because of a policy.
    pub fn stop(&mut self, exec: &Exec<'_>, stop: &PolicyStop) {
        // The kernel side compares the first bytes of the arguments and their length.
        let is_whole = usize::try_from(exec.fixed.argv_total).is_ok_and(|total| total <= ARGV_LEN);
        self.mark(exec, &stop.id, &stop.message, stop.job, stop.remembered && is_whole);
    }

    /// Marks a start for killing; with `job`, all processes of its job, and with `remembered`, each later
    /// start that is the same to the kernel side.
    fn mark(&mut self, exec: &Exec<'_>, reason: &str, message: &str, job: bool, remembered: bool) {
        let header = &exec.fixed.header;
        self.pending.push(Pending {
            start: *header,
            comm: exec.fixed.comm,
            executable: text::lossy(&exec.exe),
            exit: None,
            key: remembered.then(|| key(exec)),
            job: job.then_some(header.job_root),
            reason: reason.to_owned(),
            message: message.to_owned(),
        });
    }

    /// Handles a decision of the kernel side: unmarks the start, or marks its job if the rule kills jobs.
    pub fn decided(&mut self, verdict: &Verdict) {
        let id = verdict.header.id;
        // A whole job is still to be killed.
        self.pending.retain(|pending| pending.start.id != id || pending.job.is_some());
        let rule = self.shared.status().rule(verdict);
        let Some(rule) = rule.filter(|rule| rule.job && verdict.action >= Action::Kill as u32) else {
            return;
        };
        self.pending.push(Pending {
            start: verdict.header,
            comm: verdict.comm,
            executable: text::lossy(text::until_nul(&verdict.name)),
            exit: None,
            key: None,
            job: Some(verdict.header.job_root),
            reason: rule.name,
            message: rule.message.unwrap_or_default(),
        });
    }

    /// Notes how a marked process ended.
    pub fn exited(&mut self, exit: &ExitEvent) {
        for pending in self.pending.iter_mut().filter(|pending| pending.start.id == exit.header.id) {
            pending.exit = Some((exit.status, exit.header.boot_ns));
        }
    }

    /// Kills all marked processes. Returns the outcomes.
    pub fn end(&mut self) -> Vec<(Pending, Action, Ended)> {
        let pending = std::mem::take(&mut self.pending);
        pending.into_iter().map(|pending| self.end_one(pending)).collect()
    }

    fn end_one(&mut self, pending: Pending) -> (Pending, Action, Ended) {
        if self.mode == Mode::Audit {
            return (pending, Action::Audit, Ended::Failed);
        }
        // First: whoever waits for the end may start the program again at once.
        if let Some(key) = pending.key {
            let number = self.shared.status().number(&pending.reason);
            if let Err(error) = self.remembered.put(key, Action::Kill as u32, number) {
                tracing::error!(%error, "the kernel cannot remember this verdict; the next such start will be killed after it runs");
            }
        }
        let end = |id: TaskId| {
            kill(id, self.remembered.contexts().proc_pid(id)).unwrap_or_else(|error| {
                tracing::error!(pid = id.tgid, %error, "a process could not be killed");
                Ended::Failed
            })
        };
        let mut ended = end(pending.start.id);
        if let Some(root) = pending.job {
            // Twice: the second pass finds what was forked meanwhile.
            for _ in 0..2 {
                for id in self.remembered.contexts().job(root) {
                    if end(id) == Ended::Killed {
                        ended = Ended::Killed;
                    }
                }
            }
        }
        (pending, Action::Kill, ended)
    }
}

/// Builds the key by which the kernel side recognizes such a start.
fn key(exec: &Exec<'_>) -> VerdictKey {
    let fixed = &exec.fixed;
    let mut words = [0_u64; ARGV_LEN / 8];
    for (word, bytes) in words.iter_mut().zip(exec.argv.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
    VerdictKey {
        inode: fixed.exe_inode,
        ctime_ns: fixed.exe_ctime_ns,
        argv: argv_hash(&words),
        argv_total: u64::from(fixed.argv_total),
        cgroup_id: fixed.cgroup_id,
        job_start: fixed.header.job_root.start_boottime,
        dev: fixed.exe_dev,
        uid: fixed.uid,
    }
}

/// Kills a process, but no other one that got its pid. `pid`: its id in /proc; `None` if /proc does not show it.
fn kill(id: TaskId, pid: Option<u32>) -> io::Result<Ended> {
    let Some(pid) = pid else { return Ok(Ended::Gone) };
    // The descriptor of the folder refers to the current owner of the pid, whatever pid namespace /proc is of,
    // and serves as a pidfd. Only now can the identity of the process be checked.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let process = match open(format!("/proc/{pid}"), flags, FileMode::empty()) {
        Err(Errno::NOENT | Errno::SRCH) => return Ok(Ended::Gone),
        opened => opened?,
    };
    let stat = openat(&process, "stat", OFlags::RDONLY | OFlags::CLOEXEC, FileMode::empty());
    let stat = stat.map(|stat| Stat::from_read(File::from(stat)));
    match stat {
        Ok(Ok(stat)) if stat.starttime == id.start_boottime / TICK_NS && stat.state != 'Z' => {}
        _ => return Ok(Ended::Gone),
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Err(Errno::SRCH) => Ok(Ended::Gone),
        sent => Ok(sent.map(|()| Ended::Killed)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ended_and_its_namesake_is_not() {
        let start = |pid: u32| {
            let stat = procfs::process::Process::new(pid.cast_signed()).and_then(|process| process.stat());
            stat.expect("it runs").starttime * TICK_NS
        };
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let id = TaskId { tgid: child.id(), start_boottime: start(child.id()), pad: 0 };
        let namesake = TaskId { start_boottime: id.start_boottime + 5 * TICK_NS, ..id };
        assert_eq!(kill(namesake, Some(namesake.tgid)).expect("asked"), Ended::Gone);
        assert!(child.try_wait().expect("asked").is_none(), "the namesake was not meant");
        assert_eq!(kill(id, None).expect("asked"), Ended::Gone);
        assert!(child.try_wait().expect("asked").is_none(), "nobody was meant");
        assert_eq!(kill(id, Some(id.tgid)).expect("asked"), Ended::Killed);
        child.wait().expect("it ended");
        assert_eq!(kill(id, Some(id.tgid)).expect("asked"), Ended::Gone);
    }
}
