//! What does not change during a run.

use std::{collections::BTreeSet, sync::Arc};

use crate::{enforcement::EnforcementStatus, linux::users::Users, record::Origin};

/// What does not change during a run.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Host and agent.
    pub origin: Arc<Origin>,
    /// This boot.
    pub boot_id: Arc<str>,
    /// `--env KEY=VALUE`.
    pub injected: Vec<(String, String)>,
    /// Names of users.
    pub users: Users,
    /// Clock ticks a second.
    pub tick_hz: u64,
    /// Bytes of a page.
    pub page_size: u64,
    /// Random for each run: part of the `log.record.uid` of what tracego itself says, and of events where no
    /// other run continues this one.
    pub instance: u32,
    /// Leave arguments and variables as they are.
    pub raw: bool,
    /// Variables that only rules look at: records do not show them.
    pub unshown: Arc<BTreeSet<String>>,
    /// What is in force, where programs are stopped.
    pub enforcement: Option<Arc<EnforcementStatus>>,
}
