//! The policy stage from its options.

use std::{fs, sync::Arc, time::Duration};

use anyhow::Context as _;
use tracego_policy::{
    DecisionLimits, PolicyEngine,
    bundle::{self, Bundle, Trust},
    stage::{self, PolicyStage},
};

use super::follower::PolicyFollower;
use crate::{
    cli::{BundleLocation, BundleUrl, PolicyKey, PolicyOptions, wrong_usage},
    policy::remote::{
        BundleCache, BundlePoller, BundleServer, BundleShelf, BundleStart, PolicyUnavailable, PollSchedule,
        ShelfDraft, ShelfSlot, wait,
    },
};

/// The policy stage of a command, with what follows its servers.
#[derive(Default)]
pub(in crate::cmd) struct OpenedPolicies {
    /// Stage, if there are policies.
    pub(in crate::cmd) stage: Option<PolicyStage>,
    /// Bundles of servers, if there are any.
    pub(in crate::cmd) follower: PolicyFollower,
}

/// Opens the policy stage. `is_followed`: whether servers are asked again during the run, so that a last good bundle
/// is enough to start with.
///
/// # Errors
/// Fails if the key cannot be read, a bundle cannot be loaded, or the decision log cannot be opened; with
/// [`PolicyUnavailable`] if a server has no good bundle.
pub(in crate::cmd) fn open_stage(
    options: &PolicyOptions,
    is_followed: bool,
) -> anyhow::Result<OpenedPolicies> {
    let of_stage = stage_options(options)?;
    if !has_url(options) {
        return Ok(OpenedPolicies { stage: PolicyStage::open(&of_stage)?, ..OpenedPolicies::default() });
    }
    check_urls(options)?;
    stage::check_log(&of_stage)?;
    let trust = of_stage.trust.clone().context("--policy-key is missing")?;
    PolicyEngine::prepare_processes().context("--policy")?;
    let start = start(options, trust, is_followed);
    let mut fresh = Vec::new();
    let mut slots = Vec::new();
    for location in &options.policy {
        slots.push(match location {
            BundleLocation::Path(path) => ShelfSlot::Local(local(path, of_stage.trust.as_ref())?),
            BundleLocation::Url(url) => {
                let (fetched, kept) = wait(start.bundle(url))??;
                fresh.extend(kept.map(|kept| (url, kept)));
                ShelfSlot::Fetched(url.clone(), fetched)
            }
        });
    }
    let draft = ShelfDraft { slots, trust: of_stage.trust.clone(), limits: of_stage.limits };
    let engine = draft.compile().map_err(|error| PolicyUnavailable(format!("{error:#}")))?;
    if let Some(folder) = &options.polling.policy_cache {
        let cache =
            BundleCache::open(folder).with_context(|| format!("--policy-cache {}", folder.display()))?;
        for (url, kept) in fresh {
            cache.write(url, &kept).with_context(|| format!("--policy-cache {}", folder.display()))?;
        }
    } else if is_followed {
        tracing::warn!("without --policy-cache, a start without the server of --policy fails");
    }
    let stage = PolicyStage::with_engine(engine, &of_stage)?;
    let poller = BundlePoller {
        server: start.server,
        cache: start.cache,
        schedule: start.schedule,
        rollback: start.rollback,
    };
    let follower = PolicyFollower::new(Arc::new(BundleShelf::new(draft)), poller);
    Ok(OpenedPolicies { stage: Some(stage), follower })
}

/// Checks everything that [`open_stage`] needs, but for the file of the decision log and what servers have.
///
/// # Errors
/// Fails as [`open_stage`] does.
pub(in crate::cmd) fn check_stage(options: &PolicyOptions) -> anyhow::Result<()> {
    let of_stage = stage_options(options)?;
    if !has_url(options) {
        return stage::check(&of_stage);
    }
    check_urls(options)?;
    stage::check_log(&of_stage)?;
    if of_stage.bundles.is_empty() { Ok(()) } else { stage::load(&of_stage).map(drop) }
}

