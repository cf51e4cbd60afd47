//! Reloads while records flow.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::mpsc;
use tracego_model::{input::Input, meta::Meta};

use super::Sinks;
use crate::sink::{
    outputs::Outputs,
    queue::tests::{LONG, records, seqs},
    settings::{SinkSettings, check_all, read},
};

/// Returns the settings of a sink `a` that writes to this file.
fn file(path: &Path, more: &str) -> Vec<SinkSettings> {
    let text = format!("name = \"a\"\ntype = \"file\"\npath = \"{}\"\n{more}", path.display());
    let all = read(vec![toml::from_str::<toml::Table>(&text).unwrap().into()]).unwrap();
    check_all(&all).unwrap();
    all
}

fn written(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let seq = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap();
    text.lines().map(seq).collect()
}

fn push(outputs: &mut Outputs, from: usize, to: usize) {
    for record in &records(to)[from..] {
        outputs.push(&mut record.clone(), true).unwrap();
    }
    outputs.flush();
}

fn change(sinks: &mut Sinks, outputs: &mut Outputs, settings: &[SinkSettings]) {
    let (feeds, changing) = sinks.change(settings).unwrap();
    outputs.flush();
    outputs.replace(feeds, None);
    sinks.changed(changing);
}

fn start(settings: &[SinkSettings], spool: Option<&Path>) -> (Sinks, Outputs) {
    let (sinks, feeds) = Sinks::start(settings, spool, &Meta::default()).unwrap();
    (sinks, Outputs::new(None, feeds))
}

fn join(sinks: Sinks) -> io::Result<Vec<(u64, u64)>> {
    let counts = sinks.join()?.into_iter().map(|status| {
        let numbers = status.numbers();
        (numbers.delivered, numbers.losses().values().sum())
    });
    Ok(counts.collect())
}

/// A run with one sink, which writes to the file `good`.
struct Begun {
    dir: TempDir,
    /// The file `bad`. While this is held, it cannot be opened, although its settings are valid.
    locked: fs::File,
    sinks: Sinks,
    outputs: Outputs,
}

/// Begins the run; `durable`: whether the sink's queue is in the folder `spool`.
fn begin(durable: bool) -> Begun {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let locked = fs::File::create(path("bad")).unwrap();
    locked.try_lock().unwrap();
    let spool = durable.then(|| path("spool"));
    let (sinks, outputs) = start(&file(&path("good"), ""), spool.as_deref());
    Begun { dir, locked, sinks, outputs }
}

#[test]
fn a_sink_that_cannot_be_opened_does_not_keep_the_next_change_from_taking_effect() {
    for durable in [false, true] {
        let Begun { dir, locked: _locked, mut sinks, mut outputs } = begin(durable);
        let path = |name: &str| dir.path().join(name);
        push(&mut outputs, 0, 10);
        change(&mut sinks, &mut outputs, &file(&path("bad"), ""));
        push(&mut outputs, 10, 20);
        change(&mut sinks, &mut outputs, &file(&path("good"), "drain = \"9s\"\n"));
        push(&mut outputs, 20, 30);
        drop(outputs);
        let counts = join(sinks).unwrap();
        assert_eq!((written(&path("good")), written(&path("bad"))), (seqs(1..=30), vec![]), "{counts:?}");
    }
}

#[test]
fn it_is_opened_when_that_can_be() {
    let Begun { dir, locked, mut sinks, mut outputs } = begin(false);
    let path = |name: &str| dir.path().join(name);
    change(&mut sinks, &mut outputs, &file(&path("bad"), ""));
    push(&mut outputs, 0, 10);
    drop(locked);
    let since = Instant::now();
    while written(&path("bad")).len() < 10 {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(20));
    }
    drop(outputs);
    assert_eq!(join(sinks).unwrap(), [(10, 0)]);
}

#[test]
fn what_it_cannot_take_by_the_end_is_counted_and_a_spool_keeps_it() {
    for durable in [false, true] {
        let Begun { dir, locked: _locked, mut sinks, mut outputs } = begin(durable);
        let path = |name: &str| dir.path().join(name);
        change(&mut sinks, &mut outputs, &file(&path("bad"), "drain = \"1s\"\n"));
        push(&mut outputs, 0, 10);
        drop(outputs);
        assert_eq!(join(sinks).unwrap(), [(0, if durable { 0 } else { 10 })]);
        if durable {
            let (sinks, outputs) = start(&file(&path("good"), ""), Some(&path("spool")));
            drop(outputs);
            assert_eq!((join(sinks).unwrap(), written(&path("good"))), (vec![(10, 0)], seqs(1..=10)));
        }
    }
}

