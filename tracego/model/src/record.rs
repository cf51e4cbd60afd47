//! The record as it is written. Names are those of the OpenTelemetry semantic conventions v1.44.0, nested;
//! joined with dots they are the OTLP attributes. `schema/record.schema.json` describes the same format.

pub mod builder;
pub mod configuration;
pub mod enforcement;
pub mod exact_number;
pub mod frozen;
pub mod go;
pub mod image;
pub mod inventory;
pub mod job;
pub mod kubernetes;
pub mod lineage;
pub mod linux;
pub mod parent;
pub mod policy;
pub mod privileges;
pub mod reference;
pub mod seal;
pub mod tree;
pub mod uid;

mod own;
mod process;

use std::sync::Arc;

pub use crate::meta::{Host, Instance, Origin, Service};
pub use kubernetes::{Container, K8s};
pub use own::{Completeness, ExecError, ExitFacts, Own, SinkCounts, SinkFacts};
pub use process::{At, Executable, Exit, Leader, LinuxCgroup, Process, Variables};
use serde::Serialize;
use serde_json::{Value, to_value};
use tracego_common::TaskId;

use crate::{
    clock::Time,
    finding,
    input::digest::FileDigest,
    record::{frozen::Frozen, job::Context, kubernetes::ContainerImage},
    text,
    walk::{MemberVisitor, walk_members},
};

/// Version of the record format.
pub const SCHEMA: &str = "tracego/2";
/// Version of the semantic conventions that the names come from.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Names of the kinds of records.
pub mod event_name {
    /// A program was executed.
    pub const START: &str = "tracego.process.start";
    /// A process ended.
    pub const EXIT: &str = "tracego.process.exit";
    /// A process was forked.
    pub const FORK: &str = "tracego.process.fork";
    /// An enforcement decision about a program start.
    pub const ENFORCEMENT: &str = "tracego.enforcement";
    /// An exec failed.
    pub const EXEC_FAILED: &str = "tracego.process.exec_failed";
    /// A finding about a process that started earlier.
    pub const FINDING: &str = "tracego.finding";
    /// A loss of events or records.
    pub const LOST: &str = "tracego.lost";
    /// A heartbeat with the counters.
    pub const HEARTBEAT: &str = "tracego.heartbeat";
    /// The first record of a sealed run.
    pub const SEAL_OPENED: &str = "tracego.seal.opened";
    /// The records of a window, a job or a run that the log must contain.
    pub const SEAL: &str = "tracego.seal";
    /// The host, the boot and the run of the agent, which lean records refer to.
    pub const STREAM: &str = "tracego.stream";
    /// Commit and job, which lean records refer to.
    pub const JOB: &str = "tracego.job";
    /// An executable, which lean records refer to.
    pub const IMAGE: &str = "tracego.image";
    /// Limits, capabilities, namespaces and cgroup, which lean records refer to.
    pub const CONFINEMENT: &str = "tracego.confinement";
    /// A process whose start is in no earlier record of the output, and which lean records refer to.
    pub const PROCESS: &str = "tracego.process";
    /// A pod of this node that became known, or of which other facts are known now.
    pub const POD: &str = "tracego.pod";
    /// The digest of an executable that was not known when its start was written.
    pub const EXECUTABLE: &str = "tracego.executable";

    /// The kinds of records that others refer to.
    pub const REFERENCES: [&str; 5] = [STREAM, JOB, IMAGE, CONFINEMENT, PROCESS];

    /// All kinds of records.
    pub const ALL: [&str; 17] = [
        START,
        EXIT,
        FORK,
        EXEC_FAILED,
        ENFORCEMENT,
        FINDING,
        LOST,
        HEARTBEAT,
        SEAL_OPENED,
        SEAL,
        STREAM,
        JOB,
        IMAGE,
        CONFINEMENT,
        PROCESS,
        POD,
        EXECUTABLE,
    ];
}

/// OpenTelemetry severity of a record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum OtelSeverity {
    /// 9: informational.
    Info,
    /// 13: a finding of low or medium severity, or something missing.
    Warn,
    /// 17: a finding of high severity.
    Error,
    /// 21: a critical finding.
    Fatal,
}

