//! The cost of digests: tracego with and without hashing in turn, of files that it knows, that it sees for the first time, and
//! that are not in memory. Records are written to a file, and the programs have the arguments of a compiler.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Bench, OPTIONS,
    agent::Agent,
    storm::Workload,
    table::{Row, median, percentile, range, row},
};
use crate::shell;

/// Size of an executable, that of a small Go program.
const FILE: usize = 4 << 20;
/// Time between two starts. Four mebibytes at 25 starts a second are half of what `--digest-rate` allows.
const PAUSE: Duration = Duration::from_millis(40);
/// Time between two looks at the file of records.
const LOOK: Duration = Duration::from_micros(250);
/// Time for the last digests.
const REST: Duration = Duration::from_millis(1500);

/// The state of the files before their start.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Files {
    /// One file, started again and again.
    Known,
    /// Each file once, in the page cache.
    New,
    /// Each file once, not in the page cache.
    Cold,
}

/// The delays of one run, in milliseconds.
struct Delays {
    starts: Vec<f64>,
    digests: Vec<f64>,
    cpu: f64,
}

/// Measures the delay from exec to the written record, and the storm.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir_in(bench.folder.path())?;
    let count = usize::try_from(bench.seconds)?.saturating_mul(1000) / usize::try_from(PAUSE.as_millis())?;
    let programs = programs(bench, folder.path(), count.max(20))?;
    let mut rows = Vec::new();
    for (name, files) in [
        ("a file that is known", Files::Known),
        ("each file for the first time, in the page cache", Files::New),
        ("each file for the first time, not in the page cache", Files::Cold),
    ] {
        rows.extend(delays(bench, &programs, name, files)?);
    }
    rows.push(storm(bench)?);
    Ok(rows)
}

/// Makes programs that differ in content: the smallest one, with other bytes behind it.
fn programs(bench: &Bench, folder: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let tiny = fs::read(bench.storm.tiny_program())?;
    let make = |n: usize| {
        let path = folder.join(format!("program-{n}"));
        let mut content = tiny.clone();
        content.extend_from_slice(&n.to_le_bytes());
        content.resize(FILE, u8::try_from(n % 251)?);
        let mut file = File::create(&path)?;
        file.write_all(&content)?;
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
        file.sync_all()?;
        Ok(path)
    };
    (0..count).map(make).collect()
}

fn delays(bench: &Bench, programs: &[PathBuf], name: &str, files: Files) -> Result<Vec<Row>> {
    let (mut middle, mut tail, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let (mut with, mut without, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..bench.pairs {
        // In turn, so that neither is always the second.
        let hashed_first = pair % 2 == 0;
        let first = measured(bench, programs, files, hashed_first)?;
        let second = measured(bench, programs, files, !hashed_first)?;
        let (mut hashed, mut plain) = if hashed_first { (first, second) } else { (second, first) };
        middle.push(median(&mut hashed.starts) / median(&mut plain.starts));
        tail.push(percentile(&mut hashed.starts, 99) / percentile(&mut plain.starts, 99));
        cpu.push((hashed.cpu - plain.cpu) * 1e6 / hashed.starts.len().max(1) as f64);
        with.append(&mut hashed.starts);
        without.append(&mut plain.starts);
        digests.append(&mut hashed.digests);
    }
    let ratio = |values: &mut [f64]| {
        let (low, high) = range(values);
        format!("{:.3} ({low:.3} to {high:.3})", median(values))
    };
    let value = format!(
        "p50 {}, p99 {}; p50 {:.1} ms and {:.1} without, p99 {:.1} ms and {:.1} without, of {} starts; {:+.0} µs of tracego's CPU a start",
        ratio(&mut middle),
        ratio(&mut tail),
        median(&mut with),
        median(&mut without),
        percentile(&mut with, 99),
        percentile(&mut without, 99),
        with.len(),
        median(&mut cpu),
    );
    let pairs = bench.pairs;
    let mut rows = vec![row(
        format!("exec to written record, {name}: with / without digests, median of {pairs} pairs"),
        "1",
        value,
    )];
    if !digests.is_empty() {
        let value = format!(
            "p50 {:.1} ms, p99 {:.1} ms, of {}",
            median(&mut digests),
            percentile(&mut digests, 99),
            digests.len()
        );
        rows.push(row(format!("exec to the written digest, {name}"), "shown", value));
    }
    Ok(rows)
}

/// Starts the programs one after the other, and returns the delays of their records.
fn measured(bench: &Bench, programs: &[PathBuf], files: Files, hashes: bool) -> Result<Delays> {
    let records = bench.records()?;
    File::create(&records)?;
    let digest = format!("--digest={hashes}");
    let mut options: Vec<&str> = OPTIONS.to_vec();
    options.extend([digest.as_str(), "--output-file", records.to_str().context("a path that is no text")?]);
    if files == Files::Cold {
        programs.iter().try_for_each(|program| evict(program))?;
    }
    let agent = Agent::start(&bench.tracego, &options, "off")?;
    let known = programs.first().context("no program")?;
    if files == Files::Known {
        // Hashed before the first start that counts.
        start(bench, known)?;
        thread::sleep(REST);
    }
    let ended = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (records, ended) = (records.clone(), Arc::clone(&ended));
        move || arrivals(&records, &ended)
    });
    let before = agent.usage()?.cpu;
    let begun = Instant::now();
    for (n, program) in programs.iter().enumerate() {
        start(bench, if files == Files::Known { known } else { program })?;
        let next = PAUSE.saturating_mul(u32::try_from(n + 1)?);
        thread::sleep(next.saturating_sub(begun.elapsed()));
    }
    thread::sleep(REST);
    let cpu = agent.usage()?.cpu - before;
    let ledger = agent.stop()?;
    ended.store(true, Ordering::Relaxed);
    let (starts, digests) = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    ensure!(
        ledger.lost == 0 && starts.len() == programs.len(),
        "{} of {} starts have a record",
        starts.len(),
        programs.len()
    );
    ensure!(hashes || digests.is_empty(), "--digest=false, and {} digests", digests.len());
    Ok(Delays { starts, digests, cpu })
}

