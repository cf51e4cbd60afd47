//! Health addresses, probed on request.

use std::{
    thread,
    time::{Duration, Instant},
};

use tracego_analyze::inspect::{
    network::health::ProbeSettings,
    proc::procfs::Procfs,
    service::watch_list::{ServiceWatch, WatchSettings},
};
use tracego_model::{clock::Reading, input::facts::ServiceState};

use crate::{
    ConditionalTest, Test,
    daemon::{Daemon, at_once, look},
    needs_root,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("the answers of a service are those that it gives", answers),
    ("nothing is asked unless it is wanted", unasked),
    ("a service that does not answer costs bounded time", silent),
    ("so many ports are asked and no more", ports),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("a service in a network namespace is asked inside of it", namespace, needs_root),
    ("without the right to enter the namespace nothing is asked, and that is said", denied, needs_root),
];

fn probed(daemon: &Daemon) -> ServiceState {
    let settings = WatchSettings { probe: Some(ProbeSettings::default()), ..at_once() };
    let mut watch = ServiceWatch::new(Procfs::default(), settings);
    watch.add(daemon.service());
    watch.due(Reading::now()).remove(0)
}

fn status(state: &ServiceState) -> Vec<(&str, Option<u16>)> {
    state.probes.iter().map(|probe| (probe.path.as_str(), probe.status)).collect()
}

fn answers() {
    for (address, told, healthz, metrics) in [
        ("127.0.0.1:0", "/healthz=200", 200, 404),
        ("0.0.0.0:0", "/metrics=200,/healthz=503", 503, 200),
        ("[::]:0", "nothing", 404, 404),
    ] {
        let mut daemon = Daemon::start();
        daemon.tell(&format!("serve {address} {told}"));
        let state = probed(&daemon);
        assert_eq!(status(&state), [("/healthz", Some(healthz)), ("/metrics", Some(metrics))], "{address}");
        assert_eq!(state.probes[0].port, state.listening[0].port);
        assert_eq!(state.unavailable, Default::default());
    }
}

fn unasked() {
    let mut daemon = Daemon::start();
    daemon.tell("serve 127.0.0.1:0 /healthz=200");
    let state = look(daemon.service());
    assert_eq!((state.listening.len(), state.probes.len()), (1, 0));
}

fn silent() {
    // One server accepts connections and never answers, the other sends single bytes.
    for command in ["listen 127.0.0.1:0", "serve 127.0.0.1:0 drip"] {
        let mut daemon = Daemon::start();
        daemon.tell(command);
        let start = Instant::now();
        let state = probed(&daemon);
        assert_eq!(status(&state), [("/healthz", None), ("/metrics", None)], "{command}");
        let took = start.elapsed();
        assert!(
            took > Duration::from_millis(900) && took < Duration::from_millis(2500),
            "{command}: {took:?}"
        );
    }
}

fn ports() {
    let mut daemon = Daemon::start();
    for _ in 0..6 {
        daemon.tell("serve 127.0.0.1:0 /healthz=200");
    }
    let state = probed(&daemon);
    assert_eq!((state.listening.len(), state.probes.len()), (6, 8));
}

/// Starts a daemon whose only network is the loopback of its own namespace.
fn elsewhere() -> Daemon {
    let script = "ip link set lo up && exec \"$0\"";
    let mut daemon = Daemon::through(&["unshare", "--net", "/bin/sh", "-c", script]);
    daemon.tell("serve 127.0.0.1:8080 /healthz=200");
    daemon
}

fn namespace() {
    let daemon = elsewhere();
    let state = probed(&daemon);
    assert_eq!((state.listening[0].address.as_str(), state.listening[0].port), ("127.0.0.1", 8080));
    assert_eq!(status(&state), [("/healthz", Some(200)), ("/metrics", Some(404))]);
    // This thread is still in its namespace, where the same address is unused or belongs to another process.
    let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let theirs = std::fs::read_link(format!("/proc/{}/ns/net", daemon.id.tgid)).unwrap();
    assert_ne!(own, theirs);
}

/// Drops a capability of the calling thread, and of threads that it starts.
fn drop_capability(number: u32) {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    // _LINUX_CAPABILITY_VERSION_3 (linux/capability.h).
    let header = Header { version: 0x2008_0522, pid: 0 };
    let mut sets = [[0_u32; 3]; 2];
    // SAFETY: this version of the call reads and writes the header and two sets.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()), 0);
        sets[(number / 32) as usize][0] &= !(1 << (number % 32));
        assert_eq!(libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()), 0);
    }
}

fn denied() {
    // CAP_SYS_ADMIN.
    let daemon = elsewhere();
    let state = thread::spawn(move || {
        drop_capability(21);
        probed(&daemon)
    });
    let state = state.join().unwrap();
    assert_eq!(state.probes, []);
    assert_eq!(state.unavailable["probes"], "denied");
    assert_eq!(state.listening.len(), 1);
}
