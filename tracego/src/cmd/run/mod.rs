//! The command `tracego run -- COMMAND`: watches a command and its descendants.
//!
//! ```text
//! caller    variables of the CI system that sudo took away
//! user      the user that the command runs as
//! signals   signals for the command
//! tree      processes that outlive the command
//! outcome   outcome and exit code
//! ```

mod caller;
mod outcome;
mod signals;
mod tree;
mod user;

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::Context as _;
pub(super) use outcome::FailureConditions;
use outcome::{RunLosses, RunOutcome};
use signals::SignalForwarder;
use tokio::process::Command;
use tracego_common::verdict::Action;
use tracego_model::{record::Record, text};

use super::{code, is_complete, machine_error::MachineError, output, print_summary, setup, start_error};
use crate::{
    agent::{self, Agent, AgentOptions},
    cli::{Run, UsageError},
    config::RunSettings,
    pipeline::{Consumer, RunReport},
};

/// Exit codes for a command that was not found or could not be started, as in env(1) and timeout(1).
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// The way a command is run and followed.
pub(super) struct FollowOptions {
    /// Command, ready to start.
    pub(super) command: Command,
    /// Maximum wait for descendants that outlive the command; `None` for no limit.
    pub(super) patience: Option<Duration>,
    /// Whether the command is started although enforcement is not in force.
    pub(super) enforce_optional: bool,
    /// Whether records go to standard error.
    pub(super) to_stderr: bool,
    /// Whether only errors are printed.
    pub(super) quiet: bool,
}

/// Runs the command and returns its status.
///
/// # Errors
/// Fails if the agent cannot start, and then the command is not started; or if a part of the agent fails.
pub(super) async fn run(run: &Run, settings: &RunSettings) -> anyhow::Result<ExitCode> {
    let mut command = command(&run.command);
    let variables = caller::variables();
    if !variables.is_empty() {
        tracing::info!(count = variables.len(), "CI variables are taken from the caller of sudo");
    }
    command.envs(variables);
    if let Some(user) = &run.user {
        let found =
            user::CommandIdentity::find(user).with_context(|| format!("--user {}", user::shown(user)));
        found.map_err(UsageError::of)?.apply(&mut command);
    }
    let (mut options, meta) = setup::options(&run.watch, settings, true).map_err(UsageError::of)?;
    let opened = output::pipeline(&run.watch.records, settings, meta, output::stderr(), false);
    let pipeline;
    (pipeline, options.sinks, _) = opened.map_err(start_error).map_err(MachineError::of)?;
    let pipeline = pipeline.with_decision_callback(Some(Box::new(tell)));
    let follow_options = FollowOptions {
        command,
        patience: run.patience(),
        enforce_optional: run.enforce_optional,
        to_stderr: run.watch.records.output_file.is_none(),
        quiet: settings.quiet,
    };
    let outcome = follow(options, pipeline, follow_options).await.map_err(MachineError::of)?;
    let conditions = FailureConditions { severity: run.least_severity(), on_loss: run.fail_on_loss };
    Ok(ExitCode::from(outcome.exit_code(conditions)))
}

