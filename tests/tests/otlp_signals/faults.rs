//! Receivers that are missing, refuse, or ask for a pause: every span is accounted for.

use std::{
    collections::BTreeSet,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use tracego_deliver::{
    collector::CollectorProtocol,
    traces::{TraceCounts, TracePipeline},
};
use tracego_model::record::{Record, event_name};
use tracego_tests::{ports::free_port, samples, wait_until};

use crate::receiver::{BOTH, Receiver, target, traces};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("faults::an_outage_of_seconds_loses_nothing", an_outage_of_seconds_loses_nothing),
    ("faults::a_receiver_that_dies_under_load_gets_every_span", a_receiver_that_dies_under_load),
    ("faults::a_receiver_that_wants_a_pause_gets_it", a_receiver_that_wants_a_pause_gets_it),
    ("faults::what_is_refused_is_counted_and_the_next_goes_on", what_is_refused_is_counted),
    ("faults::what_is_rejected_of_a_request_is_counted_over_http", what_is_rejected_is_counted),
    ("faults::a_full_queue_and_patience_that_ends_are_counted", a_full_queue_and_patience_that_ends),
    ("faults::close_ends_in_time", close_ends_in_time),
];

/// Returns the starts and ends of processes of one job, in sequence.
fn processes(count: u64) -> Vec<Record> {
    let all = samples::replayed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture"));
    let of = |name| all.iter().find(|record| record.event_name == name).unwrap();
    let (start, exit) = (of(event_name::START), of(event_name::EXIT));
    let mut records = Vec::new();
    for n in 1..=count {
        for (from, offset) in [(start, 0), (exit, 1)] {
            let mut record = from.clone();
            record.context.clone_from(&start.context);
            record.tracego.job.clone_from(&start.tracego.job);
            record.tracego.exec_id = Some(format!("{}-{n:x}-{:x}", record.tracego.boot_id, 1000 + n % 1000));
            record.timestamp.0 = start.timestamp.0 + i64::try_from(n * 10 + offset).unwrap();
            records.push(record);
        }
    }
    records
}

/// Checks that every span is in one of the counts.
fn accounted(counts: TraceCounts) {
    let sent = counts.sent;
    let all = sent.exported + sent.queue_full + sent.refused + sent.expired + sent.closed + sent.waiting;
    assert_eq!(counts.built.spans, all, "{counts:?}");
}

fn give(traces: &mut TracePipeline, records: &[Record]) {
    records.iter().for_each(|record| traces.take(record));
}

fn ids(receiver: &Receiver) -> BTreeSet<String> {
    receiver.spans().iter().map(|span| span["span"]["span_id"].to_string()).collect()
}

fn an_outage_of_seconds_loses_nothing() {
    for protocol in BOTH {
        let mut receiver = Receiver::absent(protocol);
        let mut traces = traces(receiver.target("traces"), |_| {});
        give(&mut traces, &processes(1000));
        sleep(Duration::from_secs(3));
        assert_eq!((traces.counts().sent.waiting, receiver.requests().len()), (1000, 0));
        receiver.start("");
        let counts = traces.close(Duration::from_secs(20));
        accounted(counts);
        assert_eq!((counts.sent.exported, ids(&receiver).len()), (1001, 1001), "{protocol:?}");
        assert!(receiver.requests().iter().all(|request| request["spans"].as_array().unwrap().len() <= 512));
    }
}

fn a_receiver_that_dies_under_load() {
    for protocol in BOTH {
        let mut receiver = Receiver::new(protocol, "");
        let mut traces = traces(receiver.target("traces"), |_| {});
        for (n, part) in processes(1500).chunks(300).enumerate() {
            give(&mut traces, part);
            sleep(Duration::from_millis(150));
            match n {
                2 | 6 => receiver.stop(),
                4 | 8 => receiver.start(""),
                _ => {}
            }
        }
        let counts = traces.close(Duration::from_secs(20));
        accounted(counts);
        // Spans that were received but not acknowledged are sent again.
        assert_eq!((counts.sent.exported, ids(&receiver).len()), (1501, 1501), "{protocol:?}");
    }
}

fn a_receiver_that_wants_a_pause_gets_it() {
    for (protocol, answers, least) in [
        (CollectorProtocol::HttpProtobuf, "503/2,429,502,504", 2),
        (CollectorProtocol::Grpc, "UNAVAILABLE,RESOURCE_EXHAUSTED", 0),
    ] {
        let receiver = Receiver::new(protocol, answers);
        let mut traces = traces(receiver.target("traces"), |_| {});
        give(&mut traces, &processes(3));
        let begun = Instant::now();
        wait_until("the spans are taken", || traces.counts().sent.exported == 3);
        assert!(begun.elapsed() >= Duration::from_secs(least), "{:?}", begun.elapsed());
        accounted(traces.close(Duration::from_secs(5)));
        assert_eq!(ids(&receiver).len(), 4);
    }
}

fn what_is_refused_is_counted() {
    for (protocol, answers) in
        [(CollectorProtocol::HttpProtobuf, "400,500"), (CollectorProtocol::Grpc, "INVALID_ARGUMENT,INTERNAL")]
    {
        let receiver = Receiver::new(protocol, answers);
        let mut traces = traces(receiver.target("traces"), |_| {});
        for n in 1..=2 {
            give(&mut traces, &processes(5));
            wait_until("the spans are refused", || traces.counts().sent.refused == n * 5);
        }
        give(&mut traces, &processes(5));
        let counts = traces.close(Duration::from_secs(5));
        accounted(counts);
        assert_eq!((counts.sent.refused, counts.sent.exported), (10, 6), "{protocol:?}");
    }
}

fn what_is_rejected_is_counted() {
    let receiver = Receiver::new(CollectorProtocol::HttpProtobuf, "partial/3");
    let mut traces = traces(receiver.target("traces"), |_| {});
    give(&mut traces, &processes(5));
    wait_until("the spans are taken", || traces.counts().sent.waiting == 0);
    let counts = traces.close(Duration::from_secs(5));
    accounted(counts);
    assert_eq!((counts.sent.refused, counts.sent.exported), (3, 3));
}

fn a_full_queue_and_patience_that_ends() {
    let target = target(CollectorProtocol::HttpProtobuf, "http", free_port(), "traces");
    let mut traces = traces(target, |settings| {
        (settings.queue, settings.batch, settings.patience) = (10, 5, Duration::from_secs(1));
    });
    give(&mut traces, &processes(100));
    let counts = traces.counts();
    accounted(counts);
    // Ten wait, and five may already have been taken out of the queue.
    assert!((85..=90).contains(&counts.sent.queue_full), "{counts:?}");
    wait_until("patience ends", || traces.counts().sent.expired > 0);
    let counts = traces.close(Duration::from_millis(100));
    accounted(counts);
    assert!(counts.sent.closed > 0 && counts.sent.waiting == 0 && counts.sent.exported == 0, "{counts:?}");
}

fn close_ends_in_time() {
    // Accepts connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for protocol in BOTH {
        let mut traces = traces(target(protocol, "http", port, "traces"), |_| {});
        give(&mut traces, &processes(100));
        sleep(Duration::from_millis(300));
        let begun = Instant::now();
        let counts = traces.close(Duration::from_millis(500));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        accounted(counts);
        assert_eq!(counts.sent.closed, 101, "{protocol:?}");
    }
}
