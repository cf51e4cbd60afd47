//! The metrics of `/metrics`, pushed to a collector.
//!
//! Families, names and labels are those of `/metrics`, so that dashboards fit both ways; a counter
//! has no `_total`, which Prometheus adds when it takes OTLP, and units are those of OTLP (`s`, `By`).

mod mirror;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use opentelemetry::KeyValue;
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};
use tokio::runtime::{Builder, Runtime};

use super::board::Board;
use mirror::Mirror;
use tracego_deliver::collector::{self, Answers, Outcome, Protocol, Target, TargetError};

/// How often metrics are pushed where nothing else is said (`OTEL_METRIC_EXPORT_INTERVAL`).
pub const INTERVAL: Duration = Duration::from_mins(1);

/// Reads `OTEL_METRIC_EXPORT_INTERVAL`, in milliseconds; what is no number is as good as nothing, as the
/// specification wants it.
#[must_use]
pub fn interval(value: Option<&str>) -> Duration {
    let given = value.and_then(|value| value.trim().parse().ok()).filter(|&milliseconds| milliseconds > 0);
    given.map_or(INTERVAL, Duration::from_millis)
}

/// How metrics are pushed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to.
    pub target: Target,
    /// Attributes of the resource; see [`crate::traces::attribute::resource`].
    pub resource: Vec<KeyValue>,
    /// Between two pushes.
    pub interval: Duration,
}

/// What became of pushes. Each number only grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Taken by the collector.
    pub pushed: u64,
    /// Not taken. The next one has the same counters, so nothing but a moment is lost.
    pub failed: u64,
    /// Points that the collector rejected of a push that it took, as far as it tells (see
    /// [`crate::traces::export::Counts::exported`]).
    pub rejected: u64,
}

#[derive(Debug, Default)]
struct Numbers {
    pushed: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

/// Pushes until it is dropped.
#[derive(Debug)]
pub struct Pusher {
    numbers: Arc<Numbers>,
    stop: Option<mpsc::Sender<()>>,
    done: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Pusher {
    /// Starts the thread. A collector that does not answer is no error.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub fn start(settings: Settings, board: Arc<Board>) -> Result<Self, TargetError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (inner, answers) = {
            let _inside = runtime.enter();
            settings.target.metrics()?
        };
        let numbers = Arc::new(Numbers::default());
        let exporter = Exporter {
            inner,
            runtime,
            answers,
            grpc: settings.target.protocol == Protocol::Grpc,
            endpoint: settings.target.endpoint,
            numbers: Arc::clone(&numbers),
        };
        let mut mirror = Mirror::new(exporter, collector::resource(settings.resource));
        let (stop, stopped) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        let interval = settings.interval.max(Duration::from_millis(100));
        let thread = thread::Builder::new().name("tracego-metrics".to_owned()).spawn(move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                mirror.push(&board);
            }
            mirror.finish(&board);
            // Nobody may be waiting any more.
            let _told = finished.send(());
        })?;
        Ok(Self { numbers, stop: Some(stop), done, thread: Some(thread) })
    }

    /// See [`Counts`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Numbers { pushed, failed, rejected } = &*self.numbers;
        Counts {
            pushed: pushed.load(Relaxed),
            failed: failed.load(Relaxed),
            rejected: rejected.load(Relaxed),
        }
    }

    /// Pushes once more, for no longer than this.
    pub fn close(mut self, within: Duration) -> Counts {
        drop(self.stop.take());
        if self.done.recv_timeout(within).is_ok() {
            // A panic of the thread was printed by itself.
            let _ended = self.thread.take().map(JoinHandle::join);
        }
        self.counts()
    }
}

/// The exporter of OTLP, on a runtime of its own: the SDK's reader has none.
struct Exporter {
    inner: MetricExporter,
    runtime: Runtime,
    answers: Answers,
    grpc: bool,
    endpoint: String,
    numbers: Arc<Numbers>,
}

impl PushMetricExporter for Exporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.runtime.block_on(self.inner.export(metrics));
        match Outcome::of(&result, self.answers.take(), self.grpc) {
            Outcome::Taken { rejected, why } => {
                self.numbers.pushed.fetch_add(1, Relaxed);
                self.numbers.rejected.fetch_add(rejected, Relaxed);
                if rejected > 0 {
                    tracing::warn!(rejected, why, endpoint = self.endpoint, "metrics were rejected");
                }
            }
            Outcome::Later { why, .. } | Outcome::Never(why) => {
                // Once; the counter has the others.
                if self.numbers.failed.fetch_add(1, Relaxed) == 0 {
                    tracing::warn!(why, endpoint = self.endpoint, "metrics are not taken");
                }
            }
        }
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}

#[cfg(test)]
mod tests;
