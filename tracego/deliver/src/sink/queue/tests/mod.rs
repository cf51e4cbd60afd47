//! Tests of sender, worker and queue together, with a receiver whose answers the test chooses.

mod delivery;
mod end;
mod full_queue;
mod pace;

use std::{
    collections::VecDeque,
    mem,
    path::Path,
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tracego_analyze::enrich::Enricher;
use tracego_model::{clock::Reading, input::Input, ledger::Ledger, meta::Meta, record::Record};
use tracego_spool::{MemoryQueue, Moment, QueueLimits, RecordQueue, Spool};

use super::{
    chunk_backlog::ChunkBacklog,
    pace::PaceSettings,
    poison::PoisonDetector,
    sender::{self, SinkSender},
    stream_state::StreamState,
    worker::{Destination, Worker, WorkerControl},
};
use crate::{
    detail::Detail,
    format::Format,
    sink::{
        delivery::{DeliveryError, DeliveryResult, RefusedRecords, transport::Transport},
        settings::{CommonSettings, encoder::SinkEncoder, filter::Filter},
        status::{FileCounts, SinkStatus},
    },
};

/// A receiver with its answers to the next batches, and the records that arrived. Without answers left, it
/// takes all.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(VecDeque<Answer>, Vec<u64>)>>, Arc<Mutex<Vec<usize>>>);

enum Answer {
    /// Takes this many records, then fails.
    Fail(usize),
    /// Refuses the first record for good and takes the others.
    Refuse,
    /// Fails at the second record, whatever is with it.
    Poison,
    /// Refuses all records, without having taken any.
    Unproven,
    /// Asks for a pause of a minute.
    Later,
    /// Never answers.
    Hang,
}

impl Receiver {
    fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.0.lock().unwrap().0.extend(answers);
    }

    /// Returns the sequence numbers of the records that arrived.
    fn got(&self) -> Vec<u64> {
        self.0.lock().unwrap().1.clone()
    }

    /// Returns the number of batches that arrived.
    fn batches(&self) -> usize {
        self.1.lock().unwrap().len()
    }

    /// Returns the number of records of each batch.
    fn sizes(&self) -> Vec<usize> {
        self.1.lock().unwrap().clone()
    }

    /// Returns the number of records of the largest batch.
    fn largest(&self) -> usize {
        self.1.lock().unwrap().iter().copied().max().unwrap_or(0)
    }

    fn waits_for(&self, records: usize) {
        let since = Instant::now();
        while self.got().len() < records {
            assert!(since.elapsed() < Duration::from_secs(20), "{:?}", self.got());
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Transport for Receiver {
    async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        self.1.lock().unwrap().push(batch.len());
        let answer = self.0.lock().unwrap().0.pop_front();
        let (skip, taken) = match answer {
            None => (0, batch.len()),
            Some(Answer::Fail(taken)) => (0, taken.min(batch.len())),
            Some(Answer::Poison) => (0, 1),
            Some(Answer::Unproven | Answer::Later) => (0, 0),
            Some(Answer::Refuse) => (1, batch.len()),
            Some(Answer::Hang) => std::future::pending().await,
        };
        let seqs = batch[..taken]
            .iter()
            .skip(skip)
            .map(|line| serde_json::from_slice::<Value>(line).unwrap()["seq"].as_u64().unwrap());
        self.0.lock().unwrap().1.extend(seqs);
        let refused = RefusedRecords { first: 0, among: 1, count: 1, why: "no".to_owned(), poison: false };
        match answer {
            Some(Answer::Fail(_) | Answer::Poison) => {
                DeliveryResult::partial(taken, DeliveryError::new("down"))
            }
            Some(Answer::Unproven) => {
                DeliveryResult::partial(0, DeliveryError { unproven: true, ..DeliveryError::new("400") })
            }
            Some(Answer::Later) => {
                let after = Some(Duration::from_mins(1));
                DeliveryResult::partial(0, DeliveryError { after, ..DeliveryError::new("503") })
            }
            Some(Answer::Refuse) => DeliveryResult { refused: vec![refused], ..DeliveryResult::all(taken) },
            _ => DeliveryResult::all(taken),
        }
    }

    async fn isolate(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        self.0.lock().unwrap().0.clear();
        let all = self.deliver(&batch[1..]).await.done;
        let refused = RefusedRecords { first: 0, among: 1, count: 1, why: "500".to_owned(), poison: true };
        DeliveryResult { refused: vec![refused], ..DeliveryResult::all(all + 1) }
    }

    fn reopen(&mut self) {}

    async fn close(&mut self) {}

    fn files(&self) -> Option<FileCounts> {
        None
    }

    fn readable(&self, payload: &[u8]) -> Value {
        serde_json::from_slice(payload).unwrap()
    }
}

/// A sink and everything around it.
struct TestSink {
    receiver: Receiver,
    status: Arc<SinkStatus>,
    feed: SinkSender,
    control: watch::Sender<WorkerControl<Receiver>>,
    thread: thread::JoinHandle<()>,
    /// Keeps the thread from beginning until this is dropped.
    begin: Option<std::sync::mpsc::Sender<()>>,
    told: mpsc::Receiver<Input>,
    /// Keeps the channel open, as the agent does.
    _sender: mpsc::Sender<Input>,
}

/// Returns the destination that leads to a receiver.
fn destination(receiver: &Receiver, common: CommonSettings) -> Destination<Receiver> {
    let (receiver, pace) = (receiver.clone(), common.pace(PaceSettings::default()));
    let batch_bytes = if common.batch_wait.is_some() { 1 << 20 } else { 1 << 11 };
    Destination { open: Box::new(move || Ok(receiver.clone())), common, batch_bytes, pace }
}

fn set(queue: TestQueue, blocks: bool, dead: Option<&Path>) -> TestSink {
    TestSink { begin: None, ..paused(queue, blocks, dead) }
}

/// Starts a sink whose thread takes nothing before the end.
fn paused(queue: TestQueue, blocks: bool, dead: Option<&Path>) -> TestSink {
    let TestQueue(queue, stream) = queue;
    let receiver = Receiver::default();
    let (sender, chunks) = sender::channel();
    let (begin, begins) = std::sync::mpsc::channel::<()>();
    let common = CommonSettings { dead_letters: dead.map(Path::to_owned), ..CommonSettings::default() };
    let control = WorkerControl::new(destination(&receiver, common));
    let destination = Arc::clone(&control.destination);
    let (control, heard) = watch::channel(control);
    let status = Arc::new(SinkStatus::new("test".to_owned(), queue.is_durable(), 0));
    let (to_pipeline, told) = mpsc::channel(64);
    let losses = Arc::new(OnceLock::from(to_pipeline.downgrade()));
    let work = {
        let (status, receiver) = (Arc::clone(&status), receiver.clone());
        move || {
            // The other end never sends, and is dropped to begin.
            assert!(begins.recv().is_err());
            let worker = Worker::new(status, queue, destination, Some(receiver), chunks, heard, losses);
            let mut worker = worker.resuming(ChunkBacklog::default(), stream);
            worker.poison = PoisonDetector::after(4, Some(Duration::ZERO));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(worker.run());
        }
    };
    let encoder = SinkEncoder::Line(Format::Json);
    let feed = SinkSender::new(Arc::clone(&status), Filter::all(), encoder, sender, blocks, None);
    let thread = thread::spawn(work);
    TestSink { receiver, status, feed, control, thread, begin: Some(begin), told, _sender: to_pipeline }
}

fn memory(limits: QueueLimits) -> TestQueue {
    let memory = MemoryQueue::new(limits, Moment::now());
    TestQueue(RecordQueue::Memory(Box::new(memory)), StreamState::default())
}

fn spool(path: &Path) -> TestQueue {
    let (spool, _) = Spool::open(path, QueueLimits::default(), Moment::now()).unwrap();
    let stream = StreamState::open(path, spool.next_seq());
    TestQueue(RecordQueue::Disk(Box::new(spool)), stream)
}

/// A queue with the state of its stream.
struct TestQueue(RecordQueue, StreamState);

impl TestSink {
    fn push(&mut self, records: &[Record]) {
        records.iter().for_each(|record| give(&mut self.feed, record));
        self.feed.flush();
    }

    /// Gives the sink another receiver, as the second half of a reload does. Returns the old one.
    fn redirect(&mut self, common: CommonSettings) -> Receiver {
        let old = mem::take(&mut self.receiver);
        let destination = Arc::new(destination(&self.receiver, common));
        self.control.send_modify(|control| {
            (control.destination, control.reloading) = (destination, false);
        });
        old
    }

    /// Ends the sink, and waits at most `drain` for what is left.
    fn end(self, drain: Duration) -> (Receiver, Arc<SinkStatus>) {
        let deadline = Some(tokio::time::Instant::now() + drain);
        self.control.send_modify(|control| control.deadline = deadline);
        drop(self.feed);
        drop(self.begin);
        self.thread.join().unwrap();
        (self.receiver, self.status)
    }

    /// Returns the losses reported to the pipeline, once they are all that the sink counts, and at least
    /// `least` records.
    fn told(&mut self, least: u64) -> Vec<(String, u64)> {
        let (since, mut all) = (Instant::now(), Vec::<(String, u64)>::new());
        loop {
            while let Ok(Input::SinkLoss(loss, _)) = self.told.try_recv() {
                all.extend(loss.lost.into_iter().map(|(reason, count)| (reason.to_owned(), count)));
            }
            let told: u64 = all.iter().map(|(_, count)| count).sum();
            if told >= least && told == self.status.numbers().losses().values().sum::<u64>() {
                return all;
            }
            assert!(since.elapsed() < LONG, "{all:?}, {}", self.status);
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Gives a sender a record.
pub(crate) fn give(feed: &mut SinkSender, record: &Record) {
    feed.choose(record);
    feed.put_chosen(record, Detail::Full);
}

pub(crate) fn records(count: usize) -> Vec<Record> {
    let mut enricher = Enricher::new(Meta::default());
    (0..count).map(|_| enricher.heartbeat(Ledger::default(), Reading::default())).collect()
}

pub(crate) fn seqs(range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    range.collect()
}

pub(crate) const LONG: Duration = Duration::from_secs(20);
