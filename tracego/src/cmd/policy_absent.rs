//! The command `tracego policy` in a build without the feature `policy`, and the policy stage that is not there.

use std::{process::ExitCode, sync::Arc};

use clap::{CommandFactory as _, error::ErrorKind};
use tracego_model::policy::PolicySourceStatus;

use crate::{
    agent::Agent,
    cli::{Cli, NO_POLICIES, Policy, PolicyOptions},
    policy::{PolicyEngine, PolicyStage},
};

/// The bundles of a reload, of which there are none.
pub(super) type BundleDraft = ();

/// The policy stage, which is not there.
#[derive(Default)]
pub(super) struct OpenedPolicies {
    /// No stage.
    pub(super) stage: Option<PolicyStage>,
    /// The follower of no source.
    pub(super) follower: PolicyFollower,
}

/// Bundles from servers, of which there are none.
#[derive(Default)]
pub(super) struct PolicyFollower;

impl PolicyFollower {
    /// Starts nothing.
    pub(super) fn start(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    /// Returns `None`.
    pub(super) fn sources(&self) -> Option<Arc<PolicySourceStatus>> {
        None
    }

    /// Waits forever.
    pub(super) async fn changed(&mut self) -> std::convert::Infallible {
        std::future::pending().await
    }

    /// Is never called.
    pub(super) async fn apply(&self, _: &mut Agent, news: std::convert::Infallible) {
        match news {}
    }

    /// Notes nothing.
    pub(super) fn reloaded(&self, _: Option<()>) {}
}

/// Ends with a usage error.
pub(super) fn policy(_: &Policy) -> anyhow::Result<ExitCode> {
    Cli::command().error(ErrorKind::InvalidSubcommand, NO_POLICIES).exit()
}

/// Returns no stage: the command line accepts no policies.
pub(super) fn open_stage(_: &PolicyOptions, _: bool) -> anyhow::Result<OpenedPolicies> {
    Ok(OpenedPolicies::default())
}

/// Checks nothing: the command line accepts no policies.
pub(super) fn check_stage(_: &PolicyOptions) -> anyhow::Result<()> {
    Ok(())
}

/// Returns `None`, as [`open_stage`] has no stage.
pub(super) fn load_engine(
    _: &PolicyOptions,
    _: &PolicyFollower,
) -> anyhow::Result<Option<(PolicyEngine, Option<()>)>> {
    Ok(None)
}

/// Whether an error is about a server without a good bundle: never.
pub(super) fn is_unavailable(_: &anyhow::Error) -> bool {
    false
}
