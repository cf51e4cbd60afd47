//! Files of records → the predicate. The files are hashed before they are read and after, so that the statement, its digests
//! and the check of the seals are about the same bytes.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::value::{RawValue, to_raw_value};
use tracego_attest::{
    configuration_history::ConfigurationHistory,
    record_origin::RecordOrigin,
    runtime_trace::{
        AttestedCompleteness, AttestedFile, LogVerdict, ProcessChoice, RuntimeTrace, TraceMaterial,
        TracedExecutable,
    },
    subject::Subject,
};
use tracego_deliver::seal::{
    key::PublicKey,
    verify::{Line, Options, Report, Told},
};
use tracego_report::history::{HistoryLimits, HistoryReader, RunHistory, SealVerdict};
use tracego_sbom::record::ProgramReader;

use crate::{
    cli::{Attest, TraceChoice, wrong_usage},
    cmd::{
        code, file_digest,
        report::{
            self,
            input::{self, RecordReader},
        },
        verify,
    },
};

/// The predicate, and the exit code that its completeness gives.
pub(super) struct RecordTrace {
    pub(super) predicate: Box<RawValue>,
    pub(super) status: u8,
}

/// A reader of everything that a trace is made of, in one pass.
struct TraceReader {
    history: HistoryReader,
    programs: ProgramReader,
    origin: RecordOrigin,
    configurations: ConfigurationHistory,
}

impl RecordReader for TraceReader {
    fn take_line(&mut self, line: &Line) {
        let _named = self.history.take(&line.bytes, &line.file, line.number);
        let _counted = self.programs.take(&line.bytes, &line.file, line.number);
        self.configurations.take(&line.bytes);
        if !self.origin.is_known() {
            self.origin.take(&line.bytes);
        }
    }

    fn unreadable(&mut self, file: &str, line: u64, reason: String) {
        self.history.unreadable(file, line, reason);
    }

    fn records(&self) -> u64 {
        self.history.records()
    }
}

/// Reads the records and makes the predicate.
///
/// # Errors
/// Fails if a file cannot be read, changes meanwhile, or holds several jobs.
pub(super) fn read(asked: &Attest, is_quiet: bool) -> anyhow::Result<RecordTrace> {
    if asked.files.iter().any(|file| file.as_os_str() == "-") {
        wrong_usage!("-: records are read twice; write them to a file");
    }
    let seal_key = match &asked.seal_key {
        Some(path) => match PublicKey::read(path) {
            Ok(key) => Some(key),
            Err(error) => wrong_usage!("--seal-key {}: {error:#}", path.display()),
        },
        None => None,
    };
    let files = digests(&asked.files)?;
    let mut reader = TraceReader {
        history: HistoryReader::new(HistoryLimits::default()),
        programs: ProgramReader::new(asked.job.clone()),
        origin: RecordOrigin::default(),
        configurations: ConfigurationHistory::default(),
    };
    input::read(&asked.files, is_quiet, &mut reader);
    let TraceReader { history, programs, origin, configurations } = reader;
    let mut history = history.finish();
    let needs_seals = seal_key.is_some();
    let log = verify::verified(&asked.files, &Options { key: seal_key, ..Options::default() });
    if digests(&asked.files)? != files {
        anyhow::bail!("the records were written while they were read; attest them when the run has ended");
    }
    let verdict = log.as_ref().map_or(LogVerdict::Unchecked, verify::verdict);
    history.completeness.seal = seal_verdict(verdict, needs_seals);
    report::name_problems(&history);
    let history = one_job(report::of_job(history, asked.job.as_deref())?)?;
    let completeness = completeness(&history, verdict, log.ok().as_ref(), files)?;
    let is_whole = completeness.is_complete;
    let unread = completeness.unread_lines;
    let material = TraceMaterial {
        history: &history,
        origin: &origin,
        configurations: &configurations,
        completeness,
        processes: match asked.processes {
            TraceChoice::All => ProcessChoice::All,
            TraceChoice::Distinct => ProcessChoice::Distinct,
            TraceChoice::Findings => ProcessChoice::Findings,
        },
        executables: executables(programs),
    };
    let predicate = to_raw_value(&RuntimeTrace::new(material)).context("the predicate")?;
    if !is_whole && !is_quiet {
        message!("tracego: the records are not complete, and the statement says so");
    }
    let status = match (unread, is_whole) {
        (0, true) => 0,
        (0, false) => code::INCOMPLETE,
        _ => code::RUNNING,
    };
    Ok(RecordTrace { predicate, status })
}

