//! Whom the number in a pidfile names.

use super::{
    family::Family,
    pidfile::Named,
    proc::{Process, Procfs},
    status::Status,
    unread::Unread,
};
use tracego_model::input::facts::PidfileSource;

/// Bytes of `cgroup` and `uid_map` that are read at most.
const SMALL: u64 = 4096;

/// A number in the pidfile of a service.
pub(super) struct Asked<'a> {
    /// The service.
    pub(super) process: &'a Process,
    pub(super) number: u32,
    /// It counts in the pid namespace of the service, not in that of /proc.
    pub(super) nested: bool,
    /// Who names the file.
    pub(super) source: PidfileSource,
}

/// Whom a number names that is not the service's own; `wall` turns ticks since boot into ns since 1970.
///
/// # Errors
/// When that cannot be known.
pub(super) fn named(
    procfs: &Procfs,
    family: &mut Family<'_>,
    asked: &Asked<'_>,
    wall: impl Fn(u64) -> i64,
) -> Result<Named, Unread> {
    let &Asked { process, number, nested, source } = asked;
    let found = if nested { inside(procfs, process, number)? } else { running(procfs, number)? };
    let Some(other) = found else { return Ok(Named::Gone) };
    if family.in_line(other.pid, process.pid) {
        if source == PidfileSource::Unit || family.same_executable(other.pid, process.pid) {
            return Ok(Named::Family);
        }
        // A supervisor keeps the pidfile of what it runs.
        if matches!(source, PidfileSource::Lock | PidfileSource::Descriptor) {
            return Ok(Named::Else);
        }
    }
    // The unit's main process is another one: then the file is right, and not about this one.
    if source == PidfileSource::Unit {
        let of = |process: &Process| process.read("cgroup", SMALL).ok();
        if of(&other).is_some_and(|group| of(process) == Some(group)) {
            return Ok(Named::Else);
        }
    }
    Ok(Named::Other(wall(other.start_ticks)))
}

/// The process that a number names in the namespace of /proc. Threads are found there, too, but
/// are no process.
fn running(procfs: &Procfs, number: u32) -> Result<Option<Process>, Unread> {
    match procfs.current(number) {
        Ok(other) => match other.status() {
            Ok(status) => Ok((status.tgid == number).then_some(other)),
            Err(Unread::Gone) => Ok(None),
            Err(why) => Err(why),
        },
        Err(Unread::Gone) => Ok(None),
        Err(why) => Err(why),
    }
}

/// The process that has a number in the pid namespace of another: by looking at all of them.
fn inside(procfs: &Procfs, process: &Process, number: u32) -> Result<Option<Process>, Unread> {
    let namespace = process.namespace("pid")?;
    for pid in procfs.pids()? {
        let Ok(other) = procfs.current(pid) else { continue };
        if other.namespace("pid") == Ok(namespace)
            && other.status().is_ok_and(|status| status.numbers.last() == Some(&number))
        {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// Users that may own the pidfile of a process: its own, root, and the root of its user namespace.
pub(super) fn owners(process: &Process, status: &Status) -> Vec<u32> {
    let mut users = status.users.to_vec();
    users.push(0);
    if let Ok(map) = process.read("uid_map", SMALL) {
        users.extend(inner_root(&map));
    }
    users
}

/// The user that is root inside (user_namespaces(7)).
fn inner_root(map: &[u8]) -> Option<u32> {
    String::from_utf8_lossy(map).lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.next()? == "0").then(|| fields.next()?.parse().ok())?
    })
}
