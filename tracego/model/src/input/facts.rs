//! Facts that the rules need and kernel events do not hold. This stage reads them from /proc and from files;
//! captures keep them, so that later stages do no I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracego_common::TaskId;

/// The environment of a process that just started: module, go settings, cgroup limits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Surroundings {
    /// Module in force in the folder of a go command; `None` without one.
    pub go_mod: Option<GoMod>,
    /// Settings of a go command written by `go env -w`, restricted to variables that rules use.
    pub go_env: BTreeMap<String, String>,
    /// The go.mod file that declares the main module of a Go program, found in the folders above the program,
    /// above its working folder or in the checkout of its job. The program is then of the tree that it runs
    /// in.
    pub module_file: Option<String>,
    /// The checkout around the module file of the program, or around the go.mod file in force for a go command.
    pub checkout: Option<Checkout>,
    /// Commits in the file that describes the event that started the run of the job.
    pub event_commits: Vec<String>,
    /// Tightest limits of the cgroup of a Go program and of all cgroups above it.
    pub limits: Option<CgroupLimits>,
    /// Fields above that were looked for but could not be read, each with the reason.
    pub unavailable: BTreeMap<String, String>,
}

/// A git checkout.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Checkout {
    /// Top folder, as the process sees it.
    pub folder: String,
    /// Whether a variable of the CI system names it, or a folder in it, as the checkout of the job.
    pub is_named: bool,
    /// Whether it lies in another checkout: a submodule, or a clone.
    pub is_nested: bool,
    /// Commit that HEAD was last moved to, from the reflog; empty if that is not known.
    pub head: String,
    /// Time of that move, in seconds since 1970.
    pub moved_s: i64,
}

/// A module in force.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct GoMod {
    /// The go.mod file, as its process sees it.
    pub path: String,
    /// The module's own path.
    pub module: String,
    /// The go.work file, when one is in force.
    pub work: Option<String>,
    /// Whether a vendor/modules.txt lies beside the go.mod or go.work file.
    pub vendor: bool,
}

/// Limits of a cgroup.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct CgroupLimits {
    /// Version of the cgroup hierarchy: 1 or 2.
    pub version: u8,
    /// CPU quota in thousandths of a CPU; `None` means unlimited.
    pub cpu_millis: Option<u64>,
    /// Memory limit in bytes; `None` means unlimited.
    pub memory_bytes: Option<u64>,
    /// Number of CPUs that the process may run on.
    pub cpus: u32,
}

/// The state of a running service at one moment.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ServiceState {
    /// Process id.
    pub pid: u32,
    /// Process start, ns since boot.
    pub start_boottime: u64,
    /// Milliseconds that the process had been running.
    pub age_ms: u64,
    /// Pidfiles that name the service or should; empty when none is known.
    pub pidfiles: Vec<Pidfile>,
    /// Sockets on which the service listens.
    pub listening: Vec<Listening>,
    /// Other processes that run as the same service.
    pub others: Vec<OtherInstance>,
    /// Answers of the health addresses; empty unless probing is configured.
    pub probes: Vec<Probe>,
    /// Fields that were looked for but could not be read, each with the reason.
    pub unavailable: BTreeMap<String, String>,
}

impl ServiceState {
    /// Returns the id of the process.
    #[must_use]
    pub fn id(&self) -> TaskId {
        TaskId { tgid: self.pid, start_boottime: self.start_boottime, ..TaskId::default() }
    }
}

/// A pidfile and its state.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Pidfile {
    /// Path of the file, as the service sees it.
    pub path: String,
    /// Source that names the file.
    pub source: PidfileSource,
    /// State of the file.
    pub state: PidfileState,
    /// Process id in the file; `None` without one.
    pub pid: Option<u32>,
}

/// The source of a pidfile's path.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PidfileSource {
    /// The configuration.
    #[default]
    Configuration,
    /// `PIDFile=` of the systemd unit.
    Unit,
    /// A lock that the service holds on a file named like a pidfile or a lock file (/proc/locks).
    Lock,
    /// A descriptor of the service that is open for writing on a file named like a pidfile.
    Descriptor,
}

/// The state of a pidfile.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PidfileState {
    /// The file names the service, is younger than the service, and is locked.
    Valid,
    /// The file does not exist.
    #[default]
    Missing,
    /// The file is older than the service, or names a process that is gone.
    Stale,
    /// The file names another running process, holds no number, or belongs to another user.
    Foreign,
    /// Another file already names the same service.
    Duplicate,
    /// The file names the service, but no process holds a lock on it.
    Unlocked,
}

/// A listening socket.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Listening {
    /// `tcp` or `tcp6`.
    pub transport: String,
    /// Address.
    pub address: String,
    /// Port.
    pub port: u16,
}

/// Another process that runs as the same service.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct OtherInstance {
    /// Process id.
    pub pid: u32,
    /// Process start, ns since boot.
    pub start_boottime: u64,
    /// Resources that both use: `executable`, and at least one of `pidfile`, `folder` and `port`.
    pub shared: Vec<String>,
}

/// The answer of a health address.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Probe {
    /// Port.
    pub port: u16,
    /// `/healthz` or `/metrics`.
    pub path: String,
    /// HTTP status; `None` when no HTTP answer came in time.
    pub status: Option<u16>,
}
