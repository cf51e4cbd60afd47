//! What the rules need and the kernel record does not hold: read from /proc and from files by this
//! stage, kept in captures, so that everything after it does no I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracego_common::TaskId;

/// What is around a process that just started.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Surroundings {
    /// For a go command: the module that is in force in its folder; `None` when there is none.
    pub go_mod: Option<GoMod>,
    /// For a go command: what `go env -w` wrote, the variables that rules look at alone.
    pub go_env: BTreeMap<String, String>,
    /// For a Go program: limits of its cgroup and of those above it, the tightest of each.
    pub limits: Option<CgroupLimits>,
    /// Of the above, what was looked for and could not be read: the field and why.
    pub unavailable: BTreeMap<String, String>,
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
    /// There is a vendor/modules.txt beside it.
    pub vendor: bool,
}

/// Limits of a cgroup.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct CgroupLimits {
    /// Hierarchy that they are from: 1 or 2.
    pub version: u8,
    /// CPU quota in thousandths of a CPU; `None` is unlimited.
    pub cpu_millis: Option<u64>,
    /// Bytes of memory; `None` is unlimited.
    pub memory_bytes: Option<u64>,
    /// CPUs of the machine that the process may run on.
    pub cpus: u32,
}

/// What a running service looked like at one moment.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ServiceState {
    /// Process id and start.
    pub pid: u32,
    /// Start, ns since boot.
    pub start_boottime: u64,
    /// How long it had run.
    pub age_ms: u64,
    /// Pidfiles that name it or should; empty when none is known.
    pub pidfiles: Vec<Pidfile>,
    /// Where it listens.
    pub listening: Vec<Listening>,
    /// Other processes that run as the same service.
    pub others: Vec<OtherInstance>,
    /// What its health addresses answered; only when probing was asked for.
    pub probes: Vec<Probe>,
    /// What was looked for and could not be read: the field and why.
    pub unavailable: BTreeMap<String, String>,
}

impl ServiceState {
    /// The process.
    #[must_use]
    pub fn id(&self) -> TaskId {
        TaskId { tgid: self.pid, start_boottime: self.start_boottime, ..TaskId::default() }
    }
}

/// A pidfile and what is wrong with it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Pidfile {
    /// The file, as the service sees it.
    pub path: String,
    /// Who names it.
    pub source: PidfileSource,
    /// See [`PidfileState`].
    pub state: PidfileState,
    /// The number that it holds.
    pub pid: Option<u32>,
}

/// Who names a pidfile.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PidfileSource {
    /// The configuration.
    #[default]
    Configuration,
    /// `PIDFile=` of its systemd unit.
    Unit,
    /// A lock that it holds on a file that is called like a pidfile (/proc/locks).
    Lock,
    /// A descriptor that it holds on one.
    Descriptor,
}

/// What is wrong with a pidfile.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PidfileState {
    /// It names the service, is younger than it, and the service holds a lock on it.
    Valid,
    /// It is not there.
    #[default]
    Missing,
    /// It is older than the service, or names a process that is gone.
    Stale,
    /// It names another process that runs, or holds no number, or belongs to another user.
    Foreign,
    /// Another file names the same service.
    Duplicate,
    /// It names the service, but nobody holds a lock on it.
    Unlocked,
}

/// A socket that listens.
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
    /// Its process id.
    pub pid: u32,
    /// Its start, ns since boot.
    pub start_boottime: u64,
    /// What both use: `executable` and one of `pidfile`, `folder` or `port`.
    pub shared: Vec<String>,
}

/// What a health address answered.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Probe {
    /// Port.
    pub port: u16,
    /// `/healthz` or `/metrics`.
    pub path: String,
    /// HTTP status; `None` when nothing that is HTTP came in time.
    pub status: Option<u16>,
}
