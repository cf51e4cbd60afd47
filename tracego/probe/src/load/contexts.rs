//! The kernel side's table of processes that belong to the followed tree or to a job.

use std::{os::fd::AsFd as _, sync::Arc};

use aya::{
    Ebpf,
    maps::{HashMap, Map, MapData},
};
use tracego_common::{AgentIdentity, TaskContext, TaskId};
use tracego_model::linux::proc_pids::ProcPids;

use super::Table;
use crate::error::LoadError;

const MAP: &str = "TASK_CTX";

/// The running processes of the followed tree and of jobs, as the kernel side has them.
pub struct ProcessContexts {
    map: HashMap<MapData, u32, Table<TaskContext>>,
    agent: AgentIdentity,
}

impl ProcessContexts {
    /// Opens the table of a loaded object.
    ///
    /// # Errors
    /// Fails if the object lacks it, or if its descriptor cannot be copied.
    pub(super) fn open(ebpf: &Ebpf, agent: AgentIdentity) -> Result<Self, LoadError> {
        let Some(Map::HashMap(map)) = ebpf.map(MAP) else { return Err(LoadError::Lacks(MAP)) };
        let copy = map.fd().as_fd().try_clone_to_owned().map_err(LoadError::Descriptor)?;
        let map = MapData::from_fd(copy).and_then(Map::from_map_data).and_then(HashMap::try_from);
        Ok(Self { map: map.map_err(|error| LoadError::Map(MAP, error))?, agent })
    }

    /// Returns the agent.
    #[must_use]
    pub fn agent(&self) -> AgentIdentity {
        self.agent
    }

    /// Returns the processes of the job that `root` opened; without a root, those of the followed tree. The agent
    /// is none of them.
    #[must_use]
    pub fn job(&self, root: TaskId) -> Vec<TaskId> {
        let of_job = |context: &TaskContext| {
            if root.tgid == 0 { context.flags & TaskContext::IN_TREE != 0 } else { context.job_root == root }
        };
        let all = self.map.iter().filter_map(Result::ok);
        let of = all.filter(|(tgid, Table(context))| of_job(context) && *tgid != self.agent.tgid);
        of.map(|(tgid, Table(context))| TaskId {
            tgid,
            start_boottime: context.start_boottime,
            ..TaskId::default()
        })
        .collect()
    }

    /// Whether the table has a process. Processes leave it when they end.
    #[must_use]
    pub fn has(&self, id: TaskId) -> bool {
        self.map.get(&id.tgid, 0).is_ok_and(|Table(context)| context.start_boottime == id.start_boottime)
    }

    /// Returns the id of a process in the agent's /proc; `None` if /proc does not show it, if it has ended, or if
    /// it belongs neither to the followed tree nor to a job while the agent is in a pid namespace.
    #[must_use]
    pub fn proc_pid(&self, id: TaskId) -> Option<u32> {
        if self.agent.proc_level == 0 {
            return Some(id.tgid);
        }
        if id.tgid == self.agent.tgid {
            return Some(self.agent.proc_pid);
        }
        let Table(context) = self.map.get(&id.tgid, 0).ok()?;
        (context.start_boottime == id.start_boottime && context.proc_pid != 0).then_some(context.proc_pid)
    }

    /// Returns the translation of process ids for /proc.
    #[must_use]
    pub fn proc_pids(self: &Arc<Self>) -> ProcPids {
        if self.agent.proc_level == 0 {
            return ProcPids::default();
        }
        let contexts = Arc::clone(self);
        ProcPids::new(move |id| contexts.proc_pid(id))
    }
}
