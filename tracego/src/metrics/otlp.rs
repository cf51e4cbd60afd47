//! Push of the metrics to an OpenTelemetry collector.
//!
//! Families, names and labels are those of `/metrics`, so that dashboards fit both. Counters have no
//! `_total`, which Prometheus adds when it ingests OTLP, and units are those of OTLP (`s`, `By`).

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

use mirror::Mirror;
use opentelemetry::KeyValue;
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};
use tokio::runtime::{Builder, Runtime};
use tracego_confine::writing;
use tracego_deliver::collector::{
    self, CollectorProtocol, CollectorTarget, ExportOutcome, LastAnswer, TargetError,
};

use super::board::Board;

/// Default time between two pushes (`OTEL_METRIC_EXPORT_INTERVAL`).
const INTERVAL: Duration = Duration::from_mins(1);

/// Parses `OTEL_METRIC_EXPORT_INTERVAL`, in milliseconds. Returns the default for an invalid number, as the
/// specification demands.
#[must_use]
pub(crate) fn interval(value: Option<&str>) -> Duration {
    let given = value.and_then(|value| value.trim().parse().ok()).filter(|&milliseconds| milliseconds > 0);
    given.map_or(INTERVAL, Duration::from_millis)
}

/// The settings of the push.
#[derive(Clone, Debug)]
pub struct PushSettings {
    /// Collector to push to.
    pub target: CollectorTarget,
    /// Attributes of the resource; see [`tracego_deliver::traces::attribute::resource`].
    pub resource: Vec<KeyValue>,
    /// Time between two pushes.
    pub interval: Duration,
}

/// The counts of pushes. Each number only grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PushCounts {
    /// Number of pushes that the collector accepted.
    pub pushed: u64,
    /// Number of failed pushes. The next push has the same counters, so only one point in time is lost.
    pub failed: u64,
    /// Number of data points that the collector rejected in accepted pushes, as far as it reports them (see
    /// [`tracego_deliver::traces::export::ExportCounts::exported`]).
    pub rejected: u64,
}

#[derive(Debug, Default)]
struct PushCounters {
    pushed: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

/// The thread that pushes metrics until it is dropped.
#[derive(Debug)]
pub struct Pusher {
    numbers: Arc<PushCounters>,
    stop: Option<mpsc::Sender<()>>,
    done: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Pusher {
    /// Starts the thread. A collector that does not answer is not an error.
    ///
    /// # Errors
    /// Fails if the settings are wrong.
    pub fn start(settings: PushSettings, board: Arc<Board>) -> Result<Self, TargetError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (inner, answers) = {
            let _inside = runtime.enter();
            settings.target.metrics()?
        };
        let numbers = Arc::new(PushCounters::default());
        let exporter = Exporter {
            inner,
            runtime,
            answers,
            grpc: settings.target.protocol == CollectorProtocol::Grpc,
            endpoint: settings.target.endpoint,
            numbers: Arc::clone(&numbers),
        };
        let mut mirror = Mirror::new(exporter, collector::resource(settings.resource));
        let (stop, stopped) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        let interval = settings.interval.max(Duration::from_millis(100));
        let thread = thread::Builder::new().name("tracego-metrics".to_owned()).spawn(move || {
            writing::forbid();
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                mirror.push(&board);
            }
            mirror.finish(&board);
            // There may be no receiver left.
            let _told = finished.send(());
        })?;
        Ok(Self { numbers, stop: Some(stop), done, thread: Some(thread) })
    }

    /// Returns the counts of pushes so far.
    #[must_use]
    pub fn counts(&self) -> PushCounts {
        let PushCounters { pushed, failed, rejected } = &*self.numbers;
        PushCounts {
            pushed: pushed.load(Relaxed),
            failed: failed.load(Relaxed),
            rejected: rejected.load(Relaxed),
        }
    }

    /// Pushes a last time, for at most `within`, and ends. Returns the final counts.
    pub fn close(mut self, within: Duration) -> PushCounts {
        drop(self.stop.take());
        if self.done.recv_timeout(within).is_ok() {
            // A panic of the thread has been printed already.
            let _ended = self.thread.take().map(JoinHandle::join);
        }
        self.counts()
    }
}

/// The OTLP exporter, on a runtime of its own, because the SDK's reader has none.
struct Exporter {
    inner: MetricExporter,
    runtime: Runtime,
    answers: LastAnswer,
    grpc: bool,
    endpoint: String,
    numbers: Arc<PushCounters>,
}

impl PushMetricExporter for Exporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let outcome = ExportOutcome::of(self.inner.export(metrics), &self.answers, self.grpc);
        match self.runtime.block_on(outcome) {
            ExportOutcome::Taken { rejected, why } => {
                self.numbers.pushed.fetch_add(1, Relaxed);
                self.numbers.rejected.fetch_add(rejected, Relaxed);
                if rejected > 0 {
                    tracing::warn!(rejected, why, endpoint = self.endpoint, "metrics were rejected");
                }
                Ok(())
            }
            ExportOutcome::Later { why, .. } | ExportOutcome::Never(why) => {
                // Logged once; the counter has the others.
                if self.numbers.failed.fetch_add(1, Relaxed) == 0 {
                    tracing::warn!(
                        why,
                        endpoint = self.endpoint,
                        "metrics were not accepted by the collector"
                    );
                }
                Err(OTelSdkError::InternalFailure(why))
            }
        }
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