impl OtelSeverity {
    /// Returns the number and text of the severity (OTel logs data model, "Severity Fields").
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

impl From<finding::Severity> for OtelSeverity {
    fn from(severity: finding::Severity) -> Self {
        match severity {
            finding::Severity::Low | finding::Severity::Medium => Self::Warn,
            finding::Severity::High => Self::Error,
            finding::Severity::Critical => Self::Fatal,
        }
    }
}

/// A record: one line of output.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Version of the format; see [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the conventions; see [`SCHEMA_URL`].
    pub schema_url: &'static str,
    /// Kind of the record; see [`event_name`].
    pub event_name: &'static str,
    /// Time of the event in the kernel.
    pub timestamp: Time,
    /// Time when the agent read the event from the ring.
    pub observed_timestamp: Time,
    /// Severity as a number; see [`OtelSeverity::parts`].
    pub severity_number: u8,
    /// Severity as a text; see [`OtelSeverity::parts`].
    pub severity_text: &'static str,
    /// Trace context from the process's own TRACEPARENT.
    #[serde(flatten)]
    pub trace: Option<Trace>,
    /// Summary of the record for people, on one line.
    pub body: String,
    /// Unique id of the record.
    pub log: Log,
    /// Position in this agent's stream, from 1, without gaps.
    pub seq: u64,
    /// Host and agent that wrote the record.
    #[serde(flatten)]
    pub origin: Arc<Origin>,
    /// The process that the record is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Box<Process>>,
    /// CI job and commit: `cicd` and `vcs`.
    #[serde(flatten)]
    pub context: Option<Arc<Context>>,
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k8s: Option<Arc<Frozen<K8s>>>,
    /// Attributes without a conventional name.
    pub tracego: Box<Own>,
    /// The members of `context` that a lean record shows; `None` where the record shows all. Not written.
    #[serde(skip)]
    pub brief: Option<Arc<Context>>,
    /// The members of `k8s` that a lean record shows; `None` where the record shows all. Not written.
    #[serde(skip)]
    pub brief_pod: Option<Arc<Frozen<K8s>>>,
    /// Whether the record leaves out what it refers to. Not written.
    #[serde(skip)]
    pub is_lean: bool,
}

impl Record {
    /// Raises the severity to at least the given one.
    pub fn raise(&mut self, severity: OtelSeverity) {
        let (number, text) = severity.parts();
        if number > self.severity_number {
            (self.severity_number, self.severity_text) = (number, text);
        }
    }

    /// Returns the members of commit and job that the record shows.
    #[must_use]
    pub fn shown_context(&self) -> Option<&Context> {
        self.brief.as_deref().or(self.context.as_deref())
    }

    /// Returns the digest of the executable, as far as it is known.
    #[must_use]
    pub fn executable_digest(&self) -> Option<linux::ExecutableDigest> {
        self.tracego.executable.as_ref()?.digest
    }

    /// Whether the digest of the executable follows in a later record.
    #[must_use]
    pub fn is_digest_pending(&self) -> bool {
        self.executable_digest() == Some(FileDigest::Pending.into())
    }

    /// Returns the members of the pod that the record shows.
    #[must_use]
    pub fn shown_pod(&self) -> Option<&Frozen<K8s>> {
        self.brief_pod.as_deref().or(self.k8s.as_deref())
    }

    /// Returns the image of the container, if the record shows it.
    #[must_use]
    pub fn shown_image(&self) -> Option<&ContainerImage> {
        let image = self.container.as_ref().filter(|_| !self.is_lean)?.image.as_ref()?;
        Some(image)
    }

    /// Whether the record has a finding, a violation or a decision about its start. Somebody reads it alone, so it is
    /// written whole.
    #[must_use]
    pub fn stands_alone(&self) -> bool {
        let own = &self.tracego;
        let is_plain = |policy: &policy::PolicyDecision| {
            policy.allow
                && policy.violations.is_empty()
                && policy.warnings.is_empty()
                && policy.error.is_none()
        };
        !own.findings.is_empty()
            || own.enforcement.as_ref().is_some_and(|about| about.decision.is_some())
            || own.policy.as_deref().is_some_and(|policy| !is_plain(policy))
    }

    /// Returns the worst severity of the findings and of a policy decision that does not allow; `None` if
    /// there are neither.
    #[must_use]
    pub fn worst(&self) -> Option<finding::Severity> {
        let found = self.tracego.findings.iter().map(|finding| finding.severity).max();
        found.max(self.tracego.policy.as_ref().and_then(|policy| policy.denied()))
    }
}

impl Record {
    /// Serialises one member of the record by its name, without the other members. Returns `None` if the
    /// record has no such member.
    ///
    /// # Errors
    /// Fails if the member cannot be serialised.
    pub fn member(&self, name: &str) -> serde_json::Result<Option<Value>> {
        let mut wanted = WantedMember { name, value: None };
        walk_members(self, &mut wanted)?;
        Ok(wanted.value)
    }
}

/// Member of a record that is serialised alone.
struct WantedMember<'n> {
    name: &'n str,
    value: Option<Value>,
}

impl MemberVisitor for WantedMember<'_> {
    type Error = serde_json::Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> serde_json::Result<()> {
        if name == self.name {
            self.value = Some(to_value(value)?);
        }
        Ok(())
    }
}

/// Whether a number is zero and therefore left out of a record.
pub fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Boot id, start and pid: never a bare pid.
#[must_use]
pub fn exec_id(boot_id: &str, id: TaskId) -> String {
    let mut text = String::with_capacity(boot_id.len() + "-ffffffffffffffff-ffffffff".len());
    text.push_str(boot_id);
    for number in [id.start_boottime, u64::from(id.tgid)] {
        text.push('-');
        text::push_hex(&mut text, number);
    }
    text
}

/// W3C trace context.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Trace {
    /// Trace id: 32 hexadecimal digits.
    pub trace_id: String,
    /// Span id: 16 hexadecimal digits.
    pub span_id: String,
    /// Trace flags: two hexadecimal digits.
    pub trace_flags: String,
}

/// `log.record.uid`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Log {
    /// `log.record`.
    pub record: LogRecord,
}

/// `log.record.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogRecord {
    /// ULID: sorts by time. Records with the same id are duplicates.
    pub uid: String,
}
