//! Responses to clients of the metrics, well-behaved and hostile ones, from a separate tracego.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tracego_tests::{ChildGuard, Session, ports::free_port, wait_until, with_full_records};

use crate::{
    ConditionalTest, Test,
    metrics::{connect, exchange, get, lives, of, on_unix},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("metrics on a Unix socket are for its owner and group", unix),
    ("an address that is taken is named before anything is attached", taken),
    ("hostile clients do not disturb other clients", hostile),
    ("fields that records lack are counted", lacking),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("promtool has nothing to say about the metrics", promtool, needs_promtool),
    ("Prometheus scrapes the metrics", prometheus, needs_prometheus),
];

/// Starts tracego with options, without reading its standard output. Returns it and the port that it listens
/// on.
fn watched(options: &[&str]) -> (ChildGuard, SocketAddr) {
    let mut command = with_full_records();
    command.args(["--output", "json", "--output-file", "/dev/null", "--heartbeat", "0"]);
    command.args(["--listen", "0", "--log", "info"]).args(options);
    let running = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = ChildGuard(running);
    let mut line = String::new();
    let stderr = running.0.stderr.as_mut().unwrap();
    while !line.ends_with('\n') {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{line}");
        line.push(byte[0] as char);
    }
    let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
    let address = address.trim_end_matches("\u{1b}[0m").parse().unwrap();
    wait_until("the programs are attached", || get(address, "/readyz").status == 200);
    (running, address)
}

fn unix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.sock");
    let mut command = with_full_records();
    command.args(["--output-file", "/dev/null", "--listen", &format!("unix:{}", path.display())]);
    let mut running = ChildGuard(command.stderr(Stdio::null()).spawn().unwrap());
    wait_until("the socket", || path.exists());
    wait_until("it is ready", || on_unix(&path, "/readyz").is_some_and(|answer| answer.status == 200));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o660);
    running.terminate();
    assert!(running.ended().success());
    assert!(!path.exists());
}

fn taken() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let output = with_full_records().args(["--listen", &address]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(&address) && stderr.contains("in use"), "{stderr}");
    assert!(!stderr.contains("hooked"), "{stderr}");
    let output = with_full_records().args(["--listen", "localhost:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let open = with_full_records().args(["--listen", "0.0.0.0:0", "--duration", "1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&open.stderr).contains("other machines"), "{open:?}");
}

fn count(folder: &str, pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/{folder}")).unwrap().count()
}

