//! Feed, worker and queue together, with a receiver that does what the test says.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::{
    dead_letters::DeadLetters,
    deliver::{Delivered, Refused, Trouble},
    direct,
    encode::Encoder,
    feed::{CHANNEL, Feed},
    file::Counts,
    filter::{Filter, FilterSettings},
    status::Status,
    suspicion::Suspicion,
    transport::Deliver,
    worker::{Control, Leftover, Progress, Worker},
};
use crate::{
    clock::Reading,
    enrich::{Enricher, Meta, Record},
    format::Format,
    input::Input,
    ledger::Ledger,
    spool::{Limits, OnFull, Queue, Ram, Spool},
};

/// What the receiver does with the next batches; it takes all when nothing is left.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(VecDeque<Answer>, Vec<u64>)>>);

enum Answer {
    /// Takes so many, then fails.
    Fail(usize),
    /// Refuses the first for good and takes the others.
    Refuse,
    /// Fails at the second record, whatever is with it.
    Poison,
    /// Never answers.
    Hang,
}

impl Receiver {
    fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        self.0.lock().unwrap().0.extend(answers);
    }

    /// Sequence numbers of the records that arrived.
    fn got(&self) -> Vec<u64> {
        self.0.lock().unwrap().1.clone()
    }

    fn waits_for(&self, records: usize) {
        let since = Instant::now();
        while self.got().len() < records {
            assert!(since.elapsed() < Duration::from_secs(20), "{:?}", self.got());
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Deliver for Receiver {
    async fn deliver(&mut self, batch: &[&[u8]]) -> Delivered {
        let answer = self.0.lock().unwrap().0.pop_front();
        let (skip, taken) = match answer {
            None => (0, batch.len()),
            Some(Answer::Fail(taken)) => (0, taken.min(batch.len())),
            Some(Answer::Poison) => (0, 1),
            Some(Answer::Refuse) => (1, batch.len()),
            Some(Answer::Hang) => std::future::pending().await,
        };
        let seqs = batch[..taken]
            .iter()
            .skip(skip)
            .map(|line| serde_json::from_slice::<Value>(line).unwrap()["seq"].as_u64().unwrap());
        self.0.lock().unwrap().1.extend(seqs);
        let refused = Refused { first: 0, among: 1, count: 1, why: "no".to_owned(), poison: false };
        match answer {
            Some(Answer::Fail(_) | Answer::Poison) => Delivered::until(taken, Trouble::new("down")),
            Some(Answer::Refuse) => Delivered { refused: vec![refused], ..Delivered::all(taken) },
            _ => Delivered::all(taken),
        }
    }

    async fn isolate(&mut self, batch: &[&[u8]]) -> Delivered {
        self.0.lock().unwrap().0.clear();
        let all = self.deliver(&batch[1..]).await.done;
        let refused = Refused { first: 0, among: 1, count: 1, why: "500".to_owned(), poison: true };
        Delivered { refused: vec![refused], ..Delivered::all(all + 1) }
    }

    fn reopen(&mut self) {}

    async fn close(&mut self) {}

    fn files(&self) -> Option<Counts> {
        None
    }

    fn readable(&self, payload: &[u8]) -> Value {
        serde_json::from_slice(payload).unwrap()
    }
}

/// A sink and all around it.
struct Set {
    receiver: Receiver,
    status: Arc<Status>,
    feed: Feed,
    control: watch::Sender<Control>,
    thread: thread::JoinHandle<Option<Leftover>>,
    told: mpsc::Receiver<Input>,
    /// Keeps the channel open, as the agent does.
    _sender: mpsc::Sender<Input>,
}

fn set(leftover: Leftover, blocks: bool, dead: Option<&Path>) -> Set {
    let receiver = Receiver::default();
    let (sender, chunks) = mpsc::channel(CHANNEL);
    let (control, heard) = watch::channel(Control::default());
    let status = Arc::new(Status::new("test".to_owned(), "test", leftover.queue.is_durable(), 0));
    let (to_pipeline, told) = mpsc::channel(64);
    let losses = Arc::new(OnceLock::from(to_pipeline.downgrade()));
    let worker = {
        let (status, receiver) = (Arc::clone(&status), receiver.clone());
        let dead_letters = DeadLetters::new(dead.map(Path::to_owned));
        move || {
            let worker = Worker {
                status,
                queue: leftover.queue,
                transport: Some(receiver),
                chunks,
                control: heard,
                losses,
                dead_letters,
                batch_bytes: 1 << 11,
                suspicion: Suspicion::after(4, Some(Duration::ZERO)),
                progress: Progress::after(leftover.held),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(worker.run())
        }
    };
    let encoder = Encoder::Line(direct::Format::Line(Format::Json));
    let feed = Feed::new(Arc::clone(&status), Filter::all(), encoder, sender, blocks);
    Set { receiver, status, feed, control, thread: thread::spawn(worker), told, _sender: to_pipeline }
}

fn memory(limits: Limits) -> Leftover {
    Leftover { queue: Queue::Memory(Box::new(Ram::new(limits, Reading::now()))), held: None }
}

fn spool(path: &Path) -> Leftover {
    let (spool, _) = Spool::open(path, Limits::default(), Reading::now()).unwrap();
    Leftover { queue: Queue::Disk(Box::new(spool)), held: None }
}

impl Set {
    fn push(&mut self, records: &[Record]) {
        records.iter().for_each(|record| self.feed.push(record));
        self.feed.flush();
    }

    /// Ends it, and waits at most so long for what is left.
    fn end(self, drain: Duration) -> (Receiver, Arc<Status>) {
        let deadline = Some(tokio::time::Instant::now() + drain);
        self.control.send_modify(|control| control.deadline = deadline);
        drop(self.feed);
        assert!(self.thread.join().unwrap().is_none());
        (self.receiver, self.status)
    }

    fn told(&mut self) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        while let Ok(Input::SinkLoss(loss, _)) = self.told.try_recv() {
            all.extend(loss.lost.into_iter().map(|(reason, count)| (reason.to_owned(), count)));
        }
        all
    }
}

fn records(count: usize) -> Vec<Record> {
    let mut enricher = Enricher::new(Meta::default());
    (0..count).map(|_| enricher.heartbeat(Ledger::default(), Reading::default())).collect()
}

fn seqs(range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    range.collect()
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn all_arrive_in_order_and_failures_cost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for leftover in [memory(Limits::default()), spool(&dir.path().join("spool"))] {
        let mut set = set(leftover, false, None);
        set.receiver.will([Answer::Fail(0), Answer::Fail(3), Answer::Fail(0)]);
        set.push(&records(1000));
        let (receiver, status) = {
            set.receiver.waits_for(1000);
            set.end(LONG)
        };
        assert_eq!(receiver.got(), seqs(1..=1000));
        let numbers = status.numbers();
        assert_eq!((numbers.given, numbers.delivered, numbers.failures), (1000, 1000, 3));
        assert_eq!((numbers.losses().len(), numbers.trouble, numbers.queue.depth.records), (0, None, 0));
    }
}

#[test]
fn what_a_dead_receiver_did_not_take_is_there_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut first = set(spool(&path), false, None);
    first.receiver.will((0..1000).map(|_| Answer::Fail(0)));
    first.push(&records(10));
    let begin = Instant::now();
    let (receiver, status) = first.end(LONG);
    assert!(begin.elapsed() < Duration::from_secs(10), "a dead receiver holds up the end");
    assert_eq!((receiver.got().len(), status.numbers().queue.depth.records), (0, 10));
    assert!(
        status.to_string().contains("10 in the spool") && status.numbers().losses().is_empty(),
        "{status}"
    );
    let second = set(spool(&path), false, None);
    second.receiver.waits_for(10);
    assert_eq!(second.end(LONG).0.got(), seqs(1..=10));
}

#[test]
fn what_waits_in_memory_at_the_end_is_counted() {
    let mut set = set(memory(Limits::default()), false, None);
    set.receiver.will([Answer::Hang]);
    set.push(&records(10));
    let (_, status) = set.end(Duration::from_millis(50));
    assert_eq!(status.numbers().losses().get("stopped"), Some(&10));
    assert!(status.to_string().contains("lost stopped 10"), "{status}");
}

#[test]
fn a_refused_record_goes_to_the_dead_letters_and_the_others_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let dead = dir.path().join("dead.ndjson");
    let mut set = set(memory(Limits::default()), false, Some(&dead));
    set.receiver.will([Answer::Refuse]);
    set.push(&records(3));
    set.receiver.waits_for(2);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(set.told(), [("refused".to_owned(), 1)]);
    let (receiver, status) = set.end(LONG);
    assert_eq!(receiver.got(), [2, 3]);
    assert_eq!((status.numbers().delivered, status.numbers().losses()["refused"]), (2, 1));
    let line: Value = serde_json::from_str(fs::read_to_string(&dead).unwrap().trim()).unwrap();
    assert_eq!(
        (&line["record"]["seq"], &line["why"], &line["sink"]),
        (&1.into(), &"no".into(), &"test".into())
    );
}

