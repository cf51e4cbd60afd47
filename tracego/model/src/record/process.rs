//! `process.*`, `container.*` and `k8s.*`: the process that a record is about, by conventional names.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use crate::{
    clock::Time,
    linux::{cgroup, users::User},
    record::{
        frozen::Frozen,
        image::{BuildId, Language},
    },
};

/// `process.*`. What an event does not know is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Process {
    /// Process id in the initial namespace.
    pub pid: u32,
    /// Pid in the innermost namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpid: Option<u32>,
    /// Parent now; see `tracego.ancestors` for who forked it.
    pub parent_pid: u32,
    /// With the pid the identity.
    pub creation: At,
    /// Task name (comm).
    pub command: String,
    /// Arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_args: Option<Vec<String>>,
    /// Arguments as the kernel counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_count: Option<u32>,
    /// Path and name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<Executable>,
    /// Current directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Effective user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Real user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_user: Option<User>,
    /// Saved user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_user: Option<User>,
    /// Process group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_leader: Option<Leader>,
    /// Session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_leader: Option<Leader>,
    /// Has a controlling terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    /// `process.linux.cgroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<LinuxCgroup>,
    /// Allowed and injected variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_variable: Option<Arc<Variables>>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// The language that its program is written in, where the program says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Arc<Frozen<Language>>>,
}

/// `process.environment_variable.*`.
pub type Variables = Frozen<BTreeMap<Arc<str>, String>>;

/// A moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct At {
    /// The time.
    pub time: Time,
}

/// `process.exit.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Exit {
    /// Exit code; 128 + signal when a signal ended it, as shells report it.
    pub code: u32,
    /// When.
    pub time: Time,
}

/// `process.executable.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Executable {
    /// Path from the root of its mount namespace.
    pub path: String,
    /// Last part of it.
    pub name: String,
    /// What identifies its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<Arc<Frozen<BuildId>>>,
}

/// A process by its number.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Leader {
    /// Process id.
    pub pid: u32,
}

/// `process.linux.*`.
#[derive(Clone, Debug, Serialize)]
pub struct LinuxCgroup {
    /// Path of the cgroup in its hierarchy.
    pub cgroup: String,
}

/// `container.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its runtime, where the cgroup says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
}

/// `container.runtime.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Runtime {
    /// Its name.
    pub name: &'static str,
}

impl From<cgroup::Container> for Container {
    fn from(from: cgroup::Container) -> Self {
        Self { id: from.id, runtime: from.runtime.map(|name| Runtime { name }) }
    }
}

/// `k8s.*`.
#[derive(Clone, Debug, Serialize)]
pub struct K8s {
    /// The pod.
    pub pod: Pod,
}

/// `k8s.pod.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Pod {
    /// Its uid.
    pub uid: String,
}
