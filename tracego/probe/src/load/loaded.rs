//! Loaded programs: their ring, their counters, and their detachment.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
    time::Duration,
};

use aya::{
    Ebpf,
    maps::{HashMap, Map},
};
use tokio::time::{Instant, sleep};
use tracego_common::TaskContext;
use tracego_model::{counters::Counters, event::decode};

use super::{Table, contexts::ProcessContexts, object::BpfObject};
use crate::{
    error::LoadError,
    handover::{Handover, Inherited, acknowledger::Acknowledger},
    programs::{ProgramStats, account, counters, diagnostics::Diagnostics, grace, hooks, maps},
    ring::Ring,
};

/// Number of readings of the counters, 2 ms apart, without a change that mean that no program runs.
const STILL: u32 = 6;

/// Programs that stay attached as long as this value lives.
pub struct Loaded {
    /// The object; dropping it detaches the programs.
    pub ebpf: Ebpf,
    /// The object that was chosen.
    pub object: BpfObject,
    /// Processes of the followed tree and of jobs.
    pub(super) contexts: Arc<ProcessContexts>,
    /// Kernel fields that this kernel lacks.
    pub missing: Vec<String>,
    /// Reader of the programs' diagnostics; `None` while they are off.
    pub(super) diagnostics: Option<Diagnostics>,
    /// Last sum of `recursion_misses`, which is unreadable after the detach.
    pub(super) skipped: u64,
    /// Run statistics of each program, as last read.
    pub(super) runs: Vec<ProgramStats>,
    /// State of the handover; `None` without handover.
    pub(super) handover: Option<Handover>,
    pub(super) inherited: Inherited,
    /// Whether execve can be made to fail; otherwise the reason.
    pub(super) denies: Result<(), String>,
}

impl Loaded {
    /// Takes the ring buffer out of the object; possible once.
    ///
    /// # Errors
    /// Fails if it was taken already.
    pub fn take_ring(&mut self) -> Result<Ring, LoadError> {
        match self.ebpf.take_map("EVENTS") {
            Some(Map::RingBuf(map)) => {
                let sleeps = maps::take(&mut self.ebpf, "READER_SLEEPS")?;
                Ring::new(map).and_then(|ring| ring.with_alarm(sleeps)).map_err(LoadError::Ring)
            }
            _ => Err(LoadError::Lacks("EVENTS")),
        }
    }

    /// Returns the state that earlier loads left; its rings can be taken once.
    pub fn inherited(&mut self) -> &mut Inherited {
        &mut self.inherited
    }

    /// Returns why execve cannot be made to fail; `None` if it can.
    #[must_use]
    pub fn why_no_deny(&self) -> Option<&str> {
        self.denies.as_ref().err().map(String::as_str)
    }

