//! The life of all sinks: the start of their threads, reloads while tracego runs, and the end.

mod reload;

#[cfg(test)]
mod tests;

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tracego_model::{input::Input, meta::Meta};
use tracego_spool::{OnFull, Queue, Ram, Spool, moment::Moment};

use super::{
    queue::{
        chunk_backlog::ChunkBacklog,
        dead_letters::DeadLetters,
        losses::{LossChannel, SinkLosses},
        open_retry::OpenRetry,
        poison::PoisonDetector,
        sender::{self, RecordChunk, SinkSender},
        worker::{Worker, WorkerControl, WorkerHandover, WorkerProgress},
    },
    settings::{
        SinkSettings,
        filter::Filter,
        registry::{self, AnyTransport},
    },
    status::SinkStatus,
};

/// All sinks with queues.
#[derive(Default)]
pub struct Sinks {
    pub(crate) running: Vec<RunningSink>,
    /// Sinks that the settings no longer contain, until they have ended.
    pub(crate) leaving: Vec<EndingSink>,
    pub(crate) spool_dir: Option<PathBuf>,
    /// Metadata of the run, for records that sinks themselves write.
    pub(crate) meta: Meta,
    losses: LossChannel,
    reopened: u64,
    /// Whether there is a direct output, too.
    has_direct_output: bool,
}

/// A sink with its thread.
pub(crate) struct RunningSink {
    pub(crate) settings: SinkSettings,
    pub(crate) status: Arc<SinkStatus>,
    pub(crate) control: watch::Sender<WorkerControl>,
    pub(crate) sender: mpsc::Sender<RecordChunk>,
    pub(crate) thread: JoinHandle<Option<WorkerHandover>>,
}

impl RunningSink {
    /// Begins the time that the sink has to deliver what is left.
    pub(crate) fn stop(&self) {
        stop(&self.control, self.drain());
    }

    fn drain(&self) -> Duration {
        self.settings.common.drain()
    }
}

fn stop(control: &watch::Sender<WorkerControl>, drain: Duration) {
    let deadline = Instant::now() + drain;
    control.send_modify(|control| {
        control.deadline.get_or_insert(deadline);
    });
}

/// A sink that gets no more records.
pub(crate) struct EndingSink {
    pub(crate) status: Arc<SinkStatus>,
    pub(crate) thread: JoinHandle<Option<WorkerHandover>>,
}

/// The parts that a sink's thread needs to begin.
pub(crate) struct WorkerParts {
    settings: SinkSettings,
    pub(crate) status: Arc<SinkStatus>,
    chunks: mpsc::Receiver<RecordChunk>,
    pub(crate) control: watch::Receiver<WorkerControl>,
    losses: LossChannel,
}

impl Sinks {
    /// Opens all sinks and starts their threads. Returns the sinks, and their feeds for the pipeline.
    ///
    /// # Errors
    /// Fails if a sink cannot be opened; the text names the sink.
    pub fn start(
        settings: &[SinkSettings],
        spool_dir: Option<&Path>,
        meta: &Meta,
    ) -> anyhow::Result<(Self, Vec<SinkSender>)> {
        let spool = spool_dir.map(Path::to_owned);
        let mut sinks = Self { spool_dir: spool, meta: meta.clone(), ..Self::default() };
        let mut feeds = Vec::new();
        for settings in settings {
            let (parts, control, sender) = sinks.parts(settings);
            let name = || format!("sink {}", settings.name);
            let transport = registry::open(settings, meta).map_err(anyhow::Error::msg).with_context(name)?;
            let queue = open_queue(settings, spool_dir).with_context(name)?;
            let leftover = WorkerHandover { queue, held: ChunkBacklog::default() };
            feeds.push(
                feed(settings, &parts.status, sender.clone())
                    .map_err(anyhow::Error::msg)
                    .with_context(name)?,
            );
            let status = Arc::clone(&parts.status);
            let thread =
                spawn(&settings.name, move || (leftover, Ok(transport)), parts).with_context(name)?;
            sinks.running.push(RunningSink { settings: settings.clone(), status, control, sender, thread });
        }
        Ok((sinks, feeds))
    }

    pub(crate) fn parts(
        &self,
        settings: &SinkSettings,
    ) -> (WorkerParts, watch::Sender<WorkerControl>, mpsc::Sender<RecordChunk>) {
        let (sender, chunks) = sender::channel();
        let (control, heard) =
            watch::channel(WorkerControl { reopened: self.reopened, ..WorkerControl::default() });
        let durable = self.spool_dir.is_some();
        let limits = settings.common.limits(durable);
        let status = Arc::new(SinkStatus::new(
            settings.name.clone(),
            settings.kind.name(),
            durable,
            limits.total_bytes,
        ));
        let losses = Arc::clone(&self.losses);
        let parts = WorkerParts { settings: settings.clone(), status, chunks, control: heard, losses };
        (parts, control, sender)
    }

    /// Sets the pipeline that losses are reported to from now on.
    pub fn connect(&self, pipeline: mpsc::WeakSender<Input>) {
        // Called once a run.
        let _set: Result<(), _> = self.losses.set(pipeline);
    }

    /// Returns the status of each sink.
    #[must_use]
    pub fn statuses(&self) -> Vec<Arc<SinkStatus>> {
        self.running.iter().map(|running| Arc::clone(&running.status)).collect()
    }

