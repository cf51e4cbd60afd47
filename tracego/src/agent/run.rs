//! The agent itself: a run in progress.

use std::{io, os::fd::OwnedFd, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use tokio::{
    io::unix::{AsyncFd, AsyncFdReadyGuard},
    sync::{mpsc, oneshot},
    task::{JoinSet, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tracego_analyze::rules::place::Profile;
use tracego_deliver::sink::{lifecycle::Sinks, settings};
use tracego_model::{clock::Reading, counters::Counters, input::Input};
use tracego_probe::{
    enforce::Enforcer,
    handover::acknowledger::Acknowledger,
    load::{Loaded, contexts::ProcessContexts},
    programs::counters::job_losses,
    ring::reader::RingReader,
};

use super::ReloadSettings;
use crate::{
    cli::ListenAddress,
    metrics::{Board, otlp::Pusher, server::Server},
    pipeline::{PipelineChange, PolicyChange, Reload, RunReport},
    policy::PolicyEngine,
};

/// Time between two reads of the kernel side's counters.
const TICK: Duration = Duration::from_secs(1);
/// Minimum time between two reads of the kernel side's diagnostics.
const DIAGNOSTICS: Duration = Duration::from_millis(10);
/// Maximum wait for programs that still run after the detach.
const SETTLE: Duration = Duration::from_secs(1);
/// Maximum wait for the last push of the metrics.
const LAST_PUSH: Duration = Duration::from_secs(2);

/// A run in progress.
pub struct Agent {
    pub(super) loaded: Loaded,
    pub(super) reader: RingReader,
    pub(super) services: Option<JoinHandle<()>>,
    pub(super) queue: mpsc::Sender<Input>,
    /// Ahead of each [`Input::Reload`].
    pub(super) reloads: std::sync::mpsc::Sender<PipelineChange>,
    pub(super) pipeline: JoinSet<(RunReport, Acknowledger)>,
    pub(super) heartbeat: Duration,
    pub(super) beat: Instant,
    pub(super) board: Arc<Board>,
    pub(super) server: Option<Server>,
    pub(super) pusher: Option<Pusher>,
    pub(super) sinks: Sinks,
    pub(super) enforcer: Option<Enforcer>,
    pub(super) confined: bool,
}

impl Agent {
    /// Returns the board with the newest numbers of all parts.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Returns the address that metrics are served on.
    #[must_use]
    pub fn metrics_address(&self) -> Option<&ListenAddress> {
        self.server.as_ref().map(Server::address)
    }

    /// Runs the enforcement check, if enforcement is on. In a followed tree: call it once the tree is
    /// followed.
    pub(crate) fn check_enforcement(&mut self) {
        if let Some(enforcer) = &mut self.enforcer {
            enforcer.prove();
        }
    }

    /// Returns why enforcement was not in force at one time since the start; `None` if it always was, or is off.
    pub(crate) fn enforcement_failure(&self) -> Option<&str> {
        self.enforcer.as_ref().and_then(Enforcer::failure)
    }

    /// Returns the processes of the followed tree and of jobs.
    pub(crate) fn contexts(&self) -> Arc<ProcessContexts> {
        Arc::clone(self.loaded.contexts())
    }

    /// Returns the kernel side, for following a process.
    pub fn kernel(&mut self) -> &mut Loaded {
        &mut self.loaded
    }

    /// Makes the reader leave events in the ring: see [`RingReader::hold`].
    pub fn hold(&self, hold: bool) {
        self.reader.hold(hold);
    }

    /// Runs until `end` completes, or until the output or a part of the agent ends.
    ///
    /// # Errors
    /// Fails if a part ends unexpectedly.
    pub async fn run<T>(&mut self, end: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
        tokio::pin!(end);
        let diagnostics = self.loaded.diagnostics_ring()?;
        // SAFETY: the descriptor is owned by what watches it, and stays the same.
        let diagnostics = diagnostics.map(|ring| unsafe { AsyncFd::register(ring) }).transpose()?;
        let mut read = Instant::now();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ended = &mut end => return Ok(Some(ended)),
                ready = readable(diagnostics.as_ref(), read + DIAGNOSTICS) => {
                    ready?.clear_ready();
                    read = Instant::now();
                    self.loaded.diagnostics()?;
                }
                _ = tick.tick() => {
                    if self.queue.is_closed() || self.sinks.have_ended() {
                        return Ok(None);
                    }
                    anyhow::ensure!(!self.reader.ended(), "the reader thread ended early");
                    let ended = self.services.as_ref().is_some_and(JoinHandle::is_finished);
                    anyhow::ensure!(!ended, "the thread that checks services ended early");
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
        self.board.set_kernel(counters, self.loaded.runs(), queued);
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

    /// Returns a function that starts the deadline of all sinks for delivering the rest, even during a
    /// reload.
    pub(crate) fn stopper(&self) -> impl Fn() + use<> {
        self.sinks.drain_handle()
    }

    /// Applies new settings between two records, and reopens output files that were moved away.
    ///
    /// # Errors
    /// Fails without any change if the settings cannot be applied; also fails if a part of the agent has
    /// ended.
    pub(crate) async fn reload(&mut self, settings: ReloadSettings) -> anyhow::Result<()> {
        let ReloadSettings {
            selection,
            rules,
            redactor,
            sinks,
            output,
            enforce,
            policy,
            configuration,
            provenance,
        } = settings;
        let digest = configuration.sha256.clone();
        let kills = enforce.clone();
        let ci_profile = rules.profile == Profile::Ci;
        let prepare = |enforcer: &Enforcer| enforcer.prepare(enforce, ci_profile);
        let prepared = self.enforcer.as_ref().map(prepare).transpose()?;
        settings::check_all(&sinks)?;
        if let (Some(enforcer), Some(prepared)) = (&mut self.enforcer, prepared) {
            enforcer.change(prepared)?;
        }
        let (feeds, changing) = self.sinks.change(&sinks)?;
        let (done, told) = oneshot::channel();
        let reload = Reload {
            selection,
            rules,
            redactor,
            feeds,
            output,
            enforce: kills,
            policy,
            configuration,
            provenance,
            done,
        };
        self.change_pipeline(PipelineChange::Settings(Box::new(reload)), told).await?;
        self.board.set_config(digest);
        self.sinks.changed(changing);
        self.sinks.reopen();
        self.board.set_sinks(self.sinks.statuses());
        Ok(())
    }

    /// Puts policies in force between two records, and has a heartbeat report them; without an engine, the heartbeat alone.
    ///
    /// # Errors
    /// Fails if a part of the agent has ended.
    pub(crate) async fn change_policies(&mut self, engine: Option<PolicyEngine>) -> anyhow::Result<()> {
        let engine = engine.map(Box::new);
        let is_changed = engine.is_some();
        let (done, told) = oneshot::channel();
        self.change_pipeline(PipelineChange::Policies(PolicyChange { engine, done }), told).await?;
        // Behind the change: what the policies before said of a start, the kernel side must not remember.
        match &mut self.enforcer {
            Some(enforcer) if is_changed => enforcer.forget_verdicts(),
            _ => Ok(()),
        }
    }

    /// Hands a change to the pipeline, and waits until it is in force.
    async fn change_pipeline(
        &mut self,
        change: PipelineChange,
        done: oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        let gone = "the pipeline has ended";
        self.reloads.send(change).ok().context(gone)?;
        self.queue.send(Input::Reload(Reading::now())).await.ok().context(gone)?;
        done.await.context(gone)
    }

    /// Detaches, drains, flushes. What is to stay attached does, and what comes then is left in the ring.
    ///
    /// # Errors
    /// When a part panicked or the kernel side cannot be read any more.
    pub async fn stop(mut self) -> anyhow::Result<RunReport> {
        let mut counters = self.loaded.counters()?;
        self.board.set_attached(false);
        self.sinks.begin_drain();
        let kept = self.loaded.is_kept();
        if !kept {
            self.loaded.detach()?;
            counters = self.loaded.settled(counters.recursion_misses, SETTLE).await?;
        }
        let reader = self.reader;
        let drained = spawn_blocking(move || reader.finish()).await?;
        let ring = drained.ok().context("the reader thread panicked")?;
        counters = match ring {
            Some(ring) if kept => self.loaded.counters_up_to(&ring, SETTLE).await?,
            // Read again, so that every drained event is counted, whatever was in progress before.
            _ => Counters { recursion_misses: counters.recursion_misses, ..self.loaded.counters()? },
        };
        counters.diagnostics_lost = self.loaded.diagnostics()?;
        self.board.set_kernel(counters, self.loaded.runs(), 0);
        let (jobs, now) = (job_losses(&self.loaded.ebpf)?, Reading::now());
        // A pipeline that ended early has its own report.
        let mut told = jobs.is_empty() || self.queue.send(Input::LostJobs(jobs, now)).await.is_ok();
        told &= self.queue.send(Input::Counters(counters, now)).await.is_ok();
        if !told {
            tracing::debug!("the output is closed");
        }
        drop(self.queue);
        let (mut report, mut keeper) = self.pipeline.join_next().await.context("the pipeline is gone")??;
        report.ledger.kernel = counters;
        if let Some(pusher) = self.pusher {
            spawn_blocking(move || pusher.close(LAST_PUSH)).await?;
        }
        let sinks = self.sinks;
        report.sinks = spawn_blocking(move || sinks.join()).await??;
        // An output that is gone has not taken all of its records.
        if report.output.is_none() {
            keeper.ended();
        }
        if !kept {
            self.loaded.unpin()?;
        }
        Ok(report)
    }
}

/// Waits until a ring of diagnostics has some, but not before `from`; forever without a ring.
async fn readable(
    ring: Option<&AsyncFd<OwnedFd>>,
    from: Instant,
) -> io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
    let Some(ring) = ring else { return std::future::pending().await };
    sleep_until(from).await;
    ring.readable().await
}
