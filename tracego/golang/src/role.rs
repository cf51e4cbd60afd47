//! The names of process roles.

use serde::{Deserialize, Serialize};

use super::{command::Invocation, subcommand::Subcommand};

/// The role of a process: `tracego.go.role`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The go command with any other subcommand, or with one that starts nothing (`go run -n`).
    GoCommand,
    /// `go run`, before it starts the program.
    GoRun,
    /// The program that `go run` built and started.
    GoRunChild,
    /// `go test`.
    GoTest,
    /// A test binary, whether or not `go test` started it.
    GoTestBinary,
    /// `go tool`, and the tool that it starts.
    GoTool,
    /// `go generate`.
    GoGenerate,
    /// `go build` and `go install`.
    GoBuild,
    /// A program of the Go distribution other than go (compile, link, vet, gofmt, …), and the programs that
    /// `-toolexec` and `-vettool` put in its place.
    CompilerHelper,
    /// Delve, and the program that it built for debugging.
    Debugger,
    /// Any other program built by Go.
    GoService,
}

impl Role {
    /// All roles.
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

    /// Returns the name used in records.
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

    /// Returns the role of the go command for a command line.
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

/// The confidence in a role.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleConfidence {
    /// Part of the evidence is missing: the image, or the process that started this one.
    Medium,
    /// All evidence was seen.
    #[default]
    High,
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Roles(u16);

impl Roles {
    /// Returns whether a role is in the set.
    #[must_use]
    pub fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u16) != 0
    }

    pub(super) fn with(self, role: Option<Role>) -> Self {
        Self(self.0 | role.map_or(0, |role| 1 << role as u16))
    }
}
