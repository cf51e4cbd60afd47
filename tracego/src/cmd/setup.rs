//! Construction of the agent's options from the command line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use tracego_analyze::{
    enrich::{ci, context},
    inspect::{InspectOptions, network::health::ProbeSettings, service::watch_list::WatchSettings},
    rules::{place::Profile, registry::RULES, settings::RuleSettings, subject::variables},
};
use tracego_common::{
    KernelSettings, SystemCalls,
    limits::TASK_CTX_MAX,
    settings::{event, filter},
};
use tracego_deliver::sink::lifecycle::Sinks;
use tracego_model::{
    enforcement::Mode, host::LABELS_MAX, job_variables::JOB_VARIABLES, linux::cgroup, meta::Meta,
};
use tracego_probe::{
    enforce::{self, settings::Enforce},
    host::{self, GivenHost},
    load::{EnvName, LoadOptions},
};

use super::{pod_watch, provenance, telemetry};
use crate::{
    agent::AgentOptions,
    cli::{EnvSpec, RecordOptions, UsageError, WatchOptions, wrong_usage},
    config::RunSettings,
    metrics,
};

/// Returns the agent's options, and the description of the run for records.
///
/// # Errors
/// Fails if the cgroup cannot be found, if an enforcement rule cannot be applied, or if the settings of
/// `--otlp-metrics` are invalid.
pub(super) fn options(
    watch: &WatchOptions,
    settings: &RunSettings,
    tree: bool,
) -> anyhow::Result<(AgentOptions, Meta)> {
    let wanted = watch.records.selection().kinds;
    let mut kernel = KernelSettings {
        // The process table always needs the first three.
        events: event::EXEC | event::EXIT | event::FORK | wanted,
        filters: 0,
        agent_tgid: std::process::id(),
        uid: 0,
        cgroup_id: 0,
        comm: [0; 16],
        env_names: 0,
        argv_max: watch.argv_cap().map_err(anyhow::Error::msg)?,
        cgroup_level: 0,
        generation: 0,
        agent_start: 0,
        unavailable: 0,
        proc_level: 0,
        proc_ns: 0,
        calls: SystemCalls::NONE,
    };
    if tree {
        kernel.filters |= filter::TREE;
    }
    if let Some(uid) = watch.uid {
        kernel.filters |= filter::UID;
        kernel.uid = uid;
    }
    if let Some(comm) = &watch.comm {
        kernel.filters |= filter::COMM;
        kernel.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    }
    if let Some(path) = &watch.cgroup {
        kernel.filters |= filter::CGROUP;
        (kernel.cgroup_id, kernel.cgroup_level) = cgroup(path)?;
    }
    let Environment { names, injected, unshown } = environment(settings);
    kernel.env_names = u32::try_from(names.len()).unwrap_or(u32::MAX);
    let meta = Meta { unshown, ..host::meta(injected, watch.records.raw_args, given_host(watch)?) };
    let enforce = enforce::Options {
        mode: watch.enforce,
        enforce: enforced(settings, &watch.records),
        tree,
        explicit_job: context::explicit(&meta.injected).opens,
        ci_profile: settings.rules.profile == Profile::Ci,
        policies: !watch.records.policies.policy.is_empty(),
        users: meta.users.clone(),
        shared: Arc::default(),
    };
    enforce.check()?;
    let enforcement = (enforce.mode != Mode::Off).then(|| Arc::clone(enforce.shared.status()));
    let meta = Meta { enforcement, ..meta };
    let load = LoadOptions {
        settings: kernel,
        ring_size: watch.ring(),
        env: names,
        contexts: TASK_CTX_MAX,
        without: Vec::new(),
        handover: None,
    };
    let heartbeat = Duration::from_secs(watch.heartbeat);
    let metrics = metrics::MetricsOptions {
        listen: watch.listen.clone(),
        config: settings.digest.clone(),
        push: telemetry::metrics(&watch.records, &meta)?,
    };
    let sinks = Sinks::default();
    Ok((
        AgentOptions {
            load,
            heartbeat,
            inspect: InspectOptions { digests: watch.digests.limits(), ..inspect(&settings.rules, &meta) },
            inventory: watch.inventory && !tree,
            metrics,
            sinks,
            enforce,
            provenance: provenance::opened(&settings.provenance).map_err(UsageError::of)?,
            pods: pod_watch::options(&watch.pods, &meta.origin.host.name)?,
            confined: !watch.keep_privileges,
        },
        meta,
    ))
}

