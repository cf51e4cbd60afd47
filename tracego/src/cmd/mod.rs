//! The subcommands, one file each, and their shared parts.

mod capture;
mod config;
mod detach;
mod doctor;
mod inspect;
mod output;
#[cfg_attr(not(feature = "policy"), path = "policy_absent.rs")]
mod policy;
mod reload;
mod rules;
mod run;
mod seal_key;
mod setup;
mod spool;
mod telemetry;
mod verify;
mod watch;

use std::{io::IsTerminal as _, process::ExitCode};

use tracego_probe::error::LoadError;

use crate::{cli::Command, config::Configuration, pipeline::RunReport};

/// Exit codes, as the help text documents them.
mod code {
    pub(super) const RUNNING: u8 = 1;
    pub(super) const UNREADABLE: u8 = 2;
    pub(super) const KERNEL: u8 = 3;
    pub(super) const INCOMPLETE: u8 = 4;
    pub(super) const FINDINGS: u8 = 5;
    pub(super) const UNPROVEN: u8 = 6;
}

/// Runs the command given on the command line.
#[must_use]
pub fn main() -> ExitCode {
    let Configuration { cli, settings } = crate::config::parse();
    tracing_subscriber::fmt()
        .with_env_filter(cli.log)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let done = match cli.command {
        None => runtime.block_on(watch::watch(&cli.watch, &settings)),
        Some(Command::Run(run)) => runtime.block_on(run::run(&run, &settings)),
        Some(Command::Capture(capture)) => runtime.block_on(capture::capture(&capture, &settings)),
        Some(Command::Replay(replay)) => capture::replay(&replay, &settings),
        Some(Command::Doctor(doctor)) => doctor::doctor(&doctor),
        Some(Command::Inspect(inspect)) => inspect::inspect(&inspect),
        Some(Command::Rules(rules)) => rules::rules(&rules, &settings.rules),
        Some(Command::Policy(asked)) => policy::policy(&asked),
        Some(Command::Spool(options)) => spool::spool(&options),
        Some(Command::Config(asked)) => config::config(&asked),
        Some(Command::Detach(asked)) => detach::detach(&asked),
        Some(Command::SealKey(asked)) => seal_key::create(&asked),
        Some(Command::VerifyLog(asked)) => verify::verify(&asked),
    };
    done.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("tracego: {error:#}");
    let kernel = error.downcast_ref::<LoadError>().is_some();
    ExitCode::from(if kernel { code::KERNEL } else { code::RUNNING })
}

/// Prints the ledger; whether nothing is missing in the output.
fn print_summary(report: &RunReport) -> bool {
    let quiet = report.output.is_some();
    if !quiet {
        eprintln!("tracego: {}", report.ledger);
    }
    let mut whole = true;
    for sink in &report.sinks {
        eprintln!("tracego: {sink}");
        whole &= sink.is_whole();
    }
    let ledger = &report.ledger;
    whole && (quiet || ledger.kernel.lost() == 0 && ledger.write_errors == 0 && ledger.balanced())
}
