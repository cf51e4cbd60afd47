//! The names for what a process is.

use serde::{Deserialize, Serialize};

use super::{command::Invocation, subcommand::Subcommand};

/// What a process is: `tracego.go.role`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The go command with a subcommand that is none of the others, or that does nothing
    /// (`go run -n`).
    GoCommand,
    /// `go run`, about to start what it builds.
    GoRun,
    /// The program that `go run` built and started.
    GoRunChild,
    /// `go test`.
    GoTest,
    /// A test binary, whoever started it.
    GoTestBinary,
    /// `go tool`, and the tool that it starts.
    GoTool,
    /// `go generate`.
    GoGenerate,
    /// `go build` and `go install`.
    GoBuild,
    /// A program of the Go distribution other than go (compile, link, vet, gofmt, …), and what
    /// `-toolexec` and `-vettool` put in its place.
    CompilerHelper,
    /// Delve, and the program that it built to debug it.
    Debugger,
    /// A program made by Go that is none of the others.
    GoService,
}

impl Role {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::GoCommand,
        Self::GoRun,
        Self::GoRunChild,
        Self::GoTest,
        Self::GoTestBinary,
        Self::GoTool,
        Self::GoGenerate,
        Self::GoBuild,
        Self::CompilerHelper,
        Self::Debugger,
        Self::GoService,
    ];

    /// As in a record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoCommand => "go-command",
            Self::GoRun => "go-run",
            Self::GoRunChild => "go-run-child",
            Self::GoTest => "go-test",
            Self::GoTestBinary => "go-test-binary",
            Self::GoTool => "go-tool",
            Self::GoGenerate => "go-generate",
            Self::GoBuild => "go-build",
            Self::CompilerHelper => "compiler-helper",
            Self::Debugger => "debugger",
            Self::GoService => "go-service",
        }
    }

    /// Of the go command with a command line.
    pub(super) fn of_command(invocation: &Invocation) -> Self {
        match invocation.subcommand {
            Subcommand::Run if invocation.starts_program() => Self::GoRun,
            Subcommand::Test => Self::GoTest,
            Subcommand::Tool => Self::GoTool,
            Subcommand::Generate => Self::GoGenerate,
            Subcommand::Build | Subcommand::Install => Self::GoBuild,
            _ => Self::GoCommand,
        }
    }
}

/// How sure a role is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A part of what decides it was not seen: the image, or who started the process.
    Medium,
    /// All that decides it was seen.
    #[default]
    High,
}

/// Some of the roles.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Roles(u16);

impl Roles {
    /// Whether a role is among them.
    #[must_use]
    pub fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u16) != 0
    }

    pub(super) fn with(self, role: Option<Role>) -> Self {
        Self(self.0 | role.map_or(0, |role| 1 << role as u16))
    }
}
