//! The state of the agent, as heartbeats report it.

use std::sync::{Arc, OnceLock};

use tracego_analyze::inspect::inventory::InventoryStatus;
use tracego_kubernetes::status::PodWatchStatus;
use tracego_model::{
    policy::PolicySourceStatus,
    record::{Record, configuration::ConfigurationReport, privileges::AgentPrivileges},
};

/// The state of other parts of the agent.
#[derive(Default)]
pub(super) struct AgentStatus {
    /// Name of the BPF object that is loaded.
    pub(super) bpf_object: Option<&'static str>,
    /// The rights that the agent keeps.
    pub(super) privileges: Arc<OnceLock<AgentPrivileges>>,
    /// The watch of this node's pods, where there is one.
    pub(super) pods: Option<Arc<PodWatchStatus>>,
    /// The inventory of programs that ran before, where there is one.
    pub(super) inventory: Option<Arc<InventoryStatus>>,
    /// The servers that policies come from, where there are any.
    pub(super) policy_sources: Option<Arc<PolicySourceStatus>>,
}

impl AgentStatus {
    /// Returns the configuration for a heartbeat, with the servers that policies come from.
    pub(super) fn configuration(
        &self,
        in_force: Option<&Arc<ConfigurationReport>>,
    ) -> Option<Arc<ConfigurationReport>> {
        let (Some(status), Some(known)) = (&self.policy_sources, in_force) else { return in_force.cloned() };
        Some(Arc::new(ConfigurationReport { policy_sources: status.sources(), ..(**known).clone() }))
    }

    /// Puts the state onto a heartbeat.
    pub(super) fn report(&self, heartbeat: &mut Record) {
        let own = &mut heartbeat.tracego;
        own.bpf_object = self.bpf_object;
        own.privileges = self.privileges.get().cloned().map(Box::new);
        own.kubernetes = self.pods.as_ref().map(|pods| Box::new(pods.report()));
        own.inventory_counts = self.inventory.as_ref().map(|status| Box::new(status.report()));
    }
}
