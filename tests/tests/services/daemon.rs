//! The service that the tests observe.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use tracego_analyze::inspect::{
    proc::procfs::Procfs,
    service::{
        watch_list::{ServiceWatch, WatchSettings},
        watched::WatchedService,
    },
};
use tracego_common::TaskId;
use tracego_model::{
    clock::Reading,
    input::facts::{Pidfile, PidfileState, ServiceState},
};
use tracego_tests::ChildGuard;

pub(crate) const DAEMON: &str = env!("CARGO_BIN_EXE_daemon");

/// A daemon that runs until this is dropped.
pub(crate) struct Daemon {
    pub(crate) id: TaskId,
    _process: ChildGuard,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Daemon {
    /// Starts a daemon.
    pub(crate) fn start() -> Self {
        Self::of(Command::new(DAEMON))
    }

    /// Starts a daemon through another command, which either becomes it or waits for it.
    pub(crate) fn through(wrapper: &[&str]) -> Self {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg(DAEMON);
        Self::of(command)
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut process = ChildGuard(child);
        let input = process.0.stdin.take().unwrap();
        let mut output = BufReader::new(process.0.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the daemon did not start");
        let pid = running(process.0.id());
        Self { id: id(pid), _process: process, input, output }
    }

    /// Sends a command and returns the answer.
    pub(crate) fn tell(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{command}: the daemon has ended");
        line.trim().to_owned()
    }

    /// Continues in a forked child, like a daemon that goes into the background.
    pub(crate) fn fork(&mut self) {
        let pid = self.tell("fork");
        self.id = id(pid.parse().unwrap());
    }

    pub(crate) fn service(&self) -> WatchedService {
        service(self.id)
    }
}

/// Returns the pid of the daemon itself, or of the child in which a wrapper runs it.
fn running(pid: u32) -> u32 {
    let procfs = Procfs::default();
    let daemon = std::fs::canonicalize(DAEMON).unwrap();
    let is_daemon = |pid: u32| {
        std::fs::read_link(format!("/proc/{pid}/exe"))
            .is_ok_and(|exe| exe.ends_with(daemon.file_name().unwrap()))
    };
    if is_daemon(pid) {
        return pid;
    }
    let child =
        procfs.pids().unwrap().into_iter().find(|&child| {
            is_daemon(child) && procfs.current(child).is_ok_and(|process| process.parent == pid)
        });
    child.unwrap()
}

pub(crate) fn id(pid: u32) -> TaskId {
    let procfs = Procfs::default();
    let start_boottime = procfs.nanoseconds(procfs.current(pid).unwrap().start_ticks);
    TaskId { tgid: pid, start_boottime, ..TaskId::default() }
}

pub(crate) fn service(id: TaskId) -> WatchedService {
    let exe = Path::new("/proc").join(id.tgid.to_string()).join("exe");
    let file = std::fs::metadata(&exe).unwrap();
    WatchedService {
        id,
        executable: std::fs::read_link(exe).unwrap().to_str().unwrap().to_owned(),
        file: Some((file.dev() as u32, file.ino())),
        ..WatchedService::default()
    }
}

/// Returns settings without a grace period.
pub(crate) fn at_once() -> WatchSettings {
    WatchSettings { grace: Duration::ZERO, ..WatchSettings::default() }
}

/// Inspects a service once.
pub(crate) fn look(service: WatchedService) -> ServiceState {
    let mut watch = ServiceWatch::new(Procfs::default(), at_once());
    assert!(watch.add(service));
    let mut states = watch.due(Reading::now());
    assert_eq!(states.len(), 1);
    states.remove(0)
}

/// Inspects a daemon once, with pidfiles from the configuration.
pub(crate) fn configured(daemon: &Daemon, pidfiles: &[&str]) -> ServiceState {
    let pidfiles = pidfiles.iter().map(|&path| path.to_owned()).collect();
    look(WatchedService { pidfiles, ..daemon.service() })
}

/// Returns the state of the only pidfile.
pub(crate) fn only(state: &ServiceState) -> PidfileState {
    only_file(state).state
}

pub(crate) fn only_file(state: &ServiceState) -> &Pidfile {
    assert_eq!(state.unavailable, Default::default());
    assert_eq!(state.pidfiles.len(), 1, "{state:#?}");
    &state.pidfiles[0]
}
