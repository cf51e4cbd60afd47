//! Thread of the exporter: batches and retries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::{
    runtime::Runtime,
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use super::queue::{ExportCounters, SpanQueue};
use crate::collector::{ExportOutcome, LastAnswer};

/// First pause after a collector did not take a batch; doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The worker that sends the spans of a queue.
pub(super) struct ExportWorker {
    pub(super) queue: Arc<SpanQueue>,
    pub(super) closing: watch::Receiver<Option<Instant>>,
    pub(super) exporter: SpanExporter,
    pub(super) answers: LastAnswer,
    pub(super) grpc: bool,
    pub(super) linger: Duration,
    pub(super) patience: Duration,
    pub(super) endpoint: String,
    /// Whether the log already reports that the collector takes no spans.
    pub(super) complained: bool,
}

impl ExportWorker {
    /// Sends batches until the exporter closes.
    pub(super) fn run(mut self, runtime: Runtime) {
        runtime.block_on(async {
            while let Some(batch) = self.batch().await {
                self.deliver(batch).await;
            }
        });
        self.queue.close();
        // Does not wait for a name lookup that still runs.
        runtime.shutdown_background();
    }

    /// Returns the deadline, if the exporter is closing.
    fn deadline(&self) -> Option<Instant> {
        *self.closing.borrow()
    }

    /// Waits for a batch that is due. Returns `None` at the end.
    async fn batch(&mut self) -> Option<Vec<SpanData>> {
        loop {
            let closing = self.deadline();
            if closing.is_some_and(|deadline| deadline <= Instant::now()) {
                return None;
            }
            let linger = if closing.is_some() { Duration::ZERO } else { self.linger };
            let due = match self.queue.batch(linger) {
                Ok(batch) => return Some(batch),
                Err(_) if closing.is_some() => return None,
                Err(due) => due,
            };
            let until = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.queue.more.notified() => {}
                _ = self.closing.changed() => {}
                () = until => {}
            }
        }
    }

    /// Sends a batch until it is taken, refused or dropped.
    async fn deliver(&mut self, batch: Vec<SpanData>) {
        let (begun, spans) = (Instant::now(), batch.len() as u64);
        let mut pause = PAUSE;
        loop {
            let (why, after) = match self.send(batch.clone()).await {
                ExportOutcome::Taken { rejected, why } => {
                    let rejected = rejected.min(spans);
                    if rejected > 0 {
                        tracing::warn!(rejected, why, endpoint = self.endpoint, "spans were rejected");
                    }
                    self.settle(|numbers| &numbers.refused, rejected);
                    self.settle(|numbers| &numbers.exported, spans - rejected);
                    self.complained = false;
                    break;
                }
                ExportOutcome::Never(why) => {
                    tracing::warn!(spans, why, endpoint = self.endpoint, "spans were refused");
                    self.settle(|numbers| &numbers.refused, spans);
                    break;
                }
                ExportOutcome::Later { why, after } => (why, after),
            };
            if !std::mem::replace(&mut self.complained, true) {
                tracing::warn!(
                    why,
                    endpoint = self.endpoint,
                    "the collector does not accept spans; they stay queued and are retried"
                );
            }
            let wait = jittered(pause).max(after.unwrap_or_default());
            pause = (pause * 2).min(PAUSE_MAX);
            let next = Instant::now() + wait;
            if self.deadline().is_some_and(|deadline| next >= deadline) {
                self.settle(|numbers| &numbers.closed, spans);
                break;
            }
            if next > begun + self.patience {
                tracing::warn!(
                    spans,
                    endpoint = self.endpoint,
                    "spans are dropped: the collector did not accept them in time"
                );
                self.settle(|numbers| &numbers.expired, spans);
                break;
            }
            // When the exporter closes, one more try follows without a pause.
            if timeout_at(next, self.closing.changed()).await.is_ok() {
                pause = PAUSE;
            }
        }
        self.queue.batch_done();
    }

    /// Sends one request. When the exporter closes, the request is cut off at the deadline.
    async fn send(&mut self, batch: Vec<SpanData>) -> ExportOutcome {
        let mut closing = self.closing.clone();
        let cut = async {
            loop {
                let deadline = *closing.borrow_and_update();
                let changed = match deadline {
                    Some(deadline) => timeout_at(deadline, closing.changed()).await,
                    None => Ok(closing.changed().await),
                };
                match changed {
                    Ok(Ok(())) => {}
                    // The deadline has passed, or the exporter is gone.
                    Ok(Err(_)) | Err(_) => break,
                }
            }
        };
        tokio::select! {
            outcome = ExportOutcome::of(self.exporter.export(batch), &self.answers, self.grpc) => outcome,
            () = cut => ExportOutcome::Later { why: "the deadline".to_owned(), after: None },
        }
    }

    fn settle(&self, number: impl Fn(&ExportCounters) -> &AtomicU64, spans: u64) {
        number(&self.queue.numbers).fetch_add(spans, Relaxed);
    }
}

/// Returns between half and all of a pause, so that the agents of many machines do not retry together.
fn jittered(pause: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    pause.mul_f64(0.5 + f64::from(nanos.subsec_nanos() % 1000) / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_least_half_of_what_was_asked_for() {
        for _ in 0..1000 {
            let pause = jittered(PAUSE);
            assert!(pause >= PAUSE / 2 && pause <= PAUSE, "{pause:?}");
        }
    }
}
