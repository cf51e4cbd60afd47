//! Decode → enrich → JSON without the kernel: a captured storm is replayed into a file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::agent::Agent;
use super::table::{Row, median, row};

/// The measurements of one replay.
pub(super) struct ReplayResult {
    pub(super) records: u64,
    pub(super) seconds: f64,
    /// Peak resident memory in MiB.
    peak: f64,
}

/// Replays a short and a long capture.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let short = capture(bench, "short", 2)?;
    let long = capture(bench, "long", 8)?;
    let mut rates = Vec::new();
    let once = |file: &Path| replay(bench, file, &[]);
    let small = once(&short)?;
    let mut big = once(&long)?;
    for _ in 0..bench.pairs {
        big = once(&long)?;
        rates.push(big.records as f64 / big.seconds);
    }
    let value = format!(
        "{:.0} a second, median of {}, {} records each",
        median(&mut rates),
        bench.pairs,
        big.records
    );
    let memory = format!(
        "{:.1} MiB for {} records, {:.1} MiB for {}",
        small.peak, small.records, big.peak, big.records
    );
    Ok(vec![
        row("replay to JSON in a file", "≥ 500,000 records a second", value),
        row("replay: most resident memory", "does not grow with the capture", memory),
    ])
}

pub(super) fn capture(bench: &Bench, name: &str, seconds: u64) -> Result<std::path::PathBuf> {
    let file = bench.folder.path().join(name);
    let path = file.to_str().context("the temporary folder is not UTF-8")?;
    let agent = Agent::start(&bench.tracego, &["capture", "--heartbeat", "0", path], "off")?;
    bench.storm.full(&bench.storm.tiny(), seconds)?;
    agent.stop()?;
    Ok(file)
}

/// Replays a capture. All kinds of events are written, so that each passes through the whole pipeline.
pub(super) fn replay(bench: &Bench, file: &Path, options: &[&str]) -> Result<ReplayResult> {
    let out = bench.folder.path().join("records");
    fs::File::create(&out)?;
    let begun = Instant::now();
    let mut child = Command::new(&bench.tracego)
        .args(["replay", "-e", "execve,exit,fork", "--output", "json", "--output-file"])
        .args([&out, file])
        .args(options)
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start the replay")?;
    let mut peak = 0.0_f64;
    let status = loop {
        if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", child.id())) {
            let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = high.and_then(|high| high.trim().trim_end_matches(" kB").parse::<f64>().ok());
            peak = peak.max(kib.unwrap_or_default() / 1024.0);
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        sleep(Duration::from_millis(2));
    };
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(status.success(), "the replay ended with {status}");
    let records = bytecount(&fs::read(&out)?);
    fs::remove_file(&out)?;
    Ok(ReplayResult { records, seconds, peak })
}

fn bytecount(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