fn hostile() {
    // The thread that reads what ran before ends by itself.
    let (running, address) = watched(&["--comm", "true", "--inventory=false"]);
    let pid = running.0.id();
    let (threads, descriptors) = (count("task", pid), count("fd", pid));
    // Incomplete requests that are held open, many more than are served at once.
    let mut held: Vec<TcpStream> = Vec::new();
    for n in 0..300 {
        let mut stream = connect(address);
        let half = if n % 2 == 0 { "GET /metrics HTTP/1.1\r\nHost:" } else { "" };
        // The server may already have closed the connection.
        let _sent = stream.write_all(half.as_bytes());
        held.push(stream);
    }
    // Clients that request and do not read, and clients that send a long unwanted body.
    for _ in 0..20 {
        let mut stream = connect(address);
        let _sent = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        held.push(stream);
        let mut stream = connect(address);
        let _sent = stream.write_all(b"GET /metrics HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nabc");
        held.push(stream);
    }
    lives(100);
    for (what, request) in [
        ("one huge header", format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(10 << 20))),
        ("many headers", format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000))),
        ("a huge path", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20))),
        ("no HTTP", "\0\u{1}\u{2} hello\r\n\r\n".to_owned()),
    ] {
        let mut stream = connect(address);
        let _sent = stream.write_all(request.as_bytes());
        let mut text = Vec::new();
        let _read = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{what}: {text}");
    }
    let asked = Instant::now();
    let metrics = get(address, "/metrics");
    assert!(metrics.status == 200 && asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(count("task", pid), threads);
    assert!(count("fd", pid) <= descriptors + 40, "{} after {descriptors}", count("fd", pid));
    // An idle connection is closed.
    let idle = connect(address);
    let mut nothing = Vec::new();
    let begun = Instant::now();
    let read = (&idle).read_to_end(&mut nothing);
    assert!(begun.elapsed() < Duration::from_secs(9), "{read:?} after {:?}", begun.elapsed());
    drop(held);
    // What other tests start meanwhile is read by more workers, and holds mount namespaces.
    wait_until("descriptors are given back", || count("fd", pid) <= descriptors + 20);
    let text = get(address, "/metrics").body;
    assert!(of(&text, r#"tracego_events_total{stage="written"}"#) >= 100, "{text}");
    assert!(of(&text, "process_resident_memory_bytes") < 128 << 20);
    running.terminate();
    let session = Session::of_output(running.output());
    assert_eq!(session.output.status.code(), Some(0), "{}", session.stderr());
    assert!(session.stderr().contains(" = 0 lost + "), "{}", session.stderr());
}

/// Starts processes whose argv is cut under a separate tracego. Returns body and head of the metrics.
fn worked() -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tracego.toml");
    fs::write(&config, "[production]\nmatch = [{ path = \"/**\" }]\n").unwrap();
    let (running, address) = watched(&["--argv-max", "64", "--config", config.to_str().unwrap()]);
    for _ in 0..5 {
        let long = "x".repeat(500);
        let mut command = Command::new("/bin/true");
        command.args([&long, "--token=ghp_0123456789abcdefghijABCDEFGHIJ012345"]);
        assert!(command.env("CI_JOB_ID", "a\"b\\c").status().unwrap().success());
    }
    sleep(Duration::from_millis(2200));
    let text = get(address, "/metrics").body;
    let head = get(address, "/metrics").head;
    running.terminate();
    drop(running.output());
    (text, head)
}

fn lacking() {
    let (text, _) = worked();
    let cut = of(&text, r#"tracego_fields_missing_total{field="process.command_args",reason="truncated"}"#);
    assert!(cut >= 5, "{text}");
    assert!(text.contains(r#"tracego_findings_total{rule="TG001",severity="low"} 0"#), "{text}");
    assert!(text.contains("tracego_config_info{sha256=\""), "{text}");
    let digest = text.split("tracego_config_info{sha256=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(digest.len(), 64);
}

fn installed(program: &str) -> Option<String> {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    (!there).then(|| format!("needs {program}: apt-get install --no-install-recommends prometheus"))
}

fn needs_promtool() -> Option<String> {
    installed("promtool")
}

fn needs_prometheus() -> Option<String> {
    installed("prometheus")
}

fn promtool() {
    let (text, _) = worked();
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = ChildGuard(check.spawn().unwrap());
    check.0.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = check.output();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{text}", String::from_utf8_lossy(&said));
}

fn prometheus() {
    let (running, address) = watched(&[]);
    lives(10);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let jobs = format!(
        "scrape_configs:\n- job_name: tracego\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['{address}']\n"
    );
    fs::write(&config, jobs).unwrap();
    let port = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut server = Command::new("prometheus");
    server.arg(format!("--config.file={}", config.display()));
    server.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    server.arg(format!("--web.listen-address={port}"));
    let server = ChildGuard(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let ask = |query: &str| -> Option<f64> {
        let stream = TcpStream::connect(port).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let request = format!(
            "GET /api/v1/query?query={query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(stream, &request)?;
        let start = answer.body.find('{')?;
        let end = answer.body.rfind('}')?;
        let json: serde_json::Value = serde_json::from_str(&answer.body[start..=end]).ok()?;
        json["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    };
    wait_until("Prometheus has scraped", || ask("up%7Bjob=%22tracego%22%7D") == Some(1.0));
    wait_until("it has the records", || {
        ask("tracego_events_total%7Bstage=%22written%22%7D").is_some_and(|written| written >= 10.0)
    });
    let median = ask("histogram_quantile(0.5,tracego_record_latency_seconds_bucket)");
    assert!(median.is_some_and(|median| median > 0.0 && median < 60.0), "{median:?}");
    assert_eq!(ask("tracego_build_info"), Some(1.0));
    assert_eq!(ask("scrape_samples_scraped%7Bjob=%22tracego%22%7D%20%3E%20bool%2050"), Some(1.0));
    drop(server);
    running.terminate();
    assert_eq!(running.output().status.code(), Some(0));
}
