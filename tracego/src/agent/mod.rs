//! The agent: runs kernel side, reader thread and pipeline, and stops them in the order of the data.

mod change;
mod start;
mod stop;

use std::{sync::Arc, thread::JoinHandle, time::Duration};

pub use change::Changes;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tracego_analyze::inspect;
use tracego_deliver::sink::lifecycle::Sinks;
use tracego_model::{clock::Reading, input::Input};
use tracego_probe::{
    counters::job_losses,
    enforce::{self, Enforcer},
    handover::keeper::Keeper,
    load::{LoadOptions, Loaded},
    reader::Reader,
};

use crate::{
    metrics::{self, Board, otlp::Pusher, server::Server},
    pipeline::{Reload, RunReport},
};

/// Time between two reads of the kernel side's counters.
const TICK: Duration = Duration::from_secs(1);
/// Time between two reads of the kernel side's diagnostics while they are on.
const DIAGNOSTICS: Duration = Duration::from_millis(10);

/// The settings of a run.
pub struct Options {
    /// Settings of the kernel side.
    pub load: LoadOptions,
    /// Time between two heartbeats; zero for none.
    pub heartbeat: Duration,
    /// Settings of the inspector.
    pub inspect: inspect::Options,
    /// Settings of metrics and health.
    pub metrics: metrics::Options,
    /// Sinks with queues; the consumer has their feeds.
    pub sinks: Sinks,
    /// Settings of enforcement.
    pub enforce: enforce::Options,
}

/// A run in progress.
pub struct Agent {
    loaded: Loaded,
    reader: Reader,
    services: Option<JoinHandle<()>>,
    queue: mpsc::Sender<Input>,
    /// Ahead of each [`Input::Reload`].
    reloads: std::sync::mpsc::Sender<Reload>,
    pipeline: JoinSet<(RunReport, Keeper)>,
    heartbeat: Duration,
    beat: Instant,
    board: Arc<Board>,
    server: Option<Server>,
    pusher: Option<Pusher>,
    sinks: Sinks,
    enforcer: Option<Enforcer>,
}

impl Agent {
    /// Returns the board with the newest numbers of all parts.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Returns the address that metrics are served on.
    #[must_use]
    pub fn listens(&self) -> Option<&metrics::Listen> {
        self.server.as_ref().map(Server::address)
    }

    /// Runs the enforcement check, if enforcement is on. In a followed tree: call it once the tree is
    /// followed.
    pub fn prove(&mut self) {
        if let Some(enforcer) = &mut self.enforcer {
            enforcer.prove();
        }
    }

    /// Returns the kernel side, for following a process.
    pub fn kernel(&mut self) -> &mut Loaded {
        &mut self.loaded
    }

    /// Makes the reader leave events in the ring: see [`Reader::hold`].
    pub fn hold(&self, hold: bool) {
        self.reader.hold(hold);
    }

    /// Runs until `end` completes, or until the output or a part of the agent ends.
    ///
    /// # Errors
    /// Fails if a part ends unexpectedly.
    pub async fn run<T>(&mut self, end: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
        tokio::pin!(end);
        let mut diagnostics = interval(DIAGNOSTICS);
        let on = self.loaded.has_diagnostics();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ended = &mut end => return Ok(Some(ended)),
                _ = diagnostics.tick(), if on => {
                    self.loaded.diagnostics()?;
                }
                _ = tick.tick() => {
                    if self.queue.is_closed() || self.sinks.have_ended() {
                        return Ok(None);
                    }
                    anyhow::ensure!(!self.reader.ended(), "the reader thread ended early");
                    let ended = self.services.as_ref().is_some_and(JoinHandle::is_finished);
                    anyhow::ensure!(!ended, "the thread that looks at services ended early");
                    self.count()?;
                    if let Some(enforcer) = &mut self.enforcer {
                        enforcer.tick();
                    }
                }
            }
        }
    }

    /// Sends counters, new losses by job, and a heartbeat when it is due. If the queue is full, they are sent
    /// later.
    fn count(&mut self) -> anyhow::Result<()> {
        let jobs = job_losses(&self.loaded.ebpf)?;
        let (counters, now) = (self.loaded.counters()?, Reading::now());
        let queued = self.queue.max_capacity().saturating_sub(self.queue.capacity());
        self.board.kernel(counters, self.loaded.runs(), queued);
        if !jobs.is_empty() && self.queue.try_send(Input::LostJobs(jobs, now)).is_err() {
            return Ok(());
        }
        let beat = !self.heartbeat.is_zero() && Instant::now() >= self.beat;
        let input = if beat { Input::Heartbeat(counters, now) } else { Input::Counters(counters, now) };
        if self.queue.try_send(input).is_ok() && beat {
            self.beat = Instant::now() + self.heartbeat;
        }
        Ok(())
    }
}
