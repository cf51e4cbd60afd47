//! The thread of a sink: it keeps the queue, delivers from it, and acknowledges.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracego_model::clock::Reading;
use tracego_spool::{Batch, Item, Queue, moment::Moment};

use super::{
    backoff::Backoff, chunk_backlog::ChunkBacklog, dead_letters::DeadLetters, losses::SinkLosses,
    open_retry::OpenRetry, poison::PoisonDetector, sender::RecordChunk,
};
use crate::sink::{
    delivery::{DeliveryResult, RefusedRecords, transport::Transport},
    status::{SinkStatus, lost},
};

/// The instructions of the run to its sinks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct WorkerControl {
    /// Deadline for delivery, set when tracego or the sink ends. Records not delivered by then stay where
    /// they are.
    pub(crate) deadline: Option<Instant>,
    /// Number of SIGHUPs so far.
    pub(crate) reopened: u64,
    /// Whether another worker takes the queue over.
    pub(crate) handover: bool,
}

/// Interval for updating what changes by itself: ages, the status.
const LOOK: Duration = Duration::from_millis(500);

/// A batch in delivery, and how many of its records are done.
pub(crate) struct BatchInDelivery {
    pub(crate) batch: Batch,
    pub(crate) done: usize,
}

/// A delivery under way. It owns the transport and gives it back.
type DeliveryFuture<T> = Pin<Box<dyn Future<Output = (T, BatchInDelivery, DeliveryResult)>>>;

/// The worker of a sink: see the [module](self).
pub(crate) struct Worker<T> {
    pub(crate) status: Arc<SinkStatus>,
    pub(crate) queue: Queue,
    /// Transport; `None` during a delivery, or until it is opened.
    pub(crate) transport: Option<T>,
    pub(crate) opening: Option<OpenRetry<T>>,
    pub(crate) chunks: mpsc::Receiver<RecordChunk>,
    pub(crate) control: watch::Receiver<WorkerControl>,
    pub(crate) losses: SinkLosses,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) batch_bytes: usize,
    pub(crate) suspicion: PoisonDetector,
    pub(crate) progress: WorkerProgress,
}

/// The progress of a worker.
#[derive(Default)]
pub(crate) struct WorkerProgress {
    pub(crate) backoff: Backoff,
    held: ChunkBacklog,
    pub(crate) current: Option<BatchInDelivery>,
    /// Whether the channel is closed, so that no more chunks follow.
    ended: bool,
    /// Number of SIGHUPs that the transport knows of.
    reopened: u64,
}

/// The queue and chunks that a worker leaves to the one that takes over.
pub(crate) struct WorkerHandover {
    pub(crate) queue: Queue,
    pub(crate) held: ChunkBacklog,
}

impl WorkerProgress {
    /// Continues where another worker stopped.
    pub(crate) fn after(held: ChunkBacklog) -> Self {
        Self { held: held.inherited(), ..Self::default() }
    }
}

