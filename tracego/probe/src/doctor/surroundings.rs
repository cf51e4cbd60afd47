//! The machine around tracego: what is not needed to load programs, but for whole records.

use std::{fs, path::Path};

use super::{CheckState, DoctorCheck, check};
use crate::{host_root::HostRoot, load};

/// Checks whether programs are compiled.
pub(super) fn jit() -> DoctorCheck {
    match fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").map(|text| text.trim().to_owned()) {
        Ok(off) if off == "0" => check(
            "JIT",
            CheckState::Degraded,
            "off: programs are interpreted",
            "sysctl net.core.bpf_jit_enable=1",
        ),
        Ok(on) => check("JIT", CheckState::Ok, format!("net.core.bpf_jit_enable={on}"), ""),
        // Absent inside another network namespace, and where the JIT is always on.
        Err(_) => check("JIT", CheckState::Ok, "not visible here", ""),
    }
}

/// Checks which versions of cgroups the machine has.
pub(super) fn cgroup() -> DoctorCheck {
    let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let hybrid = Path::new("/sys/fs/cgroup/unified/cgroup.procs").exists();
    match (v2, hybrid) {
        (true, _) => check("cgroup", CheckState::Ok, "v2", ""),
        (false, true) => {
            check("cgroup", CheckState::Ok, "hybrid: paths from v1 where v2 holds only its root", "")
        }
        (false, false) => {
            let detail = "no v2 tree: --cgroup cannot be used; paths come from v1";
            check("cgroup", CheckState::Degraded, detail, "mount -t cgroup2 none /sys/fs/cgroup/unified")
        }
    }
}

/// Checks whether the machine's own files can be looked at.
pub(super) fn host_files() -> DoctorCheck {
    let root = HostRoot::find();
    match &root {
        HostRoot::Own => check("host files", CheckState::Ok, "tracego sees the machine's files", ""),
        HostRoot::Init(_) => check("host files", CheckState::Ok, format!("by way of {root}"), ""),
        HostRoot::Hidden(why) => {
            let detail = format!(
                "the first process is hidden: {why}; if tracego is in a container, programs that end at once are not \
                 read, and users and host.id are those of the container"
            );
            let remedy = "grant CAP_SYS_PTRACE, in a container with hostPID: true and AppArmor unconfined";
            check("host files", CheckState::Degraded, detail, remedy)
        }
    }
}

/// Checks whether process ids are those of the machine.
pub(super) fn pid_namespace() -> DoctorCheck {
    match fs::read_link("/proc/self/ns/pid") {
        Ok(link) if link == Path::new(load::identity::INITIAL_PID_NS) => {
            check("pid namespace", CheckState::Ok, "the machine's", "")
        }
        Ok(link) => {
            let detail = format!(
                "{}: other processes of the machine cannot be looked up; tracego run sees its own tree",
                link.display()
            );
            check(
                "pid namespace",
                CheckState::Degraded,
                detail,
                "run in the host's pid namespace (hostPID: true)",
            )
        }
        Err(error) => {
            check("pid namespace", CheckState::Degraded, format!("/proc/self/ns/pid: {error}"), "mount /proc")
        }
    }
}
