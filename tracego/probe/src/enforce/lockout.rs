//! The protection against lockout: programs that a machine needs are never stopped, and rules that would stop
//! them are refused.

use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tracego_common::verdict::Action;

use super::{
    compiler::CompiledRules,
    decision::{Start, decide},
    machine::MachineState,
};
use crate::host_root::HostRoot;

/// The programs that a machine needs to be reached and to run services and containers. They are never
/// stopped, whatever their arguments are. They are matched by inode, so that a copy with such a name is not
/// exempt.
pub const EXEMPT: [&str; 27] = [
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-executor",
    "/usr/lib/systemd/systemd-logind",
    "/usr/bin/systemctl",
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/lib/openssh/sshd-auth",
    "/usr/sbin/agetty",
    "/sbin/sulogin",
    "/usr/bin/login",
    "/usr/bin/su",
    "/usr/bin/sudo",
    "/usr/bin/doas",
    "/usr/bin/pkexec",
    "/usr/bin/dockerd",
    "/usr/bin/containerd",
    "/usr/bin/containerd-shim-runc-v2",
    "/usr/bin/runc",
    "/usr/sbin/runc",
    "/usr/bin/crun",
    "/usr/bin/conmon",
    "/usr/bin/crio",
    "/usr/bin/podman",
    "/usr/bin/kubelet",
    "/usr/local/bin/kubelet",
    "/usr/bin/kill",
];

/// Login shells. They are not exempt, since anybody can make them do anything, but a rule that stops one
/// started for a login is refused.
const SHELLS: [(&str, &[&str]); 6] = [
    ("/bin/sh", &["-sh"]),
    ("/bin/bash", &["-bash"]),
    ("/bin/bash", &["bash", "--login"]),
    ("/bin/zsh", &["-zsh"]),
    ("/bin/dash", &["-dash"]),
    ("/usr/sbin/nologin", &["nologin"]),
];

/// Returns all exempt files: [`EXEMPT`], tracego itself and those named in the configuration.
#[must_use]
pub fn exempt(break_glass: &[PathBuf]) -> Vec<PathBuf> {
    let own = std::env::current_exe().ok();
    let all = EXEMPT.iter().map(PathBuf::from).chain(own).chain(break_glass.iter().cloned());
    let root = HostRoot::find();
    // A file that others can write to could have any content.
    all.filter(|path| is_roots(&root, path)).collect()
}

/// Whether only root can change the content of a file: of the machine or else of tracego's container.
fn is_roots(root: &HostRoot, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let file = root.open(path, OFlags::PATH).map(std::fs::File::from).and_then(|file| file.metadata());
    let file = file.or_else(|_| std::fs::metadata(path));
    file.is_ok_and(|file| file.uid() == 0 && file.mode() & 0o022 == 0)
}

/// Returns the needed programs with their arguments; an empty list where the arguments do not matter.
fn needed() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    EXEMPT.iter().map(|path| (*path, &[][..])).chain(SHELLS)
}

/// Returns the files that [`stopped`] checks.
pub fn files() -> impl Iterator<Item = &'static Path> {
    needed().map(|(path, _)| Path::new(path))
}

/// Returns the first needed program that the rules would stop: its command line, and the name of the rule.
#[must_use]
pub fn stopped(rules: &CompiledRules, machine: &MachineState) -> Option<(String, String)> {
    for (path, argv) in needed() {
        let Some(file) = machine.files.get(Path::new(path)) else { continue };
        let own = [path];
        let argv = if argv.is_empty() { &own[..] } else { argv };
        for (uid, in_job) in [(0, false), (0, true), (1000, false)] {
            let start = Start {
                path: &file.real,
                inode: file.inode,
                argv,
                in_job,
                inherited_job: in_job,
                uid,
                cgroup: 0,
            };
            if let Some((Action::Kill | Action::Deny, rule)) = decide(rules, &start) {
                return Some((format!("{path} ({})", argv.join(" ")), rule.name.clone()));
            }
        }
    }
    None
}