/// Returns the command of a command line; an empty one is refused by the definition of the options.
pub(super) fn command(line: &[OsString]) -> Command {
    let (program, args) =
        line.split_first().map_or_else(Default::default, |(first, rest)| (first.clone(), rest));
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Prints what was stopped, for the user who waits for the command, and the remediation.
fn tell(record: &Record) {
    let decision = record.tracego.enforcement.as_ref().and_then(|about| about.decision.as_ref());
    let (Some(decision), Some(process)) = (decision, &record.process) else { return };
    let (start, pid) = (decision.start(), process.pid);
    let what = match decision.action {
        Action::Kill => "was killed",
        Action::Deny => "was denied",
        Action::Audit => "would be stopped",
        Action::Allow => "was let through by an exception",
    };
    let rule = &text::printable(&decision.rule);
    let mut message = match &decision.error {
        Some(error) if decision.stops() => {
            format!("tracego: {start} (pid {pid}) should have been stopped by the rule {rule}, but {error}")
        }
        _ => format!("tracego: {start} (pid {pid}) {what} by the rule {rule}"),
    };
    for more in [&decision.message, &decision.remediation].into_iter().flatten() {
        message.push_str("\ntracego:   ");
        message.push_str(&text::printable(more));
    }
    if decision.stops() && decision.error.is_none() {
        message.push_str(
            "\ntracego:   the owner of tracego's configuration can add an exception: [[enforce.exceptions]] \
             with an owner, a reason and a day on which it ends",
        );
    }
    message!("{message}");
}

/// Runs a command in a followed tree. Returns the outcome.
pub(super) async fn follow(
    options: AgentOptions,
    consumer: impl Consumer + Send + 'static,
    follow: FollowOptions,
) -> anyhow::Result<RunOutcome> {
    let FollowOptions { mut command, patience, enforce_optional, to_stderr, quiet } = follow;
    let mut signals = SignalForwarder::new()?;
    let mut agent = agent::start(options, consumer)?;
    // The mark passes to the child at fork, so its first instruction is in the tree already.
    agent.kernel().follow_agent()?;
    if is_unenforced(&mut agent, enforce_optional) {
        message!("tracego: the command was not started; --enforce-optional starts it without enforcement");
        print_summary(&agent.stop().await?, quiet);
        return Ok(RunOutcome::not_started(code::KERNEL));
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = command.as_std().get_program().to_string_lossy();
            message!("tracego: {program}: {error}");
            print_summary(&agent.stop().await?, quiet);
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            return Ok(RunOutcome::not_started(if missing { NOT_FOUND } else { NOT_STARTED }));
        }
    };
    let pid = child.id().unwrap_or_default();
    // Not before: the command has no filter and no limit of tracego's.
    agent.confine();
    // If the output has ended, the agent continues as a plain parent: the command is what counts.
    let status = match agent.run(signals.until_end(&mut child)).await? {
        Some(status) => status?,
        None => signals.until_end(&mut child).await?,
    };
    // The command has ended: from now on, signals are for the agent.
    let contexts = agent.contexts();
    let rest = tree::ends(contexts.clone(), patience);
    let wait = async {
        tokio::select! {
            biased;
            () = rest => false,
            _ = signals.next() => true,
        }
    };
    let is_interrupted = agent.run(wait).await? == Some(true);
    let unenforced = is_unenforced(&mut agent, enforce_optional);
    let rest = tree::rest(&contexts);
    tokio::select! {
        report = agent.stop() => {
            let report = report?;
            let mut outcome = outcome(&report, exit_code(status), to_stderr, quiet);
            outcome.blind = unenforced;
            if let Some(rest) = rest {
                message!("tracego: {rest}");
                outcome.losses = outcome.losses.or_unfinished(is_interrupted);
            }
            if !report.children.saw(pid) {
                message!(
                    "tracego: did not see the command: no program start of process {pid} came from the kernel side, \
                     so nothing is known about what it did"
                );
                outcome.blind = true;
            } else if !report.children.has_judged() {
                message!(
                    "tracego: the filters (--uid, --comm, --cgroup) left out every program start of the command, so \
                     nothing is known about what it did"
                );
                outcome.blind = true;
            }
            Ok(outcome)
        }
        // The first signal may be the one that ended the command, sent to both.
        () = async { signals.next().await; signals.next().await; } => {
            let code = exit_code(status);
            // The rest of the records was not awaited.
            std::process::exit(i32::from(if code == 0 { code::INCOMPLETE } else { code }))
        }
    }
}

/// Prints the summary of a run. Returns its outcome.
fn outcome(report: &RunReport, code: u8, to_stderr: bool, quiet: bool) -> RunOutcome {
    let complete = print_summary(report, quiet);
    if !report.summary.is_empty() {
        message!("tracego: {}", report.summary);
    }
    let losses = match complete {
        // An output that ended early has not taken the rest.
        true if report.output.is_some() => RunLosses::Records,
        true => RunLosses::None,
        false if to_stderr && is_complete(report, true) => RunLosses::StandardError,
        false => RunLosses::Records,
    };
    RunOutcome { code, blind: false, losses, summary: report.summary.clone() }
}

/// Runs the enforcement check. Returns whether it matters that enforcement is not, or was not, in force.
fn is_unenforced(agent: &mut Agent, is_optional: bool) -> bool {
    agent.check_enforcement();
    let Some(why) = agent.enforcement_failure().filter(|_| !is_optional) else { return false };
    message!("tracego: --enforce: not in force: {why}");
    true
}

/// Returns the command's exit code, or 128 + signal, as shells report it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(code::RUNNING)
}
