//! Exporter with a thread that sends spans to a collector, and counts each that it cannot send.
//!
//! The SDK's batch processor silently drops spans that do not fit into its queue, and batches that a
//! collector refuses once. So the SDK's exporter is driven from a queue of our own.

mod export_worker;
mod queue;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use export_worker::ExportWorker;
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use queue::SpanQueue;
use tokio::{runtime::Builder, sync::watch, time::Instant};
use tracego_confine::writing;

use crate::collector::{self, CollectorProtocol, CollectorTarget, TargetError};

/// Settings of the exporter.
#[derive(Clone, Debug)]
pub struct TraceExportSettings {
    /// Collector to send to.
    pub target: CollectorTarget,
    /// Attributes of the resource; see [`super::attribute::resource`].
    pub resource: Vec<KeyValue>,
    /// Maximum number of queued spans; when the queue is full, new ones are dropped.
    pub queue: usize,
    /// Maximum number of spans per request.
    pub batch: usize,
    /// Time that a span waits for others.
    pub linger: Duration,
    /// Time for which a batch that the collector does not take is retried.
    pub patience: Duration,
}

impl TraceExportSettings {
    /// Returns the default settings for a collector.
    #[must_use]
    pub fn new(target: CollectorTarget, resource: Vec<KeyValue>) -> Self {
        let (linger, patience) = (Duration::from_secs(1), Duration::from_mins(5));
        Self { target, resource, queue: 2048, batch: 512, linger, patience }
    }
}

/// Counts of spans by outcome; together they are the spans that were given. All but `waiting` only grow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ExportCounts {
    /// Taken by the collector. Spans that it rejects from a request that it takes are only known over HTTP:
    /// the exporter of gRPC does not report them.
    pub exported: u64,
    /// Dropped because the queue was full.
    pub queue_full: u64,
    /// Refused by the collector for good.
    pub refused: u64,
    /// Dropped because the collector did not take them for too long.
    pub expired: u64,
    /// Dropped when the exporter closed.
    pub closed: u64,
    /// Queued, or being sent.
    pub waiting: u64,
}

/// Exporter of spans. Spans that are still queued when it is dropped are dropped, too.
#[derive(Debug)]
pub struct TraceExporter {
    queue: Arc<SpanQueue>,
    close: watch::Sender<Option<Instant>>,
    thread: Option<JoinHandle<()>>,
}

impl TraceExporter {
    /// Starts the thread. A collector that does not answer is no error.
    ///
    /// # Errors
    /// Fails if the settings are invalid or the thread cannot be started.
    pub fn start(settings: TraceExportSettings) -> Result<Self, TargetError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let resource = collector::resource(settings.resource);
        let (exporter, answers) = {
            let _inside = runtime.enter();
            settings.target.spans(&resource)?
        };
        let queue = Arc::new(SpanQueue::new(settings.queue, settings.batch));
        let (close, closing) = watch::channel(None);
        let worker = ExportWorker {
            queue: Arc::clone(&queue),
            closing,
            exporter,
            answers,
            grpc: settings.target.protocol == CollectorProtocol::Grpc,
            linger: settings.linger,
            patience: settings.patience,
            endpoint: settings.target.endpoint,
            complained: false,
        };
        let thread = thread::Builder::new().name("tracego-traces".to_owned());
        let thread = thread.spawn(move || {
            writing::forbid();
            worker.run(runtime);
        })?;
        Ok(Self { queue, close, thread: Some(thread) })
    }

    /// Queues a span; never blocks.
    pub fn push(&self, span: SpanData) {
        self.queue.put(span, true);
    }

    /// Queues a span that ends with the stream, even if the queue is full: the span is in memory already.
    pub(super) fn push_last(&self, span: SpanData) {
        self.queue.put(span, false);
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn counts(&self) -> ExportCounts {
        self.queue.counts()
    }

    /// Sends queued spans for at most `within`, and drops the rest. Returns the final counts.
    pub fn close(mut self, within: Duration) -> ExportCounts {
        self.stop(within);
        self.counts()
    }

    fn stop(&mut self, within: Duration) {
        self.close.send_replace(Some(Instant::now() + within));
        // A panic of the thread was already printed.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for TraceExporter {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop(Duration::ZERO);
        }
    }
}
