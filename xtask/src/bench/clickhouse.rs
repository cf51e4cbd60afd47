//! The agent's cost of a sink of the type `clickhouse`: captured builds are replayed into it, into a file, and into nothing.
//!
//! The receiver is a thread of this program, which reads requests and answers them; CPU is counted of tracego alone.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use super::Bench;
use super::fleet::Builds;
use super::table::{Row, median, range, row};
use crate::shell;

/// The requests that the receiver has read.
#[derive(Default)]
struct Received {
    inserts: AtomicU64,
    bytes: AtomicU64,
}

/// Replays of one sample: the kernel counts CPU in hundredths of a second.
const REPEATS: u32 = 5;
/// Replays that may overrun the queue before the measurement gives up.
const ATTEMPTS: u32 = 20;

/// The CPU microseconds of a record in one sample, the start and the end of the program left out.
struct Sample {
    sink: f64,
    file: f64,
    nothing: f64,
}

/// Compares the CPU of three replays, in alternation. A short capture shows what a run costs without its records.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    // More than one round at full speed would overrun the queue of a sink without a spool.
    let long = Builds::captured(bench, 1)?.capture;
    let short = shell::root()?.join("tests/golden/go.capture");
    let received = Arc::new(Received::default());
    let config = bench.folder.path().join("clickhouse.toml");
    let text = fs::read_to_string(shell::root()?.join("deploy/clickhouse/sink.toml"))?;
    fs::write(&config, text.replace("127.0.0.1:8123", &receive(&received)?))?;
    let config = config.to_str().context("the temporary folder is not UTF-8")?;
    let file = bench.records()?;
    let file = file.to_str().context("the temporary folder is not UTF-8")?;
    let events = ["-e", "execve,exit", "--output", "json", "--detail", "full", "--output-file"];
    let into_file = [&events[..], &[file]].concat();
    let into_nothing =
        [&events[..], &["/dev/null", "--min-severity", "critical", "--only-findings"]].concat();
    let counted = |capture: &Path| -> Result<f64> {
        replay(bench, capture, &into_file)?;
        let records = fs::read(file)?.iter().filter(|&&byte| byte == b'\n').count();
        fs::remove_file(file)?;
        Ok(records as f64)
    };
    let records = counted(&long)? - counted(&short)?;
    received.bytes.store(0, Ordering::Relaxed);
    let mut samples = Vec::new();
    for _ in 0..bench.pairs.max(3) {
        let each = |options: &[&str]| -> Result<f64> {
            let (long, short) =
                (replayed(bench, &long, options, file)?, replayed(bench, &short, options, file)?);
            Ok((long - short) * 1e6 / f64::from(REPEATS) / records)
        };
        samples.push(Sample {
            nothing: each(&into_nothing)?,
            file: each(&into_file)?,
            sink: each(&["--config", config])?,
        });
    }
    ensure!(received.inserts.load(Ordering::Relaxed) > 0, "nothing was inserted");
    let shown = |of: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(of).collect();
        let (low, high) = range(&values);
        format!("{:.1} µs of CPU a record ({low:.1} to {high:.1})", median(&mut values))
    };
    let sent =
        received.bytes.load(Ordering::Relaxed) as f64 / f64::from(REPEATS) / samples.len() as f64 / records;
    Ok(vec![
        row(
            "a sink of the type clickhouse, above the same records in a file: queue, zstd, HTTP",
            "≤ 8 µs a record",
            format!("{}; {sent:.0} B a record are sent", shown(|sample| sample.sink - sample.file)),
        ),
        row(
            "records in a file, above a replay into nothing: JSON",
            "shown",
            shown(|sample| sample.file - sample.nothing),
        ),
        row("a replay into nothing: decode, enrich, rules", "shown", shown(|sample| sample.nothing)),
    ])
}

/// Replays the capture several times. Returns the CPU seconds of the finished processes.
fn replayed(bench: &Bench, capture: &Path, options: &[&str], file: &str) -> Result<f64> {
    let mut cpu = 0.0;
    for _ in 0..REPEATS {
        cpu += replay(bench, capture, options)?;
        if options.contains(&file) {
            fs::remove_file(file)?;
        }
    }
    Ok(cpu)
}

/// Replays the capture once. Returns its CPU seconds. On a busy machine, records at full speed may overrun the queue of a
/// sink; such a replay is not counted.
fn replay(bench: &Bench, capture: &Path, options: &[&str]) -> Result<f64> {
    for _ in 0..ATTEMPTS {
        let before = of_children()?;
        let mut replay = Command::new(&bench.tracego);
        replay.arg("replay").arg(capture).args(options).env("TRACEGO_CONFIG", "none").stdout(Stdio::null());
        let output = replay.stderr(Stdio::piped()).output().context("cannot start the replay")?;
        if output.status.success() {
            return Ok(of_children()? - before);
        }
        let report = String::from_utf8_lossy(&output.stderr);
        ensure!(report.contains("lost stalled"), "{report}");
    }
    bail!("{ATTEMPTS} replays overran the queue of the sink")
}

/// Returns the CPU seconds of all processes that this one has waited for.
fn of_children() -> Result<f64> {
    let stat = procfs::process::Process::myself()?.stat()?;
    Ok((stat.cutime + stat.cstime) as f64 / procfs::ticks_per_second() as f64)
}

/// Starts a receiver. Returns its address.
fn receive(received: &Arc<Received>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let received = Arc::clone(received);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let received = Arc::clone(&received);
            thread::spawn(move || serve(stream, &received));
        }
    });
    Ok(address)
}

/// Answers the requests of a connection until it ends.
fn serve(stream: TcpStream, received: &Received) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let lower = line.to_ascii_lowercase();
            length = lower
                .strip_prefix("content-length:")
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(length);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        received.inserts.fetch_add(u64::from(length > 0), Ordering::Relaxed);
        received.bytes.fetch_add(length as u64, Ordering::Relaxed);
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}