fn digests(files: &[PathBuf]) -> anyhow::Result<Vec<AttestedFile>> {
    let digest = |path: &PathBuf| {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let digest = file_digest::of_path(path).with_context(|| path.display().to_string())?;
        Ok(AttestedFile::new(name, digest))
    };
    files.iter().map(digest).collect()
}

/// Returns the verdict as a history has it. A log without seals is no log of the key that was given.
fn seal_verdict(verdict: LogVerdict, needs_seals: bool) -> SealVerdict {
    match verdict {
        LogVerdict::Whole => SealVerdict::Whole { records: 0, signed: needs_seals },
        LogVerdict::NotSealed if !needs_seals => SealVerdict::NotSealed,
        LogVerdict::NotSealed => SealVerdict::Damaged("the records have no seals".to_owned()),
        LogVerdict::Unproven => SealVerdict::Unproven { records: 0 },
        LogVerdict::Damaged => SealVerdict::Damaged(String::new()),
        LogVerdict::Unchecked => SealVerdict::Unchecked(String::new()),
    }
}

/// Returns the history if it is about one job at most: a statement is about one.
fn one_job(history: RunHistory) -> anyhow::Result<RunHistory> {
    let named: Vec<&str> =
        history.jobs.iter().map(|job| job.id.as_str()).filter(|id| !id.is_empty()).collect();
    if named.len() > 1 {
        let some: Vec<&str> = named.iter().take(10).copied().collect();
        wrong_usage!(
            "the records have {} jobs, and a statement is about one: --job {}",
            named.len(),
            some.join(", ")
        );
    }
    if history.programs.is_empty() && history.completeness.unread_lines == 0 {
        wrong_usage!("the records have no program start");
    }
    Ok(history)
}

fn completeness(
    history: &RunHistory,
    verdict: LogVerdict,
    log: Option<&Report>,
    files: Vec<AttestedFile>,
) -> anyhow::Result<AttestedCompleteness> {
    let mut completeness = AttestedCompleteness::new(&history.completeness, verdict, files);
    if let Some(log) = log {
        completeness.verify_log = Some(to_raw_value(log).context("the report about the seals")?);
        completeness.seal_link = log.head.as_ref().map(|head| head.link.clone());
        completeness.seal_keys = log.runs.iter().filter_map(|run| run.key.clone()).collect();
        completeness.seal_keys.sort();
        completeness.seal_keys.dedup();
        completeness.is_complete &= log.runs.iter().all(is_run_complete);
        completeness.hooked = log.runs.iter().filter_map(|run| run.hooked).reduce(|a, b| a.saturating_add(b));
    }
    Ok(completeness)
}

/// Whether a sealed run ended in order, and its seals report no loss.
fn is_run_complete(run: &Told) -> bool {
    run.closed && run.lost.is_empty() && run.refused == 0 && run.torn == 0 && run.pending == 0
}

/// Returns the executables whose digests the records say, by path.
fn executables(programs: ProgramReader) -> Vec<TracedExecutable> {
    let inventory = programs.finish();
    let mut all: Vec<TracedExecutable> = Vec::new();
    for program in &inventory.programs {
        let Some(digest) = &program.sha256 else { continue };
        let mut paths: Vec<&str> = program.occurrences.iter().map(|run| run.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        all.extend(paths.into_iter().map(|path| TracedExecutable {
            file: Subject::new(path.to_owned(), digest.clone()),
            is_unproven: program.is_unproven,
        }));
    }
    all.sort_by(|a, b| a.file.name.cmp(&b.file.name));
    all
}