    /// Returns the names of the sinks whose waiting records do not survive tracego.
    pub fn volatile(&self) -> impl Iterator<Item = &str> {
        self.running
            .iter()
            .filter(|running| !running.status.durable)
            .map(|running| running.status.name.as_str())
    }

    /// Sets whether there is a direct output, too. That output reports by itself when its reader is gone.
    pub fn set_direct_output(&mut self, beside: bool) {
        self.has_direct_output = beside;
    }

    /// Returns whether sinks are the only outputs, and the readers of all of them are gone for good.
    #[must_use]
    pub fn have_ended(&self) -> bool {
        !self.has_direct_output
            && !self.running.is_empty()
            && self.running.iter().all(|running| running.status.has_ended())
    }

    /// Makes the sinks reopen output files that were moved away.
    pub fn reopen(&mut self) {
        self.reopened += 1;
        for running in &self.running {
            running.control.send_modify(|control| control.reopened = self.reopened);
        }
    }

    /// Returns a function that does the same as [`begin_drain`](Self::begin_drain) for the current sinks, while
    /// another thread owns them.
    pub fn drain_handle(&self) -> impl Fn() + use<> {
        let all: Vec<_> =
            self.running.iter().map(|running| (running.control.clone(), running.drain())).collect();
        move || all.iter().for_each(|(control, drain)| stop(control, *drain))
    }

    /// Begins the time that each sink has to deliver what is left.
    pub fn begin_drain(&self) {
        self.running.iter().for_each(RunningSink::stop);
    }

    /// Waits for all sinks to end. Call this after the pipeline and its feeds are gone. Returns the status of
    /// each sink.
    ///
    /// # Errors
    /// Fails if a thread panicked.
    pub fn join(self) -> io::Result<Vec<Arc<SinkStatus>>> {
        self.begin_drain();
        // Dropping the senders closes the channels; workers stop when their channel is closed.
        let running =
            self.running.into_iter().map(|RunningSink { status, thread, .. }| EndingSink { status, thread });
        let all: Vec<_> = running.chain(self.leaving).collect();
        let mut statuses = Vec::new();
        for EndingSink { status, thread } in all {
            let panicked = |_| io::Error::other(format!("sink {}: its thread panicked", status.name));
            thread.join().map_err(panicked)?;
            statuses.push(status);
        }
        Ok(statuses)
    }
}

pub(crate) fn feed(
    settings: &SinkSettings,
    status: &Arc<SinkStatus>,
    sender: mpsc::Sender<RecordChunk>,
) -> Result<SinkSender, String> {
    let filter = Filter::new(&settings.common.filter())?;
    let encoder = registry::encoder(settings)?;
    let blocks = settings.common.on_full == Some(OnFull::Block);
    Ok(SinkSender::new(Arc::clone(status), filter, encoder, sender, blocks))
}

/// Starts the thread of a sink. On that thread, `open` returns the queue, and the transport or the way to
/// open it.
pub(crate) fn spawn(
    name: &str,
    open: impl FnOnce() -> (WorkerHandover, Result<AnyTransport, OpenRetry<AnyTransport>>) + Send + 'static,
    parts: WorkerParts,
) -> io::Result<JoinHandle<Option<WorkerHandover>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = move || {
        let (WorkerHandover { queue, held }, transport) = open();
        let (transport, opening) = match transport {
            Ok(transport) => (Some(transport), None),
            Err(opening) => (None, Some(opening)),
        };
        let WorkerParts { settings, status, chunks, control, losses } = parts;
        // At most a quarter of the queue, since records under way cannot be dropped to make room.
        let quarter = settings.common.limits(queue.is_durable()).total_bytes / 4;
        let quarter = usize::try_from(quarter).unwrap_or(usize::MAX);
        let batch_bytes = registry::batch_bytes(&settings.kind).min(quarter);
        let worker = Worker {
            queue,
            transport,
            opening,
            chunks,
            control,
            losses: SinkLosses::new(Arc::clone(&status), losses),
            status,
            dead_letters: DeadLetters::new(settings.common.dead_letters.clone()),
            batch_bytes,
            suspicion: PoisonDetector::new(settings.common.give_up_after()),
            progress: WorkerProgress::after(held),
        };
        let leftover = runtime.block_on(worker.run());
        // A write that hangs must not hold up the end.
        runtime.shutdown_background();
        leftover
    };
    thread::Builder::new().name(format!("sink-{name}").chars().take(15).collect()).spawn(body)
}

/// Returns a queue in memory, which ends with tracego.
pub(crate) fn in_memory(settings: &SinkSettings) -> Queue {
    Queue::Memory(Box::new(Ram::new(settings.common.limits(false), Moment::now())))
}

/// Opens the queue of a sink, with the records that the last run left.
///
/// # Errors
/// Fails if the folder cannot be used.
pub(crate) fn open_queue(settings: &SinkSettings, spool_dir: Option<&Path>) -> anyhow::Result<Queue> {
    let limits = settings.common.limits(spool_dir.is_some());
    let Some(dir) = spool_dir else { return Ok(in_memory(settings)) };
    let path = dir.join(&settings.name);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("--spool-dir {}", dir.display()))?;
    let (spool, recovery) = Spool::open(&path, limits, Moment::now())?;
    if !recovery.is_whole() {
        tracing::warn!(sink = settings.name, ?recovery, "the spool was repaired");
    } else if recovery.waiting.records > 0 {
        tracing::info!(
            sink = settings.name,
            records = recovery.waiting.records,
            "records of the last run wait in the spool"
        );
    }
    Ok(Queue::Disk(Box::new(spool)))
}
