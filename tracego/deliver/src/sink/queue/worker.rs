//! The work on the thread of a sink: it keeps the queue, delivers from it, and acknowledges. The queue stays
//! with its worker; a reload gives the worker another destination.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracego_model::clock::Reading;
use tracego_spool::{Gap, GapReason, Item, Moment, QueueBatch, QueueLimits, RecordQueue, SpoolNotice};

use super::{
    backoff::Backoff,
    chunk_backlog::ChunkBacklog,
    dead_letters::DeadLetters,
    losses::{LossChannel, SinkLosses},
    pace::{Pace, PaceSettings},
    poison::PoisonDetector,
    sender::RecordChunk,
    stream_state::StreamState,
};
use crate::{
    detail::memory::SharedMemory,
    sink::{
        delivery::{DeliveryResult, RefusedRecords, blocking, transport::Transport},
        settings::CommonSettings,
        status::{SinkStatus, lost},
    },
};

/// The instructions of the run to a worker.
pub(crate) struct WorkerControl<T> {
    /// The receiver by the newest settings.
    pub(crate) destination: Arc<Destination<T>>,
    /// Whether a reload that changes the destination is under way. The worker then takes every chunk, with or
    /// without room in the queue: the pipeline may be waiting for room, and has to get to the reload.
    pub(crate) reloading: bool,
    /// Deadline for delivery, set when tracego or the sink ends. Records not delivered by then stay where
    /// they are.
    pub(crate) deadline: Option<Instant>,
    /// Number of SIGHUPs so far.
    pub(crate) reopened: u64,
}

impl<T> WorkerControl<T> {
    pub(crate) fn new(destination: Destination<T>) -> Self {
        Self { destination: Arc::new(destination), reloading: false, deadline: None, reopened: 0 }
    }
}

impl<T> Clone for WorkerControl<T> {
    fn clone(&self) -> Self {
        Self { destination: Arc::clone(&self.destination), ..*self }
    }
}

/// A receiver, and the settings of deliveries to it.
pub(crate) struct Destination<T> {
    /// Opens the transport. Fails with a text for people.
    pub(crate) open: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    pub(crate) common: CommonSettings,
    /// Number of queue bytes that are delivered together.
    pub(crate) batch_bytes: usize,
    /// The bounds on how often and how fast batches are delivered.
    pub(crate) pace: PaceSettings,
}

impl<T> Destination<T> {
    /// Returns the number of bytes for one batch: at most a quarter of the queue, since records under way
    /// cannot be dropped to make room.
    fn batch_bytes(&self, limits: &QueueLimits) -> usize {
        self.batch_bytes.min(usize::try_from(limits.total_bytes / 4).unwrap_or(usize::MAX))
    }
}

/// Pause between two attempts to open a receiver or a queue.
pub(crate) const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// Interval for updating what changes by itself: ages, the status.
const LOOK: Duration = Duration::from_millis(500);

/// Room for frames and segments, beside the records, when a spool takes more than its limit.
const SPARE: u64 = 1 << 20;

/// A batch in delivery, and how many of its records are done.
struct BatchInDelivery {
    batch: QueueBatch,
    done: usize,
    /// End of the records that are delivered together.
    end: usize,
}

impl BatchInDelivery {
    /// Creates the delivery of a batch that was read. Records up to `cut` are delivered together, as before.
    fn new(batch: QueueBatch, cut: u64) -> Self {
        let before = batch.iter().take_while(|item| item.last_seq() <= cut).count();
        let end = if before > 0 { before } else { batch.len() };
        Self { batch, done: 0, end }
    }
}

/// A delivery under way. It owns the transport and gives it back.
type DeliveryFuture<T> = Pin<Box<dyn Future<Output = (T, BatchInDelivery, DeliveryResult)>>>;