/// Loads the policies of a reload: those of this machine anew, those of servers as they are in force. Returns what
/// to put on the shelf once the engine is in force; `None` if there are no policies.
///
/// # Errors
/// Fails if the key cannot be read, a bundle cannot be loaded, or a URL is new.
pub(in crate::cmd) fn load_engine(
    options: &PolicyOptions,
    follower: &PolicyFollower,
) -> anyhow::Result<Option<(PolicyEngine, Option<ShelfDraft>)>> {
    let of_stage = stage_options(options)?;
    let Some(shelf) = follower.shelf() else {
        if let Some(url) = options.policy.iter().find_map(BundleLocation::url) {
            wrong_usage!("--policy {url}: the first URL; restart tracego to ask servers for bundles");
        }
        return (!of_stage.bundles.is_empty())
            .then(|| stage::load(&of_stage).map(|engine| (engine, None)))
            .transpose();
    };
    if has_url(options) {
        check_urls(options)?;
    }
    let slot = |location: &BundleLocation| match location {
        BundleLocation::Path(path) => Ok(ShelfSlot::Local(local(path, of_stage.trust.as_ref())?)),
        BundleLocation::Url(url) => {
            let fetched = shelf.fetched(url);
            let fetched =
                fetched.with_context(|| format!("--policy {url}: a new URL; restart tracego to use it"))?;
            anyhow::Ok(ShelfSlot::Fetched(url.clone(), fetched))
        }
    };
    let slots = options.policy.iter().map(slot).collect::<Result<Vec<_>, _>>()?;
    if slots.is_empty() {
        return Ok(None);
    }
    let draft = ShelfDraft { slots, trust: of_stage.trust.clone(), limits: of_stage.limits };
    Ok(Some((draft.compile()?, Some(draft))))
}

/// Loads a bundle of a command that works with bundles: a path, or a URL, which is fetched once.
///
/// # Errors
/// Fails if there is no good bundle.
pub(super) fn load_bundle(
    location: &BundleLocation,
    trust: Option<&Trust>,
    server: &BundleServer,
) -> anyhow::Result<Bundle> {
    let url = match location {
        BundleLocation::Path(path) => {
            return bundle::load(path, trust).with_context(|| format!("cannot load {}", path.display()));
        }
        BundleLocation::Url(url) => url,
    };
    let trust = trust.with_context(|| needs_key(url))?.clone();
    PolicyEngine::prepare_processes().with_context(|| format!("cannot load {url}"))?;
    let start = BundleStart {
        server: server.clone(),
        trust,
        cache: None,
        schedule: PollSchedule { least: Duration::from_secs(1), most: Duration::from_secs(1) },
        wait: Duration::ZERO,
        rollback: false,
        prefers_cache: false,
    };
    let (fetched, _) = wait(start.bundle(url))??;
    Ok(fetched.bundle)
}

fn has_url(options: &PolicyOptions) -> bool {
    options.policy.iter().any(|location| location.url().is_some())
}

fn needs_key(url: &BundleUrl) -> String {
    format!(
        "--policy {url}: a bundle that comes over a network must be signed: sign it with `tracego policy sign` or `opa sign`, \
         and name the public key with --policy-key"
    )
}

/// Checks what URLs need beside themselves.
fn check_urls(options: &PolicyOptions) -> anyhow::Result<()> {
    let polling = &options.polling;
    if polling.policy_poll_max < polling.policy_poll_min {
        wrong_usage!(
            "--policy-poll-max {}: is less than --policy-poll-min {}",
            polling.policy_poll_max,
            polling.policy_poll_min
        );
    }
    let server = BundleServer::new(&options.server);
    for url in options.policy.iter().filter_map(BundleLocation::url) {
        if options.key.policy_key.is_none() {
            wrong_usage!("{}", needs_key(url));
        }
        if let Err(why) = server.check(url) {
            wrong_usage!("--policy {url}: {why}");
        }
    }
    Ok(())
}

fn start(options: &PolicyOptions, trust: Trust, is_followed: bool) -> BundleStart {
    let polling = &options.polling;
    BundleStart {
        server: BundleServer::new(&options.server),
        trust,
        cache: polling.policy_cache.clone(),
        schedule: PollSchedule {
            least: Duration::from_secs(polling.policy_poll_min),
            most: Duration::from_secs(polling.policy_poll_max),
        },
        wait: Duration::from_secs(polling.policy_wait),
        rollback: polling.policy_rollback,
        prefers_cache: is_followed,
    }
}

fn local(path: &std::path::Path, trust: Option<&Trust>) -> anyhow::Result<Bundle> {
    bundle::load(path, trust).with_context(|| format!("--policy {}", path.display()))
}

fn stage_options(options: &PolicyOptions) -> anyhow::Result<stage::StageOptions> {
    let time = Duration::from_millis(options.policy_time_limit);
    Ok(stage::StageOptions {
        bundles: options.policy.iter().filter_map(BundleLocation::path).cloned().collect(),
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
