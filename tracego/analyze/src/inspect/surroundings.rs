//! What is around a process that just started: the module and settings of a go command, the limits of a
//! Go program's cgroup.

use tracego_common::TaskId;

use super::{
    cgroups::{Cgroups, Recorded},
    gofiles,
    proc::{Process, Procfs},
    root::Root,
    unread::{Unread, noted},
};
use tracego_model::input::facts::Surroundings;

/// A go command as the kernel side saw it.
#[derive(Clone, Copy)]
pub struct GoCommand<'a> {
    /// The process.
    pub id: TaskId,
    /// Its parent, whose root folder serves when the process has ended.
    pub parent: TaskId,
    /// Its mount namespace; zero when not known.
    pub mount_namespace: u32,
    /// Its folder at exec, as the kernel side gives it: up to the root of the mount namespace.
    pub cwd: &'a [u8],
    /// The folder of its `-C`.
    pub chdir: Option<&'a str>,
    /// The file of its `-modfile`.
    pub modfile: Option<&'a str>,
    /// Its variables; asked for are GOENV, XDG_CONFIG_HOME, HOME, PWD, TMPDIR, and those that the go env
    /// file can hold, too: GO111MODULE, GOFLAGS, GOWORK.
    pub env: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// Reads what is around processes.
#[derive(Clone, Debug, Default)]
pub struct Inspector {
    /// Where processes are looked up.
    pub procfs: Procfs,
    /// Where limits are looked up.
    pub cgroups: Cgroups,
}

impl Inspector {
    /// The module in force and the go env file of a go command, as the command itself sees them. About
    /// two system calls a folder on the way up, and seven a file.
    #[must_use]
    pub fn go_command(&self, command: &GoCommand<'_>) -> Surroundings {
        let mut found = Surroundings::default();
        match self.root(command) {
            Ok(root) => gofiles::read(&root, command, &mut found),
            Err(why) => {
                for field in ["go_mod", "go_env"] {
                    found.unavailable.insert(field.to_owned(), why.to_string());
                }
            }
        }
        found
    }

    /// The limits of a Go program.
    #[must_use]
    pub fn program(&self, id: TaskId, cgroup: &Recorded<'_>) -> Surroundings {
        let mut found = Surroundings::default();
        let process = self.procfs.process(id);
        let limits = self.cgroups.limits(process.as_ref().map_err(|&why| why), cgroup);
        found.limits = noted("limits", limits, &mut found.unavailable);
        let cpus = process.and_then(|process| self.cgroups.cpus(&process));
        if let Some(cpus) = noted("limits.cpus", cpus, &mut found.unavailable)
            && let Some(limits) = &mut found.limits
        {
            limits.cpus = cpus;
        }
        found
    }

    /// The root folder of a go command. When it has ended: that of its parent, or that of this program,
    /// where these are in the same mount namespace. A chroot of the command alone is then not seen.
    fn root(&self, command: &GoCommand<'_>) -> Result<Root, Unread> {
        let why = match self.procfs.process(command.id).and_then(|process| process.root()) {
            Ok(root) => return Ok(root),
            Err(why) => why,
        };
        let wanted = u64::from(command.mount_namespace);
        if wanted == 0 || why != Unread::Gone {
            return Err(why);
        }
        let same = |process: Process| {
            (process.namespace("mnt") == Ok(wanted)).then(|| process.root().ok()).flatten()
        };
        if let Some(root) = self.procfs.process(command.parent).ok().and_then(same) {
            return Ok(root);
        }
        if self.procfs.own_mount_namespace() == Ok(wanted) { Root::own() } else { Err(why) }
    }
}
