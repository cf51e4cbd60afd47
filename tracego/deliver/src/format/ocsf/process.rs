//! Process of an event, and the actor behind it.

use serde::{Serialize, Serializer};
use tracego_model::{
    input::digest::Sha256Digest,
    linux::users,
    record::{self, Record, event_name, exec_id, lineage::Line},
};

use super::{integer, pod::OcsfImage};
use crate::format::{
    Millis, digest, is_program,
    object::{AsText, SingleMember, object},
    parent, parent_args, parent_exec_id, pending_executable,
    text::Quoted,
};

/// `actor`: the process that created this one. For an exit, a failed exec and a decision before a process
/// start, the process itself.
pub(super) struct Actor<'a>(pub(super) &'a Record, pub(super) &'a record::Process);

impl Serialize for Actor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let by_itself = matches!(record.event_name, event_name::EXIT | event_name::EXEC_FAILED)
            || pending_executable(record).is_some();
        object! { serializer;
            "process"? by_itself.then_some(Caller(record, process)),
            "process"? (!by_itself).then_some(Parent(record, process)),
            "user"? process.real_user.as_ref().map(User),
        }
    }
}

/// Process as it was before a failed exec or before its exit.
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

/// Current parent. Only its PID is known, unless it created the process.
struct Parent<'a>(&'a Record, &'a record::Process);

impl Serialize for Parent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        match parent(record) {
            Some(line) => Ancestor(&record.tracego.boot_id, line, parent_args(record)).serialize(serializer),
            None => object! { serializer;
                "pid": process.parent_pid,
                "uid"? parent_exec_id(record),
            },
        }
    }
}

/// `process_entity`: an ancestor, with its arguments where they are known.
struct Ancestor<'a>(&'a str, &'a Line, Option<&'a [String]>);

impl Serialize for Ancestor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(boot_id, line, args) = *self;
        object! { serializer;
            "pid": line.id.tgid,
            // The start of one that ran before tracego is known to a clock tick only.
            "uid"? (!line.seeded).then(|| exec_id(boot_id, line.id)),
            "name": line.command,
            "path"? (!line.executable.is_empty()).then_some(&line.executable),
            "cmd_line"? args.map(Quoted),
            "created_time": Millis(line.created),
            "created_time_dt": line.created,
        }
    }
}

pub(super) struct User<'a>(pub(super) &'a users::User);

impl Serialize for User<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "uid": AsText(self.0.id),
            "name"? self.0.name.as_deref(),
        }
    }
}

/// Returns name and path of the subject.
pub(super) fn program<'a>(record: &'a Record, process: &'a record::Process) -> (&'a str, Option<&'a str>) {
    let own = &record.tracego;
    let wanted = own.exec.as_ref().filter(|_| own.error.is_some()).map(|exec| exec.filename.as_str());
    // A lean record lacks a file name that is the path of the executable.
    let wanted = wanted.filter(|wanted| !record.is_lean || !wanted.is_empty());
    let path = wanted.or(process.executable.as_ref().map(|file| file.path.as_str()));
    let name = path.and_then(|path| path.rsplit('/').next());
    // The path of a program that is decided about is not known.
    let file = process.executable.as_ref();
    let path = path.filter(|_| file.is_none_or(|file| is_program(record, file)));
    (pending_executable(record).or(name).unwrap_or(&process.command), path)
}

/// `process`: the subject. For a failed exec and for a decision before a process start, the program that
/// would have run in it.
pub(super) struct Subject<'a>(pub(super) &'a Record, pub(super) &'a record::Process);

impl Serialize for Subject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let own = &record.tracego;
        let file = process.executable.as_ref();
        let (name, path) = program(record, process);
        let user = process.user.as_ref();
        let ancestry: Option<Vec<_>> = own
            .ancestors
            .as_ref()
            .map(|line| line.iter().map(|line| Ancestor(&own.boot_id, line, None)).collect());
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
            "file"? file.filter(|_| path.is_some()).map(|file| File(file, record)),
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
            "uid"? facts.map(|facts| AsText(facts.inode)),
            "volume"? facts.map(|facts| &facts.device),
            "owner"? facts.map(|facts| SingleMember("uid", AsText(facts.owner_id))),
            "is_deleted"? facts.map(|facts| facts.deleted),
            "hashes"? digest(record).map(|value| [Fingerprint { algorithm_id: 3, algorithm: "SHA-256", value }]),
        }
    }
}

/// Object `fingerprint`.
#[derive(Serialize)]
struct Fingerprint {
    algorithm_id: u8,
    algorithm: &'static str,
    value: Sha256Digest,
}

pub(super) struct Session<'a>(pub(super) &'a Record);

impl Serialize for Session<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = &self.0.tracego;
        object! { serializer;
            "uid"? own.audit.and_then(|audit| audit.session_id).map(AsText),
            "terminal"? own.tty.as_ref(),
        }
    }
}

pub(super) struct Container<'a>(pub(super) &'a record::Container, pub(super) &'a Record);

impl Serialize for Container<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(container, record) = *self;
        let pod = record.k8s.as_ref().map(|k8s| &k8s.pod.uid);
        object! { serializer;
            "uid": container.id,
            "name"? record.k8s.as_ref().and_then(|k8s| k8s.container.as_ref()).map(|named| &named.name),
            "image"? record.shown_image().and_then(OcsfImage::of),
            "runtime"? container.runtime.map(|runtime| runtime.name),
            "orchestrator"? pod.map(|_| "kubernetes"),
            "pod_uuid"? pod.filter(|uid| uid.len() == 36),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Variable<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
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

/// Attributes of the process that OCSF has no place for.
pub(super) struct UnmappedProcess<'a>(pub(super) &'a record::Process);

impl Serialize for UnmappedProcess<'_> {
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
            "executable"? build_id.map(|id| SingleMember("build_id", id)),
        }
    }
}
