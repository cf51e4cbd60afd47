//! Killing of processes that were judged in user space after their start; the kernel decides about the next
//! such start.

use std::{
    fs::File,
    io::{self, Read as _},
    sync::Arc,
};

use procfs::{FromRead as _, process::Stat};
use rustix::{
    fs::{Mode as FileMode, OFlags, open, openat},
    io::Errno,
    process::{Signal, pidfd_send_signal},
};
use tracego_common::{
    TaskId,
    event::{EventHeader, ExitEvent},
    flags,
    verdict::{Action, Verdict},
};
use tracego_model::{
    clock::TICK_NS,
    enforcement::{Ended, Mode, Pending},
    event::Exec,
    finding::Unenforced,
    policy::PolicyStop,
    record::Record,
};

use super::{
    families::StartFamilies, maps::VerdictCache, marks::StartMarks, rules_in_force::RulesInForce,
    settings::Enforce,
};

/// Maximum number of bytes of `stat`.
const STAT_MAX: u64 = 4096;

/// The enforcement stage of the pipeline: kills processes because of findings, policies and rules for whole
/// jobs.
pub struct Killer {
    marks: StartMarks,
    families: StartFamilies,
    remembered: VerdictCache,
}

impl Killer {
    /// Creates the stage. `enforce`: the settings, which say what findings kill.
    #[must_use]
    pub fn new(enforce: &Enforce, mode: Mode, remembered: VerdictCache, shared: Arc<RulesInForce>) -> Self {
        Self { marks: StartMarks::new(enforce, mode, shared), families: StartFamilies::default(), remembered }
    }

    /// Returns the shared state of enforcement.
    #[must_use]
    pub fn shared(&self) -> &RulesInForce {
        &self.marks.shared
    }

    /// Replaces the settings.
    pub fn change(&mut self, enforce: &Enforce) {
        self.marks.change(enforce);
    }

    /// Whether findings of a rule kill. `unread`: the finding is about an executable that could not be read.
    #[must_use]
    pub fn kills(&self, id: &str, unread: bool) -> bool {
        self.marks.kills(id, unread)
    }

    /// Marks a start for killing if one of the findings on its record asks for that. Starts that the kernel side
    /// decided about are left alone. Returns the reason why such a finding is not enforced.
    pub fn found(&mut self, exec: &Exec<'_>, record: &Record) -> Option<Unenforced> {
        self.marks.found(exec, record)
    }

    /// Marks a start for killing because of a policy. A start that the kernel side decided about is left alone,
    /// except for its job. Returns the reason why the policy is not enforced.
    pub fn stop(&mut self, exec: &Exec<'_>, record: &Record, stop: &PolicyStop) -> Option<Unenforced> {
        self.marks.stop(exec, record, stop)
    }

    /// Handles a decision of the kernel side: marks the job if the rule kills jobs.
    pub fn decided(&mut self, verdict: &Verdict) {
        self.marks.decided(verdict);
    }

    /// Notes how a marked process ended.
    pub fn exited(&mut self, exit: &ExitEvent) {
        self.marks.exited(exit);
        self.families.exited(exit.header.id);
    }

    /// Notes a start, whose image the children of its process run.
    pub fn started(&mut self, header: &EventHeader) {
        self.families.started(header);
    }

    /// Notes a fork. A child of a start that was killed is killed, too.
    pub fn forked(&mut self, parent: TaskId, child: TaskId) {
        self.families.forked(parent, child);
    }

    /// Kills all marked processes, and those that were forked from them and run the same image. Returns the outcomes,
    /// without children that had ended by themselves.
    pub fn end(&mut self) -> Vec<(Pending, Action, Ended)> {
        let (mut outcomes, mut children) = (Vec::new(), Vec::new());
        for pending in self.marks.drain() {
            if self.marks.mode > Mode::Audit {
                children.extend(self.families.doom(&pending));
            }
            outcomes.push(self.end_one(pending));
        }
        children.extend(self.families.take_escaped());
        let ended = children.into_iter().map(|child| self.end_one(child));
        outcomes.extend(ended.filter(|(_, _, ended)| *ended != Ended::Gone));
        outcomes
    }

    fn end_one(&mut self, pending: Pending) -> (Pending, Action, Ended) {
        if self.marks.mode == Mode::Audit {
            return (pending, Action::Audit, Ended::Failed);
        }
        // First: whoever waits for the end may start the program again at once.
        if let Some(key) = pending.key {
            let number = self.shared().status().number(&pending.reason);
            if let Err(error) = self.remembered.put(key, Action::Kill as u32, number) {
                tracing::error!(%error, "the kernel cannot remember this verdict; the next such start will be killed after it runs");
            }
        }
        let mut ended = if pending.is_killed {
            Ended::Killed
        } else {
            self.end_process(pending.start.id, is_followed(&pending.start), pending.exit.is_some())
        };
        if let Some(root) = pending.job {
            // Twice: the second pass finds what was forked meanwhile.
            for _ in 0..2 {
                for id in self.remembered.contexts().job(root) {
                    if self.end_process(id, true, false) == Ended::Killed {
                        ended = Ended::Killed;
                    }
                }
            }
        }
        (pending, Action::Kill, ended)
    }