/// The worker of a sink: see the [module](self).
pub(crate) struct Worker<T> {
    status: Arc<SinkStatus>,
    queue: RecordQueue,
    /// Chunks that the queue has no room for yet.
    backlog: ChunkBacklog,
    chunks: mpsc::Receiver<RecordChunk>,
    /// Whether the channel is closed, so that no more chunks follow.
    ended: bool,
    control: watch::Receiver<WorkerControl<T>>,
    /// The destination of the transport, of `batch_bytes`, and of the dead letters.
    destination: Arc<Destination<T>>,
    /// Transport; `None` during a delivery, or until it is opened.
    transport: Option<T>,
    /// Time of the next attempt to open the transport, if it has to be opened.
    open_at: Option<Instant>,
    /// Number of SIGHUPs that the transport knows of.
    reopened: u64,
    batch_bytes: usize,
    current: Option<BatchInDelivery>,
    backoff: Backoff,
    pace: Pace,
    stream: StreamState,
    /// Number of signs that the run ends: the deadline is set, and no more chunks follow.
    ends: u8,
    pub(super) poison: PoisonDetector,
    dead_letters: DeadLetters,
    losses: SinkLosses,
    /// References among the chunks that arrived, and whether the transport asks for them.
    references: (SharedMemory, bool),
    /// Number of records that the queue had dropped when it was last looked at.
    dropped: u64,
}

