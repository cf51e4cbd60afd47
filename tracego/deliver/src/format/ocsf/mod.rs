//! OCSF 1.8.0: Process Activity (1007) for processes; Detection Finding (2004) for findings about a process
//! that started before; Event Log Activity (1008) for tracego's own stream: lost events and heartbeats. Of
//! the records that lean ones refer to, the stream is Device Inventory Info (5001), a process that runs is
//! Process Query (5015), and the others, which no class is about, are Base Event (0).
//!
//! Attributes without a place in OCSF are in `unmapped`, with their native names. Job and commit are an
//! enrichment of the process. The action taken, and the finding or rule behind it, use the security_control
//! profile. If a record has several findings, the worst is there and all are in an enrichment.

mod control;
mod finding;
mod lean;
mod origin;
mod pod;
mod process;

use std::io;

use control::{ControlPolicy, outcome};
use finding::{FindingInfo, confidence_id};
use lean::LeanEvent;
use origin::{Device, Metadata};
use process::{Actor, Subject, UnmappedProcess};
use serde::{Serialize, Serializer};
use tracego_model::{
    finding::{Finding, Severity},
    record::{Record, event_name, job::Context},
};

use super::{
    Millis, is_stopped,
    object::{SingleMember, object},
    omit_fields::OmitFields,
    parent_args,
    selection::{ChosenMembers, MemberTree},
    severity, worst_finding,
};

/// Writes one record as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    if record.is_lean {
        serde_json::to_writer(&mut *out, &LeanEvent(record))?;
    } else {
        serde_json::to_writer(&mut *out, &Event(record))?;
    }
    out.push(b'\n');
    Ok(())
}

/// Writes the chosen attributes of one record as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub(super) fn write_chosen(record: &Record, tree: &MemberTree, out: &mut Vec<u8>) -> io::Result<()> {
    if record.is_lean {
        serde_json::to_writer(&mut *out, &ChosenMembers(&LeanEvent(record), tree))?;
    } else {
        serde_json::to_writer(&mut *out, &ChosenMembers(&Event(record), tree))?;
    }
    out.push(b'\n');
    Ok(())
}

/// Version of OCSF.
const VERSION: &str = "1.8.0";
/// Attributes of `tracego` that are elsewhere as a whole.
const MAPPED: &[&str] = &["boot_id", "exec_id", "ancestors", "capability", "rlimit", "findings", "parent"];
/// The same where the parent is not the process that forked this one.
const MAPPED_BUT_PARENT: &[&str] = &["boot_id", "exec_id", "ancestors", "capability", "rlimit", "findings"];

/// Converts a number to `integer_t`; larger numbers stay in `unmapped`.
fn integer<T: TryInto<i32>>(value: T) -> Option<i32> {
    value.try_into().ok()
}

struct Event<'a>(&'a Record);