#[test]
fn without_room_for_dead_letters_nothing_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let dead = dir.path().join("no such folder/dead.ndjson");
    let mut set = set(memory(Limits::default()), false, Some(&dead));
    set.receiver.will([Answer::Refuse]);
    set.push(&records(3));
    // The second try takes all three.
    set.receiver.waits_for(5);
    let (receiver, status) = set.end(LONG);
    assert_eq!(receiver.got(), [2, 3, 1, 2, 3]);
    assert_eq!((status.numbers().losses().len(), status.numbers().failures), (0, 1));
}

#[test]
fn a_record_that_the_receiver_always_fails_at_holds_up_the_others_for_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let dead = dir.path().join("dead.ndjson");
    let mut set = set(spool(&dir.path().join("spool")), false, Some(&dead));
    set.receiver.will([Answer::Poison]);
    set.receiver.will((0..100).map(|_| Answer::Fail(0)));
    set.push(&records(2));
    set.receiver.waits_for(1);
    set.push(&records(10)[2..]);
    set.receiver.waits_for(9);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(set.told(), [("poison".to_owned(), 1)]);
    let (receiver, status) = set.end(LONG);
    assert_eq!(receiver.got(), [1, 3, 4, 5, 6, 7, 8, 9, 10]);
    let numbers = status.numbers();
    assert_eq!((numbers.delivered, numbers.losses()["poison"], numbers.failures), (9, 1, 4));
    let line: Value = serde_json::from_str(fs::read_to_string(&dead).unwrap().trim()).unwrap();
    assert_eq!((&line["record"]["seq"], &line["reason"]), (&2.into(), &"poison".into()));
}

