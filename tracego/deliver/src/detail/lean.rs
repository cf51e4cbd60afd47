//! The members that a lean record leaves out.

use std::{mem, sync::Arc};

use tracego_common::TaskId;
use tracego_model::record::{
    Completeness, Executable, Own, Process, Record, event_name,
    lineage::{Line, LineageNames},
};

use super::reference_cache::RecordReferences;

/// Names of values that may be unavailable, as `tracego.completeness.unavailable` has them.
pub(super) const ARGS: &str = "process.command_args";
pub(super) const ARGS_COUNT: &str = "process.args_count";
pub(super) const TTY: &str = "tracego.tty";
pub(super) const FILENAME: &str = "tracego.exec.filename";

/// Whether a record is lean where records are. A record with a finding, a violation or a decision about its start is
/// not: it is the one that is read alone.
pub(super) fn is_lean(record: &Record) -> bool {
    let own = &record.tracego;
    let kinds = [event_name::START, event_name::EXIT, event_name::FORK, event_name::EXEC_FAILED];
    kinds.contains(&record.event_name)
        && is_regular(record)
        // Seals count starts whose executable could not be read.
        && own.executable.as_ref().is_none_or(|file| file.unread.is_none())
        && !record.stands_alone()
}

/// Whether a reader can infer the members that a lean record leaves out. A record that lacks a value, and does not call
/// it unavailable, stays full: the value would come back from nowhere.
fn is_regular(record: &Record) -> bool {
    let own = &record.tracego;
    let Some(process) = record.process.as_deref() else { return false };
    let is_unavailable = |name| own.completeness.unavailable.contains(&name);
    let is_start = || {
        own.exec.as_ref().is_some_and(|exec| {
            exec.args_bytes.is_some()
                && (!exec.filename.is_empty() || process.executable.is_none() || is_unavailable(FILENAME))
        }) && process.vpid.is_some()
            && process.command_args.is_some()
            && process.args_count.is_none() == is_unavailable(ARGS_COUNT)
            && process.interactive.is_none() == is_unavailable(TTY)
            && process.user.is_some() == process.real_user.is_some()
            && process.user.is_some() == process.saved_user.is_some()
    };
    let is_named = |file: &Executable| {
        file.path.rsplit('/').next() == Some(&*file.name)
            && (file.build_id.is_none() || own.executable.is_some())
    };
    task(record).is_some()
        && own.ancestors.as_ref().is_none_or(|ancestors| ancestors.0.is_some())
        && process.executable.as_ref().is_none_or(is_named)
        && process.environment_variable.as_ref().is_none_or(|variables| !variables.is_empty())
        && (record.event_name != event_name::START || is_start())
}

/// Returns the identity of the process of a record, from its text.
pub(super) fn task(record: &Record) -> Option<TaskId> {
    let own = &record.tracego;
    let (start, tgid) =
        own.exec_id.as_deref()?.strip_prefix(&*own.boot_id)?.strip_prefix('-')?.split_once('-')?;
    let tgid = u32::from_str_radix(tgid, 16).ok()?;
    let start_boottime = u64::from_str_radix(start, 16).ok()?;
    Some(TaskId { tgid, start_boottime, ..TaskId::default() })
}

/// Takes out of a record what it refers to, and what follows from its other members.
pub(super) fn make_lean(record: &mut Record, references: &RecordReferences) {
    record.is_lean = true;
    record.brief.clone_from(&references.brief);
    let own = &mut *record.tracego;
    own.references.clone_from(&references.ids);
    let root = own.job.as_ref().and_then(|job| job.root.as_ref()).map(|root| root.pid);
    if let Some(line) = own.ancestors.take().and_then(|ancestors| ancestors.0) {
        own.parent_exec_id = Some(tracego_model::record::exec_id(&own.boot_id, line.id));
        // The ancestors of the process that opened the job are not part of it.
        let opens = record.process.as_ref().is_some_and(|process| root == Some(process.pid));
        own.lineage = Some(LineageNames::new(line, root.filter(|_| !opens)));
    }
    if let Some(process) = &mut record.process {
        process.environment_variable.clone_from(&references.variables);
        if references.image.is_some() {
            process.runtime = None;
            if let Some(executable) = &mut process.executable {
                executable.build_id = None;
            }
        }
        if references.confinement.is_some() {
            process.linux = None;
        }
        match record.event_name {
            event_name::START => omit_derived(process, own),
            event_name::EXIT => omit_started(process, own),
            _ => {}
        }
    }
    if references.image.is_some() {
        own.executable = None;
        own.elf = None;
        let is_empty = own.go.as_mut().is_some_and(|go| {
            go.build = None;
            go.role.is_none() && go.command.is_none() && go.linker.is_none() && !go.repeated
        });
        if is_empty {
            own.go = None;
        }
    }
    if references.confinement.is_some() {
        (own.capability, own.rlimit, own.namespace, own.cgroup) = (None, None, None, None);
        (own.seccomp, own.no_new_privs, own.unit) = (None, None, None);
    }
    (own.job, own.parent) = (None, None);
    record.brief_pod.clone_from(&references.pod);
}

/// Takes out of a start what follows from its other members.
fn omit_derived(process: &mut Process, own: &mut Own) {
    if process.vpid == Some(process.pid) {
        process.vpid = None;
    }
    if let Some(args) = process.command_args.as_deref()
        && has_whole_args(&own.completeness)
    {
        if process.args_count.is_some_and(|count| usize::try_from(count) == Ok(args.len())) {
            process.args_count = None;
        }
        let bytes: usize = args.iter().map(|arg| arg.len() + 1).sum();
        if let Some(exec) = &mut own.exec
            && exec.args_bytes.is_some_and(|all| usize::try_from(all) == Ok(bytes))
        {
            exec.args_bytes = None;
        }
    }
    if process.real_user == process.user {
        process.real_user = None;
    }
    if process.saved_user == process.user {
        process.saved_user = None;
    }
    process.interactive = process.interactive.filter(|&is| is);
    if let Some(executable) = &process.executable
        && let Some(exec) = &mut own.exec
        && exec.filename == executable.path
    {
        mem::take(&mut exec.filename);
    }
}

/// Whether the arguments of a record are those of the process, byte for byte.
fn has_whole_args(completeness: &Completeness) -> bool {
    completeness.truncated.is_empty()
        && completeness.redacted == 0
        && completeness.bytes.is_empty()
        && !completeness.unavailable.contains(&ARGS)
}

/// Takes out of an exit what the start, or the record of the process, has.
fn omit_started(process: &mut Process, own: &mut Own) {
    process.executable = None;
    process.real_user = None;
    own.in_tree = false;
    own.parent_exec_id = None;
    own.lineage = None;
}

/// Returns a shared reference to the line above the process of a full record.
pub(super) fn above(record: &Record) -> Option<&Arc<Line>> {
    record.tracego.ancestors.as_ref()?.0.as_ref()
}
