//! From the kernel to an OTLP collector; both tracego and the collector are killed and restarted.

use std::{
    collections::BTreeSet,
    fmt::Display,
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, sleep},
    time::Duration,
};

use serde_json::Value;
use tracego_tests::{ChildGuard, ports::free_port, python, wait_until, with_full_records};

use crate::{ConditionalTest, metrics::on_unix};

pub(crate) const CONDITIONAL: &[ConditionalTest] =
    &[("a collector has exactly what ran, though it and tracego are killed", killed, needs_python)];

static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("otlp"));

fn needs_python() -> Option<String> {
    PYTHON.as_ref().err().cloned()
}

/// Starts a collector that writes a record to disk before it acknowledges it.
fn collector(port: u16, file: &Path) -> ChildGuard {
    let mut command = Command::new(PYTHON.as_ref().unwrap());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/keeper.py"));
    let running = ChildGuard(command.arg(port.to_string()).arg(file).spawn().unwrap());
    wait_until("the collector", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    running
}

/// Starts tracego with a spool and this collector as its sink.
fn agent(folder: &Path, port: u16) -> ChildGuard {
    let mut command = with_full_records();
    command.args([
        "-e",
        "execve",
        "--output",
        "otlp",
        "--otlp-endpoint",
        &format!("http://127.0.0.1:{port}"),
    ]);
    command.arg("--spool-dir").arg(folder.join("spool"));
    command.args(["--heartbeat", "1", "--listen"]).arg(format!("unix:{}", folder.join("metrics").display()));
    command.env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    let running = ChildGuard(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_until("the programs are attached", || {
        metrics(folder).is_some_and(|text| text.contains("tracego_events_total"))
            && on_unix(&folder.join("metrics"), "/readyz")
                .is_some_and(|answer| answer.body.contains("\"programs\",\"ok\":true"))
    });
    running
}

fn metrics(folder: &Path) -> Option<String> {
    Some(on_unix(&folder.join("metrics"), "/metrics")?.body)
}

/// Returns the identifiers that the collector wrote, and the marks of the processes in order.
fn kept(file: &Path) -> (Vec<String>, Vec<usize>) {
    let text = fs::read_to_string(file).unwrap_or_default();
    let (mut uids, mut marks, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    for line in text.lines() {
        // A kill of the collector may have cut the last line, which was then not acknowledged.
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        let uid = record["log.record.uid"].as_str().unwrap().to_owned();
        let mark = record["process.command_args"][1].as_str().and_then(|text| text.strip_prefix(&mark("")));
        if let Some(mark) = mark.filter(|_| known.insert(uid.clone())) {
            marks.push(mark.parse().unwrap());
        }
        uids.push(uid);
    }
    (uids, marks)
}

/// Returns whether a file of the folder contains a text.
fn holds(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all = files.filter_map(|file| fs::read(file.path()).ok());
    // A further digit would make it another number.
    all.any(|bytes| {
        let found = bytes.windows(text.len() + 1).rev().find(|window| window.starts_with(text.as_bytes()));
        found.is_some_and(|window| !window[text.len()].is_ascii_digit())
    })
}

/// Returns the argument of a process that this test starts; unique among concurrent runs of the tests.
fn mark(n: impl Display) -> String {
    format!("collector-{}-{n}", std::process::id())
}

fn killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept");
    let port = free_port();
    let count = AtomicUsize::new(0);
    let start = |processes: usize| {
        for _ in 0..processes {
            let n = count.fetch_add(1, Ordering::Relaxed);
            assert!(Command::new("/bin/true").arg(mark(n)).status().unwrap().success());
        }
    };
    // tracego dies at once, and records still in its pipeline would be lost. Records come in order, so when
    // the last one is in the spool, all are.
    let passed_on = || {
        let last = count.load(Ordering::Relaxed) - 1;
        wait_until("the spool has all", || {
            holds(&folder.path().join("spool/otlp"), &mark(last)) || kept(&file).1.contains(&last)
        });
    };
    let mut receiver = Some(collector(port, &file));
    for round in 0..6 {
        let agent = agent(folder.path(), port);
        thread::scope(|scope| {
            scope.spawn(|| start(60));
            // The collector dies in the middle, stays away for a while, and restarts.
            sleep(Duration::from_millis(30 * round));
            drop(receiver.take());
            sleep(Duration::from_millis(200));
            receiver = Some(collector(port, &file));
        });
        passed_on();
        if round % 2 == 0 {
            // The drop sends SIGKILL.
            drop(agent);
        } else {
            agent.terminate();
            assert_eq!(agent.output().status.code(), Some(0));
        }
    }
    let last = agent(folder.path(), port);
    wait_until("all have arrived", || kept(&file).1.len() >= count.load(Ordering::Relaxed));
    last.terminate();
    assert_eq!(last.output().status.code(), Some(0));
    let (uids, marks) = kept(&file);
    let mut sorted = marks.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..count.load(Ordering::Relaxed)).collect::<Vec<_>>());
    // The starts arrived in order; only retried ones are out of it.
    assert!(marks.is_sorted(), "{marks:?}");
    assert!(uids.len() >= marks.len());
}
