//! Nobody is locked out: what a machine needs is never stopped, and rules that would are refused.

use std::path::{Path, PathBuf};

use tracego_common::verdict::Action;

use super::{
    compile::Compiled,
    decide::{Start, decide},
    machine::Machine,
};

/// What a machine needs to be reached and to run services and containers. Nothing stops these, whatever they are
/// started with; by inode, so that a copy with such a name is not among them.
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

/// Shells that people log in with: not exempt, since anybody can give them anything to do, but a rule that stops
/// one that is started for a login is refused.
const SHELLS: [(&str, &[&str]); 6] = [
    ("/bin/sh", &["-sh"]),
    ("/bin/bash", &["-bash"]),
    ("/bin/bash", &["bash", "--login"]),
    ("/bin/zsh", &["-zsh"]),
    ("/bin/dash", &["-dash"]),
    ("/usr/sbin/nologin", &["nologin"]),
];

/// Everything that is exempt: [`EXEMPT`], tracego itself and what the configuration names.
#[must_use]
pub fn exempt(break_glass: &[PathBuf]) -> Vec<PathBuf> {
    let own = std::env::current_exe().ok();
    let all = EXEMPT.iter().map(PathBuf::from).chain(own).chain(break_glass.iter().cloned());
    // Others could put what they like into a file that they may write to.
    all.filter(|path| is_roots(path)).collect()
}

/// Whether nobody but root can change what is in the file.
fn is_roots(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.uid() == 0 && file.mode() & 0o022 == 0)
}

/// What a machine needs and how that is started: nothing where it does not matter.
fn needed() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    EXEMPT.iter().map(|path| (*path, &[][..])).chain(SHELLS)
}

/// The files that [`stopped`] asks about.
pub fn files() -> impl Iterator<Item = &'static Path> {
    needed().map(|(path, _)| Path::new(path))
}

/// What would be stopped that must not be: the command line, and the rule that would stop it.
#[must_use]
pub fn stopped(rules: &Compiled, machine: &Machine) -> Option<(String, String)> {
    for (path, argv) in needed() {
        let Some(file) = machine.files.get(Path::new(path)) else { continue };
        let own = [path];
        let argv = if argv.is_empty() { &own[..] } else { argv };
        for (uid, in_job) in [(0, false), (0, true), (1000, false)] {
            let start = Start { path: &file.real, inode: file.inode, argv, in_job, uid, cgroup: 0 };
            if let Some((Action::Kill | Action::Deny, rule)) = decide(rules, &start) {
                return Some((format!("{path} ({})", argv.join(" ")), rule.name.clone()));
            }
        }
    }
    None
}