    /// Returns whether the programs outlive the agent.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.handover.is_some()
    }

    /// Returns whether the programs stay attached even after an orderly exit of the agent.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.handover.as_ref().is_some_and(Handover::is_kept)
    }

    /// Creates the acknowledger of input; `used` is the ring of this load.
    ///
    /// # Errors
    /// Fails if the kernel refuses a map.
    pub fn keeper(&self, used: &Ring) -> Result<Acknowledger, LoadError> {
        let keeper = self.handover.as_ref().map(|handover| handover.keeper(&self.inherited, used));
        Ok(keeper.transpose()?.unwrap_or_default())
    }

    /// Removes everything that is pinned. Call [`Self::detach`] first.
    ///
    /// # Errors
    /// Fails if something cannot be removed.
    pub fn unpin(&mut self) -> Result<(), LoadError> {
        self.handover.take().map_or(Ok(()), |handover| Ok(handover.remove()?))
    }

    /// Returns the processes of the followed tree and of jobs.
    #[must_use]
    pub fn contexts(&self) -> &Arc<ProcessContexts> {
        &self.contexts
    }

    /// Marks the agent as the root of the followed tree, so that its children are in the tree.
    ///
    /// # Errors
    /// Fails if the kernel refuses the update.
    pub fn follow_agent(&mut self) -> Result<(), LoadError> {
        let agent = self.contexts.agent();
        let mut map: HashMap<_, u32, Table<TaskContext>> = maps::write(&mut self.ebpf, "TASK_CTX")?;
        let ctx =
            TaskContext { flags: TaskContext::IN_TREE, proc_pid: agent.proc_pid, ..TaskContext::default() };
        map.insert(agent.tgid, Table(ctx), 0).map_err(|e| LoadError::Map("TASK_CTX", e))
    }

    /// Reads the counters, including the runs that the kernel skipped while the programs were attached, and
    /// the losses of earlier loads.
    ///
    /// # Errors
    /// Fails if they cannot be read.
    pub fn counters(&mut self) -> Result<Counters, LoadError> {
        let (mut skipped, mut runs) = (0, Vec::new());
        for (name, program) in self.ebpf.programs() {
            let run = program.fd().ok().and_then(|fd| account(name, fd.as_fd()));
            if let Some((misses, run)) = run {
                skipped += misses;
                runs.push(run);
            }
        }
        self.skipped = self.skipped.max(skipped);
        if !runs.is_empty() {
            self.runs = runs;
        }
        let counters = counters::read(&self.ebpf)?;
        Ok(Counters { recursion_misses: self.skipped, ..counters }.plus(&self.inherited.lost))
    }

    /// Returns the final counters after the detach; `skipped` is the number of skipped runs read before it.
    /// The kernel may defer the end of an attachment to a worker of its own, so this waits until the counters
    /// add up and stop changing, at most for `patience`.
    ///
    /// # Errors
    /// Fails if they cannot be read.
    pub async fn settled(&mut self, skipped: u64, patience: Duration) -> Result<Counters, LoadError> {
        let deadline = Instant::now() + patience;
        let (mut before, mut still) = (Counters::default(), 0);
        loop {
            let counters = Counters { recursion_misses: skipped, ..self.counters()? };
            let quiet = counters == before && counters.minus(&self.inherited.lost).settled();
            still = if quiet { still + 1 } else { 0 };
            if still >= STILL || Instant::now() >= deadline {
                return Ok(counters);
            }
            before = counters;
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns the counters without the events behind the last one read from the ring, for which the next run
    /// will account. The programs keep running, so this waits for a moment without a run, at most for
    /// `patience`.
    ///
    /// # Errors
    /// Fails if they cannot be read.
    pub async fn counters_up_to(&mut self, ring: &Ring, patience: Duration) -> Result<Counters, LoadError> {
        let deadline = Instant::now() + patience;
        loop {
            let (before, mut left) = (self.counters()?, Counters::default());
            for record in ring.unread() {
                if decode::is_piece(record) {
                    left.chunk_sent += 1;
                } else {
                    left.hooked += 1;
                    left.sent += 1;
                }
            }
            let quiet = before.minus(&self.inherited.lost).settled() && before == self.counters()?;
            if quiet || Instant::now() >= deadline {
                return Ok(before.minus(&left));
            }
            sleep(Duration::from_micros(100)).await;
        }
    }

    /// Returns the run statistics as of the last call of [`Self::counters`].
    #[must_use]
    pub fn runs(&self) -> &[ProgramStats] {
        &self.runs
    }

    /// Returns a descriptor that is readable, by edge, when there are diagnostics; `None` while they are off.
    ///
    /// # Errors
    /// Fails if there are no descriptors left.
    pub fn diagnostics_ring(&self) -> io::Result<Option<OwnedFd>> {
        self.diagnostics.as_ref().map(Diagnostics::ring).transpose()
    }

    /// Passes waiting diagnostics to the log. Returns the total number of lost diagnostics.
    ///
    /// # Errors
    /// Fails if they cannot be counted.
    pub fn diagnostics(&mut self) -> Result<u64, LoadError> {
        let Some(diagnostics) = &mut self.diagnostics else { return Ok(0) };
        let written = counters::diagnostics(&self.ebpf)?;
        Ok(written.saturating_sub(diagnostics.flush()))
    }

    /// Detaches the programs, so that no new events arrive; the ring stays readable. Waits until programs
    /// that were running on another CPU have ended.
    ///
    /// # Errors
    /// Fails if a program cannot be unloaded.
    pub fn detach(&mut self) -> Result<(), LoadError> {
        if let Some(handover) = &mut self.handover {
            handover.detach()?;
        }
        for (name, program) in self.ebpf.programs_mut() {
            hooks::detach(name, program)?;
        }
        // The detach does not wait for running programs.
        grace();
        Ok(())
    }
}