/// Classification of a record.
struct EventClass {
    category: (u8, &'static str),
    class: (u32, &'static str),
    activity: (u8, &'static str),
    launch_type_id: Option<u8>,
}

impl EventClass {
    fn of(record: &Record) -> Self {
        const LAUNCH: (u8, &str) = (1, "Launch");
        const STREAM: (u32, &str) = (1008, "Event Log Activity");
        const PROCESS: (u32, &str) = (1007, "Process Activity");
        const BASE: (u32, &str) = (0, "Base Event");
        let (class, activity, launch_type_id) = match record.event_name {
            event_name::START | event_name::EXEC_FAILED => (PROCESS, LAUNCH, Some(3)),
            event_name::FORK => (PROCESS, LAUNCH, Some(2)),
            event_name::EXIT => (PROCESS, (2, "Terminate"), None),
            event_name::FINDING if worst_finding(record).is_some() => {
                ((2004, "Detection Finding"), (1, "Create"), None)
            }
            event_name::LOST => (STREAM, (99, "Lost"), None),
            event_name::HEARTBEAT => (STREAM, (99, "Heartbeat"), None),
            event_name::STREAM => ((5001, "Device Inventory Info"), (2, "Collect"), None),
            event_name::PROCESS => ((5015, "Process Query"), (99, "Running"), None),
            event_name::JOB => (BASE, (99, "Job"), None),
            event_name::IMAGE => (BASE, (99, "Image"), None),
            event_name::CONFINEMENT => (BASE, (99, "Confinement"), None),
            event_name::POD => (BASE, (99, "Pod"), None),
            name if record.process.is_some() => (PROCESS, (99, name), None),
            name => (STREAM, (99, name), None),
        };
        let category = match class.0 {
            0 => (0, "Uncategorized"),
            2004 => (2, "Findings"),
            5001.. => (5, "Discovery"),
            _ => (1, "System Activity"),
        };
        Self { category, class, activity, launch_type_id }
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let own = &record.tracego;
        let EventClass { category, class, activity, launch_type_id } = EventClass::of(record);
        let finding = worst_finding(record);
        // The process is the evidence of a Detection Finding; in other classes it stands for itself.
        let detection = finding.filter(|_| class.0 == 2004);
        let evidence = record.process.as_deref().filter(|_| detection.is_some());
        let process = record.process.as_deref().filter(|_| matches!(class.0, 1007 | 5015));
        let actor = process.filter(|_| class.0 == 1007);
        let about_stream = (class.0 == 1008).then_some(());
        let failed = own.error.is_some() || record.event_name == event_name::LOST || is_stopped(record);
        let outcome = outcome(record);
        let exit = process.and_then(|process| process.exit);
        object! { serializer;
            "activity_id": activity.0,
            "activity_name": activity.1,
            "category_uid": category.0,
            "category_name": category.1,
            "class_uid": class.0,
            "class_name": class.1,
            "type_uid": class.0 * 100 + u32::from(activity.0),
            "severity_id": severity_id(record),
            // Success or failure; 1 is "new" for a detection.
            "status_id": if failed { 2 } else { 1 },
            "status_code"? own.error.map(|error| error.name),
            "time": Millis(record.timestamp),
            "time_dt": record.timestamp,
            "message": record.body,
            "metadata": Metadata(record),
            "device": Device(record),
            "actor"? actor.map(|process| Actor(record, process)),
            "process"? process.map(|process| Subject(record, process)),
            "launch_type_id"? launch_type_id,
            // It exists.
            "query_result_id"? (class.0 == 5015).then_some(1),
            "exit_code"? exit.map(|exit| exit.code),
            "log_name"? about_stream.map(|()| "tracego"),
            "log_type_id"? about_stream.map(|()| 2),
            "finding_info"? detection.map(|finding| FindingInfo(record, finding)),
            "evidences"? evidence.map(|process| [SingleMember("process", Subject(record, process))]),
            "remediation"? detection.map(|finding| SingleMember("desc", finding.remedy)),
            "action_id"? outcome.map(|outcome| outcome.action),
            "disposition_id"? outcome.map(|outcome| outcome.disposition),
            "is_alert"? outcome.map(|outcome| outcome.alert),
            "confidence_id"? finding.map(confidence_id),
            "policy"? ControlPolicy::of(record),
            "enrichments"? enrichments(record),
            "unmapped": Unmapped(record),
        }
    }
}

fn severity_id(record: &Record) -> u8 {
    match severity(record) {
        None => 1,
        Some(Severity::Low) => 2,
        Some(Severity::Medium) => 3,
        Some(Severity::High) => 4,
        Some(Severity::Critical) => 5,
    }
}

/// Additional data about the process, beyond that of the kernel.
struct Enrichment<'a, T> {
    record: &'a Record,
    kind: &'static str,
    data: T,
}

impl<T: Serialize> Serialize for Enrichment<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The attribute of the event that the enrichment belongs to.
        let (name, value) = match &self.record.tracego.exec_id {
            Some(id) => ("process.uid", id),
            None => ("metadata.uid", &self.record.log.record.uid),
        };
        object! { serializer;
            "name": name,
            "value": value,
            "type": self.kind,
            "provider": "tracego",
            "data": self.data,
        }
    }
}

/// Data of an enrichment: two kinds in one list.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Context(&'a Context),
    Findings(&'a [Finding]),
}

fn enrichments(record: &Record) -> Option<Vec<Enrichment<'_, Data<'_>>>> {
    let findings = &record.tracego.findings;
    let context = record.shown_context().map(|context| ("cicd", Data::Context(context)));
    let findings = (findings.len() > 1).then_some(("findings", Data::Findings(findings)));
    let all: Vec<_> = [context, findings]
        .into_iter()
        .flatten()
        .map(|(kind, data)| Enrichment { record, kind, data })
        .collect();
    (!all.is_empty()).then_some(all)
}

struct Unmapped<'a>(&'a Record);

impl Serialize for Unmapped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let trace = record.trace.as_ref();
        let beyond = integer(record.seq).is_none();
        object! { serializer;
            "schema": record.schema,
            "seq"? beyond.then_some(record.seq),
            "span_id"? trace.map(|trace| &trace.span_id),
            "trace_flags"? trace.map(|trace| &trace.trace_flags),
            "process"? record.process.as_deref().map(UnmappedProcess),
            // OCSF has the pod only in the container, and an image only with its id.
            "k8s"? record.k8s.as_ref(),
            "container"? record.container.as_ref().and_then(|container| container.image.as_ref()).map(|image| {
                SingleMember("image", image)
            }),
            "tracego": OmitFields(&*record.tracego, if parent_args(record).is_some() { MAPPED } else { MAPPED_BUT_PARENT }),
        }
    }
}
