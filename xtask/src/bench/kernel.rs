//! Time in the kernel side, as the kernel counts it (`kernel.bpf_stats_enabled`).

use std::fs;

use anyhow::{Context, Result};

use super::agent::{Agent, ProgramRunTime};
use super::table::{Row, row};
use super::{Bench, OPTIONS};

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// Programs in load order, and the goal of each.
const PROGRAMS: [(&str, &str); 3] = [
    ("kernel side: a fork", "≤ 0.5 µs"),
    ("kernel side: an exit", "≤ 0.5 µs"),
    ("kernel side: an exec, 40 variables, 3 allowed", "≤ 2.5 µs"),
];

/// Measures the mean time of each program in a storm.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let runs = storm(bench, "off")?;
    let rows = PROGRAMS.iter().zip(runs).map(|(&(name, goal), run)| row(name, goal, us(run)));
    Ok(rows.collect())
}

/// Compares the exec program with diagnostics of the kernel side off and at trace.
pub(super) fn diagnostics(bench: &Bench) -> Result<Vec<Row>> {
    let exec =
        |log| Ok::<ProgramRunTime, anyhow::Error>(storm(bench, log)?.last().copied().unwrap_or_default());
    let (off, on) = (exec("off")?, exec("tracego_ebpf=trace")?);
    let value = format!("{} / {}", us(off), us(on));
    Ok(vec![row("kernel side: an exec, diagnostics off / at trace", "off costs nothing", value)])
}

/// Formats the mean time of a run.
pub(super) fn us(run: ProgramRunTime) -> String {
    format!("{:.2} µs", run.ns as f64 / 1e3 / run.count.max(1) as f64)
}

/// Runs a storm with the kernel's BPF statistics on, and restores the setting afterwards.
fn storm(bench: &Bench, log: &str) -> Result<Vec<ProgramRunTime>> {
    counted(bench, &OPTIONS, log)
}

/// Runs the [`storm`] with other options.
pub(super) fn counted(bench: &Bench, options: &[&str], log: &str) -> Result<Vec<ProgramRunTime>> {
    let before = fs::read_to_string(SWITCH).with_context(|| format!("cannot read {SWITCH}"))?;
    fs::write(SWITCH, "1").with_context(|| format!("cannot write {SWITCH}"))?;
    let measured = (|| {
        let agent = Agent::start(&bench.tracego, options, log)?;
        bench.storm.full(&bench.storm.tiny(), bench.seconds)?;
        let runs = agent.runs()?;
        agent.stop()?;
        Ok(runs)
    })();
    fs::write(SWITCH, before).with_context(|| format!("cannot write {SWITCH}"))?;
    measured
}
