//! Programs that run: their ring, their counters, and their end.

use std::{
    fs,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    time::Duration,
};

use aya::{
    Ebpf,
    maps::{HashMap, Map},
};
use rustix::thread::{MembarrierCommand, membarrier};
use tokio::time::{Instant, sleep};
use tracego_common::TaskCtx;

use super::{LoadError, Table};
use crate::{
    counters,
    handover::{Handover, Inherited, keeper::Keeper},
    hooks,
    log::Diagnostics,
    maps,
    ring::Ring,
};
use tracego_model::{counters::Counters, event::decode};

/// So many looks at the counters, 2 ms apart, that find nothing new say that no program runs.
const STILL: u32 = 6;

/// Programs that are attached as long as this lives.
pub struct Loaded {
    /// The object; dropping it detaches.
    pub ebpf: Ebpf,
    /// Kernel fields that this kernel lacks.
    pub missing: Vec<String>,
    /// Where the programs' diagnostics arrive; nothing while they are off.
    pub(super) diagnostics: Option<Diagnostics>,
    /// Last sum of `recursion_misses`: it cannot be read any more after the detach.
    pub(super) skipped: u64,
    /// What each program took, as it was last read.
    pub(super) runs: Vec<Run>,
    /// Where this load is one of several that take over from each other.
    pub(super) handover: Option<Handover>,
    pub(super) inherited: Inherited,
    /// Whether execve can be made to fail, or why not.
    pub(super) denies: Result<(), String>,
}

/// What a program took, while the kernel counted (kernel.bpf_stats_enabled).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Run {
    /// Its name.
    pub program: String,
    /// Nanoseconds of all runs.
    pub time_ns: u64,
    /// Runs.
    pub count: u64,
}

impl Loaded {
    /// Takes the ring buffer out, once.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn take_ring(&mut self) -> Result<Ring, LoadError> {
        match self.ebpf.take_map("EVENTS") {
            Some(Map::RingBuf(map)) => Ring::new(map).map_err(LoadError::Ring),
            _ => Err(LoadError::Lacks("EVENTS")),
        }
    }

    /// What the loads before left; the rings once.
    pub fn inherited(&mut self) -> &mut Inherited {
        &mut self.inherited
    }

    /// Why execve cannot be made to fail.
    #[must_use]
    pub fn why_no_deny(&self) -> Option<&str> {
        self.denies.as_ref().err().map(String::as_str)
    }

    /// Whether this load outlives the agent.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.handover.is_some()
    }

    /// Whether it also does so when the agent ends in order.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.handover.as_ref().is_some_and(Handover::is_kept)
    }

    /// What keeps account of what is settled; `used`: the ring of this load.
    ///
    /// # Errors
    /// When the kernel refuses a map.
    pub fn keeper(&self, used: &Ring) -> Result<Keeper, LoadError> {
        let keeper = self.handover.as_ref().map(|handover| handover.keeper(&self.inherited, used));
        Ok(keeper.transpose()?.unwrap_or_default())
    }

    /// Removes what is pinned. Detach before.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn unpin(&mut self) -> Result<(), LoadError> {
        self.handover.take().map_or(Ok(()), |handover| Ok(handover.remove()?))
    }

    /// Marks a process as the root of the followed tree.
    ///
    /// # Errors
    /// When the kernel refuses the update.
    pub fn follow(&mut self, tgid: u32) -> Result<(), LoadError> {
        let mut map: HashMap<_, u32, Table<TaskCtx>> = maps::write(&mut self.ebpf, "TASK_CTX")?;
        let ctx = TaskCtx { flags: TaskCtx::IN_TREE, ..TaskCtx::default() };
        map.insert(tgid, Table(ctx), 0).map_err(|e| LoadError::Map("TASK_CTX", e))
    }

    /// The counters, with the runs that the kernel skipped while the programs were attached, and with what the
    /// loads before lost.
    ///
    /// # Errors
    /// When they cannot be read.
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

    /// The counters once no program runs any more; after the detach, with the runs that the kernel skipped
    /// before it. The kernel may put the end of an attachment off to a worker of its own: it is over when the
    /// counters add up and stand still.
    ///
    /// # Errors
    /// When they cannot be read.
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

    /// The counters without what is in the ring behind the last record that was read: the next run will
    /// account for that. Programs go on running, so it takes a moment in which none does.
    ///
    /// # Errors
    /// When they cannot be read.
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

    /// What each program took until [`Self::counters`] was called last.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether the programs write diagnostics.
    #[must_use]
    pub fn has_diagnostics(&self) -> bool {
        self.diagnostics.is_some()
    }

    /// Hands the diagnostics that wait to the log; how many of all never arrived.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn diagnostics(&mut self) -> Result<u64, LoadError> {
        let Some(diagnostics) = &mut self.diagnostics else { return Ok(0) };
        let written = counters::diagnostics(&self.ebpf)?;
        Ok(written.saturating_sub(diagnostics.flush()))
    }

    /// Stops new events; what is in the ring stays readable. A program that another CPU was in has ended
    /// when this returns.
    ///
    /// # Errors
    /// When a program cannot be unloaded.
    pub fn detach(&mut self) -> Result<(), LoadError> {
        if let Some(handover) = &mut self.handover {
            handover.detach()?;
        }
        for (name, program) in self.ebpf.programs_mut() {
            hooks::detach(name, program)?;
        }
        // The detach does not wait for programs that run.
        grace();
        Ok(())
    }
}

/// Waits for programs that run. They run with preemption off, and this waits until each CPU has been out
/// of such a section (synchronize_rcu, kernel/sched/membarrier.c). A kernel that refuses (nohz_full=) leaves
/// the agent's own wait for the counters.
pub fn grace() {
    if let Err(error) = membarrier(MembarrierCommand::Global) {
        tracing::debug!(%error, "membarrier");
    }
}

/// How often the kernel skipped a program, and what it took (kernel/bpf/syscall.c, bpf_prog_show_fdinfo).
pub(crate) fn account(name: &str, program: BorrowedFd<'_>) -> Option<(u64, Run)> {
    let fd = program.as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let number = |key: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok())
    };
    let (time_ns, count) = (number("run_time_ns").unwrap_or(0), number("run_cnt").unwrap_or(0));
    Some((number("recursion_misses").unwrap_or(0), Run { program: name.to_owned(), time_ns, count }))
}
