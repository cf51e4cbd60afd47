//! Reads the environment of a process that just started: module and settings of a go command, cgroup limits
//! of a Go program.

pub mod cgroups;
mod checkouts;
pub mod gofiles;
pub mod provenance;

use cgroups::{Cgroups, RecordedCgroup};
use gofiles::GoCommand;
use provenance::ProgramOrigin;
use tracego_common::TaskId;
use tracego_model::input::facts::Surroundings;

use super::proc::{
    procfs::{Process, Procfs},
    read_error::{ReadError, noted},
    root::RootFolder,
};

/// Reads the environment of processes.
#[derive(Clone, Debug, Default)]
pub struct SurroundingsReader {
    /// The procfs in which processes are looked up.
    pub procfs: Procfs,
    /// The cgroup hierarchies from which limits are read.
    pub cgroups: Cgroups,
}

impl SurroundingsReader {
    /// Reads the module in force and the go env file of a go command, as the command itself sees them. Costs
    /// about two system calls per folder on the way up and seven per file.
    #[must_use]
    pub fn go_command(&self, command: &GoCommand<'_>) -> Surroundings {
        let mut found = Surroundings::default();
        match self.root(command.id, command.parent, command.mount_namespace) {
            Ok(root) => gofiles::read(&root, command, &mut found),
            Err(why) => {
                for field in ["go_mod", "go_env"] {
                    found.unavailable.insert(field.to_owned(), why.to_string());
                }
            }
        }
        found
    }

    /// Reads the cgroup limits and the usable CPUs of a Go program.
    #[must_use]
    pub fn program(&self, id: TaskId, cgroup: &RecordedCgroup<'_>) -> Surroundings {
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

    /// Reads the files that say which tree a Go program is of, and which commits its job is about. Costs a few
    /// system calls per folder on the way up.
    pub fn origin(&self, program: &ProgramOrigin<'_>, found: &mut Surroundings) {
        let root = self.root(program.id, program.parent, program.mount_namespace);
        if let Some(root) = noted("module_file", root, &mut found.unavailable) {
            provenance::read(&root, program, found);
        }
    }

    /// Opens the root folder of a process. When the process has ended, uses the root of its parent, of the machine or
    /// of tracego, provided that one is in the same mount namespace. A chroot of the process alone then goes
    /// unnoticed.
    fn root(&self, id: TaskId, parent: TaskId, mount_namespace: u32) -> Result<RootFolder, ReadError> {
        let why = match self.procfs.process(id).and_then(|process| process.root()) {
            Ok(root) => return Ok(root),
            Err(why) => why,
        };
        let wanted = u64::from(mount_namespace);
        if wanted == 0 || why != ReadError::Gone {
            return Err(why);
        }
        let same = |process: Process| {
            (process.namespace("mnt") == Ok(wanted)).then(|| process.root().ok()).flatten()
        };
        if let Some(root) = self.procfs.process(parent).ok().and_then(same) {
            return Ok(root);
        }
        if self.procfs.own_mount_namespace() == Ok(wanted) {
            return RootFolder::own();
        }
        if self.procfs.host_mount_namespace() == Ok(wanted) { self.procfs.host_folder() } else { Err(why) }
    }
}
