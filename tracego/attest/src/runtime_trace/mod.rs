//! The predicate: in-toto's runtime-trace v0.1, with extensions for the job, the findings, the result, and what is missing.
//!
//! ```text
//! traced_process        the processes, with the tools of Go folded
//! traced_job            the job, and what identifies it
//! traced_configuration  the configuration and the policies in force
//! completeness          the missing parts
//! ```
//!
//! tracego does not record the network: the list is absent, because an empty one would say that there was none.

mod completeness;
mod traced_configuration;
mod traced_job;
mod traced_process;

use std::collections::BTreeMap;

pub use completeness::{AttestedCompleteness, AttestedFile, LogVerdict};
use serde::Serialize;
use traced_configuration::{ConfigSource, TracedConfiguration, TracedConfigurations, TracedPolicy};
use traced_job::{MonitoredProcess, TracedJob};
pub use traced_process::ProcessChoice;
use traced_process::TracedProcess;
use tracego_report::history::{RunHistory, StopEffect};

use crate::{configuration_history::ConfigurationHistory, record_origin::RecordOrigin, subject::Subject};

/// Type of the predicate.
pub const RUNTIME_TRACE: &str = "https://in-toto.io/attestation/runtime-trace/v0.1";
/// Type of the monitor.
const MONITOR: &str = "urn:tracego:monitor:1";

/// The predicate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeTrace {
    monitor: Monitor,
    monitored_process: MonitoredProcess,
    monitor_log: MonitorLog,
    #[serde(skip_serializing_if = "TraceTimes::is_empty")]
    metadata: TraceTimes,
    #[serde(rename = "tracegoResultV1")]
    result: TraceResult,
    #[serde(rename = "tracegoCompletenessV1")]
    completeness: AttestedCompleteness,
    #[serde(rename = "tracegoFindingsV1")]
    findings: Vec<TracedFinding>,
    #[serde(rename = "tracegoJobV1", skip_serializing_if = "Option::is_none")]
    job: Option<TracedJob>,
    /// Absent if no record says a configuration.
    #[serde(rename = "tracegoConfigurationsV1", skip_serializing_if = "Vec::is_empty")]
    configurations: Vec<TracedConfiguration>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Monitor {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_source: Option<ConfigSource>,
    trace_policy: TracePolicy,
}

/// The recorded events, and the form that the processes have here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TracePolicy {
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    processes: ProcessChoice,
    go_tools: &'static str,
    records_ends: bool,
    not_recorded: [&'static str; 1],
    /// Absent if they are not known, or were not the same throughout.
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<TracedPolicy>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MonitorLog {
    process: Vec<TracedProcess>,
    /// Executables that ran, as far as their digests are known. Absent if none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    file_access: Vec<AccessedFile>,
}

#[derive(Debug, Serialize)]
struct AccessedFile {
    #[serde(flatten)]
    file: Subject,
    annotations: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TraceTimes {
    #[serde(skip_serializing_if = "Option::is_none")]
    build_started_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_finished_on: Option<String>,
}

impl TraceTimes {
    fn is_empty(&self) -> bool {
        self.build_started_on.is_none() && self.build_finished_on.is_none()
    }
}

/// The result in one word, as other monitors of CI jobs have it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TraceResult {
    result: &'static str,
    findings: BTreeMap<&'static str, usize>,
    stopped: usize,
    is_complete: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TracedFinding {
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
    severity: &'static str,
    message: String,
    pid: u32,
    time: String,
    command: String,
}

/// An executable that ran.
#[derive(Clone, Debug)]
pub struct TracedExecutable {
    /// Path and digest.
    pub file: Subject,
    /// Whether the digest may be of other bytes than those that ran.
    pub is_unproven: bool,
}

/// The material of a predicate.
#[derive(Debug)]
pub struct TraceMaterial<'a> {
    /// The history of the records.
    pub history: &'a RunHistory,
    /// The host and the run.
    pub origin: &'a RecordOrigin,
    /// The configurations that were in force.
    pub configurations: &'a ConfigurationHistory,
    /// The missing parts.
    pub completeness: AttestedCompleteness,
    /// The processes that are listed.
    pub processes: ProcessChoice,
    /// Executables that ran, with their digests.
    pub executables: Vec<TracedExecutable>,
}

impl RuntimeTrace {
    /// Creates the predicate.
    #[must_use]
    pub fn new(material: TraceMaterial<'_>) -> Self {
        let TraceMaterial { history, origin, configurations, completeness, processes, executables } =
            material;
        let named: Vec<_> = history.jobs.iter().filter(|job| !job.id.is_empty()).collect();
        let job = match named.as_slice() {
            [job] => Some(*job),
            _ => None,
        };
        let began = history.jobs.iter().filter_map(|job| job.began).min();
        let ended = history.jobs.iter().filter_map(|job| job.ended).max();
        let configurations = TracedConfigurations::new(&configurations.periods(began, ended));
        let stopped = history.stops.iter().filter(|stop| stop.effect == StopEffect::Stopped).count();
        let findings = history.by_severity();
        let note = |is_unproven| {
            if is_unproven {
                "hashed after the start; unproven: the file may have held other bytes when it ran"
            } else {
                "hashed after the start, while or after the program ran"
            }
        };
        Self {
            monitor: Monitor {
                kind: MONITOR,
                config_source: configurations.source,
                trace_policy: TracePolicy {
                    version: origin.version.clone(),
                    processes,
                    go_tools: "folded",
                    records_ends: history.completeness.has_exits,
                    not_recorded: ["network"],
                    policies: configurations.policies,
                },
            },
            monitored_process: MonitoredProcess::new(job, origin),
            monitor_log: MonitorLog {
                process: traced_process::all(history, processes),
                file_access: executables
                    .into_iter()
                    .map(|TracedExecutable { file, is_unproven }| AccessedFile {
                        file,
                        annotations: BTreeMap::from([("digest", note(is_unproven))]),
                    })
                    .collect(),
            },
            metadata: TraceTimes {
                build_started_on: began.map(|time| time.text()),
                build_finished_on: ended.map(|time| time.text()),
            },
            result: TraceResult {
                result: match (stopped, findings.is_empty()) {
                    (0, true) => "passed",
                    (0, false) => "detected",
                    (_, _) => "terminated",
                },
                findings: findings.iter().map(|(severity, count)| (severity.name(), *count)).collect(),
                stopped,
                is_complete: completeness.is_complete,
            },
            completeness,
            findings: history.findings.iter().map(TracedFinding::new).collect(),
            job: job.map(TracedJob::new),
            configurations: configurations.all,
        }
    }
}

impl TracedFinding {
    fn new(found: &tracego_report::history::ReportedFinding) -> Self {
        Self {
            id: found.id.clone(),
            name: found.name.clone(),
            variant: found.variant.clone(),
            severity: found.severity.name(),
            message: found.message.clone(),
            pid: found.pid,
            time: found.time.text(),
            command: found.command.clone(),
        }
    }
}
