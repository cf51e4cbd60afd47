//! The metrics for Prometheus, and the health addresses.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use tracego::{
    agent::{self, Agent},
    cli::ListenAddress,
    metrics::{self, Board},
    pipeline::{Pipeline, RunReport},
};
use tracego_common::settings::event;
use tracego_deliver::sink::direct::{DirectFormat, DirectOutput};
use tracego_probe::host;

use crate::{Test, agent::options};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("the metrics are the ledger", ledger),
    ("a loss shows in the metrics, by job, and in /readyz", loss),
    ("an output that refuses makes the agent unready until it takes records again", output),
    ("an output that stands still shows as a silent pipeline", still),
    ("the time in each program shows while the kernel counts it", programs),
];

/// An HTTP response.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

fn answer(stream: impl io::Read + io::Write, request: &str) -> HttpResponse {
    exchange(stream, request).unwrap()
}

pub(crate) fn exchange(mut stream: impl io::Read + io::Write, request: &str) -> Option<HttpResponse> {
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(HttpResponse { status, head: head.to_lowercase(), body: body.to_owned() })
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

pub(crate) fn get(address: SocketAddr, path: &str) -> HttpResponse {
    answer(connect(address), &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// Requests a path on a Unix socket. Returns `None` when there is no listener or the response is incomplete.
pub(crate) fn on_unix(socket: &Path, path: &str) -> Option<HttpResponse> {
    let stream = UnixStream::connect(socket).ok()?;
    exchange(stream, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// Parses metrics into a map from name with labels to value.
fn values(text: &str) -> BTreeMap<String, f64> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.rsplit_once(' ').map(|(name, n)| (name.to_owned(), n.parse().unwrap())).unwrap())
        .collect()
}

pub(crate) fn of(text: &str, metric: &str) -> u64 {
    let value = values(text).get(metric).copied().unwrap_or_else(|| panic!("no {metric} in {text}"));
    assert!(value >= 0.0 && value.fract() == 0.0, "{metric} {value}");
    value as u64
}

/// Returns the sum of all metrics with this prefix.
fn sum(text: &str, metric: &str) -> u64 {
    values(text).iter().filter(|(name, _)| name.starts_with(metric)).map(|(_, value)| *value as u64).sum()
}

/// The behaviour of a test output.
#[derive(Clone)]
struct FakeOutput(Arc<AtomicU8>);

const TAKES: u8 = 0;
const FULL: u8 = 1;
const STILL: u8 = 2;

impl FakeOutput {
    fn new() -> Self {
        Self(Arc::new(AtomicU8::new(TAKES)))
    }

    fn becomes(&self, what: u8) {
        self.0.store(what, Ordering::Relaxed);
    }
}

impl io::Write for FakeOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while self.0.load(Ordering::Relaxed) == STILL {
            sleep(Duration::from_millis(10));
        }
        match self.0.load(Ordering::Relaxed) {
            FULL => File::options().write(true).open("/dev/full")?.write(bytes),
            _ => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs an agent with a metrics server. Returns the report and the board after its end.
fn session(
    ring_size: u32,
    output: &FakeOutput,
    work: impl AsyncFnOnce(&mut Agent, SocketAddr),
) -> (RunReport, Arc<Board>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sink = DirectOutput::new(Box::new(output.clone()), DirectFormat::JSON);
        let wanted = event::EXEC | event::EXIT | event::FORK;
        let pipeline = Pipeline::new(
            host::meta(Vec::new(), false, tracego_probe::host::GivenHost::default()),
            wanted,
            None,
            sink,
        );
        let mut options = options(ring_size, Duration::ZERO);
        options.metrics = metrics::MetricsOptions {
            listen: Some("0".parse().unwrap()),
            ..metrics::MetricsOptions::default()
        };
        let mut agent = agent::start(options, pipeline).unwrap();
        agent.kernel().follow_agent().unwrap();
        let Some(&ListenAddress::Tcp(address)) = agent.metrics_address() else { panic!("no port") };
        work(&mut agent, address).await;
        let board = agent.board();
        (agent.stop().await.unwrap(), board)
    })
}

async fn pass(agent: &mut Agent, milliseconds: u64) {
    agent.run(tokio::time::sleep(Duration::from_millis(milliseconds))).await.unwrap();
}

pub(crate) fn lives(count: usize) {
    for _ in 0..count {
        assert!(Command::new("/bin/true").status().unwrap().success());
    }
}

fn ledger() {
    let (report, board) = session(8 << 20, &FakeOutput::new(), async |agent, address| {
        lives(50);
        // Each life is a fork, an exec and an exit; other tests of this process may add theirs.
        let written = |text: &str| of(text, r#"tracego_events_total{stage="written"}"#);
        let mut text = String::new();
        for _ in 0..20 {
            pass(agent, 1500).await;
            text = get(address, "/metrics").body;
            if written(&text) >= 150 {
                break;
            }
        }
        assert!(written(&text) >= 150, "{text}");
        let figures =
            ["hit", "miss"].map(|r| of(&text, &format!("tracego_images_lookups_total{{result=\"{r}\"}}")));
        assert!(figures[0] + figures[1] >= 50, "{text}");
        assert!(of(&text, "process_resident_memory_bytes") > 1 << 20 && of(&text, "process_open_fds") > 5);
        assert_eq!(of(&text, "tracego_ring_size_bytes"), 8 << 20);
        assert!(of(&text, "tracego_processes_known") > 0);
        assert_eq!(of(&text, "tracego_ready"), 1, "{}", get(address, "/readyz").body);
        let metrics = get(address, "/metrics?x=1");
        assert!(metrics.status == 200 && metrics.head.contains("content-type: text/plain; version=0.0.4"));
        let (live, ready) = (get(address, "/livez"), get(address, "/readyz"));
        assert_eq!((live.status, ready.status), (200, 200), "{} {}", live.body, ready.body);
        assert!(ready.head.contains("content-type: application/json"), "{}", ready.head);
        assert_eq!(get(address, "/").status, 404);
        assert_eq!(get(address, "/metrics/x").status, 404);
        let post = answer(
            connect(address),
            "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx",
        );
        assert!(post.status == 405 && post.head.contains("allow: get"), "{}", post.head);
    });
    let (ledger, text) = (report.ledger, board.text());
    assert!(ledger.balanced(), "{ledger}");
    let kernel = ledger.kernel;
    let stages = [
        ("hooked", kernel.hooked),
        ("filtered", kernel.filtered),
        ("sent", kernel.sent),
        ("undecodable", ledger.decode_errors),
        ("processed", ledger.processed),
        ("unrequested", ledger.unrequested),
        ("written", ledger.written),
        ("refused", ledger.write_errors),
    ];
    for (stage, count) in stages {
        assert_eq!(
            of(&text, &format!("tracego_events_total{{stage=\"{stage}\"}}")),
            count,
            "{stage} {ledger}"
        );
    }
    assert_eq!(sum(&text, "tracego_events_lost_total"), kernel.lost(), "{ledger}");
    assert_eq!(of(&text, r#"tracego_argv_pieces_total{stage="processed"}"#), ledger.pieces);
    assert_eq!(of(&text, "tracego_record_latency_seconds_count"), ledger.written);
    assert_eq!(of(&text, r#"tracego_record_latency_seconds_bucket{le="+Inf"}"#), ledger.written);
    assert!(!board.readiness().ok, "its programs are detached");
}

fn loss() {
    let (report, board) = session(64 * 1024, &FakeOutput::new(), async |agent, address| {
        let shell = |script: &str| {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", script]).env("CI_JOB_ID", "47\"11\\");
            shell
        };
        // The job opens while there is room; its later events are lost.
        let mut job = shell("sleep 0.4; for i in $(seq 100); do /bin/true; done").spawn().unwrap();
        pass(agent, 300).await;
        agent.hold(true);
        lives(150);
        assert!(job.wait().unwrap().success());
        pass(agent, 1200).await;
        agent.hold(false);
        pass(agent, 2200).await;
        let ready = get(address, "/readyz");
        assert_eq!((ready.status, get(address, "/livez").status), (503, 200), "{}", ready.body);
        let json: serde_json::Value = serde_json::from_str(&ready.body).unwrap();
        let loss = json["checks"].as_array().unwrap().iter().find(|check| check["name"] == "loss").unwrap();
        assert!(loss["reason"].as_str().unwrap().contains("events were lost"), "{json}");
        let text = get(address, "/metrics").body;
        assert!(of(&text, r#"tracego_events_lost_total{reason="ring_full"}"#) > 0, "{text}");
        assert_eq!(of(&text, "tracego_ready"), 0);
    });
    let (ledger, text) = (report.ledger, board.text());
    assert!(ledger.balanced() && ledger.kernel.ring_full > 0, "{ledger}");
    assert_eq!(of(&text, r#"tracego_events_lost_total{reason="ring_full"}"#), ledger.kernel.ring_full);
    let of_job = of(&text, r#"tracego_job_events_lost_total{job="47\"11\\"}"#);
    assert!(of_job > 0 && of_job < ledger.kernel.ring_full, "{of_job} {ledger}");
}

fn output() {
    let output = FakeOutput::new();
    let (report, board) = session(8 << 20, &output, async |agent, address| {
        lives(3);
        pass(agent, 1500).await;
        assert_eq!(get(address, "/readyz").status, 200);
        output.becomes(FULL);
        lives(3);
        pass(agent, 1500).await;
        let ready = get(address, "/readyz");
        assert_eq!(ready.status, 503, "{}", ready.body);
        assert!(ready.body.contains("No space left on device"), "{}", ready.body);
        // A restart would not free disk space.
        assert_eq!(get(address, "/livez").status, 200);
        output.becomes(TAKES);
        lives(3);
        pass(agent, 1500).await;
        let ready = get(address, "/readyz");
        assert_eq!(ready.status, 200, "{}", ready.body);
    });
    assert!(report.ledger.write_errors > 0, "{}", report.ledger);
    let refused = of(&board.text(), r#"tracego_events_total{stage="refused"}"#);
    assert_eq!(refused, report.ledger.write_errors);
    let measured = of(&board.text(), "tracego_record_latency_seconds_count");
    assert_eq!(measured, report.ledger.written, "what was refused has no latency");
}

fn still() {
    let output = FakeOutput::new();
    session(8 << 20, &output, async |agent, address| {
        lives(3);
        pass(agent, 1200).await;
        output.becomes(STILL);
        lives(3);
        pass(agent, 3000).await;
        let board = agent.board();
        assert!(board.pipeline.silence() > Duration::from_secs(2), "{board:?}");
        assert!(board.reader.pulse.silence() < Duration::from_secs(1), "{board:?}");
        // Requests are answered nevertheless.
        assert_eq!(get(address, "/metrics").status, 200);
        output.becomes(TAKES);
        pass(agent, 1500).await;
        assert!(board.pipeline.silence() < Duration::from_secs(2), "{board:?}");
    });
}

/// A guard that keeps the kernel's BPF statistics enabled.
struct BpfStatsGuard(String);

const COUNTING: &str = "/proc/sys/kernel/bpf_stats_enabled";

impl BpfStatsGuard {
    fn start() -> Self {
        let before = fs::read_to_string(COUNTING).unwrap();
        fs::write(COUNTING, "1").unwrap();
        Self(before)
    }
}

impl Drop for BpfStatsGuard {
    fn drop(&mut self) {
        fs::write(COUNTING, &self.0).unwrap();
    }
}

fn programs() {
    let counting = BpfStatsGuard::start();
    let (_, board) = session(8 << 20, &FakeOutput::new(), async |agent, _| {
        lives(20);
        pass(agent, 1200).await;
    });
    drop(counting);
    let text = board.text();
    for program in ["process_fork", "process_exec", "process_exit"] {
        let runs = of(&text, &format!("tracego_bpf_program_runs_total{{program=\"{program}\"}}"));
        let name = format!("tracego_bpf_program_run_seconds_total{{program=\"{program}\"}}");
        let each = values(&text)[&name] / runs as f64;
        assert!(runs >= 20 && each > 1e-8 && each < 1e-2, "{program}: {runs} runs of {each} s");
    }
}
