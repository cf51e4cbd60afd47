//! The cost of Go support: reading an executable for the first time, and the rules for each record.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::replay;
use super::table::{Row, median, row};
use crate::shell;

/// Number of rules; their ids are used to disable them.
const RULES: u32 = 18;

/// Measures both.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = images(bench)?;
    rows.push(rules(bench)?);
    Ok(rows)
}

/// Measures reading tracego itself, the shell, and a go command if there is one.
fn images(bench: &Bench) -> Result<Vec<Row>> {
    let program = super::build("tracego", Some("image"))?;
    let mut files = vec![bench.tracego.clone(), Path::new("/bin/sh").to_owned()];
    // The go command comes from the toolchains that the tests have downloaded.
    let toolchains = fs::read_dir(shell::target()?.join("go")).into_iter().flatten().flatten();
    files.extend(toolchains.map(|entry| entry.path().join("bin/go")).filter(|go| go.exists()).max());
    let mut rows = Vec::new();
    for file in files {
        let mut command = std::process::Command::new(&program);
        let text = shell::output(command.arg(&file).arg("2000"))?;
        let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let [median, high] = numbers[..] else {
            anyhow::bail!("unexpected output of the measurement: {text:?}")
        };
        let name = file.file_name().context("a file without a name")?.to_string_lossy().into_owned();
        let size = fs::metadata(&file)?.len() as f64 / 1e6;
        rows.push(row(
            format!("an executable is read for the first time: {name}, {size:.1} MB, in the page cache"),
            "≤ 100 µs",
            format!("p50 {median:.0} µs, p99 {high:.0} µs"),
        ));
    }
    Ok(rows)
}

/// Compares replays of a captured storm with all rules and with no rule.
fn rules(bench: &Bench) -> Result<Row> {
    let capture = replay::capture(bench, "rules", 2)?;
    let off: String = (1..=RULES).map(|n| format!("[rules.TG{n:03}]\nenabled = false\n")).collect();
    let config = bench.folder.path().join("off.toml");
    fs::write(&config, off)?;
    let config = config.to_str().context("the temporary folder is not UTF-8")?;
    let (mut on, mut without) = (Vec::new(), Vec::new());
    for _ in 0..bench.pairs {
        let each = |options: &[&str]| -> Result<f64> {
            let replayed = replay::replay(bench, &capture, options)?;
            ensure!(replayed.records > 0, "an empty replay");
            Ok(replayed.seconds * 1e6 / replayed.records as f64)
        };
        without.push(each(&["--config", config])?);
        on.push(each(&[])?);
    }
    let (on, without) = (median(&mut on), median(&mut without));
    Ok(row(
        "replay: added by all rules to a record",
        "≤ 5 µs",
        format!("{:+.2} µs on {without:.2} µs, median of {}", on - without, bench.pairs),
    ))
}
