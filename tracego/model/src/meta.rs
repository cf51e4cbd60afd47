//! The facts that do not change during a run.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;

use crate::{enforcement::EnforcementStatus, host::HostFacts, linux::users::Users};

/// Facts that do not change during a run.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Host and agent, as written in every record.
    pub origin: Arc<Origin>,
    /// Identity of the machine beyond the id and the name; `None` where it is not known, as in a capture.
    pub host: Option<Arc<HostFacts>>,
    /// Id of this boot.
    pub boot_id: Arc<str>,
    /// Variables given by `--env KEY=VALUE`.
    pub injected: Vec<(String, String)>,
    /// Names of the users.
    pub users: Users,
    /// Mount namespaces whose paths are the host's; empty when unknown.
    pub mount_namespaces: Vec<u32>,
    /// Clock ticks per second.
    pub tick_hz: u64,
    /// Page size in bytes.
    pub page_size: u64,
    /// Random number of the run. Part of the `log.record.uid` of tracego's own records, and of event records
    /// where no other run continues this one.
    pub instance: u32,
    /// Whether arguments and variables are left unredacted.
    pub raw: bool,
    /// Variables that only rules look at; records do not show them.
    pub unshown: Arc<BTreeSet<String>>,
    /// State of enforcement, where programs are stopped.
    pub enforcement: Option<Arc<EnforcementStatus>>,
}

/// Host and agent, the same in all records of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Origin {
    /// The host.
    pub host: Host,
    /// The agent.
    pub service: Service,
}

/// `host.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// Id of the machine; see machine-id(5).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Name of the host.
    pub name: String,
}

/// `service.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Service {
    /// Name of the service: `tracego`.
    pub name: &'static str,
    /// Version of the agent.
    pub version: &'static str,
    /// The run of the agent.
    pub instance: Instance,
}

/// `service.instance.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Instance {
    /// Id of the run, chosen at random.
    pub id: String,
}
