//! Elastic Common Schema 9.4.
//!
//! ECS has no fields for CI/CD and version control: `cicd.*` and `vcs.*` keep their OpenTelemetry names,
//! which Elastic takes. Other attributes without a field are under `tracego.*` with their native names.

mod lean;
mod process;

use std::{collections::BTreeSet, io};

use lean::LeanDocument;
use process::{Process, User};
use serde::{Serialize, Serializer};
use tracego_common::verdict::Action;
use tracego_model::{
    finding::Finding,
    record::{
        self, Record, enforcement::EnforcementDecision, event_name, frozen::Frozen, image::BuildId,
        kubernetes::ContainerImage, policy::Violation,
    },
};

use super::{
    decision, is_stopped,
    object::{SingleMember, object},
    omit_fields::OmitFields,
    parent_args, pending_executable,
    selection::{ChosenMembers, MemberTree},
    worst_finding,
};

/// Writes one record as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    if record.is_lean {
        serde_json::to_writer(&mut *out, &LeanDocument(record))?;
    } else {
        serde_json::to_writer(&mut *out, &Document(record))?;
    }
    out.push(b'\n');
    Ok(())
}

/// Writes the chosen fields of one record as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub(super) fn write_chosen(record: &Record, tree: &MemberTree, out: &mut Vec<u8>) -> io::Result<()> {
    if record.is_lean {
        serde_json::to_writer(&mut *out, &ChosenMembers(&LeanDocument(record), tree))?;
    } else {
        serde_json::to_writer(&mut *out, &ChosenMembers(&Document(record), tree))?;
    }
    out.push(b'\n');
    Ok(())
}

/// Version of ECS.
const VERSION: &str = "9.4.0";
/// Attributes of `tracego` that are elsewhere as a whole.
const MAPPED: &[&str] = &["boot_id", "exec_id", "tty", "error", "parent"];
/// The same where the parent is not the process that forked this one.
const MAPPED_BUT_PARENT: &[&str] = &["boot_id", "exec_id", "tty", "error"];

struct Document<'a>(&'a Record);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let context = record.shown_context();
        let trace = record.trace.as_ref();
        let process = record.process.as_deref();
        let user = process.and_then(|process| process.user.as_ref().or(process.real_user.as_ref()));
        let labels = Labels::of(record);
        object! { serializer;
            "@timestamp": record.timestamp,
            "ecs": SingleMember("version", VERSION),
            "message": record.body,
            "event": Event(record),
            "log": SingleMember("level", record.severity_text),
            "host": Host(record),
            "agent": Agent(record),
            "process"? process.map(|process| Process(record, process)),
            "file"? pending_executable(record).map(|name| SingleMember("name", name)),
            "user"? user.map(User),
            "container"? record.container.as_ref().map(|container| Container(container, record)),
            "orchestrator"? record.k8s.as_ref().map(|k8s| Orchestrator(k8s)),
            "trace"? trace.map(|trace| SingleMember("id", &trace.trace_id)),
            "span"? trace.map(|trace| SingleMember("id", &trace.span_id)),
            "rule"? RuleFields::of(record),
            "error"? record.tracego.error.map(|error| SingleMember("code", error.name)),
            "labels"? (!labels.is_empty()).then_some(labels),
            "related"? process.map(names).filter(|names| !names.is_empty()).map(|names| SingleMember("user", names)),
            "k8s"? record.k8s.as_ref().filter(|k8s| !k8s.is_uid_alone()).map(|k8s| OtherK8s(k8s)),
            "cicd"? context.map(|context| &context.cicd).filter(|tree| !tree.is_empty()),
            "vcs"? context.map(|context| &context.vcs).filter(|tree| !tree.is_empty()),
            "tracego": TracegoFields {
                own: OmitFields(&record.tracego, if parent_args(record).is_some() { MAPPED } else { MAPPED_BUT_PARENT }),
                build_id: process.and_then(|process| process.executable.as_ref()?.build_id.as_deref()),
            },
        }
    }
}

/// `tracego.*`, and the build id, which cannot be below `process.executable`: that is a text in ECS.
#[derive(Serialize)]
struct TracegoFields<'a> {
    #[serde(flatten)]
    own: OmitFields<'a, record::Own>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_id: Option<&'a Frozen<BuildId>>,
}

