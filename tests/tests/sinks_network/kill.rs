//! rsyslog is killed while it receives, and restarts.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tracego_deliver::{
    format::Format,
    sink::syslog::{SyslogSettings, SyslogTransport},
};
use tracego_model::record::{Record, event_name};
use tracego_tests::{StopGuard, ports::free_port, samples, wait_until};

use super::{
    Test, pause,
    rsyslog::{Rsyslog, tcp, unix},
    slices,
    syslog::{encode, listens, settings},
    wait,
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a killed rsyslog loses at most the datagram that it was writing down", local),
    ("a killed rsyslog loses by TCP at most what it and its kernel had not looked at", by_tcp),
];

/// Number of kills.
const KILLS: usize = 6;
/// Number of records in a batch.
const BATCH: usize = 50;
/// Number of received bytes that show that records flow.
const FLOW: u64 = 200_000;
/// Lower bound for the size of a record in the stream, in bytes.
const LEAST: usize = 700;

fn record(n: u32) -> Record {
    let mut record = samples::minimal(event_name::START, n);
    record.body = "x".repeat(500);
    record
}

/// Delivers like the worker of a sink until it is stopped. Returns the uids in the order of acknowledgement,
/// and the number of troubles.
fn pump(settings: &SyslogSettings, stop: &AtomicBool) -> (Vec<String>, usize) {
    let mut syslog = SyslogTransport::new(settings).unwrap();
    let (mut settled, mut troubles, mut n) = (Vec::new(), 0, 0);
    wait(async {
        while !stop.load(Ordering::Relaxed) {
            let records: Vec<Record> = (n..).take(BATCH).map(record).collect();
            n += u32::try_from(BATCH).unwrap();
            let payloads = encode(settings, Format::Json, &records);
            let mut done = 0;
            while done < BATCH {
                let delivered = syslog.deliver(&slices(&payloads[done..])).await;
                assert!(delivered.refused.is_empty(), "{delivered:?}");
                done += delivered.done;
                if delivered.trouble.is_some() {
                    troubles += 1;
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
            settled.extend(records.into_iter().map(|record| record.log.record.uid));
        }
        syslog.close().await;
    });
    (settled, troubles)
}

/// Kills rsyslog while records flow. Returns the positions of the acknowledged records that are missing.
fn killed(rsyslog: &mut Rsyslog, settings: &SyslogSettings) -> Vec<usize> {
    let stop = AtomicBool::new(false);
    let (settled, troubles) = thread::scope(|scope| {
        let end = StopGuard(&stop);
        let pump = scope.spawn(|| pump(settings, &stop));
        for round in 0..KILLS {
            let before = rsyslog.written();
            wait_until("records flow", || rsyslog.written() > before + FLOW);
            pause(7 * round as u64);
            rsyslog.kill();
            pause(30);
            rsyslog.again();
        }
        let before = rsyslog.written();
        wait_until("records flow again", || rsyslog.written() > before + FLOW);
        drop(end);
        pump.join().unwrap()
    });
    assert!(troubles > 0, "the kill caused no delivery failure");
    let last = settled.last().unwrap();
    let mut held: HashMap<String, usize> = HashMap::new();
    wait_until("the last one is there", || {
        held.clear();
        for message in rsyslog.so_far() {
            let record: serde_json::Value = serde_json::from_str(message["msg"].as_str().unwrap()).unwrap();
            *held.entry(record["log"]["record"]["uid"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        held.contains_key(last)
    });
    let twice: usize = held.values().map(|times| times - 1).sum();
    let missing: Vec<usize> = (0..settled.len()).filter(|n| !held.contains_key(&settled[*n])).collect();
    assert!(twice <= troubles * BATCH, "{twice} came twice in {troubles} troubles");
    missing
}

/// Queue settings that make the input call the output directly, so that at most one message is read and not
/// written.
const DIRECT: &str = "queue.type=\"Direct\"";

fn local() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = unix(dir.path());
    let mut rsyslog = Rsyslog::start(dir, &inputs, DIRECT);
    let settings =
        settings(&format!("address = 'unix:{}/log'\ntimeout = '2s'", rsyslog.dir.path().display()));
    let missing = killed(&mut rsyslog, &settings);
    assert!(missing.len() <= KILLS, "{missing:?}");
}

fn by_tcp() {
    let port = free_port();
    let mut rsyslog = Rsyslog::start(tempfile::tempdir().unwrap(), &tcp(port), DIRECT);
    wait_until("rsyslog listens", || listens(port));
    let settings = settings(&format!("address = 'tcp://127.0.0.1:{port}'\ntimeout = '2s'"));
    let missing = killed(&mut rsyslog, &settings);
    // The missing records are the last ones before a kill: at most one run per kill, and no run longer than
    // the buffers.
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for n in missing {
        match runs.last_mut() {
            Some(run) if run.last() == Some(&(n - 1)) => run.push(n),
            _ => runs.push(vec![n]),
        }
    }
    assert!(runs.len() <= KILLS, "{runs:?}");
    let receive: usize = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem")
        .unwrap()
        .split_whitespace()
        .last()
        .unwrap()
        .parse()
        .unwrap();
    let room = (receive + 128 * 1024) / LEAST;
    assert!(runs.iter().all(|run| run.len() <= room), "{runs:?}");
}
