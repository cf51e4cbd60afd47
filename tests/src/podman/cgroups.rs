//! The cgroups of the containers: their hierarchies, what runs in them, and their end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{ChildGuard, wait_until};

/// Place where cgroups are mounted: version 2 alone, or one folder for each hierarchy.
pub(super) const ROOT: &str = "/sys/fs/cgroup";

/// Returns the root of each mounted hierarchy.
pub(crate) fn trees() -> Vec<PathBuf> {
    let root = PathBuf::from(ROOT);
    if root.join("cgroup.controllers").exists() {
        return vec![root];
    }
    let folders = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    // `cpu` may be a link to `cpu,cpuacct`.
    folders.filter(|path| !path.is_symlink() && path.join("cgroup.procs").exists()).collect()
}

/// Starts a process in a mount namespace that has the hierarchy of version 2 alone.
pub(super) fn unified() -> Result<ChildGuard, String> {
    if !Path::new(ROOT).join("unified/cgroup.controllers").exists() {
        return Err("needs a machine with both versions of cgroups".to_owned());
    }
    let script = format!("mount -t cgroup2 none {ROOT} && exec sleep infinity");
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-c", &script]).stdout(Stdio::null());
    let mut view = ChildGuard(command.spawn().map_err(|error| error.to_string())?);
    let comm = format!("/proc/{}/comm", view.0.id());
    wait_until("the hierarchy is mounted", || {
        assert!(view.0.try_wait().unwrap().is_none(), "it cannot be mounted");
        fs::read_to_string(&comm).is_ok_and(|name| name.trim() == "sleep")
    });
    Ok(view)
}

/// Kills the processes in a group and below. Returns their number.
pub(super) fn kill_all(group: &Path) -> usize {
    let mut killed = 0;
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            killed += kill_all(&entry.path());
        }
    }
    for pid in fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines() {
        if let Ok(pid) = pid.parse() {
            // SAFETY: a call with numbers alone.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            killed += 1;
        }
    }
    killed
}

/// Removes a group and those below it. Groups with processes stay.
pub(crate) fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    let _busy = fs::remove_dir(group);
}
