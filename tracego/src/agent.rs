//! Runs the parts: kernel side, reader thread, pipeline; and ends them in the order of the data.

use std::{io, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    clock::Reading,
    enforce::{
        self, Enforcer,
        after::AfterStart,
        maps::Tables,
        settings::{Enforce, Mode},
    },
    host,
    input::{Consumer, Input, Reload},
    inspect::{self, Inspector, watcher::Watcher},
    judge::Selection,
    kernel::{
        counters::{Counters, JobLoss},
        handover::keeper::{Keeper, Step},
        load::{LoadOptions, Loaded, load},
    },
    ledger::Ledger,
    metrics::{self, Board, board::Teller, otlp::Pusher, server::Server},
    policy::Engine,
    reader::{POLL, POLL_ENFORCING, Reader, Room},
    rules::settings::Settings,
    sink::{settings::SinkSettings, start::Sinks, status::Status},
    summary::Summary,
};

/// Pieces of input that may wait; a full queue holds the reader, and then the ring fills.
const QUEUE: usize = 64;
/// How often the kernel side's counters are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often the diagnostics of the kernel side are looked at while they are on.
const DIAGNOSTICS: Duration = Duration::from_millis(10);
/// Longest wait for programs that are still running after the detach.
const SETTLE: Duration = Duration::from_secs(1);

/// Longest wait for the last push of the metrics.
const LAST_PUSH: Duration = Duration::from_secs(2);

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

/// What may change while tracego runs.
pub struct Changes {
    /// Which records are written.
    pub selection: Selection,
    /// Of the rules.
    pub rules: Settings,
    /// All sinks with queues.
    pub sinks: Vec<SinkSettings>,
    /// What is stopped.
    pub enforce: Enforce,
    /// Policies, loaded anew.
    pub policy: Option<Engine>,
    /// The direct output, opened anew.
    pub output: Option<Box<dyn io::Write + Send>>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// The counts.
    pub ledger: Ledger,
    /// What was found.
    pub summary: Summary,
    /// Why the output ended the run, if it did.
    pub output: Option<io::Error>,
    /// What became of the records in each sink with a queue.
    pub sinks: Vec<Arc<Status>>,
}

impl Report {
    fn of(stages: &impl Consumer, output: Option<io::Error>) -> Self {
        Self { ledger: stages.ledger(), summary: stages.summary(), output, sinks: Vec::new() }
    }
}

/// A run in progress.
pub struct Agent {
    loaded: Loaded,
    reader: Reader,
    services: Option<JoinHandle<()>>,
    queue: mpsc::Sender<Input>,
    pipeline: JoinSet<(Report, Keeper)>,
    heartbeat: Duration,
    beat: Instant,
    board: Arc<Board>,
    server: Option<Server>,
    pusher: Option<Pusher>,
    sinks: Sinks,
    enforcer: Option<Enforcer>,
}

