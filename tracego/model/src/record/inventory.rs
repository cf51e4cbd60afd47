//! Numbers of the inventory, in heartbeats.

use serde::Serialize;

/// `tracego.inventory_counts.*` of a heartbeat: the programs that ran before tracego.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct InventoryReport {
    /// Whether all processes were looked at; false while that goes on, too.
    pub complete: bool,
    /// Number of processes that were read, and that the rules judge.
    pub judged: u64,
    /// Processes that the rules cannot judge.
    pub unread: UnreadProcesses,
    /// Processes that need not be judged, or are too many.
    pub skipped: SkippedProcesses,
    /// Reason why the processes cannot be listed; then none is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Numbers of processes that could not be read, by reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct UnreadProcesses {
    /// tracego may not look at them.
    pub denied: u64,
    /// Another failure.
    pub failed: u64,
}

/// Numbers of processes that were skipped, by reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct SkippedProcesses {
    /// Threads of the kernel, which run no program.
    pub kernel: u64,
    /// Filters exclude them.
    pub filtered: u64,
    /// Processes of tracego itself.
    pub own: u64,
    /// Processes that ended before they were read.
    pub gone: u64,
    /// More processes than one inventory reads.
    pub too_many: u64,
}
