//! `process.*`: the process that a record is about, with conventional names.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use crate::{
    clock::Time,
    linux::users::User,
    record::{
        frozen::Frozen,
        image::{BuildId, Language},
    },
};

/// `process.*`. Unknown values are absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Process {
    /// Process id in the initial namespace.
    pub pid: u32,
    /// Pid in the innermost namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpid: Option<u32>,
    /// Current parent; see `tracego.ancestors` for the process that forked this one.
    pub parent_pid: u32,
    /// Start time; identifies the process together with the pid.
    pub creation: At,
    /// Task name (comm).
    pub command: String,
    /// Arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_args: Option<Vec<String>>,
    /// Number of arguments, as the kernel counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_count: Option<u32>,
    /// The executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<Executable>,
    /// Working directory.
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
    /// Whether the process has a controlling terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    /// `process.linux.cgroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<LinuxCgroup>,
    /// Allow-listed and injected variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_variable: Option<Arc<Variables>>,
    /// Exit code and time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Language of the program, if the executable names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Arc<Frozen<Language>>>,
}

/// `process.environment_variable.*`.
pub type Variables = Frozen<BTreeMap<Arc<str>, String>>;

/// A point in time.
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
    /// Time of the exit.
    pub time: Time,
}

/// `process.executable.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Executable {
    /// Path from the root of the process's mount namespace.
    pub path: String,
    /// Last part of the path.
    pub name: String,
    /// Identifiers of the file's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<Arc<Frozen<BuildId>>>,
    /// Whether the path is no path of the host; see `tracego.executable.pathless`. Not written here.
    #[serde(skip)]
    pub elsewhere: bool,
}

/// The leader of a process group or session.
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
