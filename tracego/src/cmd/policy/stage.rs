//! The policy stage from its options.

use std::{fs, time::Duration};

use anyhow::Context as _;
use tracego_policy::{
    DecisionLimits, PolicyEngine,
    bundle::Trust,
    stage::{self, PolicyStage},
};

use crate::cli::{PolicyKey, PolicyOptions};

/// Opens the policy stage. Returns `None` if there are no policies.
///
/// # Errors
/// Fails if the key cannot be read, a bundle cannot be loaded, or the decision log cannot be opened.
pub(in crate::cmd) fn open_stage(options: &PolicyOptions) -> anyhow::Result<Option<PolicyStage>> {
    PolicyStage::open(&stage_options(options)?)
}

/// Checks everything that [`open_stage`] needs, but for the file of the decision log.
///
/// # Errors
/// Fails as [`open_stage`] does.
pub(in crate::cmd) fn check_stage(options: &PolicyOptions) -> anyhow::Result<()> {
    stage::check(&stage_options(options)?)
}

/// Loads the policies. Returns `None` if there are none.
///
/// # Errors
/// Fails if the key cannot be read, or a bundle cannot be loaded.
pub(in crate::cmd) fn load_engine(options: &PolicyOptions) -> anyhow::Result<Option<PolicyEngine>> {
    let options = stage_options(options)?;
    (!options.bundles.is_empty()).then(|| stage::load(&options)).transpose()
}

fn stage_options(options: &PolicyOptions) -> anyhow::Result<stage::StageOptions> {
    let time = Duration::from_millis(options.policy_time_limit);
    Ok(stage::StageOptions {
        bundles: options.policy.clone(),
        trust: trust(&options.key)?,
        limits: DecisionLimits { time, on_error: options.policy_on_error, ..DecisionLimits::default() },
        log: options.decision_log.clone(),
        masks: options.decision_log_mask.clone(),
    })
}

/// Reads the key that bundles must be signed with. Returns `None` if none is set.
///
/// # Errors
/// Fails if the key cannot be read.
pub(super) fn trust(options: &PolicyKey) -> anyhow::Result<Option<Trust>> {
    let PolicyKey { policy_key, policy_algorithm } = options;
    let Some(path) = policy_key else { return Ok(None) };
    let key = fs::read(path).with_context(|| format!("--policy-key {}", path.display()))?;
    Ok(Some(Trust { key, algorithm: *policy_algorithm, key_id: None, scope: None }))
}
