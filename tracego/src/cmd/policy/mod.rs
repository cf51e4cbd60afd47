//! `tracego policy`: work with bundles without an agent.

mod bench;
mod check;
mod eval;
mod records;
mod sign;
mod test;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use serde::Serialize;

use super::code;
use crate::{
    cli::{Bundles, Policy, PolicyAction},
    enrich::record::event_name,
    policy::bundle::{self, Bundle},
};

/// Bytes of one record; tracego's own are far smaller.
const MAX_RECORD: u64 = 4 << 20;

/// Does what is asked.
///
/// # Errors
/// When a file cannot be read, a bundle not be loaded, or standard output refuses something.
pub(super) fn policy(asked: &Policy) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let done = match &asked.action {
        PolicyAction::Check(asked) => check::check(asked, &mut out),
        PolicyAction::Test(asked) => test::test(asked, &mut out),
        PolicyAction::Eval(asked) => eval::eval(asked, &mut out),
        PolicyAction::Bench(asked) => bench::bench(asked, &mut out),
        PolicyAction::Sign(asked) => sign::sign(asked, &mut out),
    };
    match done {
        Ok(good) => Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(code::RUNNING) }),
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn load(bundles: &Bundles) -> anyhow::Result<Vec<Bundle>> {
    let load = |path: &std::path::PathBuf| {
        bundle::load(path, None).with_context(|| format!("cannot load {}", path.display()))
    };
    bundles.bundles.iter().map(load).collect()
}

fn json<T: Serialize + ?Sized>(out: &mut impl Write, value: &T) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// One record.
fn record(path: &Path) -> anyhow::Result<serde_json::Value> {
    let mut text = String::new();
    let name = path.display();
    open(path)?.take(MAX_RECORD).read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
    serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

/// What a log holds beside what is asked for.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Passed {
    /// Records of other kinds.
    others: u64,
    /// Lines that are no JSON objects, or too long.
    unreadable: u64,
}

/// Calls for each program start of a log, until it says false.
fn starts(path: &Path, mut each: impl FnMut(serde_json::Value) -> bool) -> anyhow::Result<Passed> {
    let mut from = open(path)?;
    let mut passed = Passed::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut from).take(MAX_RECORD).read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read {}", path.display()))? == 0 {
            return Ok(passed);
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == MAX_RECORD {
            from.skip_until(b'\n').with_context(|| format!("cannot read {}", path.display()))?;
            passed.unreadable += 1;
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<serde_json::Value>(&line) {
            Ok(record) if record.get("event_name").is_some_and(|name| name == event_name::START) => {
                if !each(record) {
                    return Ok(passed);
                }
            }
            Ok(record) if record.is_object() => passed.others += 1,
            _ => passed.unreadable += 1,
        }
    }
}
