//! Settings that change while tracego runs.

use std::{fmt, io, sync::Arc};

use tokio::sync::oneshot;
use tracego_analyze::{redact::Redactor, rules::settings::RuleSettings, rules_stage::RecordSelection};
use tracego_deliver::sink::queue::sender::SinkSender;
use tracego_model::record::configuration::ConfigurationReport;
use tracego_probe::enforce::settings::Enforce;
use tracego_provenance::Provenance;

use crate::{config::ProvenanceSettings, policy::PolicyEngine};

/// A change between two inputs.
pub enum PipelineChange {
    /// Settings of a reload.
    Settings(Box<Reload>),
    /// The policies alone, or what is known of the servers that they come from.
    Policies(PolicyChange),
}

/// A change of the policies without one of the configuration. A heartbeat reports it.
pub struct PolicyChange {
    /// The policies; `None` if they stay.
    pub engine: Option<Box<PolicyEngine>>,
    /// Signals that it is in force.
    pub done: oneshot::Sender<()>,
}

/// The settings that may change while tracego runs.
pub struct Reload {
    /// Selection of the records to write.
    pub selection: RecordSelection,
    /// Settings of the rules.
    pub rules: RuleSettings,
    /// The forms of secrets.
    pub redactor: Arc<Redactor>,
    /// The pipeline's ends of the sinks.
    pub feeds: Vec<SinkSender>,
    /// The direct output, reopened.
    pub output: Option<Box<dyn io::Write + Send>>,
    /// The settings of enforcement: which findings end a process.
    pub enforce: Enforce,
    /// The policies, reloaded.
    pub policy: Option<PolicyEngine>,
    /// Configuration that is in force from now on.
    pub configuration: ConfigurationReport,
    /// Proofs of the origin of executables.
    pub(crate) provenance: Option<(ProvenanceSettings, Arc<Provenance>)>,
    /// Signals that the old feeds are gone.
    pub done: oneshot::Sender<()>,
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("selection", &self.selection).finish_non_exhaustive()
    }
}
