//! The loss of throughput on a machine that starts programs at full speed, and tracego's own use of
//! resources.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::agent::{Agent, Usage};
use super::storm::{StormResult, Workload};
use super::table::{Row, median, range, row};
use super::{Bench, OPTIONS};

/// Measures a storm of the smallest program, as it is and as a compiler in a CI job is started.
pub(super) fn storm(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = pairs(bench, &bench.storm.tiny(), "a static program", "≥ 0.90")?;
    let name = "a static program with 8 arguments and 7 ancestors more";
    rows.extend(pairs(bench, &bench.storm.realistic(), name, "≥ 0.90")?);
    Ok(rows)
}

/// Measures a storm of a dynamically linked program.
pub(super) fn dynamic(bench: &Bench) -> Result<Vec<Row>> {
    pairs(bench, &Workload::of(Path::new("/bin/true")), "/bin/true, dynamic", "≥ 0.96")
}

/// The storms of one recorder.
#[derive(Default)]
struct Recorded {
    /// Rate with the recorder / without.
    ratios: Vec<f64>,
    rates: Vec<f64>,
    /// CPU time of the recorder, µs a start.
    cpu: Vec<f64>,
    starts: u64,
    records: u64,
    bytes: u64,
}

impl Recorded {
    fn add(
        &mut self,
        bare: StormResult,
        watched: StormResult,
        cpu: f64,
        (records, begin): (&Path, &str),
    ) -> Result<()> {
        self.ratios.push(watched.rate / bare.rate);
        self.rates.push(watched.rate);
        self.cpu.push(cpu * 1e6 / watched.starts as f64);
        self.starts += watched.starts;
        let (mut lines, mut text) = (BufReader::with_capacity(1 << 20, File::open(records)?), Vec::new());
        while lines.read_until(b'\n', &mut text)? > 0 {
            self.records += u64::from(text.starts_with(begin.as_bytes()));
            self.bytes += text.len() as u64;
            text.clear();
        }
        Ok(())
    }

    fn text(&mut self) -> String {
        let (low, high) = range(&self.ratios);
        format!(
            "{:.3} ({low:.3} to {high:.3}); {:.0} starts a second; {:.1} µs of CPU a start; {:.0} bytes a record",
            median(&mut self.ratios),
            median(&mut self.rates),
            median(&mut self.cpu),
            self.bytes as f64 / self.records.max(1) as f64,
        )
    }
}

/// Runs storms without and with tracego in alternation, and with each peer. Records are written to a file.
fn pairs(bench: &Bench, workload: &Workload, name: &str, goal: &'static str) -> Result<Vec<Row>> {
    let (mut own, mut without, mut lost) = (Recorded::default(), Vec::new(), 0);
    let mut others: Vec<Recorded> = bench.peers.iter().map(|_| Recorded::default()).collect();
    for _ in 0..bench.pairs {
        let bare = bench.storm.full(workload, bench.seconds)?;
        without.push(bare.rate);
        let records = bench.records()?;
        let to = records.to_str().context("not UTF-8")?;
        let agent = Agent::start(&bench.tracego, &[&OPTIONS[..], &["--output-file", to]].concat(), "off")?;
        let before = agent.usage()?.cpu;
        let watched = bench.storm.full(workload, bench.seconds)?;
        thread::sleep(Duration::from_millis(200));
        let cpu = agent.usage()?.cpu - before;
        lost += agent.stop()?.lost;
        own.add(bare, watched, cpu, (&records, ""))?;
        for (peer, recorded) in bench.peers.iter().zip(&mut others) {
            let records = bench.records()?;
            let running = peer.start(&records)?;
            let before = running.cpu()?;
            let watched = bench.storm.full(workload, bench.seconds)?;
            thread::sleep(Duration::from_millis(200));
            let cpu = running.cpu()? - before;
            running.stop()?;
            recorded.add(bare, watched, cpu, (&records, peer.record_begins))?;
        }
    }
    let name = format!("storm of {name}: with / without, median of {} pairs", bench.pairs);
    let value = format!(
        "{}; {lost} of {} starts lost; {:.0} starts a second without",
        own.text(),
        own.starts,
        median(&mut without)
    );
    let mut rows = vec![row(name, goal, value)];
    for (peer, mut recorded) in bench.peers.iter().zip(others) {
        let value =
            format!("{}; {} records of {} starts", recorded.text(), recorded.records, recorded.starts);
        rows.push(row(
            format!("the same with {}, which leaves out {}", peer.name, peer.lacks),
            "shown",
            value,
        ));
    }
    Ok(rows)
}

/// Measures how often an idle tracego runs.
pub(super) fn idle(bench: &Bench) -> Result<Vec<Row>> {
    let agent = Agent::start(&bench.tracego, &OPTIONS, "info")?;
    // What it does about the programs that ran before is no part of this.
    thread::sleep(Duration::from_secs(3));
    let (before, switches) = (agent.usage()?, agent.switches()?);
    thread::sleep(Duration::from_secs(bench.seconds));
    let (after, more) = (agent.usage()?, agent.switches()?);
    agent.stop()?;
    let seconds = bench.seconds as f64;
    let value = format!(
        "{:.1} a second, {:.2} % of a CPU",
        (more - switches) as f64 / seconds,
        (after.cpu - before.cpu) * 100.0 / seconds
    );
    Ok(vec![row("wake-ups of an idle tracego", "≤ 10 a second, ≤ 0.1 %", value)])
}

/// Measures losses, memory and the agent's CPU time in one long storm.
pub(super) fn long(bench: &Bench) -> Result<Vec<Row>> {
    let records = bench.records()?;
    let to = records.to_str().context("not UTF-8")?;
    let agent = Agent::start(&bench.tracego, &[&OPTIONS[..], &["--output-file", to]].concat(), "off")?;
    let before = agent.usage()?;
    let (done, early, high) = thread::scope(|scope| {
        let storm = scope.spawn(|| bench.storm.full(&bench.storm.tiny(), bench.long));
        thread::sleep(Duration::from_secs(bench.long.min(60) / 6));
        let early = agent.usage()?;
        let mut high = early.pss;
        while !storm.is_finished() {
            high = high.max(agent.usage()?.pss);
            thread::sleep(Duration::from_millis(200));
        }
        let done = storm.join().map_err(|_| anyhow::anyhow!("the storm panicked"))??;
        Ok::<_, anyhow::Error>((done, early, high))
    })?;
    // The last records are written within the reader's longest pause.
    thread::sleep(Duration::from_millis(100));
    let Usage { cpu, pss } = agent.usage()?;
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
            format!("storm of {length} s: memory (PSS)"),
            "≤ 20 MiB before, ≤ 28 MiB, flat",
            format!(
                "{:.1} MiB before, {:.1} after a sixth, {high:.1} at most, {pss:.1} at the end",
                before.pss, early.pss
            ),
        ),
    ])
}
