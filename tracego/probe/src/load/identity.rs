//! The agent as the kernel side knows it: its process id in the initial pid namespace, and the pid namespace of
//! its /proc.

use std::{fs, path::Path};

use aya::{
    maps::Array,
    programs::{RawTracePoint, RawTracePointRunOptions, TestRun as _},
};
use tracego_common::{AgentIdentity, KernelSettings};
use zerocopy::FromZeros as _;

use super::{LoadOptions, Table, open};
use crate::{btf::Btf, error::LoadError, programs::maps};

/// Link of the initial pid namespace: `PROC_PID_INIT_INO` (include/linux/proc_ns.h).
pub(crate) const INITIAL_PID_NS: &str = "pid:[4026531836]";

/// Program that looks for the agent.
const PROGRAM: &str = "agent_identity";

/// Finds the agent. In a pid namespace, the kernel side is asked, by a program that runs in the agent's context.
///
/// # Errors
/// Fails if /proc does not show the agent, if its children are in another pid namespace, or if the kernel refuses
/// the program.
pub(crate) fn agent(btf: &Btf<'_>) -> Result<AgentIdentity, LoadError> {
    let namespace = fs::read_link("/proc/self/ns/pid").map_err(LoadError::NoProc)?;
    // An error means that the other namespace has no process yet.
    if !fs::read_link("/proc/self/ns/pid_for_children").is_ok_and(|children| children == namespace) {
        return Err(LoadError::Unforked);
    }
    if namespace == Path::new(INITIAL_PID_NS) {
        let own = std::process::id();
        return Ok(AgentIdentity { tgid: own, proc_pid: own, ..AgentIdentity::default() });
    }
    let status = fs::read_to_string("/proc/self/status").map_err(LoadError::NoProc)?;
    let levels = levels(&status).ok_or_else(|| LoadError::NoProc(std::io::ErrorKind::InvalidData.into()))?;
    let settings = KernelSettings { proc_level: levels - 1, ..KernelSettings::new_zeroed() };
    let failed = |source| LoadError::Program { program: PROGRAM, source: Box::new(source) };
    let mut loaded = open(&LoadOptions::trial(settings), 0, AgentIdentity::default(), btf)?;
    let program = loaded.ebpf.program_mut(PROGRAM).ok_or(LoadError::Lacks(PROGRAM))?;
    let run = |program: &mut RawTracePoint| {
        program.load()?;
        program.test_run(RawTracePointRunOptions::default())
    };
    <&mut RawTracePoint>::try_from(program).and_then(run).map_err(failed)?;
    let identity: Array<_, Table<AgentIdentity>> = maps::read(&loaded.ebpf, "IDENTITY")?;
    let Table(identity) = identity.get(&0, 0).map_err(|error| LoadError::Map("IDENTITY", error))?;
    if identity.tgid == 0 || identity.proc_pid == 0 { Err(LoadError::Unidentified) } else { Ok(identity) }
}

/// Returns the number of pid namespaces from the one of /proc down to the agent's own (`NSpid`,
/// proc_pid_status(5)).
fn levels(status: &str) -> Option<u32> {
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    u32::try_from(numbers.split_ascii_whitespace().count()).ok().filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_from_the_namespace_of_proc() {
        assert_eq!(levels("Name:\tx\nNSpid:\t7\nNSpgid:\t7\n"), Some(1));
        assert_eq!(levels("NSpid:\t4711\t12\t1\n"), Some(3));
        for wrong in ["", "NSpid:\n", "Pid:\t7\n"] {
            assert_eq!(levels(wrong), None, "{wrong}");
        }
    }
}
