//! Two instances of one service.

use tracego_analyze::inspect::{
    proc::procfs::Procfs,
    service::{watch_list::ServiceWatch, watched::WatchedService},
};
use tracego_model::{clock::Reading, input::facts::ServiceState};
use tracego_tests::ports::free_port;

use crate::{
    Test,
    daemon::{self, Daemon, at_once, service},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("two services that listen on one port are both reported", port),
    ("two services that write to one data folder are both reported", folder),
    ("two services with one pidfile are both reported", pidfile),
    ("two that have only their executable in common are two services", apart),
    ("lock files in folders for everybody are not data", shared_folder),
    ("a master and its workers are one service", workers),
    ("when one ends the other is alone", ends),
];

/// Starts two daemons in separate process groups, like two units.
fn two() -> (Daemon, Daemon) {
    (daemon(), daemon())
}

fn daemon() -> Daemon {
    use std::os::unix::process::CommandExt as _;
    let mut command = std::process::Command::new(daemon::DAEMON);
    command.process_group(0);
    Daemon::of(command)
}

fn watch(services: impl IntoIterator<Item = WatchedService>) -> ServiceWatch {
    let mut watch = ServiceWatch::new(Procfs::default(), at_once());
    for service in services {
        assert!(watch.add(service));
    }
    watch
}

/// Inspects until nothing is due. Returns the last state of each, oldest first.
fn settled(watch: &mut ServiceWatch) -> Vec<ServiceState> {
    let mut last: Vec<ServiceState> = Vec::new();
    let now = Reading::now();
    loop {
        let states = watch.due(now);
        if states.is_empty() {
            last.sort_by_key(|state| (state.start_boottime, state.pid));
            return last;
        }
        last.retain(|old| states.iter().all(|new| new.pid != old.pid));
        last.extend(states);
    }
}

/// Returns what each daemon shares with the other.
fn shared(one: &Daemon, other: &Daemon) -> Vec<String> {
    let states = settled(&mut watch([one.service(), other.service()]));
    assert_eq!(states.len(), 2);
    let others: Vec<_> = states.iter().map(|state| &state.others).collect();
    if others.iter().all(|others| others.is_empty()) {
        return Vec::new();
    }
    assert!(others.iter().all(|others| others.len() == 1), "{states:#?}");
    let mut told: Vec<_> = others.iter().map(|others| others[0].pid).collect();
    told.sort_unstable();
    let mut wanted = [one.id.tgid, other.id.tgid];
    wanted.sort_unstable();
    assert_eq!(told, wanted);
    assert_eq!(others[0][0].shared, others[1][0].shared);
    others[0][0].shared.clone()
}

fn port() {
    let (mut one, mut other) = two();
    let port = free_port();
    one.tell(&format!("listen 127.0.0.1:{port}"));
    other.tell(&format!("listen 127.0.0.2:{port}"));
    assert_eq!(shared(&one, &other), Vec::<String>::new(), "one port of two addresses");
    other.tell(&format!("listen 127.0.0.1:{port}"));
    assert_eq!(shared(&one, &other), ["executable", "port"]);
}

fn folder() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data.db").display().to_string();
    let (mut one, mut other) = two();
    one.tell(&format!("hold {file} x"));
    other.tell(&format!("read {file}"));
    assert_eq!(shared(&one, &other), Vec::<String>::new(), "reading alone is no instance");
    other.tell(&format!("hold {}", dir.path().join("other.db").display()));
    assert_eq!(shared(&one, &other), Vec::<String>::new(), "each has its own");
    other.tell(&format!("hold {file} x"));
    assert_eq!(shared(&one, &other), ["executable", "folder"]);
}

fn pidfile() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.pid").display().to_string();
    let (mut one, mut other) = two();
    one.tell(&format!("hold {file}"));
    other.tell(&format!("hold {file}"));
    assert_eq!(shared(&one, &other), ["executable", "pidfile"]);
}

fn apart() {
    let (mut one, mut other) = two();
    one.tell("listen 127.0.0.1:0");
    other.tell("listen 127.0.0.1:0");
    assert_eq!(shared(&one, &other), Vec::<String>::new());
}

fn shared_folder() {
    let name = format!("/tmp/tracego-test-{}.lock", std::process::id());
    let (mut one, mut other) = two();
    one.tell(&format!("hold {name} x"));
    other.tell(&format!("hold {name} x"));
    let found = shared(&one, &other);
    std::fs::remove_file(name).unwrap();
    assert_eq!(found, Vec::<String>::new());
}

fn workers() {
    let mut master = daemon();
    let port = free_port();
    master.tell(&format!("listen 127.0.0.1:{port}"));
    let workers = [master.tell("worker"), master.tell("worker")];
    let mut all: Vec<_> = workers.iter().map(|pid| daemon::id(pid.parse().unwrap())).collect();
    // A separate socket on the same port, as workers with SO_REUSEPORT have.
    let second = {
        let mut second = daemon();
        second.tell(&format!("listen 127.0.0.1:{port}"));
        second
    };
    all.push(master.id);
    let states = settled(&mut watch(all.iter().map(|&id| service(id))));
    assert_eq!(states.len(), 3);
    assert!(states.iter().all(|state| state.others.is_empty()), "{states:#?}");
    assert_eq!(shared(&master, &second), ["executable", "port"], "and it is not that the port was not seen");
}

fn ends() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data.db").display().to_string();
    let (mut one, mut other) = two();
    one.tell(&format!("hold {file} x"));
    other.tell(&format!("hold {file} x"));
    let mut watch = watch([one.service(), other.service()]);
    assert!(settled(&mut watch).iter().all(|state| state.others.len() == 1));
    let id = other.id;
    drop(other);
    watch.remove(id);
    let states = settled(&mut watch);
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].others, []);
    assert_eq!(watch.len(), 1);
}