impl<T: Transport + 'static> Worker<T> {
    /// Creates the worker of a sink. `transport` leads to the destination; without it, the worker opens the
    /// destination.
    pub(crate) fn new(
        status: Arc<SinkStatus>,
        queue: RecordQueue,
        destination: Arc<Destination<T>>,
        transport: Option<T>,
        chunks: mpsc::Receiver<RecordChunk>,
        control: watch::Receiver<WorkerControl<T>>,
        losses: LossChannel,
    ) -> Self {
        let common = &destination.common;
        let limits = common.limits(queue.is_durable());
        let batch_bytes = destination.batch_bytes(&limits);
        Self {
            losses: SinkLosses::new(Arc::clone(&status), losses),
            dead_letters: DeadLetters::new(common.dead_letters.clone()),
            poison: PoisonDetector::new(common.give_up_after()),
            pace: Pace::new(destination.pace, batch_bytes, limits.total_bytes, queue.stats().depth),
            batch_bytes,
            stream: StreamState::default(),
            ends: 0,
            open_at: transport.is_none().then(Instant::now),
            backlog: ChunkBacklog::default(),
            ended: false,
            reopened: 0,
            current: None,
            backoff: Backoff::default(),
            status,
            queue,
            chunks,
            control,
            destination,
            transport,
            references: (SharedMemory::default(), false),
            dropped: 0,
        }
    }

    /// Returns the worker with chunks that arrived before its queue was open, and the state of its stream.
    pub(crate) fn resuming(self, backlog: ChunkBacklog, stream: StreamState) -> Self {
        Self { backlog, stream, ..self }
    }

    /// Runs until the pipeline has ended, and everything is delivered or the deadline has passed.
    pub(crate) async fn run(mut self) {
        let mut flight: Option<DeliveryFuture<T>> = None;
        let mut looked = Instant::now();
        self.share_references();
        self.backlog.records().for_each(|record| self.note(record));
        loop {
            let control = self.control.borrow_and_update().clone();
            self.place();
            self.queue.maintain(Moment::now());
            self.notices();
            if looked.elapsed() >= LOOK || self.ended {
                looked = Instant::now();
                self.refresh_dropped();
                self.update_status();
            }
            if flight.is_none() && !Arc::ptr_eq(&self.destination, &control.destination) {
                self.redirect(control.destination).await;
            }
            self.hurry(control.deadline.is_some());
            self.open();
            if flight.is_none() && self.backoff.until().is_none() {
                self.reopen(control.reopened);
                if !self.waits() {
                    flight = self.start_delivery();
                }
            }
            let late = control.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if late {
                self.discard();
            }
            if self.ended && self.backlog.is_empty() && (late || flight.is_none() && self.is_done()) {
                break;
            }
            let wake = self.wake(looked);
            tokio::select! {
                biased;
                (transport, current, delivered) = async {
                    match &mut flight {
                        Some(flight) => flight.await,
                        None => std::future::pending().await,
                    }
                }, if flight.is_some() => {
                    flight = None;
                    self.transport = Some(transport);
                    self.handle_result(current, delivered);
                }
                chunk = self.chunks.recv(), if !self.ended && (self.backlog.is_empty() || control.reloading) => match chunk {
                    Some(chunk) => {
                        chunk.iter_from(0).for_each(|record| self.note(record));
                        self.backlog.push(chunk);
                    }
                    None => {
                        self.ended = true;
                        self.queue.sync();
                    }
                },
                Ok(()) = self.control.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
        // A delivery that is under way at the deadline is cut off: a spool delivers its records again.
        drop(flight);
        if let Some(mut transport) = self.transport.take() {
            transport.close().await;
        }
        self.finish().await;
    }

    /// Ends a pause between attempts when the run begins to end, and again when no more records follow: the
    /// receiver may be up again. Pauses that follow are short at first.
    fn hurry(&mut self, draining: bool) {
        let ends = u8::from(draining) + u8::from(self.ended);
        if ends > self.ends {
            self.ends = ends;
            self.backoff.reset();
            self.open_at = self.open_at.map(|_| Instant::now());
        }
    }

    /// Returns whether the next delivery waits for more records, or for its turn after an outage.
    fn waits(&mut self) -> bool {
        if self.ends > 0 {
            return false;
        }
        let stats = self.queue.stats();
        let retries = self.current.is_some() || !self.backlog.is_empty() || self.poison.isolates();
        self.pace.waits(stats.depth, stats.used, retries)
    }

    /// Continues with another receiver. Records that the old one did not take are read again.
    async fn redirect(&mut self, destination: Arc<Destination<T>>) {
        if let Some(mut transport) = self.transport.take() {
            transport.close().await;
        }
        let common = &destination.common;
        let limits = common.limits(self.queue.is_durable());
        self.status.redirect(limits.total_bytes);
        self.dead_letters = DeadLetters::new(common.dead_letters.clone());
        self.poison = PoisonDetector::new(common.give_up_after());
        self.batch_bytes = destination.batch_bytes(&limits);
        let depth = self.queue.stats().depth;
        self.pace = Pace::new(destination.pace, self.batch_bytes, limits.total_bytes, depth);
        self.queue.set_limits(limits);
        self.queue.rewind();
        (self.current, self.backoff) = (None, Backoff::default());
        (self.destination, self.open_at) = (destination, Some(Instant::now()));
    }

    /// Opens the transport if an attempt is due. Until it succeeds, records wait in the queue.
    fn open(&mut self) {
        if self.open_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        match (self.destination.open)() {
            Ok(transport) => {
                (self.transport, self.open_at) = (Some(transport), None);
                self.share_references();
            }
            Err(why) => {
                let sink = &self.status.name;
                tracing::error!(sink, "the changed sink cannot be opened: {why}; tracego retries");
                self.open_at = Some(Instant::now() + REOPEN_PAUSE);
            }
        }
    }

    /// Gives the transport the references among the chunks, also those that never come out of the queue.
    fn share_references(&mut self) {
        let (memory, is_asked) = &mut self.references;
        *is_asked = self.transport.as_mut().is_some_and(|transport| transport.remember(memory));
    }

    fn note(&self, record: &[u8]) {
        if let (memory, true) = &self.references {
            blocking::lock(memory).note(record, None);
        }
    }

    fn reopen(&mut self, wanted: u64) {
        if wanted != self.reopened
            && let Some(transport) = &mut self.transport
        {
            self.reopened = wanted;
            transport.reopen();
        }
    }

    /// Returns whether no work is left: no record waits, the reader is gone for good, or a spool keeps
    /// records that cannot be delivered now.
    fn is_done(&self) -> bool {
        let waits = self.current.is_some() || self.queue.stats().depth.records > 0;
        !waits
            || self.status.has_ended()
            || self.queue.is_durable() && (self.backoff.until().is_some() || self.open_at.is_some())
    }

    /// Returns the time of the next action if nothing happens before.
    fn wake(&self, looked: Instant) -> Instant {
        let look = looked + LOOK;
        let keep = self.queue.deadline().map(|at| {
            let wait = at.saturating_sub(Reading::now().boot_ns);
            Instant::now() + Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
        });
        let deadline = self.control.borrow().deadline.filter(|deadline| *deadline > Instant::now());
        [keep, self.backoff.until(), deadline, self.open_at, self.pace.until()]
            .into_iter()
            .flatten()
            .min()
            .map_or(look, |at| at.min(look))
    }

    /// Moves held chunks into the queue until it is full.
    fn place(&mut self) {
        if self.backlog.is_empty() {
            return;
        }
        let placed = self.backlog.place(&mut self.queue);
        self.stream.skip(self.backlog.take_skipped());
        if placed > 0 || self.backlog.is_empty() {
            self.queue.flush();
            self.status.place(placed);
        }
        self.refresh_dropped();
    }

    /// Asks for the references anew when the queue has dropped records, some of which others may refer to. The sender
    /// bounds how often they come.
    fn refresh_dropped(&mut self) {
        let stats = self.queue.stats();
        let dropped = GapReason::ALL.into_iter().map(|reason| stats.dropped(reason).records).sum();
        if dropped != self.dropped {
            self.dropped = dropped;
            self.status.next_epoch();
        }
    }

    /// Discards held chunks after the deadline, since the queue has no room for them and the pipeline has to
    /// end. A spool takes them beyond its limit.
    fn discard(&mut self) {
        if self.queue.is_durable() && !self.backlog.is_empty() {
            let limits = self.destination.common.limits(true);
            let beyond =
                self.queue.stats().used.saturating_add(4 * self.backlog.bytes()).saturating_add(SPARE);
            self.queue.set_limits(QueueLimits { total_bytes: beyond.max(limits.total_bytes), ..limits });
            self.place();
        }
        let (records, chunks) = self.backlog.discard();
        self.losses.count(lost::STOPPED, records, None);
        self.status.place(chunks);
    }

    fn notices(&mut self) {
        while let Some(notice) = self.queue.notice() {
            tracing::warn!(sink = self.status.name, "{notice}");
            if let SpoolNotice::Failing(..) = notice {
                self.status.numbers_mut().spool_failure = Some(notice.to_string());
            }
        }
    }

    fn update_status(&self) {
        let stats = self.queue.stats();
        let mut numbers = self.status.numbers_mut();
        if !stats.failing {
            numbers.spool_failure = None;
        }
        (numbers.queue, numbers.updated) = (stats, Some(std::time::Instant::now()));
    }

    /// Reads the next batch. After a kill, the cursor may be behind what the receiver has taken: such records
    /// are acknowledged without another delivery, so that the batch behind them is cut as before.
    fn read(&mut self) -> QueueBatch {
        loop {
            let batch = self.queue.read(self.batch_bytes);
            let taken = self.stream.taken();
            if batch.iter().next().is_none_or(|item| item.last_seq() > taken) {
                return batch;
            }
            self.queue.ack(taken);
            self.queue.rewind();
        }
    }

    /// Starts the delivery of the next records, if there are any.
    fn start_delivery(&mut self) -> Option<DeliveryFuture<T>> {
        self.transport.as_ref()?;
        if self.poison.begin_isolation() {
            // Reads all that is there now: finding the record at fault takes other records, too.
            self.current = None;
            self.queue.rewind();
        }
        let isolate = self.poison.isolates();
        let current = loop {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => {
                    let cut = if isolate { 0 } else { self.stream.cut() };
                    BatchInDelivery::new(self.read(), cut)
                }
            };
            if current.batch.is_empty() {
                return None;
            }
            // A gap is reported, and then acknowledged like a record.
            while let Some(Item::Gap(gap)) = current.batch.iter().nth(current.done) {
                let skipped = self.stream.skipped();
                self.losses.gap(Gap { first: gap.first + skipped, last: gap.last + skipped, ..gap });
                self.queue.ack(gap.last);
                current.done += 1;
            }
            if current.done >= current.end {
                current.end = current.batch.len();
            }
            if current.done < current.batch.len() {
                break current;
            }
        };
        let first = current.batch.iter().nth(current.done).map(|first| first.last_seq());
        let last = current.batch.iter().nth(current.end.saturating_sub(1)).map(|last| last.last_seq());
        if let (Some(first), Some(last)) = (first, last) {
            self.stream.set_batch(first - 1, last);
        }
        self.pace.begin();
        let mut transport = self.transport.take()?;
        Some(Box::pin(async move {
            let records = current.batch.iter().take(current.end).skip(current.done);
            let records = records.map_while(|item| match item {
                Item::Record(_, bytes) => Some(bytes),
                Item::Gap(_) => None,
            });
            let records: Vec<&[u8]> = records.collect();
            let delivered = match isolate {
                true => transport.isolate(&records).await,
                false => transport.deliver(&records).await,
            };
            (transport, current, delivered)
        }))
    }

    /// Handles the result of a delivery.
    fn handle_result(&mut self, mut current: BatchInDelivery, delivered: DeliveryResult) {
        let DeliveryResult { done, refused, trouble } = delivered;
        if let Err(error) = self.write_dead_letters(&current, &refused) {
            // The records are neither delivered nor in the dead letters: all of them are delivered again.
            let path = self.dead_letters.path().map(|path| path.display().to_string()).unwrap_or_default();
            let why = refused.first().map(|refused| refused.why.as_str()).unwrap_or_default();
            self.fail(format!("{why} and {path}: {error}"), None);
            self.current = Some(current);
            return;
        }
        let left = current.done + done < current.batch.len();
        match current.batch.iter().nth(current.done + done) {
            Some(front) if trouble.is_some() => self.poison.failed(front.last_seq()),
            _ => self.poison.succeeded(left),
        }
        let rejected: u64 = refused.iter().map(|refused| refused.count).sum();
        let (mut last, mut bytes) = (None, 0);
        for item in current.batch.iter().skip(current.done).take(done) {
            last = Some(item.last_seq());
            if let Item::Record(_, payload) = item {
                bytes += payload.len() as u64;
            }
        }
        if let Some(last) = last {
            self.queue.ack(last);
        }
        current.done += done;
        self.pace.delivered(bytes, self.queue.stats().depth);
        self.status.set_note(self.transport.as_ref().and_then(T::note));
        self.status.set_files(self.transport.as_ref().and_then(T::files));
        for refused in refused {
            self.losses.refused(refused);
        }
        {
            let mut numbers = self.status.numbers_mut();
            numbers.delivered += (done as u64).saturating_sub(rejected);
            numbers.queue = self.queue.stats();
            if trouble.is_none()
                && let Some(before) = numbers.trouble.take()
            {
                tracing::info!(sink = self.status.name, before, "the sink takes records again");
                self.status.next_epoch();
            }
        }
        if done > 0 || trouble.is_none() {
            self.backoff.reset();
        }
        if let Some(trouble) = trouble {
            if trouble.reader_gone {
                self.status.end();
            }
            self.fail(trouble.why, trouble.after);
            if trouble.unproven {
                // One of the records that arrived since may be taken.
                self.stream.forget_cut();
                self.queue.rewind();
                return;
            }
        }
        if current.done < current.batch.len() {
            self.current = Some(current);
        }
    }

    fn fail(&mut self, why: String, after: Option<Duration>) {
        self.backoff.wait(after);
        self.pace.failed();
        let mut numbers = self.status.numbers_mut();
        numbers.failures += 1;
        if numbers.trouble.is_none() {
            // Another receiver may be the one that takes records again.
            self.status.next_epoch();
        }
        if numbers.trouble.as_ref() != Some(&why) {
            tracing::warn!(sink = self.status.name, "{why}; the delivery is retried");
        }
        numbers.trouble = Some(why);
    }

    /// Writes refused records to the dead letters: all of them, or none.
    fn write_dead_letters(
        &mut self,
        current: &BatchInDelivery,
        refused: &[RefusedRecords],
    ) -> std::io::Result<()> {
        let Some(transport) = &self.transport else { return Ok(()) };
        let each = refused.iter().map(|refused| {
            let records = current.batch.iter().skip(current.done + refused.first).take(refused.among);
            let records = records.filter_map(|item| match item {
                Item::Record(_, bytes) => Some(transport.readable(bytes)),
                Item::Gap(_) => None,
            });
            (refused, records.collect())
        });
        let each: Vec<_> = each.collect();
        self.dead_letters.write(&self.status.name, each)
    }

    async fn finish(mut self) {
        self.update_status();
        self.status.numbers_mut().updated = None;
        self.stream.skip(self.backlog.missing(self.status.numbers().given));
        let Self { status, queue, losses, .. } = self;
        let durable = queue.is_durable();
        let waiting = queue.stats().depth.records;
        let lost = queue.close();
        if lost > 0 {
            status.count_lost(lost::STOPPED, lost);
        }
        if durable && waiting > lost {
            tracing::warn!(
                sink = status.name,
                records = waiting - lost,
                "still in the spool, for the next start"
            );
        }
        losses.report_remaining(lost).await;
    }
}
