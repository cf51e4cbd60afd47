//! Lean event: nothing is there twice, captions and texts of numbers are left out, and what is the same in
//! the whole stream is in the event of the stream.

use serde::{Serialize, Serializer};
use tracego_model::record::{self, Record, event_name};

use super::{
    ControlPolicy, Data, EventClass, VERSION, integer, outcome,
    pod::LeanK8s,
    process::{Container, Session, User, Variable, program},
    severity_id,
};
use crate::format::{
    Millis,
    json::lean::{body, command, observed},
    lean_own::LeanOwn,
    object::{AsText, SingleMember, object},
    parent, parent_exec_id,
    text::Quoted,
};

/// Lean record as an event.
pub(super) struct LeanEvent<'a>(pub(super) &'a Record);

impl Serialize for LeanEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let own = &record.tracego;
        let EventClass { category, class, activity, launch_type_id } = EventClass::of(record);
        let process = record.process.as_deref();
        let outcome = outcome(record);
        let context = record.shown_context();
        let context = context.filter(|context| !context.cicd.is_empty() || !context.vcs.is_empty());
        object! { serializer;
            "activity_id": activity.0,
            "category_uid": category.0,
            "class_uid": class.0,
            "type_uid": class.0 * 100 + u32::from(activity.0),
            "severity_id": severity_id(record),
            "status_id": if own.error.is_some() { 2 } else { 1 },
            "status_code"? own.error.map(|error| error.name),
            "time": Millis(record.timestamp),
            "message"? body(record),
            "metadata": LeanMetadata(record),
            "device": LeanDevice(record),
            "actor"? process.map(|process| LeanActor(record, process)),
            "process"? process.map(|process| LeanSubject(record, process)),
            "launch_type_id"? launch_type_id,
            "exit_code"? process.and_then(|process| process.exit).map(|exit| exit.code),
            "action_id"? outcome.map(|outcome| outcome.action),
            "disposition_id"? outcome.map(|outcome| outcome.disposition),
            "is_alert"? outcome.map(|outcome| outcome.alert),
            "policy"? ControlPolicy::of(record),
            "enrichments"? process.zip(context).map(|(process, context)| {
                [LeanEnrichment { pid: process.pid, data: Data::Context(context) }]
            }),
            "unmapped": LeanUnmapped(record),
        }
    }
}

struct LeanMetadata<'a>(&'a Record);

impl Serialize for LeanMetadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let profiles = [
            auid(record).map(|_| "linux/linux_users"),
            record.container.as_ref().map(|_| "container"),
            outcome(record).map(|_| "security_control"),
        ];
        let profiles: Vec<&str> = profiles.into_iter().flatten().collect();
        object! { serializer;
            "version": VERSION,
            "product": SingleMember("name", record.origin.service.name),
            "profiles"? (!profiles.is_empty()).then_some(profiles),
            "uid": record.log.record.uid,
            "sequence"? integer(record.seq),
            "event_code": record.event_name,
            "correlation_uid"? record.trace.as_ref().map(|trace| &trace.trace_id),
            "logged_time"? observed(record).map(Millis),
            "is_truncated"? (!record.tracego.completeness.truncated.is_empty()).then_some(true),
        }
    }
}

struct LeanDevice<'a>(&'a Record);

impl Serialize for LeanDevice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let host = &self.0.origin.host;
        object! { serializer;
            "type_id": 0,
            "hostname": host.name,
            "uid"? (!host.id.is_empty()).then_some(&host.id),
        }
    }
}

/// `actor`: the process that created this one; for an exit and a failed exec, the process itself.
struct LeanActor<'a>(&'a Record, &'a record::Process);

impl Serialize for LeanActor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let (is_exit, is_failed) =
            (record.event_name == event_name::EXIT, record.event_name == event_name::EXEC_FAILED);
        // Without an effective user, the real one is `process.user`.
        let real_user = process.real_user.as_ref().filter(|_| process.user.is_some());
        object! { serializer;
            "process"? is_exit.then_some(SingleMember("pid", process.pid)),
            "process"? is_failed.then_some(LeanCaller(process)),
            "process"? (!is_exit && !is_failed).then_some(LeanParent(record, process)),
            "user"? real_user.map(User),
        }
    }
}

/// Process that failed to execute a program.
struct LeanCaller<'a>(&'a record::Process);

impl Serialize for LeanCaller<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "pid": self.0.pid,
            "name": self.0.command,
            "path"? self.0.executable.as_ref().map(|file| &file.path),
        }
    }
}

/// Current parent. Only its PID is known, unless it created the process.
struct LeanParent<'a>(&'a Record, &'a record::Process);

