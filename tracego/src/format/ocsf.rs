//! OCSF 1.8.0: Process Activity (1007), and Event Log Activity (1008) for what is about tracego's own
//! stream: lost events and signs of life.
//!
//! What OCSF has no attribute for is in `unmapped`, with its native name. Job and commit are an
//! enrichment of the process. The finding is in `policy` (security_control profile); where a record has
//! several, the worst is there and all are in an enrichment.

use std::io;

use serde::{Serialize, Serializer};

use super::{
    Millis,
    object::{One, Text, object},
    parent, severity,
    text::Quoted,
    without::Without,
    worst,
};
use crate::{
    enrich::{
        self, Record,
        record::{self, event_name},
        table::Line,
        users,
    },
    rules::finding::{Confidence, Finding, Severity},
};

/// Writes one record.
///
/// # Errors
/// When it cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Event(record))?;
    out.push(b'\n');
    Ok(())
}

/// Attributes of `tracego` that stand elsewhere as a whole.
const MAPPED: &[&str] = &["boot_id", "exec_id", "ancestors", "capability", "rlimit", "findings"];

/// What an `integer_t` holds; larger numbers stay in `unmapped`.
fn integer<T: TryInto<i32>>(value: T) -> Option<i32> {
    value.try_into().ok()
}

struct Event<'a>(&'a Record);

/// `activity_id`, its name where it is none of the list, and `launch_type_id`.
fn activity(record: &Record) -> (u8, &'static str, Option<u8>) {
    match record.event_name {
        event_name::START | event_name::EXEC_FAILED => (1, "Launch", Some(3)),
        event_name::FORK => (1, "Launch", Some(2)),
        event_name::EXIT => (2, "Terminate", None),
        event_name::LOST => (99, "Lost", None),
        event_name::HEARTBEAT => (99, "Heartbeat", None),
        _ => (99, "Other", None),
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let own = &record.tracego;
        let process = record.process.as_deref();
        let (activity_id, activity_name, launch_type_id) = activity(record);
        let (class_uid, class_name) =
            if process.is_some() { (1007, "Process Activity") } else { (1008, "Event Log Activity") };
        let failed = own.error.is_some() || record.event_name == event_name::LOST;
        let finding = worst(record);
        let exit = process.and_then(|process| process.exit);
        object! { serializer;
            "activity_id": activity_id,
            "activity_name": activity_name,
            "category_uid": 1,
            "category_name": "System Activity",
            "class_uid": class_uid,
            "class_name": class_name,
            "type_uid": class_uid * 100 + i32::from(activity_id),
            "severity_id": severity_id(record),
            "status_id": if failed { 2 } else { 1 },
            "status_code"? own.error.map(|error| error.name),
            "time": Millis(record.timestamp),
            "time_dt": record.timestamp,
            "message": record.body,
            "metadata": Metadata(record),
            "device": Device(record),
            "actor"? process.map(|process| Actor(record, process)),
            "process"? process.map(|process| Subject(record, process)),
            "launch_type_id"? launch_type_id.filter(|_| process.is_some()),
            "exit_code"? exit.map(|exit| exit.code),
            // What is about the stream.
            "log_name"? process.is_none().then_some("tracego"),
            "log_type_id"? process.is_none().then_some(2),
            // security_control: seen, and nothing done about it.
            "action_id"? finding.map(|_| 3),
            "disposition_id"? finding.map(|_| 15),
            "is_alert"? finding.map(|_| true),
            "confidence_id"? finding.map(confidence_id),
            "policy"? finding.map(Policy),
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

fn confidence_id(finding: &Finding) -> u8 {
    match finding.confidence {
        Confidence::Medium => 2,
        Confidence::High => 3,
    }
}

struct Metadata<'a>(&'a Record);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let profiles = [
            Some("host"),
            Some("datetime"),
            record.process.as_ref().map(|_| "linux/linux_users"),
            record.process.as_ref().map(|_| "container"),
            worst(record).map(|_| "security_control"),
        ];
        let profiles: Vec<&str> = profiles.into_iter().flatten().collect();
        object! { serializer;
            "version": "1.8.0",
            "product": Product(record),
            "profiles": profiles,
            "uid": record.log.record.uid,
            "sequence"? integer(record.seq),
            "event_code": record.event_name,
            "correlation_uid"? record.trace.as_ref().map(|trace| &trace.trace_id),
            "logged_time": Millis(record.observed_timestamp),
            "logged_time_dt": record.observed_timestamp,
            "is_truncated"? (!record.tracego.completeness.truncated.is_empty()).then_some(true),
        }
    }
}