#[test]
fn a_full_queue_loses_the_oldest_and_says_so() {
    let limits = Limits { total_bytes: 8 << 10, on_full: OnFull::DropOldest, ..Limits::default() };
    let mut set = set(memory(limits), false, None);
    set.receiver.will([Answer::Fail(0), Answer::Fail(0), Answer::Fail(0)]);
    set.push(&records(1000));
    let since = Instant::now();
    while set.receiver.got().last() != Some(&1000) {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(Duration::from_millis(50));
    let told: u64 = set.told().into_iter().map(|(_, count)| count).sum();
    let (receiver, status) = set.end(LONG);
    let lost: u64 = status.numbers().losses().values().sum();
    assert_eq!((receiver.got().len() as u64 + lost, told), (1000, lost));
    assert!(lost > 100, "{status}");
}

#[test]
fn a_sink_that_blocks_holds_the_pipeline_and_loses_nothing() {
    let limits = Limits { total_bytes: 8 << 10, on_full: OnFull::Block, ..Limits::default() };
    let mut set = set(memory(limits), true, None);
    set.receiver.will((0..3).map(|_| Answer::Fail(0)));
    for chunk in records(2000).chunks(10) {
        set.push(chunk);
    }
    set.receiver.waits_for(2000);
    let (receiver, status) = set.end(LONG);
    assert_eq!((receiver.got(), status.numbers().losses().len()), (seqs(1..=2000), 0));
}

#[test]
fn a_sink_that_blocks_does_not_hold_up_the_end() {
    let limits = Limits { total_bytes: 8 << 10, on_full: OnFull::Block, ..Limits::default() };
    let mut set = set(memory(limits), true, None);
    set.receiver.will([Answer::Hang]);
    set.control.send_modify(|control| {
        control.deadline = Some(tokio::time::Instant::now() + Duration::from_millis(200));
    });
    for chunk in records(2000).chunks(10) {
        set.push(chunk);
    }
    let (_, status) = set.end(Duration::ZERO);
    assert_eq!(status.numbers().losses()["stopped"], 2000);
}

#[test]
fn a_receiver_that_hangs_holds_nobody_but_loses_with_a_count() {
    let limits = Limits { total_bytes: 8 << 10, ..Limits::default() };
    let mut set = set(memory(Limits { on_full: OnFull::DropNewest, ..limits }), false, None);
    set.receiver.will([Answer::Hang]);
    let begin = Instant::now();
    for chunk in records(20_000).chunks(10) {
        set.push(chunk);
    }
    assert!(begin.elapsed() < LONG);
    let (_, status) = set.end(Duration::from_millis(10));
    let losses = status.numbers().losses();
    assert_eq!(losses.values().sum::<u64>(), 20_000, "{losses:?}");
    assert!(losses["drop_newest"] > 0, "{losses:?}");
}

#[test]
fn another_worker_goes_on_where_the_first_was() {
    let dir = tempfile::tempdir().unwrap();
    for leftover in [memory(Limits::default()), spool(&dir.path().join("spool"))] {
        let mut first = set(leftover, false, None);
        first.receiver.will((0..1000).map(|_| Answer::Fail(2)));
        first.push(&records(500));
        first.receiver.waits_for(4);
        first.control.send_modify(|control| control.handover = true);
        drop(first.feed);
        let leftover = first.thread.join().unwrap().unwrap();
        let mut second = set(leftover, false, None);
        second.push(&records(501)[500..]);
        let before = first.receiver.got();
        second.receiver.waits_for(501 - before.len());
        let after = second.end(LONG).0.got();
        assert_eq!([before, after].concat(), seqs(1..=501));
    }
}

#[test]
fn filters_agree_and_losses_always_pass() {
    let record = &records(1)[0];
    let takes = |settings: FilterSettings| Filter::new(&settings).unwrap().takes(record).unwrap();
    let events = |name: &str| FilterSettings { events: vec![name.to_owned()], ..FilterSettings::default() };
    let expression =
        |text: &str| FilterSettings { r#where: Some(text.to_owned()), ..FilterSettings::default() };
    assert!(
        takes(FilterSettings::default()) && takes(events("tracego.*")) && !takes(events("tracego.process.*"))
    );
    assert!(takes(expression("event_name == 'tracego.heartbeat' && seq < 5")));
    assert!(!takes(expression("seq > 5")) && !takes(expression("process.user.id == 0")));
    assert!(takes(expression("!has(tracego.exec_id)")));
    let Err(error) = Filter::new(&expression("seq >")) else { panic!() };
    assert!(error.starts_with("where: "), "{error}");
    let Err(error) = Filter::new(&events("a[")) else { panic!() };
    assert!(error.starts_with("events: "), "{error}");
    let lost = Enricher::new(Meta::default()).lost([("ring_full", 1)].into(), None, Reading::default());
    assert!(Filter::new(&events("tracego.process.*")).unwrap().takes(&lost).unwrap());
}
