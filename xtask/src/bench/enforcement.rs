//! The cost of deciding about program starts, and the delay of a kill that a policy decides.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::agent::Agent;
use super::kernel::{counted, us};
use super::table::{Row, median, percentile, range, row};
use super::{Bench, OPTIONS};

/// Number of programs that are killed after their start, each with different arguments.
const STARTS: usize = 500;

/// Measures decisions, allowed starts and late kills.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = decisions(bench)?;
    rows.push(allowed(bench)?);
    rows.push(ended(bench)?);
    Ok(rows)
}

/// Returns the configuration with the most rules. The last rule inspects the arguments of the storm's
/// program.
fn many() -> String {
    let rule = |n: usize, what: &str| format!("[[enforce.rules]]\nname = \"rule-{n}\"\n{what}\n");
    let mut rules = String::new();
    for n in 0..60 {
        rules += &rule(n, &format!("path = [\"none-{n}\"]\nargs = [\"run\", \"a*\"]"));
    }
    rules + &rule(60, "path = [\"tiny\"]\nargs = [\"run\", \"a*\", \"b\"]")
}

/// Measures the mean time of one decision, as the kernel counts it. No rule matches.
fn decisions(bench: &Bench) -> Result<Vec<Row>> {
    let config = bench.folder.path().join("many.toml");
    fs::write(&config, many()).context("cannot write a configuration")?;
    let config = config.to_str().context("not UTF-8")?;
    let cases = [
        ("only the built-in rules", vec!["--enforce", "kill"]),
        ("61 rules, its arguments read", vec!["--enforce", "kill", "--config", config]),
    ];
    let mut rows = Vec::new();
    for (name, more) in cases {
        let runs = counted(bench, &[&OPTIONS[..], &more].concat(), "off")?;
        // Programs are listed in load order; the decision is the last one.
        let decided = runs.last().copied().unwrap_or_default();
        rows.push(row(format!("kernel side: a decision about an exec, {name}"), "≤ 1 µs", us(decided)));
    }
    Ok(rows)
}

/// Compares program lifetimes at a hundred starts a second, observed with and without decisions.
fn allowed(bench: &Bench) -> Result<Row> {
    let mut added = Vec::new();
    for _ in 0..bench.pairs {
        let median = |more: &[&str]| -> Result<f64> {
            let agent = Agent::start(&bench.tracego, &[&OPTIONS[..], more].concat(), "off")?;
            let done = bench.storm.calm(bench.seconds)?;
            agent.stop()?;
            Ok(done.median_us)
        };
        let without = median(&[])?;
        added.push(median(&["--enforce", "kill"])? - without);
    }
    let (low, high) = range(&added);
    let value = format!("{:+.1} µs ({low:+.1} to {high:+.1})", median(&mut added));
    Ok(row("100 starts a second: added by --enforce to the median start, end and reaping", "≤ 1 µs", value))
}

/// Measures the time from exec to SIGKILL when only a policy can reject the program. No start is remembered.
fn ended(bench: &Bench) -> Result<Row> {
    let folder = bench.folder.path();
    let (policy, records) = (folder.join("policy.rego"), folder.join("ended"));
    let text = "package tracego.process\n\ndeny contains {\"id\": \"doze\", \"msg\": \"no\"} if {\n\
        \tinput.process.name == \"sleep\"\n\tinput.process.argv[1] == \"60\"\n}\n";
    fs::write(&policy, text).context("cannot write a policy")?;
    let _old = fs::remove_file(&records);
    let [policy, to] = [&policy, &records].map(|path| path.to_str().unwrap_or_default());
    let options = [&OPTIONS[..], &["--enforce", "kill", "--policy", policy, "--output-file", to]].concat();
    let agent = Agent::start(&bench.tracego, &options, "off")?;
    sleep(Duration::from_millis(500));
    for n in 0..STARTS {
        let mut sleep = Command::new("sleep");
        let status = sleep.args(["60", &format!("0.{n:04}")]).stdin(Stdio::null()).status()?;
        ensure!(!status.success(), "a program that the policy denies ran to its end");
        std::thread::sleep(Duration::from_millis(8));
    }
    agent.stop()?;
    let mut delays = Vec::new();
    for line in fs::read_to_string(&records)?.lines() {
        let record: Value = serde_json::from_str(line)?;
        let decided = &record["tracego"]["enforcement"];
        if decided["when"] == "after-start" {
            delays.push(decided["delay"].as_f64().context("a record without a delay")? / 1e6);
        }
    }
    ensure!(delays.len() == STARTS, "{} of {STARTS} were ended after their start", delays.len());
    let value =
        format!("p50 {:.2} ms, p99 {:.2} ms, of {STARTS}", median(&mut delays), percentile(&mut delays, 99));
    Ok(row("from exec to SIGKILL when a policy denies the start", "p99 ≤ 2 ms", value))
}
