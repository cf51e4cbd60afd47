//! The record as it is written: names of the OpenTelemetry semantic conventions v1.44.0, nested;
//! joined with dots they are the OTLP attributes. `schema/record.schema.json` describes the same.

pub mod builder;
pub mod enforcement;
pub mod frozen;
pub mod go;
pub mod image;
pub mod job;
pub mod lineage;
pub mod linux;
pub mod policy;
pub mod seal;
pub mod tree;
pub mod uid;

mod own;
mod process;

use std::sync::Arc;

pub use own::{Completeness, ExitFacts, Failure, Own, SinkCounts, SinkFacts};
pub use process::{
    At, Container, Executable, Exit, K8s, Leader, LinuxCgroup, Pod, Process, Runtime, Variables,
};
use serde::Serialize;
use serde_json::{Value, to_value};
use tracego_common::TaskId;

use crate::record::job::Context;
use crate::{clock::Time, finding};

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

impl Record {
    /// A member of the record's object by its name, without those that nobody asks for.
    ///
    /// # Errors
    /// When the member cannot be serialised.
    pub fn member(&self, name: &str) -> serde_json::Result<Option<Value>> {
        /// Those that come from a part of their own.
        #[derive(Serialize)]
        struct Flat<'r> {
            #[serde(flatten)]
            trace: &'r Option<Trace>,
            #[serde(flatten)]
            origin: &'r Origin,
            #[serde(flatten)]
            context: &'r Option<Arc<Context>>,
        }
        let value = match name {
            "schema" => to_value(self.schema),
            "schema_url" => to_value(self.schema_url),
            "event_name" => to_value(self.event_name),
            "timestamp" => to_value(self.timestamp),
            "observed_timestamp" => to_value(self.observed_timestamp),
            "severity_number" => to_value(self.severity_number),
            "severity_text" => to_value(self.severity_text),
            "body" => to_value(&self.body),
            "log" => to_value(&self.log),
            "seq" => to_value(self.seq),
            "process" => to_value(&self.process),
            "container" => to_value(&self.container),
            "k8s" => to_value(&self.k8s),
            "tracego" => to_value(&self.tracego),
            _ => {
                let flat = Flat { trace: &self.trace, origin: &self.origin, context: &self.context };
                to_value(flat).map(|mut flat| flat.get_mut(name).map_or(Value::Null, Value::take))
            }
        };
        // Nothing in a record is null.
        value.map(|value| Some(value).filter(|value| !value.is_null()))
    }
}

/// Whether a number is left out of a record.
pub fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Boot id, start and pid: never a bare pid.
#[must_use]
pub fn exec_id(boot_id: &str, id: TaskId) -> String {
    format!("{boot_id}-{:x}-{:x}", id.start_boottime, id.tgid)
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