impl Serialize for LeanParent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = parent(self.0);
        object! { serializer;
            "pid": self.1.parent_pid,
            "uid"? parent_exec_id(self.0),
            "name"? line.map(|line| &line.command),
            "path"? line.map(|line| &line.executable).filter(|path| !path.is_empty()),
        }
    }
}

/// Returns the login user, as far as `integer_t` holds it.
fn auid(record: &Record) -> Option<i32> {
    record.tracego.audit.and_then(|audit| audit.login_user_id).and_then(integer)
}

struct LeanSubject<'a>(&'a Record, &'a record::Process);

impl Serialize for LeanSubject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let own = &record.tracego;
        let is_exit = record.event_name == event_name::EXIT;
        let is_failed = record.event_name == event_name::EXEC_FAILED;
        let (name, path) = program(record, process);
        object! { serializer;
            "pid": process.pid,
            "uid"? own.exec_id.as_ref(),
            "namespace_pid"? process.vpid,
            "name": name,
            "path"? path,
            "cmd_line"? process.command_args.as_deref().map(Quoted),
            "working_directory"? process.working_directory.as_ref(),
            "created_time"? (!is_exit).then_some(Millis(process.creation.time)),
            "terminated_time"? process.exit.map(|exit| Millis(exit.time)).filter(|_| !is_exit),
            "user"? process.user.as_ref().or(process.real_user.as_ref()).map(User),
            "auid"? auid(record),
            "session"? (own.audit.is_some() || own.tty.is_some()).then_some(Session(record)),
            "parent_process"? is_failed.then_some(LeanParent(record, process)),
            "container"? record.container.as_ref().map(|container| Container(container, record)),
            "environment_variables"? process.environment_variable.as_deref().map(|all| {
                all.iter().map(|(name, value)| Variable { name, value }).collect::<Vec<_>>()
            }),
        }
    }
}

/// Commit and job of the process.
struct LeanEnrichment<'a> {
    pid: u32,
    data: Data<'a>,
}

impl Serialize for LeanEnrichment<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "name": "process.pid",
            "value": AsText(self.pid),
            "type": "cicd",
            "data": self.data,
        }
    }
}

struct LeanUnmapped<'a>(&'a Record);

impl Serialize for LeanUnmapped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let own = &record.tracego;
        let trace = record.trace.as_ref();
        let has_login = own.audit.is_some_and(|audit| audit.login_user_id.is_some());
        let mapped = [
            Some("boot_id"),
            Some("exec_id"),
            Some("tty"),
            parent_exec_id(record).map(|_| "parent_exec_id"),
            (!has_login || auid(record).is_some()).then_some("audit"),
        ];
        let mapped: Vec<&'static str> = mapped.into_iter().flatten().collect();
        // The pod is in the container.
        let k8s = LeanK8s::of(record);
        let process = record.process.as_deref().map(|process| LeanUnmappedProcess(record, process));
        object! { serializer;
            "seq"? integer(record.seq).is_none().then_some(record.seq),
            "span_id"? trace.map(|trace| &trace.span_id),
            "trace_flags"? trace.map(|trace| &trace.trace_flags),
            "process"? process.filter(|process| !process.is_empty()),
            "k8s"? k8s,
            "tracego": LeanOwn { record, left_out: &mapped, exit_left_out: &[] },
        }
    }
}

/// Attributes of the process that OCSF has no place for.
struct LeanUnmappedProcess<'a>(&'a Record, &'a record::Process);

impl LeanUnmappedProcess<'_> {
    fn command(&self) -> Option<&str> {
        let Self(record, process) = self;
        let is_actor = record.event_name == event_name::EXEC_FAILED;
        command(process).filter(|name| !is_actor && *name != program(record, process).0)
    }

    fn is_empty(&self) -> bool {
        let process = self.1;
        let leaders = [process.group_leader, process.session_leader];
        self.command().is_none()
            && leaders.iter().all(Option::is_none)
            && (process.args_count, process.interactive) == (None, None)
            && (process.saved_user.is_none() && process.linux.is_none() && process.runtime.is_none())
    }
}

impl Serialize for LeanUnmappedProcess<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let process = self.1;
        object! { serializer;
            "command"? self.command(),
            "args_count"? process.args_count,
            "interactive"? process.interactive,
            "saved_user"? process.saved_user.as_ref(),
            "group_leader"? process.group_leader,
            "session_leader"? process.session_leader,
            "linux"? process.linux.as_ref(),
            "runtime"? process.runtime.as_ref(),
        }
    }
}
