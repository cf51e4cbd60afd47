//! A process that is watched.

use tracego_common::TaskId;

/// A process that may be a service.
#[derive(Clone, Debug, Default)]
pub struct WatchedService {
    /// Id of the process.
    pub id: TaskId,
    /// Path of the executable, as the kernel or /proc reports it.
    pub executable: String,
    /// Device and inode of the executable, both from the same source for all services.
    pub file: Option<(u32, u64)>,
    /// Name of the systemd unit.
    pub unit: Option<String>,
    /// Id of the container.
    pub container: Option<String>,
    /// Pidfiles that the configuration names: paths as the service sees them, with `{name}`, `{unit}`, and
    /// `*` and `?` in the last component.
    pub pidfiles: Vec<String>,
}
