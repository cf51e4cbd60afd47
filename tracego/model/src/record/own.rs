//! `tracego.*`: attributes without a conventional name, about a process and about tracego itself.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

use crate::{
    finding::Finding,
    host::HostFacts,
    ledger::Ledger,
    provenance::Provenance,
    record::{
        configuration::ConfigurationReport,
        enforcement::Enforcement,
        frozen::Frozen,
        go::Go,
        image::Linked,
        inventory::InventoryReport,
        is_zero,
        job::Job,
        kubernetes::{PodReport, PodWatchReport},
        lineage::{Lineage, LineageNames},
        linux::{Audit, Capabilities, CgroupNode, ExecCall, ExecutableFile, Namespaces, Rlimits},
        parent::{ParentProcess, ShownArgs},
        policy,
        privileges::AgentPrivileges,
        process::Variables,
        reference::{ImageFacts, References},
        seal::{ChainStart, Seal},
    },
};

/// `tracego.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Own {
    /// Id of this boot.
    pub boot_id: Arc<str>,
    /// Identity of the process: boot id, start time and pid. The same in the start and exit records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_id: Option<String>,
    /// References of a lean record.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub references: Option<Arc<Frozen<References>>>,
    /// `exec_id` of the process that forked it, in a lean record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_exec_id: Option<String>,
    /// Names of the processes that forked it, in a lean record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<LineageNames>,
    /// The processes that forked it, nearest first, up to the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ancestors: Option<Lineage>,
    /// The command line of the process that forked it, in a full record of a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentProcess>,
    /// The place for the arguments of this process, for the records of its children.
    #[serde(skip)]
    pub shown_args: Option<ShownArgs>,
    /// Whether the parent is not the process that forked it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reparented: bool,
    /// The file that was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<ExecutableFile>,
    /// Verdict about where the executable comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Arc<Provenance>>,
    /// Members of `process` that belong to the executable, in a record that others refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageFacts>,
    /// Linkage of the executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf: Option<Arc<Frozen<Linked>>>,
    /// Role in an execution of the go command, and Go build information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Box<Go>>,
    /// Whether the facts about the program were read from /proc, because it ran before the programs were attached.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inventory: bool,
    /// Whether `process.working_directory` was removed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub working_directory_deleted: bool,
    /// The exec call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecCall>,
    /// Audit identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// `major:minor` of the controlling terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// Seccomp mode: `off`, `strict` or `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<&'static str>,
    /// Whether `no_new_privs` is set; see prctl(2), `PR_SET_NO_NEW_PRIVS`.
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
    /// `process.linux.cgroup`, in a record that others refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_path: Option<String>,
    /// systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The CI job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Arc<Frozen<Job>>>,
    /// `process.environment_variable` of the job, in a record that others refer to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_variable: Option<Arc<Variables>>,
    /// Whether the process belongs to the followed tree.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_tree: bool,
    /// Findings of the rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Enforcement state, and the decision of an enforcement record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<Box<Enforcement>>,
    /// Decision of the policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<policy::PolicyDecision>>,
    /// Truncated, unavailable and redacted values of the record.
    #[serde(skip_serializing_if = "Completeness::is_whole")]
    pub completeness: Completeness,
    /// Details of the exit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitFacts>,
    /// Error of a failed exec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ExecError>,
    /// Number of lost events or records since the last such record, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<BTreeMap<&'static str, u64>>,
    /// The sink that lost the records, if a sink did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<Box<SinkFacts>>,
    /// The counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Box<Ledger>>,
    /// Name of the BPF object that is loaded, in heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bpf_object: Option<&'static str>,
    /// Configuration and policies in force, in heartbeats and in the first record of a sealed output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Arc<ConfigurationReport>>,
    /// The identity of the machine beyond `host.*`, in heartbeats and in the first record of a sealed output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<HostFacts>>,
    /// Delivery counts of each sink with a queue.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sinks: BTreeMap<String, SinkCounts>,
    /// The watch of this node's pods, in heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Box<PodWatchReport>>,
    /// The programs that ran before tracego, in heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_counts: Option<Box<InventoryReport>>,
    /// Containers of the pod, in the record of a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Box<PodReport>>,
    /// Rights that the agent keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Box<AgentPrivileges>>,
    /// Start of the chain of a sealed run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_start: Option<Box<ChainStart>>,
    /// Number of the record in the stream of a sink; set only while that sink encodes the record.
    #[serde(skip_serializing_if = "SinkSeq::is_unset")]
    pub sink_seq: SinkSeq,
    /// The seal: the records that the log must contain. A `chain`, computed from the line, follows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<Box<Seal>>,
}

