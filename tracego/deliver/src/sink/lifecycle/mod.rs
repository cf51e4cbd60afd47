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
use tracego_spool::{MemoryQueue, Moment, OnFull, RecordQueue, Spool};

use super::{
    queue::{
        chunk_backlog::ChunkBacklog,
        losses::LossChannel,
        sender::{self, RecordChunk, SinkSender},
        stream_state::StreamState,
        worker::{Destination, Worker, WorkerControl},
    },
    settings::{
        SinkSettings,
        filter::Filter,
        registry::{self, AnyTransport},
    },
    status::SinkStatus,
};

/// The instructions of the run, as the thread of a sink gets them.
type Control = watch::Receiver<WorkerControl<AnyTransport>>;

/// All sinks with queues.
#[derive(Default)]
pub struct Sinks {
    running: Vec<RunningSink>,
    /// Sinks that the settings no longer contain, until they have ended.
    leaving: Vec<EndingSink>,
    spool_dir: Option<PathBuf>,
    /// Metadata of the run, for records that sinks themselves write.
    meta: Meta,
    losses: LossChannel,
    reopened: u64,
    /// Whether there is a direct output, too.
    has_direct_output: bool,
}

/// A sink with its thread.
struct RunningSink {
    settings: SinkSettings,
    status: Arc<SinkStatus>,
    control: watch::Sender<WorkerControl<AnyTransport>>,
    sender: mpsc::Sender<RecordChunk>,
    thread: JoinHandle<()>,
}

impl RunningSink {
    /// Begins the time that the sink has to deliver what is left.
    fn stop(&self) {
        stop(&self.control, self.drain());
    }

    fn drain(&self) -> Duration {
        self.settings.common.drain()
    }

    /// Returns an end for the pipeline, by the settings.
    fn pipeline_end(&self) -> anyhow::Result<SinkSender> {
        let filter = Filter::new(&self.settings.common.filter()).map_err(anyhow::Error::msg)?;
        let encoder = registry::encoder(&self.settings).map_err(anyhow::Error::msg)?;
        let blocks = self.settings.common.on_full == Some(OnFull::Block);
        let book = registry::book(&self.settings);
        Ok(SinkSender::new(Arc::clone(&self.status), filter, encoder, self.sender.clone(), blocks, book))
    }
}

fn stop(control: &watch::Sender<WorkerControl<AnyTransport>>, drain: Duration) {
    let deadline = Instant::now() + drain;
    control.send_modify(|control| {
        control.deadline.get_or_insert(deadline);
    });
}

/// The opened parts that the worker of a sink begins with.
struct OpenedSink {
    queue: RecordQueue,
    stream: StreamState,
    /// Chunks that arrived before the queue was open.
    backlog: ChunkBacklog,
    /// The transport, if it is open already.
    transport: Option<AnyTransport>,
}

/// A sink that gets no more records.
struct EndingSink {
    status: Arc<SinkStatus>,
    control: watch::Sender<WorkerControl<AnyTransport>>,
    thread: JoinHandle<()>,
}

