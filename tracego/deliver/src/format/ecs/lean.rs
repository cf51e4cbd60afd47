//! Lean document: nothing is there twice, and what is the same in the whole stream is in the document of the
//! stream.

use serde::{Serialize, Serializer};
use tracego_model::record::{self, Record, event_name};

use super::{
    Container, DATASET, EventSort, MODULE, Orchestrator, OtherK8s, VERSION,
    process::{Device, User, Variable},
};
use crate::format::{
    json::lean::{body, command, observed},
    lean_own::LeanOwn,
    object::{SingleMember, object},
    parent, parent_exec_id,
};

/// Attributes of `tracego` that are elsewhere.
const MAPPED: &[&str] = &["boot_id", "exec_id", "tty", "error", "parent_exec_id"];
/// The same where the parent did not create the process: who did is said there.
const MAPPED_BUT_CREATOR: &[&str] = &["boot_id", "exec_id", "tty", "error"];

/// Lean record as a document.
pub(super) struct LeanDocument<'a>(pub(super) &'a Record);

impl Serialize for LeanDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let own = &*record.tracego;
        let context = record.shown_context();
        let trace = record.trace.as_ref();
        let process = record.process.as_deref();
        let user = process.and_then(|process| process.user.as_ref().or(process.real_user.as_ref()));
        let mapped = if parent_exec_id(record).is_some() { MAPPED } else { MAPPED_BUT_CREATOR };
        object! { serializer;
            "@timestamp": record.timestamp,
            "ecs": SingleMember("version", VERSION),
            "message"? body(record),
            "event": LeanEvent(record),
            "host": LeanHost(record),
            "process"? process.map(|process| LeanProcess(record, process)),
            "user"? user.map(User),
            "container"? record.container.as_ref().map(|container| Container(container, record)),
            "orchestrator"? record.shown_pod().map(|k8s| Orchestrator(k8s)),
            "trace"? trace.map(|trace| SingleMember("id", &trace.trace_id)),
            "span"? trace.map(|trace| SingleMember("id", &trace.span_id)),
            "error"? own.error.map(|error| SingleMember("code", error.name)),
            "k8s"? record.shown_pod().filter(|k8s| k8s.container.is_some()).map(|k8s| OtherK8s(k8s)),
            "cicd"? context.map(|context| &context.cicd).filter(|tree| !tree.is_empty()),
            "vcs"? context.map(|context| &context.vcs).filter(|tree| !tree.is_empty()),
            "tracego": LeanOwn { record, left_out: mapped, exit_left_out: &["run_time_ns"] },
        }
    }
}

struct LeanEvent<'a>(&'a Record);

impl Serialize for LeanEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
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
            "id": record.log.record.uid,
            "sequence": record.seq,
            "severity": record.severity_number,
            "created"? observed(record),
            "duration"? record.tracego.exit.map(|exit| exit.run_time_ns),
        }
    }
}

struct LeanHost<'a>(&'a Record);

impl Serialize for LeanHost<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let host = &self.0.origin.host;
        object! { serializer;
            "id"? (!host.id.is_empty()).then_some(&host.id),
            "name": host.name,
        }
    }
}

struct LeanProcess<'a>(&'a Record, &'a record::Process);

impl Serialize for LeanProcess<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let own = &record.tracego;
        let is_exit = record.event_name == event_name::EXIT;
        let file = process.executable.as_ref();
        let tty = own.tty.as_deref().and_then(|tty| tty.split_once(':'));
        // Without an effective user, the real one is `user`.
        let real_user = process.real_user.as_ref().filter(|_| process.user.is_some());
        object! { serializer;
            "pid": process.pid,
            "entity_id"? own.exec_id.as_ref(),
            "vpid"? process.vpid,
            "name": file.map_or(&process.command, |file| &file.name),
            "executable"? file.map(|file| &file.path),
            "args"? process.command_args.as_ref(),
            "args_count"? process.args_count,
            "working_directory"? process.working_directory.as_ref(),
            "start"? (!is_exit).then_some(process.creation.time),
            "end"? process.exit.map(|exit| exit.time).filter(|_| !is_exit),
            "exit_code"? process.exit.map(|exit| exit.code),
            "interactive"? process.interactive,
            "tty"? tty.map(|tty| SingleMember("char_device", Device(tty))),
            "thread"? file.and_then(|_| command(process)).map(|name| SingleMember("name", name)),
            "real_user"? real_user.map(User),
            "saved_user"? process.saved_user.as_ref().map(User),
            "group_leader"? process.group_leader,
            "session_leader"? process.session_leader,
            "parent"? (!is_exit).then_some(LeanParent(record, process)),
            "env_vars"? process.environment_variable.as_deref().map(|all| {
                all.iter().map(|(name, value)| Variable(name, value)).collect::<Vec<_>>()
            }),
            "linux"? process.linux.as_ref(),
            "runtime"? process.runtime.as_ref(),
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
            "entity_id"? parent_exec_id(self.0),
            "name"? line.map(|line| &line.command),
            "executable"? line.map(|line| &line.executable).filter(|path| !path.is_empty()),
        }
    }
}
