//! tracego in a mount namespace with a root folder of its own, as in a container that shares the machine's processes.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;
use tracego_tests::{ChildGuard, records, remove_job, rootfs, tracego, wait_until};

use crate::{ConditionalTest, Test};

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("a tracego with a root folder of its own reads the machine's files", elsewhere as Test, needs_process),
    ("doctor says how the machine's files are found", doctor, needs_process),
];

/// Number of programs that end at once.
const PROGRAMS: usize = 20;

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
    let folder = tempfile::tempdir().unwrap();
    // Records of other programs are left out, by the name.
    let name = format!("tgh{}", std::process::id());
    let program = |n: usize| folder.path().join(n.to_string()).join(&name);
    for n in 0..=PROGRAMS {
        fs::create_dir(program(n).parent().unwrap()).unwrap();
        fs::copy("/bin/true", program(n)).unwrap();
    }
    // Two names of the machine: what a pod is told, and what the file says.
    let of_file = fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
    for (node, wanted) in [(Some("node-7"), "node-7"), (None, &*of_file)] {
        let mut command = contained(folder.path());
        command.args(["--heartbeat", "0", "--output", "json", "--comm", &name]);
        command.env_remove("K8S_NODE_NAME").envs(node.map(|node| ("K8S_NODE_NAME", node)));
        let file = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
        let mut running = ChildGuard(command.stdout(file("records")).stderr(file("errors")).spawn().unwrap());
        let starts = || -> Vec<Value> {
            let text = fs::read_to_string(folder.path().join("records")).unwrap_or_default();
            let all = records(text.rfind('\n').map_or("", |end| &text[..end])).into_iter();
            all.filter(|record| record["event_name"] == "tracego.process.start").collect()
        };
        wait_until("tracego watches", || {
            let errors = fs::read_to_string(folder.path().join("errors")).unwrap();
            assert!(running.0.try_wait().unwrap().is_none(), "{errors}");
            assert!(Command::new(program(PROGRAMS)).status().unwrap().success());
            !starts().is_empty()
        });
        // Each program has a parent that is gone, and ends at once.
        let all: Vec<_> = (0..PROGRAMS).map(|n| format!("({} &)", program(n).display())).collect();
        assert!(Command::new("/bin/sh").args(["-c", &all.join("; ")]).status().unwrap().success());
        let of = |n: usize| {
            let path = program(n).display().to_string();
            starts().into_iter().find(|record| record["process"]["executable"]["path"] == path)
        };
        for n in 0..PROGRAMS {
            wait_until("the record of a program", || of(n).is_some());
            let found = of(n).unwrap();
            assert!(found["tracego"]["executable"]["unread"].is_null(), "{found:#}");
            assert_eq!(found["process"]["user"]["name"], "root", "{found:#}");
            let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
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
