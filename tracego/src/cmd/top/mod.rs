//! The command `tracego top`: what runs now, by job.
//!
//! ```text
//! record_source  lines of files, of standard input or of a tracego that records, read by threads
//! agent_child    that tracego
//! source_reader  the state that the lines lead to
//! terminal       the terminal, which is restored whatever happens
//! live_screen    the screen, keys and signals
//! printout       text for scripts
//! ```

mod agent_child;
mod live_screen;
mod printout;
mod record_source;
mod source_reader;
mod terminal;

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;

use self::{agent_child::AgentChild, record_source::RecordSource, source_reader::SourceReader};
use super::{code, machine_error::MachineError};
use crate::cli::{TopOptions, wrong_usage};

/// Maximum number of lines that are named; all are counted.
const NAMED_MAX: usize = 5;

/// Shows what runs now.
///
/// # Errors
/// Fails on wrong usage, or if the terminal or standard output cannot be used.
pub(super) async fn top(asked: &TopOptions) -> anyhow::Result<ExitCode> {
    let is_text = asked.once || asked.iterations.is_some();
    if !is_text {
        check_terminal()?;
    }
    for file in asked.files.iter().filter(|file| file.as_os_str() != "-") {
        if let Err(error) = std::fs::File::open(file) {
            message!("tracego: {}: {error}", file.display());
            return Ok(ExitCode::from(code::RUNNING));
        }
    }
    let signals = live_screen::ScreenSignals::new().map_err(|error| MachineError::of(error.into()))?;
    let (source, agent) = if asked.files.is_empty() {
        let (agent, output) = AgentChild::start(&asked.options)?;
        (RecordSource::pipe(output, "tracego"), Some(agent))
    } else {
        (files(asked)?, None)
    };
    let mut reader = SourceReader::new(source, agent);
    let done = if is_text {
        printout::print(asked, &mut reader, signals).await.context("cannot write to standard output")
    } else {
        live_screen::run(asked, &mut reader, signals).await.context("the terminal cannot be used")
    };
    let code = report_end(&mut reader);
    done.map(|()| ExitCode::from(code))
}

fn files(asked: &TopOptions) -> anyhow::Result<RecordSource> {
    let is_input = |file: &Path| file.as_os_str() == "-";
    if asked.files.iter().any(|file| is_input(file)) {
        if asked.files.len() > 1 {
            wrong_usage!("-: standard input can only be alone; name all files instead");
        }
        return Ok(RecordSource::pipe(io::stdin(), "standard input"));
    }
    Ok(RecordSource::files(asked.files.clone()))
}

/// Checks that there is a terminal to draw on.
fn check_terminal() -> anyhow::Result<()> {
    let way = "use --once or --iterations N for text, or tracego show for the records themselves";
    if !io::stdout().is_terminal() {
        wrong_usage!("standard output is no terminal; {way}");
    }
    let term = std::env::var_os("TERM").unwrap_or_default();
    if term.is_empty() || term == "dumb" {
        wrong_usage!("the terminal (TERM={}) cannot place the cursor; {way}", term.display());
    }
    Ok(())
}

/// Ends the tracego that records, and prints what went wrong. Returns the exit code.
fn report_end(reader: &mut SourceReader) -> u8 {
    let lacks = &reader.state.completeness;
    for problem in lacks.problems.iter().take(NAMED_MAX) {
        message!("tracego: {problem}");
    }
    let more = lacks.unread_lines.saturating_sub(lacks.problems.len().min(NAMED_MAX) as u64);
    if more > 0 {
        message!("tracego: and {more} more lines that could not be read");
    }
    let mut result = if lacks.unread_lines > 0 { code::RUNNING } else { 0 };
    if let Some(failure) = &reader.failure {
        message!("tracego: {failure}");
        result = code::RUNNING;
    }
    if let Some(agent) = reader.agent.take() {
        let end = agent.end();
        if !end.errors.is_empty() {
            message!("{}", end.errors.trim_end());
        }
        if end.code != 0 {
            result = end.code;
        }
    }
    result
}
