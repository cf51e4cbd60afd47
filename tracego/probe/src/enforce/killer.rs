//! Killing of processes that were judged in user space after their start; the kernel decides about the next
//! such start.

use std::{collections::BTreeSet, io, sync::Arc};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tracego_common::{
    TaskId,
    verdict::{ARGV_LEN, Action, Verdict, VerdictKey, argv_hash},
};
use tracego_model::{
    clock::TICK_NS,
    enforcement::{Ended, Mode, Pending},
    event::Exec,
    policy::PolicyStop,
};

use super::{decision::is_decided, maps::VerdictCache, rules_in_force::RulesInForce};

/// The enforcement stage of the pipeline: kills processes because of findings, policies and rules for whole
/// jobs.
pub struct Killer {
    findings: BTreeSet<String>,
    mode: Mode,
    remembered: VerdictCache,
    shared: Arc<RulesInForce>,
    pending: Vec<Pending>,
}

impl Killer {
    /// Creates the stage. `findings`: ids of rules whose findings kill.
    #[must_use]
    pub fn new(
        findings: Vec<String>,
        mode: Mode,
        remembered: VerdictCache,
        shared: Arc<RulesInForce>,
    ) -> Self {
        Self { findings: findings.into_iter().collect(), mode, remembered, shared, pending: Vec::new() }
    }

    /// Returns the shared state of enforcement.
    #[must_use]
    pub fn shared(&self) -> &RulesInForce {
        &self.shared
    }

    /// Replaces the findings that kill.
    pub fn change(&mut self, findings: Vec<String>) {
        self.findings = findings.into_iter().collect();
    }

    /// Marks a start for killing if one of its findings asks for that. Starts that the kernel side decides
    /// about are left alone, whatever the decision: its record may be still to come.
    pub fn found<'a>(&mut self, exec: &Exec<'_>, found: impl Iterator<Item = (&'a str, &'a str)>) {
        if self.mode < Mode::Audit {
            return;
        }
        let Some((id, message)) = found.into_iter().find(|(id, _)| self.findings.contains(*id)) else {
            return;
        };
        let header = &exec.fixed.header;
        // The two programs that saw this start each read the rule number. If the rules changed in between,
        // the start is compared with the older ones. Passing the number on would cost one more map at each
        // start, against a chance of some microseconds at a reload.
        let Some(rules) = self.shared.rules(header.flags) else { return };
        let is_elsewhere = rules.findings_in_job && header.job_root.tgid == 0;
        if !is_elsewhere && !is_decided(&rules, exec) {
            self.mark(exec, id, message, false, true);
        }
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
            id: header.id,
            key: remembered.then(|| key(exec)),
            job: job.then_some(header.job_root),
            boot_ns: header.boot_ns,
            reason: reason.to_owned(),
            message: message.to_owned(),
        });
    }

    /// Handles a decision of the kernel side: unmarks the start, or marks its job if the rule kills jobs.
    pub fn decided(&mut self, verdict: &Verdict) {
        let id = verdict.header.id;
        // A whole job is still to be killed.
        self.pending.retain(|pending| pending.id != id || pending.job.is_some());
        let rule = self.shared.status().rule(verdict);
        let Some(rule) = rule.filter(|rule| rule.job && verdict.action >= Action::Kill as u32) else {
            return;
        };
        self.pending.push(Pending {
            id,
            key: None,
            job: Some(verdict.header.job_root),
            boot_ns: verdict.header.boot_ns,
            reason: rule.name,
            message: rule.message.unwrap_or_default(),
        });
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
            kill(id).unwrap_or_else(|error| {
                tracing::error!(pid = id.tgid, %error, "a process could not be killed");
                Ended::Failed
            })
        };
        let mut ended = end(pending.id);
        if let Some(root) = pending.job {
            // Twice: the second pass finds what was forked meanwhile.
            for id in self.remembered.job(root).into_iter().chain(self.remembered.job(root)) {
                if end(id) == Ended::Killed {
                    ended = Ended::Killed;
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

/// Kills a process, but no other one that got its pid.
fn kill(id: TaskId) -> io::Result<Ended> {
    let Some(pid) = i32::try_from(id.tgid).ok().and_then(Pid::from_raw) else { return Ok(Ended::Gone) };
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(Ended::Gone),
        opened => opened?,
    };
    // The pidfd refers to the current owner of the pid; only now can its identity be checked.
    let started =
        procfs::process::Process::new(pid.as_raw_nonzero().get()).and_then(|process| process.stat());
    match started {
        Ok(stat) if stat.starttime == id.start_boottime / TICK_NS && stat.state != 'Z' => {}
        _ => return Ok(Ended::Gone),
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Err(rustix::io::Errno::SRCH) => Ok(Ended::Gone),
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
        assert_eq!(kill(namesake).expect("asked"), Ended::Gone);
        assert!(child.try_wait().expect("asked").is_none(), "the namesake was not meant");
        assert_eq!(kill(id).expect("asked"), Ended::Killed);
        child.wait().expect("it ended");
        assert_eq!(kill(id).expect("asked"), Ended::Gone);
    }
}
