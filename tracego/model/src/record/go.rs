//! `tracego.go.*`: the role of a process in an execution of the go command, and Go build information.

use std::sync::Arc;

use serde::Serialize;
use tracego_golang::{
    role::{Role, RoleConfidence},
    target::{ModuleVersion, RunTarget},
    task::{GoExecution, GoPosition, GoTask},
};

use super::{frozen::Frozen, image::GoBuild};
use crate::finding::Confidence;

/// `tracego.go.*`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Go {
    /// Role of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Confidence of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<RoleConfidence>,
    /// Whether the previous program start in this process had the same role: the go command handed over to
    /// another toolchain, or a program started itself again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// The execution of the go command that the process is, or that started the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<GoCommand>,
    /// The run of Go's linker that wrote the program, if tracego saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linker: Option<GoLinker>,
    /// Build information that the go command wrote into the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Arc<Frozen<GoBuild>>>,
}

/// `tracego.go.linker.*`: a run of Go's linker during which the file of the program was created or modified.
#[derive(Clone, Debug, Serialize)]
pub struct GoLinker {
    /// `tracego.exec_id` of the linker's process.
    pub exec_id: String,
    /// Process id of the linker.
    pub pid: u32,
    /// Starter of the linker.
    pub origin: LinkOrigin,
    /// Confidence; medium where neither the path of the file nor a build id ties the program to the run.
    pub confidence: Confidence,
}

/// The starter of a linker.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkOrigin {
    /// `go build`, or another go command that keeps or only tests what it builds.
    GoBuild,
    /// `go run`.
    GoRun,
    /// A build system that calls the linker by itself.
    BuildSystem,
    /// Anything else: a shell, a script, `go tool link`.
    Direct,
}

/// `tracego.go.command.*`.
#[derive(Clone, Debug, Serialize)]
pub struct GoCommand {
    /// `tracego.exec_id` of the go command's process.
    pub exec_id: String,
    /// Process id of the go command.
    pub pid: u32,
    /// Subcommand: `run`, `test`, …
    pub subcommand: String,
    /// The package that `go run` was asked to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Kind of the target: `files`, `local` (a folder, or a package of the standard library), `resolved` (by
    /// the go.mod in force), `pinned` or `unpinned` (with a version).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'static str>,
    /// Version of a remote package, as given on the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Go {
    /// Combines the task of a process with the build information and the linker of its program. Returns `None` if
    /// none of them is there.
    #[must_use]
    pub fn of(
        task: &GoTask,
        build: Option<Arc<Frozen<GoBuild>>>,
        linker: Option<GoLinker>,
        exec_id: impl Fn(&GoExecution) -> String,
    ) -> Option<Box<Self>> {
        if task.role.is_none() && build.is_none() && linker.is_none() {
            return None;
        }
        // A compiler belongs to its go command, and so does the program that `go run` started.
        let command = task.command.as_deref().filter(|_| task.place != GoPosition::Below);
        Some(Box::new(Self {
            role: task.role,
            confidence: task.role.map(|_| task.confidence),
            repeated: task.repeated,
            command: command.map(|command| GoCommand::of(command, exec_id(command))),
            linker,
            build,
        }))
    }
}

impl GoCommand {
    fn of(command: &GoExecution, exec_id: String) -> Self {
        let invocation = &command.invocation;
        let (target, version) = match &invocation.target {
            None => (None, None),
            Some(RunTarget::Files(_)) => (Some("files"), None),
            Some(RunTarget::Local(_)) => (Some("local"), None),
            Some(RunTarget::Resolved(_)) => (Some("resolved"), None),
            Some(RunTarget::Unknown) => (Some("unknown"), None),
            Some(RunTarget::Remote { version, .. }) => {
                let kind = match version {
                    ModuleVersion::Pinned(_) | ModuleVersion::Commit(_) => "pinned",
                    ModuleVersion::Query(_) => "unpinned",
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

/// Returns the package as given on the command line, without the version.
fn package(target: &RunTarget) -> String {
    match target {
        RunTarget::Files(files) => files.join(" "),
        RunTarget::Local(path) | RunTarget::Resolved(path) | RunTarget::Remote { path, .. } => {
            path.to_string()
        }
        RunTarget::Unknown => target.to_string(),
    }
}