impl Agent {
    /// Loads, attaches and starts to write. Processes that run already are looked up after the
    /// attaching, so that none falls between.
    ///
    /// # Errors
    /// When the kernel side cannot be started, a thread cannot, or the address of the metrics cannot be used.
    pub fn start(options: Options, mut stages: impl Consumer + Send + 'static) -> anyhow::Result<Self> {
        let board = Arc::new(Board::new(options.load.ring_size, options.metrics.config));
        let server = options.metrics.listen.map(|listen| serve(&listen, &board)).transpose()?;
        let push = options.metrics.push.map(|settings| Pusher::start(settings, Arc::clone(&board)));
        let pusher = push.transpose().context("--otlp-metrics")?;
        let mode = options.enforce.mode;
        let mut loaded = load(&options.load, mode)?;
        for field in &loaded.missing {
            tracing::debug!(field, "not in this kernel");
        }
        let enforcer = match mode {
            Mode::Off => None,
            _ => {
                let (tables, remembered) = Tables::take(&mut loaded.ebpf)?;
                let (enforce, shared) = (&options.enforce.enforce, &options.enforce.shared);
                board.enforces(Arc::clone(shared));
                let after = AfterStart::new(enforce.findings(), mode, remembered, Arc::clone(shared));
                stages.enforce(after);
                let why_no_deny = loaded.why_no_deny().map(str::to_owned);
                Some(Enforcer::start(options.enforce, tables, why_no_deny)?)
            }
        };
        let ring = loaded.take_ring()?;
        let mut keeper = loaded.keeper(&ring)?;
        let mut rings = std::mem::take(&mut loaded.inherited().rings);
        rings.push(ring);
        let (queue, mut input) = mpsc::channel(QUEUE);
        options.sinks.connect(queue.downgrade());
        board.sinks(options.sinks.statuses());
        let watcher = options.inspect.services.map(|settings| Watcher::start(settings, queue.downgrade()));
        let watcher = watcher.transpose().context("the thread that looks at services did not start")?;
        let (watcher, services) = watcher.unzip();
        let mut pipeline = JoinSet::new();
        let inspect = options.inspect;
        let mut teller = Teller::new(Arc::clone(&board));
        pipeline.spawn_blocking(move || {
            let mut refused = false;
            let mut inspector = Inspector::new(inspect, watcher);
            while let Some(mut input) = input.blocking_recv() {
                if let Input::Batch(batch) = &mut input {
                    inspector.look(batch);
                }
                let step = Step::of(&input);
                match stages.take(input) {
                    Ok(()) => refused = false,
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        return (Report::of(&stages, Some(error)), keeper);
                    }
                    Err(error) if !refused => {
                        tracing::error!(%error, "the output refuses records; they are counted");
                        refused = true;
                    }
                    Err(_) => {}
                }
                keeper.taken(step, &mut stages);
                teller.turn(&stages, &inspector);
            }
            if let Err(error) = stages.end() {
                tracing::error!(%error, "the output refuses what is left");
            }
            teller.tell(&stages, &inspector);
            (Report::of(&stages, None), keeper)
        });
        let room = if loaded.is_handed_over() {
            let takeover = Input::Takeover(loaded.inherited().takeover, Reading::now());
            queue.try_send(takeover).ok().context("the pipeline did not start")?;
            Room::Later
        } else {
            Room::AtOnce
        };
        let seed = Input::Seed(host::processes(), Reading::now());
        queue.try_send(seed).ok().context("the pipeline did not start")?;
        let pause = if mode >= Mode::Kill { POLL_ENFORCING } else { POLL };
        let reader = Reader::start(rings, room, queue.clone(), Arc::clone(&board), pause)
            .context("the reader did not start")?;
        let beat = Instant::now() + options.heartbeat;
        board.attached(true);
        let heartbeat = options.heartbeat;
        let sinks = options.sinks;
        Ok(Self {
            loaded,
            reader,
            services,
            queue,
            pipeline,
            heartbeat,
            beat,
            board,
            server,
            pusher,
            sinks,
            enforcer,
        })
    }

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
        let jobs = JobLoss::read(&self.loaded.ebpf)?;
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

    /// Goes over to other settings between two records; output files that were moved away are opened anew.
    ///
    /// # Errors
    /// When the settings cannot be, and then nothing changes; or when a part has ended.
    pub async fn reload(&mut self, changes: Changes) -> anyhow::Result<()> {
        let Changes { selection, rules, sinks, output, enforce, policy } = changes;
        let findings = enforce.findings();
        let prepared = self.enforcer.as_ref().map(|enforcer| enforcer.prepare(enforce)).transpose()?;
        let (feeds, changing) = self.sinks.change(&sinks)?;
        if let (Some(enforcer), Some(prepared)) = (&mut self.enforcer, prepared) {
            enforcer.change(prepared)?;
        }
        let (done, told) = oneshot::channel();
        let reload = Box::new(Reload { selection, rules, feeds, output, findings, policy, done });
        let gone = "the pipeline has ended";
        self.queue.send(Input::Reload(reload, Reading::now())).await.ok().context(gone)?;
        told.await.context(gone)?;
        self.sinks.changed(changing).context("a sink did not start")?;
        self.sinks.reopen();
        self.board.sinks(self.sinks.statuses());
        Ok(())
    }

    /// Detaches, drains, flushes. What is to stay attached does, and what comes then is left in the ring.
    ///
    /// # Errors
    /// When a part panicked or the kernel side cannot be read any more.
    pub async fn stop(mut self) -> anyhow::Result<Report> {
        let mut counters = self.loaded.counters()?;
        self.board.attached(false);
        self.sinks.stopping();
        let kept = self.loaded.is_kept();
        if !kept {
            self.loaded.detach()?;
            counters = self.loaded.settled(counters.recursion_misses, SETTLE).await?;
        }
        let reader = self.reader;
        let drained = tokio::task::spawn_blocking(move || reader.finish()).await?;
        let ring = drained.ok().context("the reader thread panicked")?;
        counters = match ring {
            Some(ring) if kept => self.loaded.counters_up_to(&ring, SETTLE).await?,
            // Once more: what is drained is then counted, whatever was under way before.
            _ => Counters { recursion_misses: counters.recursion_misses, ..self.loaded.counters()? },
        };
        counters.diagnostics_lost = self.loaded.diagnostics()?;
        self.board.kernel(counters, self.loaded.runs(), 0);
        let (jobs, now) = (JobLoss::read(&self.loaded.ebpf)?, Reading::now());
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
            tokio::task::spawn_blocking(move || pusher.close(LAST_PUSH)).await?;
        }
        let sinks = self.sinks;
        report.sinks = tokio::task::spawn_blocking(move || sinks.join()).await??;
        // An output that is gone has not taken what it was given.
        if report.output.is_none() {
            keeper.ended();
        }
        if !kept {
            self.loaded.unpin()?;
        }
        Ok(report)
    }
}

/// Answers whoever asks about the run.
fn serve(listen: &metrics::Listen, board: &Arc<Board>) -> anyhow::Result<Server> {
    let server = Server::start(listen, Arc::clone(board)).with_context(|| format!("--listen {listen}"))?;
    let address = server.address();
    if address.is_remote() {
        tracing::warn!(%address, "metrics are served to other machines, without a password and in the clear");
    } else {
        tracing::info!(%address, "metrics are served");
    }
    Ok(server)
}
