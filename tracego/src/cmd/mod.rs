//! The subcommands, one file each, and their shared parts.

#[macro_use]
mod messages;

mod attest;
mod capture;
mod config;
mod config_watch;
mod detach;
mod doctor;
mod file_digest;
mod file_identity;
mod followed_file;
mod inspect;
mod line_buffer;
mod machine_error;
mod notify;
mod output;
mod output_check;
mod plain_output;
mod pod_watch;
#[cfg_attr(not(feature = "policy"), path = "policy_absent.rs")]
mod policy;
mod provenance;
mod reload;
mod report;
mod rules;
mod run;
mod sbom;
mod scan;
mod seal_key;
mod setup;
mod show;
mod spool;
mod telemetry;
mod top;
mod verify;
mod watch;

use std::{io::IsTerminal as _, process::ExitCode};

use tracego_confine::capability;
use tracego_probe::error::LoadError;

use machine_error::MachineError;

use crate::{
    cli::{Command, UsageError},
    config::Configuration,
    pipeline::RunReport,
};

/// Exit codes, as the help text documents them.
mod code {
    pub(super) const RUNNING: u8 = 1;
    pub(super) const UNREADABLE: u8 = 2;
    pub(super) const USAGE: u8 = 2;
    pub(super) const KERNEL: u8 = 3;
    pub(super) const INCOMPLETE: u8 = 4;
    pub(super) const FINDINGS: u8 = 5;
    pub(super) const UNPROVEN: u8 = 6;
}

/// Runs the command given on the command line.
#[must_use]
pub fn main() -> ExitCode {
    // Before the configuration is read, which may be a file that only its owner may read.
    let raised = capability::raise_permitted();
    let Configuration { cli, settings, .. } = crate::config::parse();
    tracing_subscriber::fmt()
        .with_env_filter(cli.log)
        .with_writer(std::io::stderr)
        .with_ansi(output::has_colours(std::io::stderr().is_terminal()))
        .with_target(false)
        // They would go to the same standard error, and panic where it takes nothing.
        .log_internal_errors(false)
        .init();
    // No program that tracego starts gets a capability that tracego was given for itself.
    if let Err(error) = raised.and_then(|()| capability::keep_from_programs()) {
        return failed(&MachineError::of(anyhow::Error::new(error).context("capabilities")));
    }
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&MachineError::of(error.into())),
    };
    catch_size_limit();
    let done = match cli.command {
        None => runtime.block_on(watch::watch(&cli.watch, &settings)),
        Some(Command::Run(run)) => runtime.block_on(run::run(&run, &settings)),
        Some(Command::Capture(capture)) => runtime.block_on(capture::capture(&capture, &settings)),
        Some(Command::Replay(replay)) => capture::replay(&replay, &settings),
        Some(Command::Doctor(doctor)) => doctor::doctor(&doctor),
        Some(Command::Inspect(inspect)) => inspect::inspect(&inspect),
        Some(Command::Scan(asked)) => scan::scan(&asked, cli.quiet),
        Some(Command::Rules(rules)) => rules::rules(&rules, &settings.rules),
        Some(Command::Policy(asked)) => policy::policy(&asked),
        Some(Command::Provenance(asked)) => provenance::provenance(&asked, &settings.provenance),
        Some(Command::Spool(options)) => spool::spool(&options),
        Some(Command::Config(asked)) => config::config(&asked),
        Some(Command::Detach(asked)) => detach::detach(&asked),
        Some(Command::SealKey(asked)) => seal_key::create(&asked),
        Some(Command::VerifyLog(asked)) => verify::verify(&asked),
        Some(Command::Report(asked)) => report::report(&asked, cli.quiet),
        Some(Command::Diff(asked)) => report::diff::diff(&asked, cli.quiet),
        Some(Command::Show(asked)) => show::show(&asked),
        Some(Command::Top(asked)) => runtime.block_on(top::top(&asked)),
        Some(Command::Sbom(asked)) => sbom::sbom(&asked, cli.quiet),
        Some(Command::Attest(asked)) => attest::attest(&asked, cli.quiet),
    };
    done.unwrap_or_else(|error| failed(&error))
}

/// Makes a write beyond the limit of file sizes (`ulimit -f`) fail, as one to a full disk does. By default the signal ends
/// the process, and the command of a run would go on unseen. A handler, because programs inherit what is ignored.
fn catch_size_limit() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: the handler does nothing, and the memory of the action is zeroed, which is valid.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGXFSZ, &raw const action, std::ptr::null_mut());
    }
}

/// Turns an error of a start into wrong usage, unless a server has no policy: that is worth another start.
fn start_error(error: anyhow::Error) -> anyhow::Error {
    if policy::is_unavailable(&error) { error } else { UsageError::of(error) }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    message!("tracego: {error:#}");
    ExitCode::from(if error.is::<LoadError>() || error.is::<MachineError>() {
        code::KERNEL
    } else if error.is::<UsageError>() {
        code::USAGE
    } else {
        code::RUNNING
    })
}

/// Prints the ledger, and the decisions that failed; whether nothing is missing in the output.
fn print_summary(report: &RunReport, quiet: bool) -> bool {
    if report.output.is_none() && !quiet {
        message!("tracego: {}", report.ledger);
    }
    for sink in &report.sinks {
        if !quiet || !sink.is_whole() {
            message!("tracego: {sink}");
        }
    }
    let failed = report.summary.failed();
    if failed.count > 0 {
        message!("tracego: {failed}");
    }
    is_complete(report, false)
}

/// Whether nothing is missing in the outputs, and every start was decided about. `but_refused`: records that the direct output refused do not count.
fn is_complete(report: &RunReport, but_refused: bool) -> bool {
    let ledger = &report.ledger;
    let refused = ledger.write_errors != 0 && !but_refused;
    let whole = report.sinks.iter().all(|sink| sink.is_whole());
    let decided = report.summary.failed().allowed == 0;
    whole && decided && (report.output.is_some() || ledger.kernel.is_whole() && !refused && ledger.balanced())
}
