//! The settings of the agent: those of a run, and those that can change during it.

use std::{io, sync::Arc, time::Duration};

use tracego_analyze::{
    inspect, redact::Redactor, rules::settings::RuleSettings, rules_stage::RecordSelection,
};
use tracego_deliver::sink::{lifecycle::Sinks, settings::SinkSettings};
use tracego_model::record::configuration::ConfigurationReport;
use tracego_probe::{
    enforce::{self, settings::Enforce},
    load::LoadOptions,
};
use tracego_provenance::Provenance;

use super::PodWatchOptions;
use crate::{config::ProvenanceSettings, metrics, policy::PolicyEngine};

/// The settings of a run, for [`start`](super::start).
pub struct AgentOptions {
    /// Settings of the kernel side.
    pub load: LoadOptions,
    /// Time between two heartbeats; zero for none.
    pub heartbeat: Duration,
    /// Settings of the inspector.
    pub inspect: inspect::InspectOptions,
    /// Whether programs that ran before are judged.
    pub inventory: bool,
    /// Settings of metrics and health.
    pub metrics: metrics::MetricsOptions,
    /// Sinks with queues; the consumer has their feeds.
    pub sinks: Sinks,
    /// Settings of enforcement.
    pub enforce: enforce::Options,
    /// Proofs of the origin of executables, if that is configured.
    pub provenance: Option<(ProvenanceSettings, Arc<Provenance>)>,
    /// Settings of the watch of this node's pods, if it is on.
    pub pods: Option<PodWatchOptions>,
    /// Whether rights that are not needed any more are dropped.
    pub confined: bool,
}

/// The settings that can change during a run.
pub(crate) struct ReloadSettings {
    /// Selection of the records to write.
    pub(crate) selection: RecordSelection,
    /// Settings of the rules.
    pub(crate) rules: RuleSettings,
    /// Forms of secrets.
    pub(crate) redactor: Arc<Redactor>,
    /// All sinks with queues.
    pub(crate) sinks: Vec<SinkSettings>,
    /// Settings of enforcement.
    pub(crate) enforce: Enforce,
    /// Proofs of the origin of executables.
    pub(crate) provenance: Option<(ProvenanceSettings, Arc<Provenance>)>,
    /// Freshly loaded policies.
    pub(crate) policy: Option<PolicyEngine>,
    /// Configuration for records.
    pub(crate) configuration: ConfigurationReport,
    /// Reopened direct output.
    pub(crate) output: Option<Box<dyn io::Write + Send>>,
}
