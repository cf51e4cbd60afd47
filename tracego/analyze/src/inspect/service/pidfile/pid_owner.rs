//! Finds the process that the number in a pidfile names.

use tracego_model::input::facts::PidfileSource;

use super::state::NamedProcess;
use crate::inspect::{
    proc::{
        procfs::{Process, Procfs},
        read_error::ReadError,
        status::Status,
    },
    service::family::ProcessFamily,
};

/// Maximum number of bytes of `cgroup` and `uid_map`.
const SMALL: u64 = 4096;

/// A number in the pidfile of a service.
pub(in crate::inspect::service) struct PidfileQuery<'a> {
    /// The process of the service.
    pub(in crate::inspect::service) process: &'a Process,
    pub(in crate::inspect::service) number: u32,
    /// Whether the number counts in the pid namespace of the service instead of that of /proc.
    pub(in crate::inspect::service) nested: bool,
    /// Source that names the pidfile.
    pub(in crate::inspect::service) source: PidfileSource,
}

/// Finds the process that a number names, if it is not the service's own number. `wall` converts ticks since
/// boot to ns since 1970.
///
/// # Errors
/// Fails if /proc cannot be read.
pub(in crate::inspect::service) fn named(
    procfs: &Procfs,
    family: &mut ProcessFamily<'_>,
    asked: &PidfileQuery<'_>,
    wall: impl Fn(u64) -> i64,
) -> Result<NamedProcess, ReadError> {
    let &PidfileQuery { process, number, nested, source } = asked;
    let found = if nested { inside(procfs, process, number)? } else { running(procfs, number)? };
    let Some(other) = found else { return Ok(NamedProcess::Gone) };
    if family.in_line(other.pid, process.pid) {
        if source == PidfileSource::Unit || family.same_executable(other.pid, process.pid) {
            return Ok(NamedProcess::Family);
        }
        // A supervisor keeps the pidfile of the program that it runs.
        if matches!(source, PidfileSource::Lock | PidfileSource::Descriptor) {
            return Ok(NamedProcess::Else);
        }
    }
    // If the main process of the unit is another one, the file is right but not about this process.
    if source == PidfileSource::Unit {
        let of = |process: &Process| process.read("cgroup", SMALL).ok();
        if of(&other).is_some_and(|group| of(process) == Some(group)) {
            return Ok(NamedProcess::Else);
        }
    }
    Ok(NamedProcess::Other(wall(other.start_ticks)))
}

/// Finds the process with a number in the pid namespace of /proc. A thread, which /proc finds by number too,
/// is not a process.
fn running(procfs: &Procfs, number: u32) -> Result<Option<Process>, ReadError> {
    match procfs.current(number) {
        Ok(other) => match other.status() {
            Ok(status) => Ok((status.tgid == number).then_some(other)),
            Err(ReadError::Gone) => Ok(None),
            Err(why) => Err(why),
        },
        Err(ReadError::Gone) => Ok(None),
        Err(why) => Err(why),
    }
}

/// Finds the process with a number in the pid namespace of another process, by searching all processes.
fn inside(procfs: &Procfs, process: &Process, number: u32) -> Result<Option<Process>, ReadError> {
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

/// Returns the users that may own the pidfile of a process: its own, root, and the root of its user
/// namespace.
pub(in crate::inspect::service) fn owners(process: &Process, status: &Status) -> Vec<u32> {
    let mut users = status.users.to_vec();
    users.push(0);
    if let Ok(map) = process.read("uid_map", SMALL) {
        users.extend(inner_root(&map));
    }
    users
}

/// Finds the user that is root inside the namespace (user_namespaces(7)).
fn inner_root(map: &[u8]) -> Option<u32> {
    String::from_utf8_lossy(map).lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.next()? == "0").then(|| fields.next()?.parse().ok())?
    })
}
