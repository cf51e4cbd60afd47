//! Starts the threads of sinks, changes them while tracego runs, and ends them.

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
    any::{self, AnyTransport},
    dead_letters::DeadLetters,
    feed::{self, Chunk, Feed},
    filter::Filter,
    held::Held,
    opening::Opening,
    settings::SinkSettings,
    status::Status,
    suspicion::Suspicion,
    worker::{Control, Leftover, Losses, Progress, Worker},
};

/// All sinks with queues.
#[derive(Default)]
pub struct Sinks {
    pub(super) running: Vec<Running>,
    /// Sinks that the settings no longer contain, until they have ended.
    pub(super) leaving: Vec<Leaving>,
    pub(super) spool_dir: Option<PathBuf>,
    /// Metadata of the run, for records that sinks themselves write.
    pub(super) meta: Meta,
    losses: Losses,
    reopened: u64,
    /// Whether there is a direct output, too.
    beside: bool,
}

/// A sink with its thread.
pub(super) struct Running {
    pub(super) settings: SinkSettings,
    pub(super) status: Arc<Status>,
    pub(super) control: watch::Sender<Control>,
    pub(super) sender: mpsc::Sender<Chunk>,
    pub(super) thread: JoinHandle<Option<Leftover>>,
}

impl Running {
    /// Begins the time that the sink has to deliver what is left.
    pub(super) fn stop(&self) {
        stop(&self.control, self.drain());
    }

    fn drain(&self) -> Duration {
        self.settings.common.drain()
    }
}

fn stop(control: &watch::Sender<Control>, drain: Duration) {
    let deadline = Instant::now() + drain;
    control.send_modify(|control| {
        control.deadline.get_or_insert(deadline);
    });
}

/// A sink that gets no more records.
pub(super) struct Leaving {
    pub(super) status: Arc<Status>,
    pub(super) thread: JoinHandle<Option<Leftover>>,
}

