//! The command `tracego run -- COMMAND`: watches a command and its descendants.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    process::{ExitCode, ExitStatus},
};

use tokio::{
    process::{Child, Command},
    signal::unix::{Signal, SignalKind, signal},
};
use tracego_analyze::summary::FindingSummary;
use tracego_common::verdict::Action;
use tracego_model::record::Record;

use super::{code, output, print_summary, setup};
use crate::{
    agent::{self, AgentOptions},
    cli::{FailOn, Run},
    config::RunSettings,
    pipeline::Consumer,
};

/// Exit codes for a command that was not found or could not be started, as in env(1) and timeout(1).
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// Runs the command and returns its status.
///
/// # Errors
/// Fails if the agent cannot start, and then the command is not started; or if a part of the agent fails.
pub(super) async fn run(run: &Run, settings: &RunSettings) -> anyhow::Result<ExitCode> {
    let (mut options, meta) = setup::options(&run.watch, settings, true)?;
    let pipeline;
    (pipeline, options.sinks) = output::pipeline(&run.watch.records, settings, meta, output::stderr())?;
    let pipeline = pipeline.with_decision_callback(Some(Box::new(tell)));
    let fail_on = match run.fail_on {
        Some(FailOn::Never) => None,
        Some(FailOn::From(severity)) => Some(severity),
        None => run.watch.records.profile.fail_on(),
    };
    let (code, summary) = follow(options, pipeline, &run.command, run.wait).await?;
    let found = summary.worst().zip(fail_on).is_some_and(|(worst, fail_on)| worst >= fail_on);
    // The command's own failure takes precedence. A command that continued although a part of it was stopped
    // has failed, and so has one of which a part ran that had to be stopped.
    let failed = code == 0 && (found || summary.stopped() > 0 || summary.escaped() > 0);
    Ok(ExitCode::from(if failed { code::FINDINGS } else { code }))
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
    let rule = &decision.rule;
    let mut message = match &decision.error {
        Some(error) if decision.stops() => {
            format!("tracego: {start} (pid {pid}) should have been stopped by the rule {rule}, but {error}")
        }
        _ => format!("tracego: {start} (pid {pid}) {what} by the rule {rule}"),
    };
    for more in [&decision.message, &decision.remediation].into_iter().flatten() {
        message.push_str("\ntracego:   ");
        message.extend(more.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    if decision.stops() && decision.error.is_none() {
        message.push_str(
            "\ntracego:   the owner of tracego's configuration can add an exception: [[enforce.exceptions]] \
             with an owner, a reason and a day on which it ends",
        );
    }
    eprintln!("{message}");
}

/// Runs a command in a followed tree. Returns its exit code and the summary of the findings.
pub(super) async fn follow(
    options: AgentOptions,
    consumer: impl Consumer + Send + 'static,
    command: &[OsString],
    wait: bool,
) -> anyhow::Result<(u8, FindingSummary)> {
    let mut signals = SignalForwarder::new()?;
    if wait {
        adopt_orphans();
    }
    let mut agent = agent::start(options, consumer)?;
    // The mark passes to the child at fork, so its first instruction is in the tree already.
    agent.kernel().follow(std::process::id())?;
    agent.check_enforcement();
    let Some((program, args)) = command.split_first() else {
        return Ok((2, FindingSummary::default()));
    };
    let mut child = match Command::new(program).args(args).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("tracego: {}: {error}", program.to_string_lossy());
            print_summary(&agent.stop().await?, false);
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            return Ok((if missing { NOT_FOUND } else { NOT_STARTED }, FindingSummary::default()));
        }
    };
    // If the output has ended, the agent continues as a plain parent: the command is what counts.
    let status = match agent.run(signals.until_end(&mut child)).await? {
        Some(status) => status?,
        None => signals.until_end(&mut child).await?,
    };
    // The command has ended: from now on, signals are for the agent.
    if wait {
        agent
            .run(async {
                tokio::select! {
                    () = descendants() => {}
                    _ = signals.next() => {}
                }
            })
            .await?;
    }
    tokio::select! {
        report = agent.stop() => {
            let report = report?;
            print_summary(&report, false);
            if !report.summary.is_empty() {
                eprintln!("tracego: {}", report.summary);
            }
            Ok((exit_code(status), report.summary))
        }
        // The first signal may be the one that ended the command, sent to both.
        () = async { signals.next().await; signals.next().await; } => {
            std::process::exit(i32::from(exit_code(status)))
        }
    }
}

/// Returns the command's exit code, or 128 + signal, as shells report it.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(code::RUNNING)
}

/// Waits for all descendants, which the agent adopts when their parents end.
async fn descendants() {
    use std::time::Duration;
    loop {
        let mut status = 0;
        // SAFETY: `status` is writable; no child of tokio's is left at this point.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid < 0 {
            return;
        }
        if pid == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Makes the agent adopt the command's orphans, so that `--wait` can wait for their end.
fn adopt_orphans() {
    // SAFETY: a plain flag of this process.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

/// The signals that are passed on. SIGINT from a terminal reaches the command by itself.
struct SignalForwarder {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    user1: Signal,
    user2: Signal,
}

impl SignalForwarder {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for a signal. Returns its number.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => libc::SIGTERM,
            _ = self.hangup.recv() => libc::SIGHUP,
            _ = self.interrupt.recv() => libc::SIGINT,
            _ = self.user1.recv() => libc::SIGUSR1,
            _ = self.user2.recv() => libc::SIGUSR2,
        }
    }

    async fn until_end(&mut self, child: &mut Child) -> std::io::Result<ExitStatus> {
        loop {
            // Biased: a Ctrl-C that ended the command must not remain for the code after the command.
            let number = tokio::select! {
                biased;
                number = self.next() => number,
                status = child.wait() => return status,
            };
            if number == libc::SIGINT && in_foreground() {
                continue;
            }
            if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
                // SAFETY: the child is not reaped yet, so the number is still its own.
                unsafe { libc::kill(pid, number) };
            }
        }
    }
}

/// Whether this process is in the foreground of its terminal, where Ctrl-C reaches the whole group.
fn in_foreground() -> bool {
    // SAFETY: both calls take and give plain numbers; without a terminal the first fails.
    unsafe { libc::tcgetpgrp(0) == libc::getpgrp() }
}
