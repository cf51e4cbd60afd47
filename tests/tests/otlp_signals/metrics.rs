//! Checks that pushed metrics equal those that Prometheus reads.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;
use tracego::metrics::{
    Board, StageNumbers,
    otlp::{PushSettings, Pusher},
    tally::PipelineTally,
};
use tracego_deliver::{collector::CollectorProtocol, traces::attribute};
use tracego_model::{counters::Counters, ledger::Ledger};
use tracego_probe::programs::ProgramStats;
use tracego_tests::{samples, wait_until};

use crate::receiver::{BOTH, Receiver};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("metrics::a_collector_reads_what_prometheus_reads", a_collector_reads_what_prometheus_reads),
    ("metrics::a_push_that_fails_is_counted_and_the_next_has_all", a_push_that_fails_is_counted),
];

fn board(n: u64) -> Arc<Board> {
    let board = Arc::new(Board::new(8 << 20, None));
    let kernel = Counters { hooked: 100 * n, sent: 90 * n, ring_full: n, ..Counters::default() };
    let runs = [ProgramStats { program: "process_exec".to_owned(), time_ns: 1_500_000_000, count: 7 }];
    board.set_kernel(kernel, &runs, 3);
    let mut tally = PipelineTally::default();
    tally.jobs.add("a \"job\"\n", n);
    (0..n).for_each(|ms| tally.latency.add(ms * 1_000_000));
    let ledger = Ledger { processed: 80 * n, written: 70 * n, ..Ledger::default() };
    board.set_stages(StageNumbers { ledger, tally: Some(tally), ..StageNumbers::default() });
    board
}

fn pusher(receiver: &Receiver, board: &Arc<Board>) -> Pusher {
    let resource = attribute::resource(&samples::start().origin);
    let interval = Duration::from_millis(300);
    let settings = PushSettings { target: receiver.target("metrics"), resource, interval };
    Pusher::start(settings, Arc::clone(board)).unwrap()
}

/// Returns the values in Prometheus's text, except those that are read anew each time.
fn shown(board: &Arc<Board>) -> BTreeMap<String, f64> {
    let text = board.text();
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("process_"));
    let rows = rows.map(|row| row.rsplit_once(' ').unwrap());
    rows.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

/// Returns the values in a pushed request, in the same form.
fn pushed(request: &Value) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for one in request["metrics"].as_array().unwrap() {
        assert_eq!(one["resource"]["service.name"], "tracego");
        let metric = &one["metric"];
        let name = metric["name"].as_str().unwrap();
        let unit = if name.ends_with("seconds") {
            "s"
        } else if name.ends_with("bytes") {
            "By"
        } else {
            ""
        };
        assert_eq!(metric["unit"], unit, "{name}");
        if name.starts_with("process_") {
            continue;
        }
        for point in metric["points"].as_array().unwrap() {
            let labels = point["attributes"].as_object().unwrap().iter();
            let escaped = |value: &Value| value.as_str().unwrap().replace('"', "\\\"").replace('\n', "\\n");
            let labels: Vec<_> =
                labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            match metric["kind"].as_str().unwrap() {
                "gauge" => drop(all.insert(format!("{name}{labels}"), point["value"].as_f64().unwrap())),
                "sum" => {
                    // Temporality 2 is cumulative.
                    assert_eq!((&metric["monotonic"], &metric["temporality"]), (&true.into(), &2.into()));
                    all.insert(format!("{name}_total{labels}"), point["value"].as_f64().unwrap());
                }
                "histogram" => {
                    all.insert(format!("{name}_count"), point["count"].as_f64().unwrap());
                    all.insert(format!("{name}_sum"), point["sum"].as_f64().unwrap());
                    let (mut below, bounds) = (0.0, point["bounds"].as_array().unwrap());
                    for (at, count) in point["counts"].as_array().unwrap().iter().enumerate() {
                        below += count.as_f64().unwrap();
                        let bound = bounds
                            .get(at)
                            .map_or("+Inf".to_owned(), |bound| bound.as_f64().unwrap().to_string());
                        all.insert(format!("{name}_bucket{{le=\"{bound}\"}}"), below);
                    }
                }
                other => panic!("{other}"),
            }
        }
    }
    all
}

fn a_collector_reads_what_prometheus_reads() {
    for protocol in BOTH {
        let receiver = Receiver::new(protocol, "");
        let board = board(120);
        let pusher = pusher(&receiver, &board);
        wait_until("two pushes", || receiver.requests().len() >= 2);
        let counts = pusher.close(Duration::from_secs(5));
        let requests = receiver.requests();
        assert_eq!((counts.pushed, counts.failed, counts.rejected), (requests.len() as u64, 0, 0));
        let shown = shown(&board);
        assert!(shown.len() > 80);
        for request in requests {
            assert_eq!(request["headers"]["x-tenant"], "seven");
            let pushed = pushed(&request);
            let names = |all: &BTreeMap<String, f64>| all.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&pushed), names(&shown));
            for (name, value) in &pushed {
                assert!((value - shown[name]).abs() < 1e-6, "{name}: {value}, {}", shown[name]);
            }
        }
    }
}

fn a_push_that_fails_is_counted() {
    for (protocol, answers) in
        [(CollectorProtocol::HttpProtobuf, "400"), (CollectorProtocol::Grpc, "INVALID_ARGUMENT")]
    {
        let receiver = Receiver::new(protocol, answers);
        let board = board(7);
        let pusher = pusher(&receiver, &board);
        wait_until("a push", || pusher.counts().pushed > 0);
        let counts = pusher.close(Duration::from_secs(5));
        assert_eq!(counts.failed, 1, "{counts:?}");
        assert_eq!(pushed(&receiver.requests()[0])["tracego_events_total{stage=\"hooked\"}"], 700.0);
    }
}