/// The parts that a sink's thread needs to begin.
pub(super) struct Parts {
    settings: SinkSettings,
    pub(super) status: Arc<Status>,
    chunks: mpsc::Receiver<Chunk>,
    pub(super) control: watch::Receiver<Control>,
    losses: Losses,
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
    ) -> anyhow::Result<(Self, Vec<Feed>)> {
        let spool = spool_dir.map(Path::to_owned);
        let mut sinks = Self { spool_dir: spool, meta: meta.clone(), ..Self::default() };
        let mut feeds = Vec::new();
        for settings in settings {
            let (parts, control, sender) = sinks.parts(settings);
            let name = || format!("sink {}", settings.name);
            let transport = any::open(settings, meta).map_err(anyhow::Error::msg).with_context(name)?;
            let queue = open_queue(settings, spool_dir).with_context(name)?;
            let leftover = Leftover { queue, held: Held::default() };
            feeds.push(
                feed(settings, &parts.status, sender.clone())
                    .map_err(anyhow::Error::msg)
                    .with_context(name)?,
            );
            let status = Arc::clone(&parts.status);
            let thread =
                spawn(&settings.name, move || (leftover, Ok(transport)), parts).with_context(name)?;
            sinks.running.push(Running { settings: settings.clone(), status, control, sender, thread });
        }
        Ok((sinks, feeds))
    }

    pub(super) fn parts(
        &self,
        settings: &SinkSettings,
    ) -> (Parts, watch::Sender<Control>, mpsc::Sender<Chunk>) {
        let (sender, chunks) = feed::channel();
        let (control, heard) = watch::channel(Control { reopened: self.reopened, ..Control::default() });
        let durable = self.spool_dir.is_some();
        let limits = settings.common.limits(durable);
        let status =
            Arc::new(Status::new(settings.name.clone(), settings.kind.name(), durable, limits.total_bytes));
        let losses = Arc::clone(&self.losses);
        let parts = Parts { settings: settings.clone(), status, chunks, control: heard, losses };
        (parts, control, sender)
    }

    /// Sets the pipeline that losses are reported to from now on.
    pub fn connect(&self, pipeline: mpsc::WeakSender<Input>) {
        // Called once a run.
        let _set: Result<(), _> = self.losses.set(pipeline);
    }

    /// Returns the status of each sink.
    #[must_use]
    pub fn statuses(&self) -> Vec<Arc<Status>> {
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
    pub fn set_beside(&mut self, beside: bool) {
        self.beside = beside;
    }

    /// Returns whether sinks are the only outputs, and the readers of all of them are gone for good.
    #[must_use]
    pub fn have_ended(&self) -> bool {
        !self.beside
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

    /// Returns a function that does the same as [`stopping`](Self::stopping) for the current sinks, while
    /// another thread owns them.
    pub fn stopper(&self) -> impl Fn() + use<> {
        let all: Vec<_> =
            self.running.iter().map(|running| (running.control.clone(), running.drain())).collect();
        move || all.iter().for_each(|(control, drain)| stop(control, *drain))
    }

    /// Begins the time that each sink has to deliver what is left.
    pub fn stopping(&self) {
        self.running.iter().for_each(Running::stop);
    }

    /// Waits for all sinks to end. Call this after the pipeline and its feeds are gone. Returns the status of
    /// each sink.
    ///
    /// # Errors
    /// Fails if a thread panicked.
    pub fn join(self) -> io::Result<Vec<Arc<Status>>> {
        self.stopping();
        // Dropping the senders closes the channels; workers stop when their channel is closed.
        let running =
            self.running.into_iter().map(|Running { status, thread, .. }| Leaving { status, thread });
        let all: Vec<_> = running.chain(self.leaving).collect();
        let mut statuses = Vec::new();
        for Leaving { status, thread } in all {
            let panicked = |_| io::Error::other(format!("sink {}: its thread panicked", status.name));
            thread.join().map_err(panicked)?;
            statuses.push(status);
        }
        Ok(statuses)
    }
}

/// Checks that a sink can be made of these settings, without opening a file that another sink may have open.
///
/// # Errors
/// Fails if that is not possible; the text names the key.
pub fn check(settings: &SinkSettings) -> Result<(), String> {
    Filter::new(&settings.common.filter())?;
    any::encoder(settings)?;
    any::check(settings)
}

pub(super) fn feed(
    settings: &SinkSettings,
    status: &Arc<Status>,
    sender: mpsc::Sender<Chunk>,
) -> Result<Feed, String> {
    let filter = Filter::new(&settings.common.filter())?;
    let encoder = any::encoder(settings)?;
    let blocks = settings.common.on_full == Some(OnFull::Block);
    Ok(Feed::new(Arc::clone(status), filter, encoder, sender, blocks))
}

/// Starts the thread of a sink. On that thread, `open` returns the queue, and the transport or the way to
/// open it.
pub(super) fn spawn(
    name: &str,
    open: impl FnOnce() -> (Leftover, Result<AnyTransport, Opening<AnyTransport>>) + Send + 'static,
    parts: Parts,
) -> io::Result<JoinHandle<Option<Leftover>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = move || {
        let (Leftover { queue, held }, transport) = open();
        let (transport, opening) = match transport {
            Ok(transport) => (Some(transport), None),
            Err(opening) => (None, Some(opening)),
        };
        let Parts { settings, status, chunks, control, losses } = parts;
        // At most a quarter of the queue, since records under way cannot be dropped to make room.
        let quarter = settings.common.limits(queue.is_durable()).total_bytes / 4;
        let quarter = usize::try_from(quarter).unwrap_or(usize::MAX);
        let batch_bytes = any::batch_bytes(&settings.kind).min(quarter);
        let worker = Worker {
            status,
            queue,
            transport,
            opening,
            chunks,
            control,
            losses,
            dead_letters: DeadLetters::new(settings.common.dead_letters.clone()),
            batch_bytes,
            suspicion: Suspicion::new(settings.common.give_up_after()),
            progress: Progress::after(held),
        };
        let leftover = runtime.block_on(worker.run());
        // A write that hangs must not hold up the end.
        runtime.shutdown_background();
        leftover
    };
    thread::Builder::new().name(format!("sink-{name}").chars().take(15).collect()).spawn(body)
}

/// Returns a queue in memory, which ends with tracego.
pub(super) fn in_memory(settings: &SinkSettings) -> RecordQueue {
    RecordQueue::Memory(Box::new(MemoryQueue::new(settings.common.limits(false), Moment::now())))
}

/// Opens the queue of a sink, with the records that the last run left.
///
/// # Errors
/// Fails if the folder cannot be used.
pub(super) fn open_queue(settings: &SinkSettings, spool_dir: Option<&Path>) -> anyhow::Result<RecordQueue> {
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
        tracing::info!(sink = settings.name, records = recovery.waiting.records, "records wait from before");
    }
    Ok(RecordQueue::Disk(Box::new(spool)))
}
