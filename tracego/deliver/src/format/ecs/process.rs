//! Fields `process.*` of a document.

use serde::{Serialize, Serializer};
use tracego_model::{
    linux::users,
    record::{self, Record, exec_id, lineage::Line},
};

use crate::format::{
    digest,
    object::{AsText, SingleMember, object},
    parent, parent_args, parent_exec_id,
    text::Joined,
};

pub(super) struct Process<'a>(pub(super) &'a Record, pub(super) &'a record::Process);

impl Serialize for Process<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let own = &record.tracego;
        let file = process.executable.as_ref();
        let args = process.command_args.as_deref();
        object! { serializer;
            "pid": process.pid,
            "entity_id"? own.exec_id.as_ref(),
            "vpid"? process.vpid,
            "name": file.map_or(&process.command, |file| &file.name),
            "executable"? file.map(|file| &file.path),
            "hash"? digest(record).map(|sha256| SingleMember("sha256", sha256)),
            "args"? args,
            "args_count"? process.args_count,
            "command_line"? args.map(Joined),
            "working_directory"? process.working_directory.as_ref(),
            "start": process.creation.time,
            "end"? process.exit.map(|exit| exit.time),
            "exit_code"? process.exit.map(|exit| exit.code),
            "interactive"? process.interactive,
            "tty"? own.tty.as_deref().and_then(|tty| tty.split_once(':')).map(|tty| SingleMember("char_device", Device(tty))),
            "thread": Thread(record, process),
            "user"? process.user.as_ref().map(User),
            "real_user"? process.real_user.as_ref().map(User),
            "saved_user"? process.saved_user.as_ref().map(User),
            "group_leader"? process.group_leader,
            "session_leader"? process.session_leader,
            "parent": Parent(record, process),
            "env_vars"? process.environment_variable.as_deref().map(|all| {
                all.iter().map(|(name, value)| Variable(name, value)).collect::<Vec<_>>()
            }),
            // ECS has no names for these; they are OpenTelemetry's.
            "linux"? process.linux.as_ref(),
            "runtime"? process.runtime.as_ref(),
        }
    }
}

/// Device `major:minor` as two numbers.
pub(super) struct Device<'a>(pub(super) (&'a str, &'a str));

impl Serialize for Device<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (major, minor) = self.0;
        object! { serializer;
            "major"? major.parse::<u32>().ok(),
            "minor"? minor.parse::<u32>().ok(),
        }
    }
}

/// Thread that called execve; its name is the task's name.
struct Thread<'a>(&'a Record, &'a record::Process);

impl Serialize for Thread<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "id"? self.0.tracego.exec.as_ref().and_then(|exec| exec.thread_id),
            "name": self.1.command,
        }
    }
}

/// Current parent. Only its PID is known, unless it created the process.
struct Parent<'a>(&'a Record, &'a record::Process);

impl Serialize for Parent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let line = parent(record);
        // The start time of a process that ran before tracego is only known to a clock tick.
        let exact = line.filter(|line| !line.seeded);
        let executable = |line: &'_ Line| !line.executable.is_empty();
        object! { serializer;
            "pid": process.parent_pid,
            "entity_id"? exact.map(|line| exec_id(&record.tracego.boot_id, line.id)),
            // A record that lean ones refer to has no ancestors, but their identity.
            "entity_id"? parent_exec_id(record).filter(|_| exact.is_none()),
            "name"? line.map(|line| &line.command),
            "executable"? line.filter(|line| executable(line)).map(|line| &line.executable),
            "args"? parent_args(record),
            "command_line"? parent_args(record).map(Joined),
            "start"? line.map(|line| line.created),
        }
    }
}

/// User. Ids are keywords in ECS, so they are written as texts.
pub(super) struct User<'a>(pub(super) &'a users::User);

impl Serialize for User<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object! { serializer;
            "id": AsText(self.0.id),
            "name"? self.0.name.as_deref(),
        }
    }
}

/// Environment variable, as `NAME=value`.
pub(super) struct Variable<'a>(pub(super) &'a str, pub(super) &'a str);

impl Serialize for Variable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}={}", self.0, self.1))
    }
}