#[test]
fn a_sink_that_is_gone_is_waited_for_at_the_end_and_its_losses_are_counted_and_told() {
    let Begun { dir, locked: _locked, mut sinks, mut outputs } = begin(false);
    let path = |name: &str| dir.path().join(name);
    change(&mut sinks, &mut outputs, &file(&path("bad"), "drain = \"1s\"\n"));
    push(&mut outputs, 0, 10);
    let (pipeline, mut told) = mpsc::channel(8);
    sinks.connect(pipeline.downgrade());
    change(&mut sinks, &mut outputs, &[]);
    drop(outputs);
    assert_eq!(join(sinks).unwrap(), [(0, 10)]);
    let Ok(Input::SinkLoss(loss, _)) = told.try_recv() else { panic!("nothing is told") };
    assert_eq!((&*loss.sink, loss.lost["stopped"]), ("a", 10));
}

/// Returns the settings of a sink `a` that sends to a port of this machine.
fn webhook(port: u16, more: &str) -> Vec<SinkSettings> {
    let text = format!("name = \"a\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\n{more}");
    let all = read(vec![toml::from_str::<toml::Table>(&text).unwrap().into()]).unwrap();
    check_all(&all).unwrap();
    all
}

/// Returns records of 20,000 bytes each, in chunks of their own.
fn push_large(outputs: &mut Outputs, from: usize, to: usize) {
    for mut record in records(to).into_iter().skip(from) {
        record.body = "x".repeat(20_000);
        outputs.push(&mut record.clone(), true).unwrap();
        outputs.flush();
    }
}

#[test]
fn a_receiver_that_hangs_costs_no_record_when_it_is_replaced() {
    // Connections are accepted by the kernel, and never answered.
    let hangs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hangs.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (mut sinks, mut outputs) = start(&webhook(port, "batch-wait = \"1ms\"\n"), Some(&path("spool")));
    push_large(&mut outputs, 0, 500);
    thread::sleep(Duration::from_millis(200));
    change(&mut sinks, &mut outputs, &[]);
    change(&mut sinks, &mut outputs, &file(&path("good"), ""));
    // More than what may wait in front of a queue that is not open.
    push_large(&mut outputs, 500, 1500);
    drop(outputs);
    let counts = join(sinks).unwrap();
    assert_eq!(counts.iter().map(|(_, lost)| lost).sum::<u64>(), 0, "{counts:?}");
    assert_eq!(written(&path("good")), seqs(1..=1500));
}

#[test]
fn a_full_spool_of_a_receiver_that_hangs_keeps_what_waits_in_front_of_it() {
    let hangs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hangs.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let keys = "on-full = \"block\"\nqueue-bytes = \"2M\"\ndrain = \"200ms\"\n";
    let (mut sinks, mut outputs) = start(&webhook(port, keys), Some(&path("spool")));
    push_large(&mut outputs, 0, 50);
    let (feeds, changing) = sinks.change(&webhook(port, &format!("{keys}timeout = \"9s\"\n"))).unwrap();
    push_large(&mut outputs, 50, 300);
    outputs.replace(feeds, None);
    sinks.changed(changing);
    drop(outputs);
    let counts = join(sinks).unwrap();
    assert_eq!(counts, [(0, 0)]);
    let (sinks, outputs) = start(&file(&path("good"), ""), Some(&path("spool")));
    drop(outputs);
    assert_eq!((join(sinks).unwrap(), written(&path("good"))), (vec![(300, 0)], seqs(1..=300)));
}

/// Returns the numbers in the stream of a sink, as its file has them.
fn numbers(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let number = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["tracego"]["sink_seq"].as_u64().unwrap_or(0)
    };
    text.lines().map(number).collect()
}