/// Categorization of a record (ECS, "ECS categorization fields").
struct EventSort {
    kind: &'static str,
    category: &'static str,
    of: &'static [&'static str],
    action: &'static str,
    outcome: &'static str,
}

/// `event.type` of a record that is about no start and no end.
const INFO: &[&str] = &["info"];

impl EventSort {
    fn of(record: &Record) -> Self {
        let decision = decision(record);
        let ends = record.tracego.exit.is_some();
        let (kind, of, action): (_, &'static [_], _) = match record.event_name {
            event_name::START if ends => ("event", &["start", "end"], "exec"),
            event_name::START => ("event", &["start"], "exec"),
            event_name::EXEC_FAILED => ("event", &["start"], "exec-failed"),
            event_name::FORK => ("event", &["start"], "fork"),
            event_name::EXIT => ("event", &["end"], "exit"),
            event_name::FINDING => ("alert", INFO, "finding"),
            event_name::ENFORCEMENT => ("event", INFO, decision.map_or("enforcement", decided)),
            event_name::LOST => ("event", INFO, "events-lost"),
            event_name::HEARTBEAT => ("metric", INFO, "heartbeat"),
            // Collected "to provide additional context, often to other events".
            event_name::STREAM => ("enrichment", INFO, "stream"),
            event_name::JOB => ("enrichment", INFO, "job"),
            event_name::IMAGE => ("enrichment", INFO, "image"),
            event_name::CONFINEMENT => ("enrichment", INFO, "confinement"),
            // Auditbeat says the same of a process that ran before.
            event_name::PROCESS => ("state", INFO, "existing-process"),
            event_name::POD => ("enrichment", INFO, "pod"),
            event_name::EXECUTABLE => ("enrichment", INFO, "executable"),
            _ => ("event", INFO, "other"),
        };
        let category = match record.event_name {
            event_name::STREAM => "host",
            event_name::IMAGE | event_name::EXECUTABLE => "file",
            event_name::JOB | event_name::CONFINEMENT | event_name::POD => "configuration",
            _ => "process",
        };
        let own = &record.tracego;
        let refused = own.policy.as_ref().is_some_and(|policy| !policy.allow);
        let is_alert = decision.map_or(!own.findings.is_empty() || refused, |it| it.action != Action::Allow);
        let kind = if is_alert { "alert" } else { kind };
        let failed = own.error.is_some() || record.event_name == event_name::LOST || is_stopped(record);
        Self { kind, category, of, action, outcome: if failed { "failure" } else { "success" } }
    }
}

/// `event.module`.
const MODULE: &str = "tracego";
/// `event.dataset`.
const DATASET: &str = "tracego.process";

struct Event<'a>(&'a Record);

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let decision = decision(record);
        let EventSort { kind, category, of, action, outcome } = EventSort::of(record);
        object! { serializer;
            "kind": kind,
            "category": [category],
            "type": of,
            "action": action,
            "outcome": outcome,
            "code": record.event_name,
            "module": MODULE,
            "dataset": DATASET,
            "provider": record.origin.service.name,
            "id": record.log.record.uid,
            "sequence": record.seq,
            "severity": record.severity_number,
            "created": record.observed_timestamp,
            "reason"? decision.and_then(|decision| decision.message.as_ref()),
            "duration"? record.tracego.exit.map(|exit| exit.run_time_ns),
        }
    }
}

struct Host<'a>(&'a Record);

impl Serialize for Host<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let host = &self.0.origin.host;
        object! { serializer;
            "id"? (!host.id.is_empty()).then_some(&host.id),
            "name": host.name,
            "hostname": host.name,
            "boot": SingleMember("id", &self.0.tracego.boot_id),
            "os": SingleMember("type", "linux"),
        }
    }
}

struct Agent<'a>(&'a Record);

impl Serialize for Agent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = &self.0.origin.service;
        object! { serializer;
            "type": service.name,
            "version": service.version,
            "ephemeral_id": service.instance.id,
        }
    }
}

struct Container<'a>(&'a record::Container, &'a Record);

