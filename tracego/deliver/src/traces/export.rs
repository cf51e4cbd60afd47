//! A thread that sends spans to a collector, and counts each that it cannot.
//!
//! The SDK's batch processor drops silently what does not fit into its queue, and a batch that a collector
//! refuses once. So its exporter is driven from a queue of our own.

mod queue;
mod worker;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use tokio::{runtime::Builder, sync::watch, time::Instant};

use crate::collector::{self, Protocol, Target, TargetError};
use queue::Queue;
use worker::Worker;

/// How spans are sent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to.
    pub target: Target,
    /// Attributes of the resource; see [`super::attribute::resource`].
    pub resource: Vec<KeyValue>,
    /// Spans that wait; of more, the newest are dropped.
    pub queue: usize,
    /// Spans of a request.
    pub batch: usize,
    /// How long a span waits for others.
    pub linger: Duration,
    /// How long a batch that the collector does not take is tried again.
    pub patience: Duration,
}

impl Settings {
    /// The usual ones.
    #[must_use]
    pub fn new(target: Target, resource: Vec<KeyValue>) -> Self {
        let (linger, patience) = (Duration::from_secs(1), Duration::from_mins(5));
        Self { target, resource, queue: 2048, batch: 512, linger, patience }
    }
}

/// What became of spans. Each number only grows, and together they are the spans that were given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Taken by the collector. What it rejects of a request that it takes it tells over HTTP alone: the
    /// exporter of gRPC keeps that to itself.
    pub exported: u64,
    /// Dropped because too many waited.
    pub queue_full: u64,
    /// Refused by the collector for good.
    pub refused: u64,
    /// Dropped because the collector took them for too long not.
    pub expired: u64,
    /// Dropped at the end.
    pub closed: u64,
    /// Still wait, or are being sent.
    pub waiting: u64,
}

/// The exporter; spans that still wait are dropped when it is.
#[derive(Debug)]
pub struct Exporter {
    queue: Arc<Queue>,
    close: watch::Sender<Option<Instant>>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Starts the thread. A collector that does not answer is no error.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub fn start(settings: Settings) -> Result<Self, TargetError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let resource = collector::resource(settings.resource);
        let (exporter, answers) = {
            let _inside = runtime.enter();
            settings.target.spans(&resource)?
        };
        let queue = Arc::new(Queue::new(settings.queue, settings.batch));
        let (close, closing) = watch::channel(None);
        let worker = Worker {
            queue: Arc::clone(&queue),
            closing,
            exporter,
            answers,
            grpc: settings.target.protocol == Protocol::Grpc,
            linger: settings.linger,
            patience: settings.patience,
            endpoint: settings.target.endpoint,
            complained: false,
        };
        let thread = thread::Builder::new().name("tracego-traces".to_owned());
        let thread = thread.spawn(move || worker.run(runtime))?;
        Ok(Self { queue, close, thread: Some(thread) })
    }

    /// Takes a span; never waits.
    pub fn push(&self, span: SpanData) {
        self.queue.put(span, true);
    }

    /// Takes a span that ends because all does: it is in memory already, so there is room.
    pub(super) fn push_last(&self, span: SpanData) {
        self.queue.put(span, false);
    }

    /// See [`Counts`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Sends what waits, for no longer than this; what is not taken then is dropped.
    pub fn close(mut self, within: Duration) -> Counts {
        self.stop(within);
        self.counts()
    }

    fn stop(&mut self, within: Duration) {
        self.close.send_replace(Some(Instant::now() + within));
        // A panic of the thread was printed by itself.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop(Duration::ZERO);
        }
    }
}
