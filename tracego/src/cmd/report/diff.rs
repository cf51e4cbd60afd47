//! The command `tracego diff`: compares the processes of two runs.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use serde::Serialize;
use tracego_report::{
    baseline::{Baseline, BaselineComparison},
    history::{ProgramRun, RunHistory},
    report::shown_time,
    wire::BASELINE_SCHEMA,
};

use super::{input, name_problems, of_job};
use crate::{
    cli::{RunDiff, wrong_usage},
    cmd::{code, plain_output::PlainOutput},
};

/// A difference, as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
enum Difference<'a> {
    New { command: String, starts: u64, via: &'a [String], key: String },
    OtherUser { command: String, user: &'a str, before: &'a [String] },
    Slower { command: String, ms: u64, before_ms: u64 },
    Changed { executable: &'a str, digest: &'a str, before: &'a str },
    Gone { key: String, via: &'a [String] },
}

/// Compares two runs and prints what differs.
///
/// # Errors
/// Fails if standard output cannot be written.
pub(crate) fn diff(asked: &RunDiff, is_quiet: bool) -> anyhow::Result<ExitCode> {
    let (before, unread) = baseline(&asked.before, is_quiet)?;
    let after = input::history(std::slice::from_ref(&asked.after), is_quiet);
    name_problems(&after);
    let unread = unread + after.completeness.unread_lines;
    let after = of_job(after, asked.job.as_deref())?;
    let comparison = BaselineComparison::new(&before, &after);
    let differences = differences(&comparison, &after);
    let mut out = PlainOutput::stdout(asked.report.is_json());
    let done = if asked.report.is_json() {
        differences.iter().try_for_each(|difference| {
            serde_json::to_writer(&mut out, difference).map_err(io::Error::from)?;
            writeln!(out)
        })
    } else {
        print(&differences, (before.entries.len(), after.programs.len()), &mut out)
    };
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        done => done.context("cannot write to standard output")?,
    }
    Ok(match () {
        () if asked.fail_on_new && !comparison.new.is_empty() => ExitCode::from(code::FINDINGS),
        () if unread > 0 => ExitCode::from(code::RUNNING),
        () => ExitCode::SUCCESS,
    })
}

/// Returns a baseline: a file that is one, or the processes of records. The number is that of unread lines.
fn baseline(path: &Path, is_quiet: bool) -> anyhow::Result<(Baseline, u64)> {
    if !begins_as_baseline(path) {
        let history = input::history(&[path.to_owned()], is_quiet);
        name_problems(&history);
        return Ok((Baseline::of_run(&history), history.completeness.unread_lines));
    }
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    match Baseline::parse(&bytes) {
        Ok(baseline) => Ok((baseline, 0)),
        Err(error) => wrong_usage!("{}: {error}", path.display()),
    }
}

fn begins_as_baseline(path: &Path) -> bool {
    let wanted = format!("{{\"schema\":\"{BASELINE_SCHEMA}\"");
    let mut begin = vec![0; wanted.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == wanted.as_bytes()
}

fn differences<'a>(comparison: &'a BaselineComparison, history: &'a RunHistory) -> Vec<Difference<'a>> {
    let command = |at: usize| history.programs.get(at).map(ProgramRun::command_line).unwrap_or_default();
    let new = comparison.new.iter().map(|new| Difference::New {
        command: command(new.program),
        starts: new.count,
        via: &new.key.via,
        key: new.key.to_string(),
    });
    let users = comparison.other_users.iter().map(|other| Difference::OtherUser {
        command: command(other.program),
        user: &other.user,
        before: &other.before,
    });
    let slower = comparison.slower.iter().map(|slower| Difference::Slower {
        command: command(slower.program),
        ms: slower.wall_ms,
        before_ms: slower.before_ms,
    });
    let changed = comparison.changed.iter().map(|changed| Difference::Changed {
        executable: &changed.path,
        digest: &changed.digest,
        before: &changed.before,
    });
    let gone = comparison.gone.iter().map(|key| Difference::Gone { key: key.to_string(), via: &key.via });
    new.chain(users).chain(slower).chain(changed).chain(gone).collect()
}

fn print(differences: &[Difference<'_>], sizes: (usize, usize), out: &mut impl Write) -> io::Result<()> {
    let via = |via: &[String]| {
        if via.is_empty() { String::new() } else { format!("\n          by {}", via.join(" → ")) }
    };
    let milliseconds = |ms: u64| shown_time(ms.saturating_mul(1_000_000));
    for difference in differences {
        match difference {
            Difference::New { command, starts, via: above, .. } => {
                let times = if *starts > 1 { format!(" ({starts} times)") } else { String::new() };
                writeln!(out, "new       {command}{times}{}", via(above))?;
            }
            Difference::OtherUser { command, user, before } => {
                writeln!(out, "user      {command}: {user}, before {}", before.join(", "))?;
            }
            Difference::Slower { command, ms, before_ms } => {
                let (now, before) = (milliseconds(*ms), milliseconds(*before_ms));
                writeln!(out, "slower    {command}: {now}, before at most {before}")?;
            }
            Difference::Changed { executable, digest, before } => {
                writeln!(out, "changed   {executable}: {digest}, before {before}")?;
            }
            Difference::Gone { key, via: above } => writeln!(out, "gone      {key}{}", via(above))?,
        }
    }
    if differences.is_empty() {
        writeln!(out, "no difference: {} kinds of processes, {} program starts", sizes.0, sizes.1)?;
    }
    Ok(())
}
