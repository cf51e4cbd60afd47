//! The loss of throughput on a machine that starts programs at full speed, and tracego's own use of
//! resources.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::agent::{Agent, Usage};
use super::table::{Row, median, range, row};
use super::{Bench, OPTIONS};

/// Measures a storm of the smallest program.
pub(super) fn storm(bench: &Bench) -> Result<Vec<Row>> {
    pairs(bench, bench.storm.tiny(), "a static program", "≥ 0.90")
}

/// Measures a storm of a dynamically linked program.
pub(super) fn dynamic(bench: &Bench) -> Result<Vec<Row>> {
    pairs(bench, Path::new("/bin/true"), "/bin/true, dynamic", "≥ 0.96")
}

/// Runs storms without and with tracego in alternation.
fn pairs(bench: &Bench, program: &Path, name: &str, goal: &'static str) -> Result<Vec<Row>> {
    let (mut ratios, mut without, mut with) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lost, mut starts) = (0, 0);
    for _ in 0..bench.pairs {
        let bare = bench.storm.full(program, bench.seconds)?;
        let agent = Agent::start(&bench.tracego, &OPTIONS, "off")?;
        let watched = bench.storm.full(program, bench.seconds)?;
        lost += agent.stop()?.lost;
        starts += watched.starts;
        ratios.push(watched.rate / bare.rate);
        without.push(bare.rate);
        with.push(watched.rate);
    }
    let (low, high) = range(&ratios);
    let value = format!(
        "{:.3} ({low:.3} to {high:.3}); {:.0} → {:.0} starts a second; {lost} of {starts} starts lost",
        median(&mut ratios),
        median(&mut without),
        median(&mut with),
    );
    let name = format!("storm of {name}: with / without, median of {} pairs", bench.pairs);
    Ok(vec![row(name, goal, value)])
}

/// Measures losses, memory and the agent's CPU time in one long storm.
pub(super) fn long(bench: &Bench) -> Result<Vec<Row>> {
    let agent = Agent::start(&bench.tracego, &OPTIONS, "off")?;
    let before = agent.usage()?;
    let (done, early, high) = thread::scope(|scope| {
        let storm = scope.spawn(|| bench.storm.full(bench.storm.tiny(), bench.long));
        thread::sleep(Duration::from_secs(bench.long.min(60) / 6));
        let early = agent.usage()?;
        let mut high = early.rss;
        while !storm.is_finished() {
            high = high.max(agent.usage()?.rss);
            thread::sleep(Duration::from_millis(200));
        }
        let done = storm.join().map_err(|_| anyhow::anyhow!("the storm panicked"))??;
        Ok::<_, anyhow::Error>((done, early, high))
    })?;
    // The last records are written within the reader's longest pause.
    thread::sleep(Duration::from_millis(100));
    let Usage { cpu, rss } = agent.usage()?;
    let ledger = agent.stop()?;
    ensure!(ledger.hooked >= 3 * done.starts, "{} events of {} starts", ledger.hooked, done.starts);
    let (cpu, starts, hooked) = ((cpu - before.cpu) * 1e6, done.starts as f64, ledger.hooked as f64);
    let length = bench.long;
    Ok(vec![
        row(
            format!("storm of {length} s: lost"),
            "0",
            format!("{} of {} events, {} starts", ledger.lost, ledger.hooked, done.starts),
        ),
        row(
            format!("storm of {length} s: agent's CPU"),
            "≤ 10 µs an event",
            format!("{:.1} µs a start with its fork and exit, {:.1} µs an event", cpu / starts, cpu / hooked),
        ),
        row(
            format!("storm of {length} s: resident memory"),
            "< 32 MiB, flat",
            format!(
                "{:.1} MiB before, {:.1} after a sixth, {high:.1} at most, {rss:.1} at the end",
                before.rss, early.rss
            ),
        ),
    ])
}
