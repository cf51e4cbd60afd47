//! Delays: of a program start on a calm machine, of its record, and of tracego's own startup.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::agent::Agent;
use super::table::{Row, median, percentile, range, row};
use super::{Bench, OPTIONS};

/// Compares program lifetimes at a hundred starts a second, without and with tracego.
pub(super) fn calm(bench: &Bench) -> Result<Vec<Row>> {
    let (mut added, mut without) = (Vec::new(), Vec::new());
    for _ in 0..bench.pairs {
        let bare = bench.storm.calm(bench.seconds)?.median_us;
        let agent = Agent::start(&bench.tracego, &OPTIONS, "off")?;
        let watched = bench.storm.calm(bench.seconds)?.median_us;
        agent.stop()?;
        added.push(watched - bare);
        without.push(bare);
    }
    let (low, high) = range(&added);
    let value =
        format!("{:+.1} µs ({low:+.1} to {high:+.1}) on {:.0} µs", median(&mut added), median(&mut without));
    Ok(vec![row("100 starts a second: added to the median start, end and reaping", "≤ 20 µs", value)])
}

/// Measures the delay from exec to the written record, and from tracego's start to its first record.
pub(super) fn delay(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = vec![first(bench)?];
    for (name, pause, workers) in [("100 starts a second", 9_900, 1), ("the storm", 0, 2)] {
        let mut delays = delays(bench, pause, workers)?;
        let value = format!(
            "p50 {:.1} ms, p99 {:.1} ms, of {} records",
            median(&mut delays),
            percentile(&mut delays, 99),
            delays.len()
        );
        rows.push(row(format!("exec to written record, {name}"), "shown", value));
    }
    Ok(rows)
}

fn watched(bench: &Bench, stderr: Stdio) -> Result<(std::process::Child, ChildStdout)> {
    let mut command = Command::new(&bench.tracego);
    let mut child = command.args(OPTIONS).stdout(Stdio::piped()).stderr(stderr).spawn()?;
    let out = child.stdout.take().context("no standard output")?;
    Ok((child, out))
}

/// Measures the time to the first record while another process starts programs continuously.
fn first(bench: &Bench) -> Result<Row> {
    let mut times = Vec::new();
    for _ in 0..11 {
        let mut storm = bench.storm.command(&bench.storm.tiny(), 2, 500).stdout(Stdio::null()).spawn()?;
        let begun = Instant::now();
        let (mut child, mut out) = watched(bench, Stdio::null())?;
        out.read_exact(&mut [0])?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        child.kill()?;
        child.wait()?;
        storm.kill()?;
        storm.wait()?;
    }
    let (low, high) = range(&times);
    let value = format!("{:.0} ms ({low:.0} to {high:.0}), median of 11", median(&mut times));
    Ok(row("from tracego's start to the first record", "< 100 ms", value))
}

/// Returns the delays in milliseconds from the time in a record to its arrival at the other end of a pipe.
fn delays(bench: &Bench, pause: u64, workers: usize) -> Result<Vec<f64>> {
    let (child, out) = watched(bench, Stdio::null())?;
    let pid = child.id();
    let reader = thread::spawn(move || arrivals(out));
    thread::sleep(Duration::from_millis(300));
    let storms: Vec<_> = (0..workers)
        .map(|_| bench.storm.command(&bench.storm.tiny(), bench.seconds, pause).stdout(Stdio::null()).spawn())
        .collect::<Result<_, _>>()?;
    for mut storm in storms {
        storm.wait()?;
    }
    thread::sleep(Duration::from_millis(100));
    let mut child = child;
    crate::shell::succeeds(Command::new("kill").args(["-TERM", &pid.to_string()]));
    child.wait()?;
    reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))?
}

/// Reads records and returns their delays. One line in sixteen is measured; more would slow down the
/// pipeline.
fn arrivals(out: ChildStdout) -> Result<Vec<f64>> {
    let mut lines = BufReader::with_capacity(1 << 20, out);
    let (mut line, mut delays, mut count) = (Vec::new(), Vec::new(), 0_u32);
    while lines.read_until(b'\n', &mut line)? > 0 {
        count += 1;
        if count.is_multiple_of(16) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
            let record: serde_json::Value = serde_json::from_slice(&line)?;
            let time = record["timestamp"].as_str().context("a record without a time")?;
            let time = OffsetDateTime::parse(time, &Rfc3339)?.unix_timestamp_nanos();
            delays.push((now as i128 - time) as f64 / 1e6);
        }
        line.clear();
    }
    Ok(delays)
}
