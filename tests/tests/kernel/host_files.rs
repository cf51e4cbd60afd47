//! tracego in a mount namespace with a root folder of its own, as in a container that shares the machine's processes.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;
use tracego_tests::{remove_job, rootfs, tracego};

use crate::{ConditionalTest, Test, short_programs::ShortPrograms};

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("a tracego with a root folder of its own reads the machine's files", elsewhere as Test, needs_process),
    ("doctor says how the machine's files are found", doctor, needs_process),
];

fn needs_process() -> Option<String> {
    let is_there = |pid: u32| fs::read_link(format!("/proc/{pid}/root")).is_ok();
    (![1, 2].into_iter().any(is_there)).then(|| "the first process hides its root folder".to_owned())
}

/// A command line of tracego in a mount namespace and with a host name of its own. Its root folder is in memory, and no
/// file system of the machine is mounted below it.
fn contained(folder: &Path) -> Command {
    let files = folder.join("files");
    rootfs::fill(&files, &[tracego()]);
    fs::create_dir_all(folder.join("root")).unwrap();
    let script = "mount -t tmpfs none \"$0/root\" && cp -a \"$0/files/.\" \"$0/root\" && hostname pod-of-test && \
                  mount --rbind /proc \"$0/root/proc\" && mount --rbind /sys \"$0/root/sys\" && \
                  exec chroot \"$0/root\" /bin/tracego \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--uts", "--propagation", "private", "--", "/bin/sh", "-c", script]).arg(folder);
    command.env("TRACEGO_DETAIL", "full");
    remove_job(&mut command);
    command
}

fn elsewhere() {
    let programs = ShortPrograms::new("tgh");
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    // Two names of the machine: what a pod is told, and what the file says.
    let of_file = fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
    for (node, wanted) in [(Some("node-7"), "node-7"), (None, &*of_file)] {
        let mut command = contained(programs.folder());
        command.args(programs.options());
        command.env_remove("K8S_NODE_NAME").envs(node.map(|node| ("K8S_NODE_NAME", node)));
        let _running = programs.run(&mut command);
        for found in programs.records() {
            assert_eq!(found["host"]["id"].as_str().unwrap_or_default(), id.trim(), "{found:#}");
            if !wanted.is_empty() {
                assert_eq!(found["host"]["name"], wanted, "{found:#}");
            }
        }
    }
}

fn doctor() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let check = |mut command: Command| {
        let output = command.args(["doctor", "--json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["name"] == "host files").cloned();
        found.unwrap_or_else(|| panic!("{report:#}"))
    };
    let outside = check(Command::new(tracego()));
    assert_eq!(outside["state"], "ok", "{outside:#}");
    let inside = check(contained(folder.path()));
    assert_eq!(inside["state"], "ok", "{inside:#}");
    assert!(inside["detail"].as_str().unwrap().starts_with("by way of /proc/"), "{inside:#}");
    // Without the capability, nobody can look at the first process.
    let without = contained(folder.path());
    let without = without.get_args().map(std::ffi::OsStr::to_owned).collect::<Vec<_>>();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace", "unshare"]).args(without);
    let hidden = check(command);
    assert_eq!(hidden["state"], "degraded", "{hidden:#}");
    assert!(hidden["detail"].as_str().unwrap().contains("/ns/mnt: Permission denied"), "{hidden:#}");
}
