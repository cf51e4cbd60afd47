//! Spans that wait, and what became of the others.

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

use super::Counts;
use crate::traces::attribute;

/// Bytes of spans that wait, about: a span rarely has more than two thousand, but may have fifty.
const QUEUE_BYTES: usize = 16 << 20;
/// Bytes of a request before it is compressed, about. Collectors take 4 MiB over gRPC where nothing else is
/// said to them.
const BATCH_BYTES: usize = 2 << 20;

#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) exported: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) expired: AtomicU64,
    pub(super) closed: AtomicU64,
}

/// Between the pipeline and the thread.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// There is something to do.
    pub(super) more: Notify,
    pub(super) numbers: Numbers,
    room: usize,
    batch: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    /// With their sizes.
    spans: VecDeque<(SpanData, usize)>,
    /// Of all of them.
    bytes: usize,
    /// Since when the first waits.
    since: Option<Instant>,
    /// Taken out and not settled.
    sending: usize,
}

/// Bytes of a span, about.
fn size(span: &SpanData) -> usize {
    let events = span.events.iter().map(|event| size_of_val(event) + attribute::size(&event.attributes));
    size_of_val(span) + attribute::size(&span.attributes) + events.sum::<usize>()
}

impl Queue {
    /// For `room` spans, which are taken out `batch` at a time.
    pub(super) fn new(room: usize, batch: usize) -> Self {
        let (room, batch) = (room.max(1), batch.max(1));
        Self { waiting: Mutex::default(), more: Notify::new(), numbers: Numbers::default(), room, batch }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a span where there is room, or whether or not there is.
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
            waiting.spans.push_back((span, size));
            waiting.since.get_or_insert_with(Instant::now);
            waiting.spans.len()
        };
        // The first starts the clock and a whole batch stops it; to wake the thread for each would cost more
        // than the span.
        if count == 1 || count.is_multiple_of(self.batch) {
            self.more.notify_one();
        }
    }

    /// A batch that is whole or has waited for long enough; otherwise when it will have, where anything
    /// waits.
    pub(super) fn batch(&self, linger: Duration) -> Result<Vec<SpanData>, Option<Instant>> {
        let mut waiting = self.waiting();
        let due = waiting.since.map(|since| since + linger);
        if waiting.spans.len() < self.batch && due.is_none_or(|due| due > Instant::now()) {
            return Err(due);
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some((span, size)) = waiting.spans.pop_front() {
            waiting.bytes -= size;
            bytes += size;
            batch.push(span);
            if batch.len() >= self.batch || bytes >= BATCH_BYTES {
                break;
            }
        }
        waiting.sending = batch.len();
        waiting.since = (!waiting.spans.is_empty()).then(Instant::now);
        Ok(batch)
    }

    /// What was taken out is settled.
    pub(super) fn settled(&self) {
        self.waiting().sending = 0;
    }

    /// Nobody will take out the rest.
    pub(super) fn close(&self) {
        let left = std::mem::take(&mut *self.waiting());
        self.numbers.closed.fetch_add(left.spans.len() as u64, Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let waiting = self.waiting();
        let Numbers { exported, queue_full, refused, expired, closed } = &self.numbers;
        Counts {
            exported: exported.load(Relaxed),
            queue_full: queue_full.load(Relaxed),
            refused: refused.load(Relaxed),
            expired: expired.load(Relaxed),
            closed: closed.load(Relaxed),
            waiting: (waiting.spans.len() + waiting.sending) as u64,
        }
    }
}
