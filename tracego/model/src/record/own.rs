//! `tracego.*`: what has no conventional name, about a process and about tracego itself.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use crate::{
    finding::Finding,
    ledger::Ledger,
    record::{
        enforcement::Enforcement,
        frozen::Frozen,
        go::Go,
        image::Linked,
        is_zero,
        job::Job,
        lineage::Lineage,
        linux::{Audit, Capabilities, CgroupNode, ExecCall, ExecutableFile, Namespaces, Rlimits},
        policy,
        seal::{ChainStart, Seal},
    },
};

/// `tracego.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Own {
    /// This boot.
    pub boot_id: Arc<str>,
    /// Identity of the process: boot id, start, pid; the same in start and exit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_id: Option<String>,
    /// Who forked it, up to the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ancestors: Option<Lineage>,
    /// The parent is not the one that forked it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reparented: bool,
    /// The file that was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<ExecutableFile>,
    /// How it was linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf: Option<Arc<Frozen<Linked>>>,
    /// What it is in Go's world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Box<Go>>,
    /// `process.working_directory` was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub working_directory_deleted: bool,
    /// The call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecCall>,
    /// Audit identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// `major:minor` of the controlling terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// `off`, `strict` or `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<&'static str>,
    /// prctl(PR_SET_NO_NEW_PRIVS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_new_privs: Option<bool>,
    /// Capability sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<Arc<Frozen<Capabilities>>>,
    /// Resource limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rlimit: Option<Arc<Frozen<Rlimits>>>,
    /// Namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespaces>,
    /// The cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupNode>,
    /// systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Arc<Frozen<Job>>>,
    /// In the followed tree.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_tree: bool,
    /// What the rules say about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What is stopped, and what was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<Box<Enforcement>>,
    /// What policies say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<policy::Decision>>,
    /// What is not whole.
    #[serde(skip_serializing_if = "Completeness::is_whole")]
    pub completeness: Completeness,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitFacts>,
    /// Why exec failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Events lost since the last such record, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<BTreeMap<&'static str, u64>>,
    /// The sink that lost them, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<Box<SinkFacts>>,
    /// The counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Box<Ledger>>,
    /// What became of the records in each sink with a queue.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sinks: BTreeMap<String, SinkCounts>,
    /// How a sealed run begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_start: Option<Box<ChainStart>>,
    /// What has to be in the log. A `chain` follows that is made of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<Box<Seal>>,
}

/// A sink that lost records.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SinkFacts {
    /// Its name in the configuration.
    pub name: String,
    /// First of the lost records, by its number in the sink's queue, where they are one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// What the receiver said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Counts of one sink since tracego started.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SinkCounts {
    /// Records that its filter took.
    pub given: u64,
    /// Records that its receiver took, those from before this start too.
    pub delivered: u64,
    /// Records that are lost, for any reason.
    pub lost: u64,
    /// Records that wait.
    pub waiting: u64,
}

/// What a record lacks, and why.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Completeness {
    /// Attributes that are cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<&'static str>,
    /// Attributes that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<&'static str>,
    /// Values that the sanitiser changed.
    #[serde(skip_serializing_if = "is_zero")]
    pub redacted: u32,
    /// Base64 of what is not UTF-8, by attribute; in its place U+FFFD stands.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bytes: BTreeMap<String, String>,
}

impl Completeness {
    fn is_whole(&self) -> bool {
        self.truncated.is_empty()
            && self.unavailable.is_empty()
            && self.redacted == 0
            && self.bytes.is_empty()
    }
}

/// `tracego.exit.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ExitFacts {
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// A core was dumped.
    pub core_dumped: bool,
    /// From its start, nanoseconds.
    pub run_time_ns: u64,
    /// Peak resident set.
    pub max_rss_bytes: u64,
}

/// `tracego.error.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Failure {
    /// Number.
    pub errno: u32,
    /// Its name, as errno(3) has it.
    pub name: &'static str,
}