struct Product<'a>(&'a Record);

impl Serialize for Product<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = &self.0.origin.service;
        object! { serializer;
            "name": service.name,
            "vendor_name": service.name,
            "version": service.version,
        }
    }
}

struct Device<'a>(&'a Record);

impl Serialize for Device<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let host = &self.0.origin.host;
        object! { serializer;
            "type_id": 0,
            "hostname": host.name,
            "uid"? (!host.id.is_empty()).then_some(&host.id),
            "boot_uid": self.0.tracego.boot_id,
            "os": Linux,
            "agent_list": [Agent(self.0)],
        }
    }
}

/// `os`: the only one that tracego runs on.
struct Linux;

impl Serialize for Linux {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer; "name": "Linux", "type_id": 200, }
    }
}

struct Agent<'a>(&'a Record);

impl Serialize for Agent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = &self.0.origin.service;
        object! { serializer;
            "name": service.name,
            "uid": service.instance.id,
            "version": service.version,
            "type_id": 99,
            "type": "Audit",
        }
    }
}

/// Who did it: the process that made this one; of an exit and of a failed start, the process itself.
struct Actor<'a>(&'a Record, &'a record::Process);

impl Serialize for Actor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let by_itself = matches!(record.event_name, event_name::EXIT | event_name::EXEC_FAILED);
        object! { serializer;
            "process"? by_itself.then_some(Caller(record, process)),
            "process"? (!by_itself).then_some(Parent(record, process)),
            "user"? process.real_user.as_ref().map(User),
        }
    }
}

/// The process as it was before a failed start or before its end.
struct Caller<'a>(&'a Record, &'a record::Process);

impl Serialize for Caller<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        object! { serializer;
            "pid": process.pid,
            "uid"? record.tracego.exec_id.as_ref(),
            "name": process.command,
            "path"? process.executable.as_ref().map(|file| &file.path),
        }
    }
}

/// The parent as it is now; more than its number is known when it made the process.
struct Parent<'a>(&'a Record, &'a record::Process);

impl Serialize for Parent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        match parent(record) {
            Some(line) => Ancestor(&record.tracego.boot_id, line).serialize(serializer),
            None => One("pid", process.parent_pid).serialize(serializer),
        }
    }
}

/// `process_entity`.
struct Ancestor<'a>(&'a str, &'a Line);

impl Serialize for Ancestor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(boot_id, line) = *self;
        object! { serializer;
            "pid": line.id.tgid,
            // The start of one that ran before tracego is known to a clock tick only.
            "uid"? (!line.seeded).then(|| enrich::exec_id(boot_id, line.id)),
            "name": line.command,
            "path"? (!line.executable.is_empty()).then_some(&line.executable),
            "created_time": Millis(line.created),
            "created_time_dt": line.created,
        }
    }
}

struct User<'a>(&'a users::User);

impl Serialize for User<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "uid": Text(self.0.id),
            "name"? self.0.name.as_deref(),
        }
    }
}

/// `process`: the subject; of a failed start, the program that would have run in it.
struct Subject<'a>(&'a Record, &'a record::Process);

impl Serialize for Subject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let own = &record.tracego;
        let wanted = own.exec.as_ref().filter(|_| own.error.is_some()).map(|exec| exec.filename.as_str());
        let path = wanted.or(process.executable.as_ref().map(|file| file.path.as_str()));
        let name = path.and_then(|path| path.rsplit('/').next()).unwrap_or(&process.command);
        let user = process.user.as_ref();
        let ancestry: Option<Vec<_>> =
            own.ancestors.as_ref().map(|line| line.iter().map(|line| Ancestor(&own.boot_id, line)).collect());
        object! { serializer;
            "pid": process.pid,
            "uid"? own.exec_id.as_ref(),
            "namespace_pid"? process.vpid,
            "name": name,
            "path"? path,
            "cmd_line"? process.command_args.as_deref().map(Quoted),
            "working_directory"? process.working_directory.as_ref(),
            "created_time": Millis(process.creation.time),
            "created_time_dt": process.creation.time,
            "terminated_time"? process.exit.map(|exit| Millis(exit.time)),
            "terminated_time_dt"? process.exit.map(|exit| exit.time),
            "file"? process.executable.as_ref().map(|file| File(file, record)),
            "user"? user.or(process.real_user.as_ref()).map(User),
            "euid"? user.and_then(|user| integer(user.id)),
            "auid"? own.audit.and_then(|audit| audit.login_user_id).and_then(integer),
            "session"? (own.audit.is_some() || own.tty.is_some()).then_some(Session(record)),
            "parent_process": Parent(record, process),
            "ancestry"? ancestry,
            "container"? record.container.as_ref().map(|container| Container(container, record)),
            "environment_variables"? process.environment_variable.as_deref().map(|all| {
                all.iter().map(|(name, value)| Variable { name, value }).collect::<Vec<_>>()
            }),
            "xattributes"? (own.rlimit.is_some() || own.capability.is_some()).then_some(Rights(record)),
        }
    }
}

