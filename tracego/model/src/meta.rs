//! What does not change during a run.

use std::{collections::BTreeSet, sync::Arc};

use crate::{enforcement::EnforcementStatus, linux::users::Users, record::Origin};

/// Facts that do not change during a run.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Host and agent, as written in every record.
    pub origin: Arc<Origin>,
    /// Id of this boot.
    pub boot_id: Arc<str>,
    /// Variables given by `--env KEY=VALUE`.
    pub injected: Vec<(String, String)>,
    /// Names of the users.
    pub users: Users,
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
    /// What is in force, where programs are stopped.
    pub enforcement: Option<Arc<EnforcementStatus>>,
}
