//! `tracego.go.*`: what a process is in Go's world.

use std::sync::Arc;

use serde::Serialize;

use super::{frozen::Frozen, image::GoBuild};
use tracego_golang::{
    role::{Confidence, Role},
    target::{Target, Version},
    task::{Command, Place, Task},
};

/// `tracego.go.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Go {
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// How sure that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// The same as the program start before it in this process: the go command handed over to another
    /// toolchain, or a program started itself again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// The run of the go command that it is, or that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<GoCommand>,
    /// What the go command wrote into the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Arc<Frozen<GoBuild>>>,
}

/// `tracego.go.command.*`.
#[derive(Clone, Debug, Serialize)]
pub struct GoCommand {
    /// `tracego.exec_id` of its process.
    pub exec_id: String,
    /// Its process id.
    pub pid: u32,
    /// `run`, `test`, …
    pub subcommand: String,
    /// What `go run` was asked to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// How that was named: `files`, `local` (a folder, or a package of the standard library), `resolved` (by
    /// the go.mod in force), `pinned` or `unpinned` (with a version).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'static str>,
    /// The version of a remote package as it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Go {
    /// Of a task and of what its program says; nothing when both have nothing to do with Go.
    #[must_use]
    pub fn of(
        task: &Task,
        build: Option<Arc<Frozen<GoBuild>>>,
        exec_id: impl Fn(&Command) -> String,
    ) -> Option<Box<Self>> {
        if task.role.is_none() && build.is_none() {
            return None;
        }
        // A compiler belongs to its go command as much as the program that `go run` started.
        let command = task.command.as_deref().filter(|_| task.place != Place::Below);
        Some(Box::new(Self {
            role: task.role,
            confidence: task.role.map(|_| task.confidence),
            repeated: task.repeated,
            command: command.map(|command| GoCommand::of(command, exec_id(command))),
            build,
        }))
    }
}

impl GoCommand {
    fn of(command: &Command, exec_id: String) -> Self {
        let invocation = &command.invocation;
        let (target, version) = match &invocation.target {
            None => (None, None),
            Some(Target::Files(_)) => (Some("files"), None),
            Some(Target::Local(_)) => (Some("local"), None),
            Some(Target::Resolved(_)) => (Some("resolved"), None),
            Some(Target::Remote { version, .. }) => {
                let kind = match version {
                    Version::Pinned(_) | Version::Commit(_) => "pinned",
                    Version::Query(_) => "unpinned",
                };
                (Some(kind), Some(version.as_str().to_owned()))
            }
        };
        Self {
            exec_id,
            pid: command.id.tgid,
            subcommand: invocation.subcommand.as_str().to_owned(),
            package: invocation.target.as_ref().map(package),
            target,
            version,
        }
    }
}

/// As it stood on the command line, without the version.
fn package(target: &Target) -> String {
    match target {
        Target::Files(files) => files.join(" "),
        Target::Local(path) | Target::Resolved(path) | Target::Remote { path, .. } => path.to_string(),
    }
}