/// Waits for the queues of all sinks: a busy disk can take longer than a reload waits, and records that come before
/// have no number.
fn wait_for_queues(sinks: &Sinks) {
    while sinks.statuses().iter().any(|status| status.stream_begin().is_none()) {
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_records_of_a_sink_are_numbered_behind_its_filter_and_across_restarts() {
    for durable in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let spool = durable.then(|| path("spool"));
        let some = file(&path("good"), "where = \"seq < 6\"\n");
        let (mut sinks, mut outputs) = start(&some, spool.as_deref());
        push(&mut outputs, 0, 10);
        // Another filter continues the stream, and so does another receiver.
        change(&mut sinks, &mut outputs, &file(&path("good"), ""));
        push(&mut outputs, 10, 20);
        change(&mut sinks, &mut outputs, &file(&path("other"), ""));
        wait_for_queues(&sinks);
        push(&mut outputs, 20, 30);
        drop(outputs);
        join(sinks).unwrap();
        let all = [numbers(&path("good")), numbers(&path("other"))].concat();
        assert_eq!(all, seqs(1..=25));
        let late = file(&path("late"), "where = \"seq < 6\"\n");
        let (mut sinks, mut outputs) = start(&late, spool.as_deref());
        push(&mut outputs, 0, 10);
        change(&mut sinks, &mut outputs, &[]);
        change(&mut sinks, &mut outputs, &file(&path("third"), ""));
        wait_for_queues(&sinks);
        push(&mut outputs, 10, 20);
        drop(outputs);
        join(sinks).unwrap();
        let all = [numbers(&path("late")), numbers(&path("third"))].concat();
        let next = if durable { seqs(26..=40) } else { [seqs(1..=5), seqs(1..=10)].concat() };
        assert_eq!(all, next);
    }
}

#[test]
fn other_members_are_chosen_from_one_record_to_the_next() {
    for durable in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let spool = durable.then(|| path("spool"));
        let full = "detail = \"full\"\n";
        let with = |more: &str| file(&path("good"), &format!("{full}{more}"));
        let (mut sinks, mut outputs) = start(&with(""), spool.as_deref());
        let push = |outputs: &mut Outputs, from: usize, to: usize| {
            for mut record in records(to).into_iter().skip(from) {
                record.event_name = tracego_model::record::event_name::START;
                outputs.push(&mut record, true).unwrap();
            }
            outputs.flush();
        };
        push(&mut outputs, 0, 10);
        change(&mut sinks, &mut outputs, &with("fields = [\"severity_text\"]"));
        push(&mut outputs, 10, 20);
        change(&mut sinks, &mut outputs, &with("drop = [\"severity_text\"]"));
        push(&mut outputs, 20, 30);
        change(&mut sinks, &mut outputs, &with(""));
        push(&mut outputs, 30, 40);
        drop(outputs);
        assert_eq!(join(sinks).unwrap(), [(40, 0)]);
        assert_eq!((written(&path("good")), numbers(&path("good"))), (seqs(1..=40), seqs(1..=40)));
        let text = fs::read_to_string(path("good")).unwrap();
        for (n, line) in text.lines().enumerate() {
            let has = |name: &str| line.contains(&format!("\"{name}\":"));
            let wanted = [(true, true), (true, false), (false, true), (true, true)][n / 10];
            assert_eq!((has("severity_text"), has("body")), wanted, "{n}: {line}");
        }
    }
}

#[test]
fn records_of_a_receiver_that_hangs_reach_one_of_another_type() {
    let hangs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hangs.local_addr().unwrap().port();
    for durable in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let text = format!(
            "name = \"a\"\ntype = \"otlp\"\nendpoint = \"http://127.0.0.1:{port}\"\ntimeout = \"1s\""
        );
        let otlp = read(vec![toml::from_str::<toml::Table>(&text).unwrap().into()]).unwrap();
        let spool = durable.then(|| path("spool"));
        let (mut sinks, mut outputs) = start(&otlp, spool.as_deref());
        push(&mut outputs, 0, 10);
        change(&mut sinks, &mut outputs, &file(&path("good"), ""));
        push(&mut outputs, 10, 20);
        drop(outputs);
        assert_eq!(join(sinks).unwrap(), [(20, 0)]);
        let text = fs::read_to_string(path("good")).unwrap();
        let requests = text.lines().filter(|line| line.starts_with("{\"resourceLogs\""));
        assert_eq!((text.lines().count(), requests.count()), (20, 10), "{text}");
    }
}