impl<T: Transport + 'static> Worker<T> {
    /// Runs until the pipeline has ended, and everything is delivered or the deadline has passed. Returns the
    /// queue if another worker is to take it over.
    pub(crate) async fn run(mut self) -> Option<WorkerHandover> {
        let mut flight: Option<DeliveryFuture<T>> = None;
        let mut looked = Instant::now();
        loop {
            let control = *self.control.borrow_and_update();
            self.place();
            self.queue.keep(Moment::now());
            self.notices();
            if looked.elapsed() >= LOOK || self.progress.ended {
                looked = Instant::now();
                self.update_status();
            }
            if flight.is_none() && control.handover && self.progress.ended {
                return self.hand_over().await;
            }
            self.open();
            if flight.is_none() && self.progress.backoff.until().is_none() {
                self.reopen(control.reopened);
                flight = self.start_delivery();
            }
            let late = control.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if late {
                self.discard();
            }
            if self.progress.ended
                && self.progress.held.is_empty()
                && (late || flight.is_none() && self.is_done())
            {
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
                chunk = self.chunks.recv(), if self.takes(control) => match chunk {
                    Some(chunk) => self.progress.held.push(chunk),
                    None => {
                        self.progress.ended = true;
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
        None
    }

    /// Returns whether more chunks can be taken. A worker that is being replaced always takes more: the
    /// pipeline may wait for room before it gets to the change that makes room.
    fn takes(&self, control: WorkerControl) -> bool {
        !self.progress.ended && (self.progress.held.is_empty() || control.handover)
    }

    /// Returns undone records to the queue, for the worker that continues it.
    async fn hand_over(mut self) -> Option<WorkerHandover> {
        if let Some(mut transport) = self.transport.take() {
            transport.close().await;
        }
        self.queue.rewind();
        Some(WorkerHandover { queue: self.queue, held: self.progress.held })
    }

    fn open(&mut self) {
        if let Some(transport) = self.opening.as_mut().and_then(|opening| opening.attempt(&self.status.name))
        {
            (self.transport, self.opening) = (Some(transport), None);
        }
    }

    fn reopen(&mut self, wanted: u64) {
        if wanted != self.progress.reopened
            && let Some(transport) = &mut self.transport
        {
            self.progress.reopened = wanted;
            transport.reopen();
        }
    }

    /// Returns whether no work is left: no record waits, the reader is gone for good, or a spool keeps
    /// records that cannot be delivered now.
    fn is_done(&self) -> bool {
        let waits = self.progress.current.is_some() || self.queue.stats().depth.records > 0;
        !waits
            || self.status.has_ended()
            || self.queue.is_durable() && (self.progress.backoff.until().is_some() || self.opening.is_some())
    }

    /// Returns the time of the next action if nothing happens before.
    fn wake(&self, looked: Instant) -> Instant {
        let look = looked + LOOK;
        let keep = self.queue.deadline().map(|at| {
            let wait = at.saturating_sub(Reading::now().boot_ns);
            Instant::now() + Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
        });
        let deadline = self.control.borrow().deadline.filter(|deadline| *deadline > Instant::now());
        let open = self.opening.as_ref().map(OpenRetry::next);
        [keep, self.progress.backoff.until(), deadline, open]
            .into_iter()
            .flatten()
            .min()
            .map_or(look, |at| at.min(look))
    }

    /// Moves held chunks into the queue until it is full.
    fn place(&mut self) {
        if self.progress.held.is_empty() {
            return;
        }
        let placed = self.progress.held.place(&mut self.queue);
        if placed > 0 || self.progress.held.is_empty() {
            self.queue.flush();
            self.status.place(placed);
        }
    }

    /// Discards held chunks after the deadline, since the queue has no room for them and the pipeline has to
    /// end.
    fn discard(&mut self) {
        let (records, chunks) = self.progress.held.discard();
        self.losses.count(lost::STOPPED, records, None);
        self.status.place(chunks);
    }

    fn notices(&mut self) {
        while let Some(notice) = self.queue.notice() {
            tracing::warn!(sink = self.status.name, "{notice}");
        }
    }

    fn update_status(&self) {
        self.status.numbers_mut().queue = self.queue.stats();
    }

    /// Starts the delivery of the next records, if there are any.
    fn start_delivery(&mut self) -> Option<DeliveryFuture<T>> {
        self.transport.as_ref()?;
        if self.suspicion.begin_isolation() {
            // Reads all that is there now: finding the record at fault takes other records, too.
            self.progress.current = None;
            self.queue.rewind();
        }
        let isolate = self.suspicion.isolates();
        let current = loop {
            let mut current = match self.progress.current.take() {
                Some(current) => current,
                None => BatchInDelivery { batch: self.queue.read(self.batch_bytes), done: 0 },
            };
            if current.batch.is_empty() {
                return None;
            }
            // A gap is reported, and then acknowledged like a record.
            while let Some(Item::Gap(gap)) = current.batch.iter().nth(current.done) {
                self.losses.gap(gap);
                self.queue.ack(gap.last);
                current.done += 1;
            }
            if current.done < current.batch.len() {
                break current;
            }
        };
        let mut transport = self.transport.take()?;
        Some(Box::pin(async move {
            let records = current.batch.iter().skip(current.done).map_while(|item| match item {
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
        for refused in &refused {
            if let Err(error) = self.write_dead_letters(&current, refused) {
                // The records are neither delivered nor in the dead letters: all of them are delivered again.
                let path = self.dead_letters.path().map(|path| path.display().to_string());
                let path = path.unwrap_or_default();
                self.fail(format!("{} and {path}: {error}", refused.why), None);
                self.progress.current = Some(current);
                return;
            }
        }
        let left = current.done + done < current.batch.len();
        match current.batch.iter().nth(current.done + done) {
            Some(front) if trouble.is_some() => self.suspicion.failed(front.last()),
            _ => self.suspicion.succeeded(left),
        }
        let rejected: u64 = refused.iter().map(|refused| refused.count).sum();
        let last = current.batch.iter().skip(current.done).take(done).last().map(|item| item.last());
        if let Some(last) = last {
            self.queue.ack(last);
        }
        current.done += done;
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
            }
        }
        if done > 0 || trouble.is_none() {
            self.progress.backoff.reset();
        }
        if let Some(trouble) = trouble {
            if trouble.reader_gone {
                self.status.end();
            }
            self.fail(trouble.why, trouble.after);
        }
        if current.done < current.batch.len() {
            self.progress.current = Some(current);
        }
    }

    fn fail(&mut self, why: String, after: Option<Duration>) {
        self.progress.backoff.wait(after);
        let mut numbers = self.status.numbers_mut();
        numbers.failures += 1;
        if numbers.trouble.as_ref() != Some(&why) {
            tracing::warn!(sink = self.status.name, "{why}; the delivery is retried");
        }
        numbers.trouble = Some(why);
    }

    /// Writes refused records to the dead letters.
    fn write_dead_letters(
        &mut self,
        current: &BatchInDelivery,
        refused: &RefusedRecords,
    ) -> std::io::Result<()> {
        let Some(transport) = &self.transport else { return Ok(()) };
        let records = current.batch.iter().skip(current.done + refused.first).take(refused.among);
        let records = records.filter_map(|item| match item {
            Item::Record(_, bytes) => Some(transport.readable(bytes)),
            Item::Gap(_) => None,
        });
        self.dead_letters.write(&self.status.name, refused, records.collect())
    }

    async fn finish(self) {
        self.update_status();
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