struct File<'a>(&'a record::Executable, &'a Record);

impl Serialize for File<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(file, record) = *self;
        let facts = record.tracego.executable.as_ref();
        object! { serializer;
            "name": file.name,
            "path": file.path,
            "type_id": 1,
            "uid"? facts.map(|facts| Text(facts.inode)),
            "volume"? facts.map(|facts| &facts.device),
            "owner"? facts.map(|facts| One("uid", Text(facts.owner_id))),
            "is_deleted"? facts.map(|facts| facts.deleted),
        }
    }
}

struct Session<'a>(&'a Record);

impl Serialize for Session<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = &self.0.tracego;
        object! { serializer;
            "uid"? own.audit.and_then(|audit| audit.session_id).map(Text),
            "terminal"? own.tty.as_ref(),
        }
    }
}

struct Container<'a>(&'a record::Container, &'a Record);

impl Serialize for Container<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(container, record) = *self;
        let pod = record.k8s.as_ref().map(|k8s| &k8s.pod.uid);
        object! { serializer;
            "uid": container.id,
            "runtime"? container.runtime.map(|runtime| runtime.name),
            "orchestrator"? pod.map(|_| "kubernetes"),
            "pod_uuid"? pod.filter(|uid| uid.len() == 36),
        }
    }
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
    value: &'a str,
}

/// `xattributes`: limits and capabilities.
struct Rights<'a>(&'a Record);

impl Serialize for Rights<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = &self.0.tracego;
        object! { serializer;
            "rlimit"? own.rlimit.as_ref(),
            "capability"? own.capability.as_ref(),
        }
    }
}

struct Policy<'a>(&'a Finding);

impl Serialize for Policy<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let finding = self.0;
        object! { serializer;
            "uid": finding.id,
            "name": finding.name,
            "desc": finding.message,
            "type"? finding.variant,
            "is_applied": true,
            "data": Without(finding, &["id", "name", "variant", "message"]),
        }
    }
}

/// What is known about the process beside what the kernel says of it.
struct Enrichment<'a, T> {
    record: &'a Record,
    kind: &'static str,
    data: T,
}

impl<T: Serialize> Serialize for Enrichment<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Which attribute of the event it belongs to.
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

/// Two kinds of data in one list.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Context(&'a enrich::context::Context),
    Findings(&'a [Finding]),
}

fn enrichments(record: &Record) -> Option<Vec<Enrichment<'_, Data<'_>>>> {
    let findings = &record.tracego.findings;
    let context = record.context.as_deref().map(|context| ("cicd", Data::Context(context)));
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
            "process"? record.process.as_deref().map(Rest),
            // OCSF has it in the container alone.
            "k8s"? record.k8s.as_ref(),
            "tracego": Without(&*record.tracego, MAPPED),
        }
    }
}

/// What OCSF's process has no attribute for.
struct Rest<'a>(&'a record::Process);

impl Serialize for Rest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let process = self.0;
        let build_id = process.executable.as_ref().and_then(|file| file.build_id.as_ref());
        object! { serializer;
            "command": process.command,
            "args_count"? process.args_count,
            "interactive"? process.interactive,
            "real_user"? process.real_user.as_ref(),
            "saved_user"? process.saved_user.as_ref(),
            "group_leader"? process.group_leader,
            "session_leader"? process.session_leader,
            "linux"? process.linux.as_ref(),
            "runtime"? process.runtime.as_ref(),
            "executable"? build_id.map(|id| One("build_id", id)),
        }
    }
}
