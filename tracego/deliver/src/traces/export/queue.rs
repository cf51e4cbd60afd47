//! Queue of spans, and counts of their outcomes.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry_sdk::trace::SpanData;
use tokio::{sync::Notify, time::Instant};

use super::ExportCounts;
use crate::traces::attribute;

/// Approximate maximum size of queued spans, in bytes. A span rarely has more than two thousand, but may have
/// fifty thousand.
const QUEUE_BYTES: usize = 16 << 20;
/// Approximate maximum size of a request before compression, in bytes. Collectors take 4 MiB over gRPC unless
/// configured otherwise.
const BATCH_BYTES: usize = 2 << 20;

#[derive(Debug, Default)]
pub(super) struct ExportCounters {
    pub(super) exported: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) expired: AtomicU64,
    pub(super) closed: AtomicU64,
}

/// Queue between the pipeline and the exporter's thread.
#[derive(Debug)]
pub(super) struct SpanQueue {
    waiting: Mutex<QueuedSpans>,
    /// Notification that there is work to do.
    pub(super) more: Notify,
    pub(super) numbers: ExportCounters,
    room: usize,
    batch: usize,
}

#[derive(Debug, Default)]
struct QueuedSpans {
    spans: VecDeque<QueuedSpan>,
    /// Size of all spans, in bytes.
    bytes: usize,
    /// Number of spans that were taken out and whose outcome is not known yet.
    sending: usize,
}

/// A span that waits.
#[derive(Debug)]
struct QueuedSpan {
    span: SpanData,
    /// Size in bytes.
    size: usize,
    /// Time since which the span waits.
    since: Instant,
}

/// Returns the approximate size of a span, in bytes.
fn size(span: &SpanData) -> usize {
    let events = span.events.iter().map(|event| size_of_val(event) + attribute::size(&event.attributes));
    size_of_val(span) + attribute::size(&span.attributes) + events.sum::<usize>()
}

impl SpanQueue {
    /// Creates a queue for `room` spans, which are taken out `batch` at a time.
    pub(super) fn new(room: usize, batch: usize) -> Self {
        let (room, batch) = (room.max(1), batch.max(1));
        Self {
            waiting: Mutex::default(),
            more: Notify::new(),
            numbers: ExportCounters::default(),
            room,
            batch,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, QueuedSpans> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a span. If `bounded`, drops and counts the span when the queue is full.
    pub(super) fn put(&self, span: SpanData, bounded: bool) {
        let size = size(&span);
        let count = {
            let mut waiting = self.waiting();
            let full = waiting.spans.len() >= self.room || waiting.bytes.saturating_add(size) > QUEUE_BYTES;
            if bounded && full {
                self.numbers.queue_full.fetch_add(1, Relaxed);
                return;
            }
            waiting.bytes += size;
            waiting.spans.push_back(QueuedSpan { span, size, since: Instant::now() });
            waiting.spans.len()
        };
        // The first span starts the timer, and a whole batch stops it. Waking the thread for each span would
        // cost more than the span.
        if count == 1 || count.is_multiple_of(self.batch) {
            self.more.notify_one();
        }
    }

    /// Takes out a batch that is whole or has waited for `linger`. Otherwise returns the time when it will
    /// have waited long enough, or `Err(None)` if the queue is empty.
    pub(super) fn batch(&self, linger: Duration) -> Result<Vec<SpanData>, Option<Instant>> {
        let mut waiting = self.waiting();
        let due = waiting.spans.front().map(|first| first.since + linger);
        if waiting.spans.len() < self.batch && due.is_none_or(|due| due > Instant::now()) {
            return Err(due);
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(QueuedSpan { span, size, .. }) = waiting.spans.pop_front() {
            waiting.bytes -= size;
            bytes += size;
            batch.push(span);
            if batch.len() >= self.batch || bytes >= BATCH_BYTES {
                break;
            }
        }
        waiting.sending = batch.len();
        Ok(batch)
    }

    /// Ends the batch that was taken out; its outcome is known.
    pub(super) fn batch_done(&self) {
        self.waiting().sending = 0;
    }

    /// Drops and counts the spans that are left.
    pub(super) fn close(&self) {
        let left = std::mem::take(&mut *self.waiting());
        self.numbers.closed.fetch_add(left.spans.len() as u64, Relaxed);
    }

    pub(super) fn counts(&self) -> ExportCounts {
        let waiting = self.waiting();
        let ExportCounters { exported, queue_full, refused, expired, closed } = &self.numbers;
        ExportCounts {
            exported: exported.load(Relaxed),
            queue_full: queue_full.load(Relaxed),
            refused: refused.load(Relaxed),
            expired: expired.load(Relaxed),
            closed: closed.load(Relaxed),
            waiting: (waiting.spans.len() + waiting.sending) as u64,
        }
    }
}