impl Sinks {
    /// Opens all sinks and starts their threads. Returns the sinks, and their senders for the pipeline.
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
        let mut senders = Vec::new();
        for settings in settings {
            let started = sinks.open(settings).with_context(|| format!("sink {}", settings.name));
            let (running, sender) = started?;
            sinks.running.push(running);
            senders.push(sender);
        }
        Ok((sinks, senders))
    }

    fn open(&self, settings: &SinkSettings) -> anyhow::Result<(RunningSink, SinkSender)> {
        let transport = registry::open(settings, &self.meta).map_err(anyhow::Error::msg)?;
        let (queue, stream) = open_queue(settings, self.spool_dir.as_deref())?;
        let begin = stream_begin(&queue, &stream);
        let backlog = ChunkBacklog::default();
        let opened = OpenedSink { queue, stream, backlog, transport: Some(transport) };
        let running = self.spawn(settings, |_, _| opened)?;
        running.status.set_stream_begin(begin);
        let sender = running.pipeline_end()?;
        Ok((running, sender))
    }

    /// Starts the thread of a sink. On that thread, `open` returns what the worker begins with.
    fn spawn(
        &self,
        settings: &SinkSettings,
        open: impl FnOnce(&Control, &mut mpsc::Receiver<RecordChunk>) -> OpenedSink + Send + 'static,
    ) -> io::Result<RunningSink> {
        let (sender, mut chunks) = sender::channel();
        let control =
            WorkerControl { reopened: self.reopened, ..WorkerControl::new(self.destination(settings)) };
        let destination = Arc::clone(&control.destination);
        let (control, heard) = watch::channel(control);
        let durable = self.spool_dir.is_some();
        let queue_max = settings.common.limits(durable).total_bytes;
        let status = Arc::new(SinkStatus::new(settings.name.clone(), durable, queue_max));
        let (shared, losses) = (Arc::clone(&status), Arc::clone(&self.losses));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = move || {
            let OpenedSink { queue, stream, backlog, transport } = open(&heard, &mut chunks);
            shared.set_stream_begin(stream_begin(&queue, &stream));
            let worker = Worker::new(shared, queue, destination, transport, chunks, heard, losses);
            runtime.block_on(worker.resuming(backlog, stream).run());
            // A write that hangs must not hold up the end.
            runtime.shutdown_background();
        };
        let name = format!("sink-{}", settings.name).chars().take(15).collect();
        let thread = thread::Builder::new().name(name).spawn(work)?;
        Ok(RunningSink { settings: settings.clone(), status, control, sender, thread })
    }

    fn destination(&self, settings: &SinkSettings) -> Destination<AnyTransport> {
        let (common, batch_bytes) = (settings.common.clone(), registry::batch_bytes(&settings.kind));
        let pace = registry::pace(settings);
        let (settings, meta) = (settings.clone(), self.meta.clone());
        let open = Box::new(move || registry::open(&settings, &meta));
        Destination { open, common, batch_bytes, pace }
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

    /// Returns a function that does the same as [`begin_drain`](Self::begin_drain) for the current sinks,
    /// while another thread owns them.
    pub fn drain_handle(&self) -> impl Fn() + use<> {
        let all: Vec<_> =
            self.running.iter().map(|running| (running.control.clone(), running.drain())).collect();
        move || all.iter().for_each(|(control, drain)| stop(control, *drain))
    }

    /// Begins the time that each sink has to deliver what is left.
    pub fn begin_drain(&self) {
        self.running.iter().for_each(RunningSink::stop);
    }

    /// Waits for all sinks to end. Call this after the pipeline and its senders are gone. Returns the status
    /// of each sink.
    ///
    /// # Errors
    /// Fails if a thread panicked.
    pub fn join(self) -> io::Result<Vec<Arc<SinkStatus>>> {
        self.begin_drain();
        // Dropping the senders closes the channels; workers stop when their channel is closed.
        let running = self
            .running
            .into_iter()
            .map(|RunningSink { status, control, thread, .. }| EndingSink { status, control, thread });
        let all: Vec<_> = running.chain(self.leaving).collect();
        let mut statuses = Vec::new();
        for EndingSink { status, thread, .. } in all {
            let panicked = |_| io::Error::other(format!("sink {}: its thread panicked", status.name));
            thread.join().map_err(panicked)?;
            statuses.push(status);
        }
        Ok(statuses)
    }
}

/// The queue of a sink, and the state of its stream.
type OpenedQueue = (RecordQueue, StreamState);

/// Returns the number of the stream's last record before the sink is started.
fn stream_begin(queue: &RecordQueue, stream: &StreamState) -> u64 {
    queue.next_seq() - 1 + stream.skipped()
}

/// Returns a queue in memory, which ends with tracego.
fn in_memory(settings: &SinkSettings) -> OpenedQueue {
    let memory = MemoryQueue::new(settings.common.limits(false), Moment::now());
    (RecordQueue::Memory(Box::new(memory)), StreamState::default())
}

/// Opens the queue of a sink, with the records that the last run left.
///
/// # Errors
/// Fails if the folder cannot be used.
fn open_queue(settings: &SinkSettings, spool_dir: Option<&Path>) -> anyhow::Result<OpenedQueue> {
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
    let stream = StreamState::open(&path, spool.next_seq());
    Ok((RecordQueue::Disk(Box::new(spool)), stream))
}