/// Returns the rules of enforcement. With policies there are no built-in ones.
pub(super) fn enforced(settings: &RunSettings, records: &RecordOptions) -> Enforce {
    let enforce = settings.enforce.clone();
    if records.policies.policy.is_empty() { enforce } else { enforce.with_policies() }
}

/// Returns the settings of the inspector for the rules that are on.
fn inspect(rules: &RuleSettings, meta: &Meta) -> InspectOptions {
    let services = RULES.iter().any(|rule| rule.service.is_some() && rules.is_on(rule));
    let watch = WatchSettings {
        grace: Duration::from_secs(rules.thresholds.service_grace),
        probe: rules.thresholds.probe.then(ProbeSettings::default),
        ..WatchSettings::default()
    };
    InspectOptions {
        services: services.then_some(watch),
        named: rules.thresholds.named.clone(),
        users: meta.users.clone(),
        ..InspectOptions::default()
    }
}

/// The environment variables that are read from processes or added to records.
pub(super) struct Environment {
    /// Allow-list of names to read.
    pub(super) names: Vec<EnvName>,
    /// Values added to every record.
    pub(super) injected: Vec<(String, String)>,
    /// Names that only rules use.
    pub(super) unshown: Arc<BTreeSet<String>>,
}

/// Collects the variables of `--env`, the CI systems and the rules.
pub(super) fn environment(settings: &RunSettings) -> Environment {
    let name = |name: &str| EnvName { name: name.to_owned(), opens_job: None };
    let mut names: Vec<EnvName> = ci::names().into_iter().map(name).collect();
    let mut injected: Vec<(String, String)> = Vec::new();
    for spec in &settings.env {
        match spec {
            EnvSpec::Value(name, value) => {
                injected.retain(|(known, _)| known != name);
                injected.push((name.clone(), value.clone()));
            }
            EnvSpec::Name(given) if names.iter().all(|known| known.name != *given) => {
                names.push(name(given));
            }
            EnvSpec::Name(_) => {}
        }
    }
    let mut unshown = BTreeSet::new();
    for (opener, opens) in JOB_VARIABLES {
        match names.iter_mut().find(|known| known.name == opener) {
            Some(known) => known.opens_job = Some(opens),
            None => {
                names.push(EnvName { opens_job: Some(opens), ..name(opener) });
                unshown.insert(opener.to_owned());
            }
        }
    }
    for asked in variables(&settings.rules) {
        if names.iter().all(|known| known.name != asked) {
            names.push(name(&asked));
            unshown.insert(asked);
        }
    }
    Environment { names, injected, unshown: Arc::new(unshown) }
}

/// Returns id and depth of a v2 cgroup. The id is the inode number of its folder.
fn cgroup(path: &Path) -> anyhow::Result<(u64, u32)> {
    let path = fs::canonicalize(path).with_context(|| format!("--cgroup {}", path.display()))?;
    let root = host::cgroup_root(&path);
    let Some(below) = root.and_then(|root| path.strip_prefix(root).ok()) else {
        wrong_usage!(
            "--cgroup {}: not in the cgroup v2 tree (below {})",
            path.display(),
            cgroup::ROOTS.join(" or ")
        );
    };
    // The kernel counts depth from its own root, which has the number 1 (fs/kernfs/dir.c).
    if root.is_some_and(|root| fs::metadata(root).is_ok_and(|root| root.ino() != 1)) {
        wrong_usage!(
            "--cgroup {}: seen from inside a cgroup namespace; run tracego in the host's",
            path.display()
        );
    }
    // A file in a cgroup's folder also has an inode number, but contains no processes.
    if !path.is_dir() {
        wrong_usage!("--cgroup {}: not a cgroup: name its folder", path.display());
    }
    let level = u32::try_from(below.components().count()).unwrap_or(u32::MAX);
    Ok((fs::metadata(&path)?.ino(), level))
}

/// Returns what the options say about the machine.
fn given_host(watch: &WatchOptions) -> anyhow::Result<GivenHost> {
    let labels: BTreeMap<String, String> = watch.host_label.iter().cloned().collect();
    if labels.len() > LABELS_MAX {
        wrong_usage!("--host-label: {} labels, at most {LABELS_MAX} are supported", labels.len());
    }
    Ok(GivenHost { id: watch.host_id.clone(), name: watch.host_name.clone(), labels })
}
