//! Lean record in JSON: without what follows from its other members.

use serde::{Serialize, Serializer};
use tracego_model::{
    clock::Time,
    record::{Exit, Process, Record, event_name},
    text,
};

use crate::format::{
    object::{SingleMember, object},
    omit_fields::OmitFields,
};

/// Largest difference between the two times of a record with one time, in nanoseconds.
const DELAY: i64 = 1_000_000_000;

/// Lean record as one object.
pub(super) struct LeanRecord<'a>(pub(super) &'a Record);

impl Serialize for LeanRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let context = record.shown_context();
        let trace = record.trace.as_ref();
        object! { serializer;
            "schema": record.schema,
            "event_name": record.event_name,
            "timestamp": record.timestamp,
            "observed_timestamp"? observed(record),
            "severity_number": record.severity_number,
            "trace_id"? trace.map(|trace| &trace.trace_id),
            "span_id"? trace.map(|trace| &trace.span_id),
            "trace_flags"? trace.map(|trace| &trace.trace_flags),
            "body"? body(record),
            "log": record.log,
            "seq": record.seq,
            "host": SingleMember("name", &record.origin.host.name),
            "process"? record.process.as_deref().map(|process| LeanProcess(record, process)),
            "cicd"? context.map(|context| &context.cicd).filter(|tree| !tree.is_empty()),
            "vcs"? context.map(|context| &context.vcs).filter(|tree| !tree.is_empty()),
            "container"? record.container.as_ref().map(|container| OmitFields(container, &["image"])),
            "k8s"? record.shown_pod(),
            "tracego": OmitFields(&*record.tracego, &["boot_id"]),
        }
    }
}

/// Returns the time at which the agent read the event, unless that was soon after the event.
pub(in crate::format) fn observed(record: &Record) -> Option<Time> {
    let delay = record.observed_timestamp.0.saturating_sub(record.timestamp.0);
    (!(0..DELAY).contains(&delay)).then_some(record.observed_timestamp)
}

/// Returns the task name, unless it follows from the name of the executable.
pub(in crate::format) fn command(process: &Process) -> Option<&str> {
    let is_named =
        process.executable.as_ref().is_some_and(|file| text::task_name(&file.name) == process.command);
    (!is_named).then_some(process.command.as_str())
}

/// Returns the body, unless it follows from the process.
pub(in crate::format) fn body(record: &Record) -> Option<&str> {
    let process = record.process.as_deref()?;
    let follows = match record.event_name {
        event_name::START => process
            .command_args
            .as_deref()
            .is_some_and(|args| !args.is_empty() && text::is_line_of(&record.body, args)),
        event_name::EXIT => record.tracego.exit.is_some_and(|exit| {
            let end = record.body.strip_prefix(&*process.command);
            end.is_some_and(|end| match (exit.signal, process.exit) {
                (Some(signal), _) => ends_with(end, " ended by signal ", signal),
                (None, Some(exit)) => ends_with(end, " ended with ", exit.code),
                (None, None) => false,
            })
        }),
        event_name::FORK => {
            let by = record.body.strip_prefix("fork ").and_then(|rest| rest.split_once(' '));
            by.is_some_and(|(pid, by)| {
                ends_with(pid, "", process.pid) && ends_with(by, "by ", process.parent_pid)
            })
        }
        _ => false,
    };
    (!follows).then_some(record.body.as_str())
}

/// Whether a text is `front` and a number.
fn ends_with(text: &str, front: &str, number: u32) -> bool {
    let digits =
        text.strip_prefix(front).filter(|digits| digits.len() == 1 || !digits.starts_with(['0', '+']));
    digits.is_some_and(|digits| digits.parse() == Ok(number))
}

/// `process` of a lean record.
pub(in crate::format) struct LeanProcess<'a>(
    pub(in crate::format) &'a Record,
    pub(in crate::format) &'a Process,
);

impl Serialize for LeanProcess<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, process) = *self;
        let is_exit = record.event_name == event_name::EXIT;
        let file = process.executable.as_ref();
        object! { serializer;
            "pid": process.pid,
            "vpid"? process.vpid,
            "parent_pid"? (!is_exit || record.tracego.reparented).then_some(process.parent_pid),
            "creation"? (!is_exit).then_some(process.creation),
            "command"? command(process),
            "command_args"? process.command_args.as_ref(),
            "args_count"? process.args_count,
            "executable"? file.map(|file| SingleMember("path", &file.path)),
            "working_directory"? process.working_directory.as_ref(),
            "user"? process.user.as_ref(),
            "real_user"? process.real_user.as_ref(),
            "saved_user"? process.saved_user.as_ref(),
            "group_leader"? process.group_leader,
            "session_leader"? process.session_leader,
            "interactive"? process.interactive,
            "linux"? process.linux.as_ref(),
            "environment_variable"? process.environment_variable.as_ref(),
            "exit"? process.exit.map(|exit| LeanExit(record, exit)),
            "runtime"? process.runtime.as_ref(),
        }
    }
}

/// `process.exit` of a lean record: without the time, where that is the time of an exit.
struct LeanExit<'a>(&'a Record, Exit);

impl Serialize for LeanExit<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, exit) = self;
        object! { serializer;
            "code": exit.code,
            "time"? (record.event_name != event_name::EXIT || exit.time != record.timestamp).then_some(exit.time),
        }
    }
}
