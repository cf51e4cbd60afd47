//! Runs the parts: kernel side, reader thread, pipeline; and ends them in the order of the data.

mod change;
mod start;
mod stop;

use crate::pipeline::Reload;
use crate::pipeline::RunReport;
use std::{sync::Arc, thread::JoinHandle, time::Duration};
use tracego_probe::counters::job_losses;

pub use change::Changes;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::metrics::{self, Board, otlp::Pusher, server::Server};
use tracego_analyze::inspect;
use tracego_deliver::sink::start::Sinks;
use tracego_model::{clock::Reading, input::Input};
use tracego_probe::{
    enforce::{self, Enforcer},
    handover::keeper::Keeper,
    load::{LoadOptions, Loaded},
    reader::Reader,
};

/// How often the kernel side's counters are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often the diagnostics of the kernel side are looked at while they are on.
const DIAGNOSTICS: Duration = Duration::from_millis(10);

/// How a run is set up.
pub struct Options {
    /// For the kernel side.
    pub load: LoadOptions,
    /// Between two signs of life; zero for none.
    pub heartbeat: Duration,
    /// What is looked at beside the records.
    pub inspect: inspect::Options,
    /// Who may look at the run, and where.
    pub metrics: metrics::Options,
    /// Sinks with queues; the consumer has their feeds.
    pub sinks: Sinks,
    /// What is stopped.
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
    /// What the parts say about themselves.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Where metrics are served.
    #[must_use]
    pub fn listens(&self) -> Option<&metrics::Listen> {
        self.server.as_ref().map(Server::address)
    }

    /// Shows that stops are in force, where there are any. In a followed tree: once it is followed.
    pub fn prove(&mut self) {
        if let Some(enforcer) = &mut self.enforcer {
            enforcer.prove();
        }
    }

    /// The kernel side, to follow a process.
    pub fn kernel(&mut self) -> &mut Loaded {
        &mut self.loaded
    }

    /// Leaves records in the ring: see [`Reader::hold`].
    pub fn hold(&self, hold: bool) {
        self.reader.hold(hold);
    }

    /// Runs until `end`, or until the output or a part of the agent ends.
    ///
    /// # Errors
    /// When a part ends that should not.
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

    /// Sends the counters on, and what each job lost where a loss grew, with a sign of life when it is time. A full queue gets them later.
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
