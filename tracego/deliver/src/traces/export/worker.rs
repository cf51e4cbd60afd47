//! The thread's side: batches, and trying again.

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

use super::queue::{Numbers, Queue};
use crate::collector::{Answers, Outcome};

/// The first pause after a collector did not take a batch; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What sends.
pub(super) struct Worker {
    pub(super) queue: Arc<Queue>,
    pub(super) closing: watch::Receiver<Option<Instant>>,
    pub(super) exporter: SpanExporter,
    pub(super) answers: Answers,
    pub(super) grpc: bool,
    pub(super) linger: Duration,
    pub(super) patience: Duration,
    pub(super) endpoint: String,
    /// The collector does not take anything, and that was said.
    pub(super) complained: bool,
}

impl Worker {
    /// Until all ends.
    pub(super) fn run(mut self, runtime: Runtime) {
        runtime.block_on(async {
            while let Some(batch) = self.batch().await {
                self.deliver(batch).await;
            }
        });
        self.queue.close();
        // A name that is still being looked up is waited for by nobody.
        runtime.shutdown_background();
    }

    /// The deadline, once it is known that all ends.
    fn deadline(&self) -> Option<Instant> {
        *self.closing.borrow()
    }

    /// Spans that have waited long enough; nothing at the end.
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

    /// Sends a batch until it is settled.
    async fn deliver(&mut self, batch: Vec<SpanData>) {
        let (begun, spans) = (Instant::now(), batch.len() as u64);
        let mut pause = PAUSE;
        loop {
            let (why, after) = match self.send(batch.clone()).await {
                Outcome::Taken { rejected, why } => {
                    let rejected = rejected.min(spans);
                    if rejected > 0 {
                        tracing::warn!(rejected, why, endpoint = self.endpoint, "spans were rejected");
                    }
                    self.settle(|numbers| &numbers.refused, rejected);
                    self.settle(|numbers| &numbers.exported, spans - rejected);
                    self.complained = false;
                    break;
                }
                Outcome::Never(why) => {
                    tracing::warn!(spans, why, endpoint = self.endpoint, "spans were refused");
                    self.settle(|numbers| &numbers.refused, spans);
                    break;
                }
                Outcome::Later { why, after } => (why, after),
            };
            if !std::mem::replace(&mut self.complained, true) {
                tracing::warn!(why, endpoint = self.endpoint, "spans wait: the collector does not take them");
            }
            let wait = jittered(pause).max(after.unwrap_or_default());
            pause = (pause * 2).min(PAUSE_MAX);
            let next = Instant::now() + wait;
            if self.deadline().is_some_and(|deadline| next >= deadline) {
                self.settle(|numbers| &numbers.closed, spans);
                break;
            }
            if next > begun + self.patience {
                tracing::warn!(spans, endpoint = self.endpoint, "spans are dropped");
                self.settle(|numbers| &numbers.expired, spans);
                break;
            }
            // When all ends it is tried once more without a pause.
            if timeout_at(next, self.closing.changed()).await.is_ok() {
                pause = PAUSE;
            }
        }
        self.queue.settled();
    }

    /// One request; when all ends it is cut off at the deadline.
    async fn send(&mut self, batch: Vec<SpanData>) -> Outcome {
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
                    // The deadline, or nobody is there any more.
                    Ok(Err(_)) | Err(_) => break,
                }
            }
        };
        let result = tokio::select! {
            result = self.exporter.export(batch) => result,
            () = cut => return Outcome::Later { why: "the deadline".to_owned(), after: None },
        };
        Outcome::of(&result, self.answers.take(), self.grpc)
    }

    fn settle(&self, number: impl Fn(&Numbers) -> &AtomicU64, spans: u64) {
        number(&self.queue.numbers).fetch_add(spans, Relaxed);
    }
}

/// Between half of it and all of it, so that the agents of many machines do not come back together.
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