impl Serialize for Container<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "id": self.0.id,
            "runtime"? self.0.runtime.map(|runtime| runtime.name),
            "image"? self.1.shown_image().map(EcsImage),
        }
    }
}

struct EcsImage<'a>(&'a ContainerImage);

impl Serialize for EcsImage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ContainerImage { name, tags, repo_digests, id: _ } = self.0;
        object! { serializer;
            "name": name,
            "tag"? (!tags.is_empty()).then_some(tags),
            "hash"? (!repo_digests.is_empty()).then_some(SingleMember("all", repo_digests)),
        }
    }
}

struct Orchestrator<'a>(&'a record::K8s);

impl Serialize for Orchestrator<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "type": "kubernetes",
            "namespace"? self.0.namespace.as_ref().map(|namespace| &namespace.name),
            "resource": EcsPod(&self.0.pod),
        }
    }
}

struct EcsPod<'a>(&'a record::kubernetes::Pod);

impl Serialize for EcsPod<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "type": "pod",
            "id": self.0.uid,
            "name"? self.0.name.as_ref(),
        }
    }
}

/// `k8s`: the attributes that ECS has no field for, with their names in OpenTelemetry.
struct OtherK8s<'a>(&'a record::K8s);

impl Serialize for OtherK8s<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record::K8s {
            pod,
            namespace: _,
            node,
            container,
            deployment,
            replicaset,
            statefulset,
            daemonset,
            job,
            cronjob,
        } = self.0;
        let has_texts = !pod.label.is_empty() || !pod.annotation.is_empty();
        object! { serializer;
            "pod"? has_texts.then_some(OmitFields(pod, &["uid", "name"])),
            "node"? node.as_ref(),
            "container"? container.as_ref(),
            "deployment"? deployment.as_ref(),
            "replicaset"? replicaset.as_ref(),
            "statefulset"? statefulset.as_ref(),
            "daemonset"? daemonset.as_ref(),
            "job"? job.as_ref(),
            "cronjob"? cronjob.as_ref(),
        }
    }
}

/// `rule`: the decision, finding or violation of a record.
enum RuleFields<'a> {
    Enforced(&'a EnforcementDecision),
    Found(&'a Finding),
    Violated(&'a Violation),
}

impl<'a> RuleFields<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        let violation = || record.tracego.policy.as_ref()?.violations.first();
        decision(record)
            .map(Self::Enforced)
            .or_else(|| worst_finding(record).map(Self::Found))
            .or_else(|| violation().map(Self::Violated))
    }
}

impl Serialize for RuleFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Enforced(decision) => object! { serializer;
                "name": decision.rule,
                "description"? decision.message.as_ref(),
                "ruleset": "enforcement",
            },
            Self::Found(finding) => object! { serializer;
                "id": finding.id,
                "name": finding.name,
                "description": finding.message,
                "ruleset": "tracego",
            },
            Self::Violated(violation) => object! { serializer;
                "id": violation.id,
                "name": violation.id,
                "description": violation.msg,
                "ruleset": violation.bundle,
            },
        }
    }
}

/// Returns the `event.action` of a decision.
fn decided(decision: &EnforcementDecision) -> &'static str {
    match decision.action {
        Action::Allow => "exec-allowed",
        Action::Audit => "exec-audited",
        Action::Kill => "exec-killed",
        Action::Deny => "exec-denied",
    }
}

/// Labels for the most frequent searches.
#[derive(Serialize)]
struct Labels<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ci_job_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git_commit: Option<&'a str>,
}

impl<'a> Labels<'a> {
    fn of(record: &'a Record) -> Self {
        let context = record.shown_context();
        Self {
            ci_job_id: context.and_then(|context| context.cicd.get("pipeline.task.run.id")),
            git_commit: context.and_then(|context| context.vcs.get("ref.head.revision")),
        }
    }

    fn is_empty(&self) -> bool {
        self.ci_job_id.is_none() && self.git_commit.is_none()
    }
}

/// Returns the names of all users in the document.
fn names(process: &record::Process) -> BTreeSet<&str> {
    let users = [&process.user, &process.real_user, &process.saved_user];
    users.into_iter().filter_map(|user| user.as_ref()?.name.as_deref()).collect()
}