    /// Kills a process. `is_followed`: whether it is part of the followed tree or of a job; `is_over`: whether its
    /// exit was seen.
    fn end_process(&self, id: TaskId, is_followed: bool, is_over: bool) -> Ended {
        let contexts = self.remembered.contexts();
        let Some(pid) = contexts.proc_pid(id) else {
            return without_pid(is_over || (is_followed && !contexts.has(id)));
        };
        kill(id, pid).unwrap_or_else(|error| {
            tracing::error!(pid = id.tgid, %error, "a process could not be killed");
            Ended::Failed
        })
    }
}

/// Whether the kernel side follows a process, so that its table has the process while it runs.
fn is_followed(header: &EventHeader) -> bool {
    header.job_root.tgid != 0 || header.flags & flags::IN_TREE != 0
}

/// Returns the outcome for a process that the agent's /proc does not show: one that is over has ended by itself.
fn without_pid(is_over: bool) -> Ended {
    if is_over { Ended::Gone } else { Ended::Unreachable }
}

/// Kills a process, but no other one that got its pid. `pid`: its id in /proc.
fn kill(id: TaskId, pid: u32) -> io::Result<Ended> {
    // The descriptor of the folder refers to the current owner of the pid, whatever pid namespace /proc is of,
    // and serves as a pidfd. Only now can the identity of the process be checked.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let process = match open(format!("/proc/{pid}"), flags, FileMode::empty()) {
        Err(error) => return gone(error.into()),
        Ok(process) => process,
    };
    let mut stat = Vec::new();
    let read = openat(&process, "stat", OFlags::RDONLY | OFlags::CLOEXEC, FileMode::empty());
    if let Err(error) =
        read.map_err(io::Error::from).and_then(|file| File::from(file).take(STAT_MAX).read_to_end(&mut stat))
    {
        return gone(error);
    }
    let stat = Stat::from_read(stat.as_slice()).map_err(io::Error::other)?;
    if stat.starttime != id.start_boottime / TICK_NS || is_over(&stat) {
        return Ok(Ended::Gone);
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Err(error) => gone(error.into()),
        Ok(()) => Ok(Ended::Killed),
    }
}

/// Whether no thread of a process runs any more. A main thread that called `pthread_exit` is a zombie while the
/// other threads run.
fn is_over(stat: &Stat) -> bool {
    matches!(stat.state, 'X' | 'x') || (stat.state == 'Z' && stat.num_threads <= 1)
}

/// Returns [`Ended::Gone`] for an error which says that the process does not exist, and other errors as they are.
fn gone(error: io::Error) -> io::Result<Ended> {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::SRCH) => Ok(Ended::Gone),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the identity of a running process.
    fn identity(pid: u32) -> TaskId {
        let stat = procfs::process::Process::new(pid.cast_signed()).and_then(|process| process.stat());
        let start_boottime = stat.expect("it runs").starttime * TICK_NS;
        TaskId { tgid: pid, start_boottime, pad: 0 }
    }

    #[test]
    fn a_process_is_ended_and_its_namesake_is_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let id = identity(child.id());
        let namesake = TaskId { start_boottime: id.start_boottime + 5 * TICK_NS, ..id };
        assert_eq!(kill(namesake, namesake.tgid).expect("asked"), Ended::Gone);
        assert!(child.try_wait().expect("asked").is_none(), "the namesake was not meant");
        assert_eq!(kill(id, id.tgid).expect("asked"), Ended::Killed);
        child.wait().expect("it ended");
        assert_eq!(kill(id, id.tgid).expect("asked"), Ended::Gone);
    }

    #[test]
    fn a_process_whose_main_thread_has_ended_is_killed_and_a_zombie_is_gone() {
        // SAFETY: the child starts a thread and ends its own; it takes no lock of this process.
        let child = unsafe { libc::fork() };
        if child == 0 {
            std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)));
            // SAFETY: ends the main thread alone.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        let id = identity(child.unsigned_abs());
        let state = || {
            let stat =
                procfs::process::Process::new(id.tgid.cast_signed()).and_then(|process| process.stat());
            stat.map(|stat| (stat.state, stat.num_threads)).expect("nobody has waited for it")
        };
        while state().0 != 'Z' {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(state(), ('Z', 2), "the other thread runs");
        assert_eq!(kill(id, id.tgid).expect("asked"), Ended::Killed);
        while state() != ('Z', 1) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(kill(id, id.tgid).expect("asked"), Ended::Gone, "a zombie");
        // SAFETY: the status is not asked for.
        assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
    }

    #[test]
    fn only_a_missing_process_has_ended_by_itself() {
        for errno in [Errno::NOENT, Errno::SRCH] {
            assert_eq!(gone(errno.into()).expect("an outcome"), Ended::Gone);
        }
        for errno in [Errno::MFILE, Errno::IO, Errno::PERM, Errno::ACCESS] {
            assert_eq!(
                gone(errno.into()).expect_err("no outcome").raw_os_error(),
                Some(errno.raw_os_error())
            );
        }
    }

    #[test]
    fn a_process_that_proc_does_not_show_has_ended_only_if_its_end_is_known() {
        assert_eq!(without_pid(true), Ended::Gone);
        assert_eq!(without_pid(false), Ended::Unreachable);
        let job = TaskId { tgid: 7, ..TaskId::default() };
        assert!(is_followed(&EventHeader { job_root: job, ..EventHeader::default() }));
        assert!(is_followed(&EventHeader { flags: flags::IN_TREE, ..EventHeader::default() }));
        assert!(!is_followed(&EventHeader::default()));
    }
}
