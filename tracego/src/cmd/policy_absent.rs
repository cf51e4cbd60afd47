//! The command `tracego policy` in a build without the feature `policy`, and the policy stage that is not there.

use std::process::ExitCode;

use clap::{CommandFactory as _, error::ErrorKind};

use crate::{
    cli::{Cli, NO_POLICIES, Policy, PolicyOptions},
    policy::{PolicyEngine, PolicyStage},
};

/// Ends with a usage error.
pub(super) fn policy(_: &Policy) -> anyhow::Result<ExitCode> {
    Cli::command().error(ErrorKind::InvalidSubcommand, NO_POLICIES).exit()
}

/// Returns `None`: the command line accepts no policies.
pub(super) fn open_stage(_: &PolicyOptions) -> anyhow::Result<Option<PolicyStage>> {
    Ok(None)
}

/// Checks nothing: the command line accepts no policies.
pub(super) fn check_stage(_: &PolicyOptions) -> anyhow::Result<()> {
    Ok(())
}

/// Returns `None`, as [`open_stage`] does.
pub(super) fn load_engine(_: &PolicyOptions) -> anyhow::Result<Option<PolicyEngine>> {
    Ok(None)
}
