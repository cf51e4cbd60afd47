//! The schedule and the amount of inspections.

use std::time::{Duration, Instant};

use tracego_analyze::inspect::{
    proc::{procfs::Procfs, read_error::ReadError},
    service::{
        watch_list::{ServiceWatch, WatchSettings},
        watched::WatchedService,
    },
};
use tracego_common::TaskId;
use tracego_model::{clock::Reading, input::facts::Listening};

use crate::{
    Test,
    daemon::{Daemon, at_once, look},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a service is looked at when it has run for a while, and again later", grace),
    ("an unchanged state is not reported again", unchanged),
    ("a round is bounded and skips no service", bounded),
    ("too many are refused and counted", refused),
    ("a process that ran before and executes a program is one service", again),
    ("a process that is gone is forgotten", gone),
    ("a number that another process has is gone", reused),
    ("only its own sockets are where a service listens", listening),
];

const SECOND: i64 = 1_000_000_000;

fn after(start: Reading, seconds: i64) -> Reading {
    Reading {
        boot_ns: start.boot_ns + seconds * SECOND,
        unix_ns: start.unix_ns + seconds * SECOND,
        ..Reading::default()
    }
}

fn grace() {
    let daemon = Daemon::start();
    let mut watch = ServiceWatch::new(Procfs::default(), WatchSettings::default());
    watch.add(daemon.service());
    let now = Reading::now();
    assert_eq!(watch.due(after(now, 28)), []);
    let states = watch.due(after(now, 31));
    assert_eq!(states.len(), 1);
    assert_eq!((states[0].pid, states[0].id()), (daemon.id.tgid, daemon.id));
    assert!((30_900..33_000).contains(&states[0].age_ms), "{}", states[0].age_ms);
}

fn unchanged() {
    let mut daemon = Daemon::start();
    let mut watch = ServiceWatch::new(Procfs::default(), at_once());
    watch.add(daemon.service());
    let now = Reading::now();
    assert_eq!(watch.due(now).len(), 1);
    daemon.tell("listen 127.0.0.1:0");
    assert_eq!(watch.due(after(now, 590)), [], "it is not time");
    assert_eq!(watch.due(after(now, 601))[0].listening.len(), 1);
    assert_eq!(watch.due(after(now, 1202)), []);
    // Another program in the same process is another service.
    watch.add(daemon.service());
    assert_eq!(watch.due(after(now, 1203)).len(), 1);
}

fn bounded() {
    let daemons: Vec<_> = (0..5).map(|_| Daemon::start()).collect();
    let mut watch = ServiceWatch::new(Procfs::default(), WatchSettings { looks: 2, ..at_once() });
    for daemon in &daemons {
        watch.add(daemon.service());
    }
    let now = Reading::now();
    let rounds: Vec<Vec<u32>> =
        (0..4).map(|_| watch.due(now).iter().map(|state| state.pid).collect()).collect();
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1, 0]);
    let mut seen = rounds.concat();
    seen.sort_unstable();
    let mut all: Vec<_> = daemons.iter().map(|daemon| daemon.id.tgid).collect();
    all.sort_unstable();
    assert_eq!(seen, all);
}

fn refused() {
    let (one, other) = (Daemon::start(), Daemon::start());
    let mut watch = ServiceWatch::new(Procfs::default(), WatchSettings { services: 1, ..at_once() });
    assert!(watch.add(one.service()));
    assert!(!watch.add(other.service()));
    assert!(watch.add(one.service()), "it is known");
    assert_eq!((watch.refused(), watch.len()), (1, 1));
    watch.remove(one.id);
    assert!(watch.is_empty());
}

/// The start of a process that ran before is known to the tick, that of its next program exactly.
fn again() {
    let daemon = Daemon::start();
    let mut watch = ServiceWatch::new(Procfs::default(), at_once());
    watch.add(daemon.service());
    assert_eq!(watch.due(Reading::now()).len(), 1);
    let exact = TaskId { start_boottime: daemon.id.start_boottime + 123, ..daemon.id };
    watch.add(WatchedService { id: exact, ..daemon.service() });
    let states = watch.due(Reading::now());
    assert_eq!((watch.len(), states.len(), states[0].id()), (1, 1, exact));
    watch.remove(exact);
    assert!(watch.is_empty());
}

fn gone() {
    let daemon = Daemon::start();
    let mut watch = ServiceWatch::new(Procfs::default(), at_once());
    watch.add(daemon.service());
    drop(daemon);
    assert_eq!(watch.due(Reading::now()), []);
    assert!(watch.is_empty());
}

fn reused() {
    let daemon = Daemon::start();
    let procfs = Procfs::default();
    let tick = procfs.nanoseconds(1);
    let at =
        |start_boottime| procfs.process(TaskId { start_boottime, ..daemon.id }).map(|process| process.pid);
    // The kernel side's time in nanoseconds lies within the tick.
    assert_eq!(at(daemon.id.start_boottime + tick - 1), Ok(daemon.id.tgid));
    assert_eq!(at(daemon.id.start_boottime + 2 * tick), Err(ReadError::Gone));
    assert_eq!(at(daemon.id.start_boottime - 2 * tick), Err(ReadError::Gone));
    let mut watch = ServiceWatch::new(procfs.clone(), at_once());
    let earlier = TaskId { start_boottime: 1, ..daemon.id };
    watch.add(WatchedService { id: earlier, ..daemon.service() });
    assert_eq!(watch.due(Reading::now()), []);
    assert!(watch.is_empty());
}

fn listening() {
    let (mut daemon, mut other) = (Daemon::start(), Daemon::start());
    daemon.tell("listen 127.0.0.1:0");
    daemon.tell("listen [::1]:0");
    other.tell("listen 127.0.0.1:0");
    let state = look(daemon.service());
    assert_eq!(state.unavailable, Default::default());
    let mut found: Vec<_> =
        state.listening.iter().map(|one| (one.transport.as_str(), one.address.as_str())).collect();
    found.sort_unstable();
    assert_eq!(found, [("tcp", "127.0.0.1"), ("tcp6", "::1")]);
    let other = look(other.service()).listening;
    assert!(other.iter().all(|socket: &Listening| !state.listening.contains(socket)), "{other:?}");
    let start = Instant::now();
    assert_eq!(look(Daemon::start().service()).listening, []);
    assert!(start.elapsed() < Duration::from_secs(5));
}
