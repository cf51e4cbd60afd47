//! The record as it is written: names of the OpenTelemetry semantic conventions v1.44.0, nested;
//! joined with dots they are the OTLP attributes. `schema/record.schema.json` describes the same.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    cgroup,
    context::{Context, Job},
    env::Variables,
    frozen::Frozen,
    go::Go,
    image::{BuildId, Language, Linked},
    linux::{Audit, Capabilities, CgroupNode, ExecCall, ExecutableFile, Namespaces, Rlimits},
    table::Lineage,
    users::User,
    verdict::Enforcement,
};
use crate::{
    clock::Time,
    ledger::Ledger,
    policy,
    rules::finding::{self, Finding},
    seal::{ChainStart, Seal},
};

/// Version of this shape.
pub const SCHEMA: &str = "tracego/1";
/// Semantic conventions that the names come from.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The kinds of records.
pub mod event_name {
    /// A program was started.
    pub const START: &str = "tracego.process.start";
    /// A process ended.
    pub const EXIT: &str = "tracego.process.exit";
    /// A process was made.
    pub const FORK: &str = "tracego.process.fork";
    /// It was decided about a program start.
    pub const ENFORCEMENT: &str = "tracego.enforcement";
    /// A program could not be started.
    pub const EXEC_FAILED: &str = "tracego.process.exec_failed";
    /// Something was found about a process that started before.
    pub const FINDING: &str = "tracego.finding";
    /// Events were lost.
    pub const LOST: &str = "tracego.lost";
    /// Sign of life with the counters.
    pub const HEARTBEAT: &str = "tracego.heartbeat";
    /// The first record of a run that is sealed.
    pub const SEAL_OPENED: &str = "tracego.seal.opened";
    /// What a window, a job or a run has in this log.
    pub const SEAL: &str = "tracego.seal";
}

/// OTel severity of a record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// 9.
    Info,
    /// 13: a finding of low or medium severity, or something that is missing.
    Warn,
    /// 17: a finding of high severity.
    Error,
    /// 21: a critical finding.
    Fatal,
}

impl Severity {
    /// Number and text (OTel logs data model, "Severity Fields").
    #[must_use]
    pub fn parts(self) -> (u8, &'static str) {
        match self {
            Self::Info => (9, "INFO"),
            Self::Warn => (13, "WARN"),
            Self::Error => (17, "ERROR"),
            Self::Fatal => (21, "FATAL"),
        }
    }
}

impl From<finding::Severity> for Severity {
    fn from(severity: finding::Severity) -> Self {
        match severity {
            finding::Severity::Low | finding::Severity::Medium => Self::Warn,
            finding::Severity::High => Self::Error,
            finding::Severity::Critical => Self::Fatal,
        }
    }
}

/// One line of output.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// See [`SCHEMA`].
    pub schema: &'static str,
    /// See [`SCHEMA_URL`].
    pub schema_url: &'static str,
    /// See [`event_name`].
    pub event_name: &'static str,
    /// When the kernel saw it.
    pub timestamp: Time,
    /// When the agent took it from the ring.
    pub observed_timestamp: Time,
    /// See [`Severity`].
    pub severity_number: u8,
    /// See [`Severity`].
    pub severity_text: &'static str,
    /// From the process's own TRACEPARENT.
    #[serde(flatten)]
    pub trace: Option<Trace>,
    /// One line for people.
    pub body: String,
    /// Unique id.
    pub log: Log,
    /// Position in this agent's stream, from 1, without gaps.
    pub seq: u64,
    /// Where and by whom.
    #[serde(flatten)]
    pub origin: Arc<Origin>,
    /// The subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Box<Process>>,
    /// `cicd` and `vcs`.
    #[serde(flatten)]
    pub context: Option<Arc<Context>>,
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k8s: Option<K8s>,
    /// What has no conventional name.
    pub tracego: Box<Own>,
}

impl Record {
    /// It is at least as severe as that.
    pub fn raise(&mut self, severity: Severity) {
        let (number, text) = severity.parts();
        if number > self.severity_number {
            (self.severity_number, self.severity_text) = (number, text);
        }
    }
}

/// W3C trace context.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Trace {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// Two hexadecimal digits.
    pub trace_flags: String,
}

/// `log.record.uid`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Log {
    /// The id.
    pub record: LogRecord,
}

/// `log.record.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogRecord {
    /// ULID: sorts by time; records with the same id are duplicates.
    pub uid: String,
}

/// The same in all records of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Origin {
    /// The machine.
    pub host: Host,
    /// This agent.
    pub service: Service,
}

/// `host.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// machine-id(5).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Host name.
    pub name: String,
}

/// `service.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Service {
    /// `tracego`.
    pub name: &'static str,
    /// Version of the agent.
    pub version: &'static str,
    /// This run.
    pub instance: Instance,
}

/// `service.instance.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Instance {
    /// Random for each run.
    pub id: String,
}

/// `process.*`. What an event does not know is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Process {
    /// Process id in the initial namespace.
    pub pid: u32,
    /// Pid in the innermost namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpid: Option<u32>,
    /// Parent now; see `tracego.ancestors` for who forked it.
    pub parent_pid: u32,
    /// With the pid the identity.
    pub creation: At,
    /// Task name (comm).
    pub command: String,
    /// Arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_args: Option<Vec<String>>,
    /// Arguments as the kernel counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_count: Option<u32>,
    /// Path and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<Executable>,
    /// Current directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Effective user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Real user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_user: Option<User>,
    /// Saved user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_user: Option<User>,
    /// Process group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_leader: Option<Leader>,
    /// Session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_leader: Option<Leader>,
    /// Has a controlling terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    /// `process.linux.cgroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<LinuxCgroup>,
    /// Allowed and injected variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_variable: Option<Arc<Variables>>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// The language that its program is written in, where the program says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Arc<Frozen<Language>>>,
}

/// A moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct At {
    /// The time.
    pub time: Time,
}

/// `process.exit.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Exit {
    /// Exit code; 128 + signal when a signal ended it, as shells report it.
    pub code: u32,
    /// When.
    pub time: Time,
}

/// `process.executable.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Executable {
    /// Path from the root of its mount namespace.
    pub path: String,
    /// Last part of it.
    pub name: String,
    /// What identifies its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<Arc<Frozen<BuildId>>>,
}

/// A process by its number.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Leader {
    /// Process id.
    pub pid: u32,
}

/// `process.linux.*`.
#[derive(Clone, Debug, Serialize)]
pub struct LinuxCgroup {
    /// Path of the cgroup in its hierarchy.
    pub cgroup: String,
}

/// `container.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its runtime, where the cgroup says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
}

/// `container.runtime.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Runtime {
    /// Its name.
    pub name: &'static str,
}

impl From<cgroup::Container> for Container {
    fn from(from: cgroup::Container) -> Self {
        Self { id: from.id, runtime: from.runtime.map(|name| Runtime { name }) }
    }
}

/// `k8s.*`.
#[derive(Clone, Debug, Serialize)]
pub struct K8s {
    /// The pod.
    pub pod: Pod,
}

/// `k8s.pod.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Pod {
    /// Its uid.
    pub uid: String,
}

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
    #[serde(skip_serializing_if = "super::is_zero")]
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