/// Starts a program with the arguments of a compiler.
fn start(bench: &Bench, program: &Path) -> Result<()> {
    let mut command = bench.storm.program(&Workload::realistic(program))?;
    let ended = command.stdin(Stdio::null()).status().with_context(|| format!("{}", program.display()))?;
    ensure!(ended.success(), "{}: {ended}", program.display());
    Ok(())
}

/// Drops a file from the page cache.
fn evict(program: &Path) -> Result<()> {
    let from = format!("if={}", program.display());
    // Of no bytes: the advice is about the whole file.
    shell::output(Command::new("dd").args([
        &from,
        "of=/dev/null",
        "iflag=nocache",
        "count=0",
        "status=none",
    ]))?;
    Ok(())
}

/// Reads a file of records while it grows. Returns the delays of starts and of later digests of the programs.
fn arrivals(records: &Path, ended: &AtomicBool) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut file = File::open(records)?;
    // What is there already is not measured.
    let mut seen = fs::metadata(records)?.len();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(seen))?;
    let (mut rest, mut chunk) = (Vec::new(), vec![0; 1 << 20]);
    let (mut starts, mut digests) = (Vec::new(), Vec::new());
    let mut lines: Vec<(i128, Vec<u8>)> = Vec::new();
    loop {
        let is_last = ended.load(Ordering::Relaxed);
        let length = file.read(&mut chunk)?;
        if length == 0 {
            if is_last {
                break;
            }
            thread::sleep(LOOK);
            continue;
        }
        seen += length as u64;
        let now = i128::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
        rest.extend_from_slice(chunk.get(..length).unwrap_or_default());
        while let Some(at) = memchr::memchr(b'\n', &rest) {
            lines.push((now, rest.drain(..=at).collect()));
        }
    }
    ensure!(seen > 0, "no record was written");
    // Parsed at the end, so that it does not slow down what is measured.
    let mut times = std::collections::HashMap::new();
    for (now, line) in lines {
        let record: Value = serde_json::from_slice(&line)?;
        let name = record["process"]["executable"]["path"].as_str().unwrap_or_default();
        if !name.contains("/program-") {
            continue;
        }
        let (id, kind) = (record["tracego"]["exec_id"].to_string(), record["event_name"].as_str());
        let time = record["timestamp"].as_str().context("a record without a time")?;
        let time = OffsetDateTime::parse(time, &Rfc3339)?.unix_timestamp_nanos();
        match kind {
            Some("tracego.process.start") => {
                times.insert(id, time);
                starts.push((now - time) as f64 / 1e6);
            }
            Some("tracego.executable") => {
                let start = times.get(&id).context("a digest of no start")?;
                digests.push((now - start) as f64 / 1e6);
            }
            _ => {}
        }
    }
    Ok((starts, digests))
}

/// Compares storms of one known file.
fn storm(bench: &Bench) -> Result<Row> {
    let workload = bench.storm.realistic();
    let (mut ratios, mut lost) = (Vec::new(), 0);
    for pair in 0..bench.pairs {
        let mut rate = |hashes: bool| -> Result<f64> {
            let records = bench.records()?;
            let digest = format!("--digest={hashes}");
            let mut options: Vec<&str> = OPTIONS.to_vec();
            options.extend([
                digest.as_str(),
                "--output-file",
                records.to_str().context("a path that is no text")?,
            ]);
            let agent = Agent::start(&bench.tracego, &options, "off")?;
            let rate = bench.storm.full(&workload, bench.seconds)?.rate;
            lost += agent.stop()?.lost;
            Ok(rate)
        };
        let hashed_first = pair % 2 == 0;
        let (first, second) = (rate(hashed_first)?, rate(!hashed_first)?);
        ratios.push(if hashed_first { first / second } else { second / first });
    }
    let (low, high) = range(&ratios);
    let value = format!("{:.3} ({low:.3} to {high:.3}); {lost} events lost", median(&mut ratios));
    Ok(row("storm with 8 arguments and 7 ancestors more: starts with / without digests", "1", value))
}