/// Number of a record in the stream of one sink. Each sink encodes the same record with a number of its own,
/// so the number can be set in a shared record.
#[derive(Debug, Default)]
pub struct SinkSeq(AtomicU64);

impl SinkSeq {
    /// Sets the number; 0 for none.
    pub fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    /// Returns the number; 0 for none.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn is_unset(&self) -> bool {
        self.get() == 0
    }
}

impl Clone for SinkSeq {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.get()))
    }
}

impl Serialize for SinkSeq {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

/// A sink that lost records.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SinkFacts {
    /// Name of the sink in the configuration.
    pub name: String,
    /// Number of the first lost record in the sink's queue; set if the lost records are consecutive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Number of the last lost record in the sink's queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Error message of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Counts of one sink since tracego started.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SinkCounts {
    /// Records that passed the sink's filter.
    pub given: u64,
    /// Records that the receiver acknowledged, including those queued before this start.
    pub delivered: u64,
    /// Records that were lost, for any reason.
    pub lost: u64,
    /// Records that wait in the queue.
    pub waiting: u64,
    /// Bytes of these records.
    pub waiting_bytes: u64,
    /// Age of the oldest of them in milliseconds; possibly slightly too high, and absent where none waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_age_ms: Option<u64>,
}

/// Maximum number of redacted attributes that a record names; all are counted.
const REDACTED_MAX: usize = 64;

/// The values that a record lacks, and why.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Completeness {
    /// Truncated attributes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<&'static str>,
    /// Attributes that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<&'static str>,
    /// Number of values that were redacted.
    #[serde(skip_serializing_if = "is_zero")]
    pub redacted: u32,
    /// The redacted attributes, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redacted_attributes: Vec<String>,
    /// Base64 of values that are not UTF-8, by attribute. The value itself contains U+FFFD instead.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bytes: BTreeMap<String, String>,
}

impl Completeness {
    /// Converts bytes to text. Invalid UTF-8 becomes U+FFFD, and the bytes are kept in base64 under
    /// `attribute`.
    pub fn keep(&mut self, bytes: &[u8], attribute: &str) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                self.bytes.insert(attribute.to_owned(), STANDARD.encode(bytes));
                String::from_utf8_lossy(bytes).into_owned()
            }
        }
    }

    /// Notes that a value was redacted. The bytes of the value are not kept.
    pub fn redact(&mut self, attribute: String) {
        self.redacted += 1;
        self.bytes.remove(&attribute);
        if self.redacted_attributes.len() < REDACTED_MAX {
            self.redacted_attributes.push(attribute);
        }
    }

    /// Whether no value of the record is truncated, unavailable or redacted.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.truncated.is_empty()
            && self.unavailable.is_empty()
            && self.redacted == 0
            && self.bytes.is_empty()
    }
}

/// `tracego.exit.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ExitFacts {
    /// Signal that ended the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// Whether a core was dumped.
    pub core_dumped: bool,
    /// Run time since the start, in nanoseconds.
    pub run_time_ns: u64,
    /// Peak resident set size in bytes.
    pub max_rss_bytes: u64,
}

/// `tracego.error.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ExecError {
    /// Error number.
    pub errno: u32,
    /// Name of the error, as in errno(3).
    pub name: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_can_be_got_back() {
        let mut completeness = Completeness::default();
        assert_eq!(completeness.keep(b"a\xff", "x"), "a\u{fffd}");
        assert_eq!(STANDARD.decode(&completeness.bytes["x"]).unwrap(), b"a\xff");
        assert_eq!(completeness.keep("ä".as_bytes(), "y"), "ä");
        assert_eq!(completeness.bytes.len(), 1);
    }
}
