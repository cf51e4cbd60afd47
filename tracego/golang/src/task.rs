//! Decides the role of a process from its image, its arguments, and the go command above it.
//!
//! Each process has a [`GoTask`]: [`GoTask::forked`] returns the task of a child, [`GoTask::started`] the task
//! after an exec. Both are pure, so the process table stores the tasks and a replay finds the same roles.
//!
//! A name or a path alone never decides where the image can be read: a program called `go` that is not cmd/go
//! has no role, and a folder named like one of the go command's makes no `go run`.

use std::sync::Arc;

use tracego_common::TaskId;

use super::{
    command::Invocation,
    evidence::{self, ImageFacts, ProcessStart},
    role::{Role, RoleConfidence, Roles},
    shape::PathKind,
    subcommand::Subcommand,
};

/// An execution of the go command, with the processes that it starts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GoExecution {
    /// Process of the go command.
    pub id: TaskId,
    /// The parsed command line.
    pub invocation: Invocation,
    /// Version of Go from the image, before it hands over to another toolchain; empty when the image could
    /// not be read.
    pub version: Box<str>,
    /// The go command above this one, such as `go generate` above a `go run`.
    pub above: Option<TaskId>,
    /// [`GoTask::within`] of the process.
    pub within: Roles,
}

/// The position of a process within an execution of the go command.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum GoPosition {
    /// Outside of any go command.
    #[default]
    Outside,
    /// The go command itself.
    Itself,
    /// Between the go command and the program that it will start: compilers, wrappers, shells.
    Between,
    /// The program that `go run`, `go test` or `go tool` started.
    Program,
    /// Below that program.
    Below,
}

/// The program that `go run`, `go test` or `go tool` started.
#[derive(Debug, Eq, PartialEq)]
struct Program {
    path: Box<str>,
    role: Role,
    confidence: RoleConfidence,
}

/// The role and the position of a process. The default is a process about which nothing is known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GoTask {
    /// Role of the process; `None` when it has nothing to do with Go, or has not executed a program yet.
    pub role: Option<Role>,
    /// Confidence in the role.
    pub confidence: RoleConfidence,
    /// The nearest execution of the go command that the process is, or is below. See [`GoTask::place`].
    pub command: Option<Arc<GoExecution>>,
    /// Position within that execution.
    pub place: GoPosition,
    /// Whether an earlier start had the same role for the same reason, so that it is not reported again: the
    /// go command handed over to another toolchain, or the program that it started executes itself again.
    pub repeated: bool,
    /// Roles of the ancestors and of the process before its last exec: tells whether it is inside `go
    /// generate` or a test.
    pub within: Roles,
    program: Option<Arc<Program>>,
}

impl GoTask {
    /// Returns the task of a child. The child has no role until it executes a program.
    #[must_use]
    pub fn forked(&self) -> Self {
        let place = below(self.place);
        Self {
            role: None,
            confidence: RoleConfidence::default(),
            command: self.command.clone(),
            place,
            repeated: false,
            within: self.within.with(self.role),
            program: self.program.clone(),
        }
    }

    /// Returns the task after an exec; `self` is the task before. If the fork was not seen, call this on
    /// [`GoTask::forked`] of the parent.
    #[must_use]
    pub fn started<S: AsRef<str>>(&self, start: &ProcessStart<'_, S>) -> Self {
        if let Some((invocation, confidence)) = evidence::go_command(start) {
            return self.become_command(start, invocation, confidence);
        }
        if let Some(program) = self.starts_itself_again(start.path) {
            let (role, confidence) = (Some(program.role), program.confidence);
            return Self { role, confidence, place: GoPosition::Program, repeated: true, ..self.clone() };
        }
        let shape = PathKind::of(start.path);
        if let Some(found) = self.awaited(start, shape) {
            let (role, confidence, place) = found;
            return self.become_other(start.path, role, confidence, place);
        }
        match evidence::alone(start, shape, self.within) {
            // The execution of the go command that built it is unknown.
            Some((role @ Role::GoRunChild, confidence)) => {
                let task = self.become_other(start.path, role, confidence, GoPosition::Program);
                Self { command: None, ..task }
            }
            Some((role, confidence)) => self.become_other(start.path, role, confidence, below(self.place)),
            None => {
                let role = None;
                let within = self.within.with(self.role);
                let place = below(self.place);
                Self {
                    role,
                    confidence: RoleConfidence::High,
                    place,
                    repeated: false,
                    within,
                    ..self.clone()
                }
            }
        }
    }

    /// Returns the `go run`, `go test` or `go tool` that started this process as its program.
    #[must_use]
    pub fn started_by(&self) -> Option<&GoExecution> {
        self.command.as_deref().filter(|_| self.place == GoPosition::Program)
    }

    fn become_command<S>(
        &self,
        start: &ProcessStart<'_, S>,
        invocation: Invocation,
        confidence: RoleConfidence,
    ) -> Self {
        if let Some(first) = self.handed_over_from(&invocation) {
            return Self {
                role: Some(Role::of_command(&first.invocation)),
                confidence,
                command: Some(Arc::clone(first)),
                place: GoPosition::Itself,
                repeated: true,
                within: first.within,
                program: None,
            };
        }
        let version = if let ImageFacts::Go { version, .. } = start.image { version } else { "" };
        let within = self.within.with(self.role);
        Self {
            role: Some(Role::of_command(&invocation)),
            confidence,
            place: GoPosition::Itself,
            repeated: false,
            within,
            program: None,
            command: Some(Arc::new(GoExecution {
                id: start.id,
                invocation,
                version: version.into(),
                above: self.command.as_ref().map(|above| above.id),
                within,
            })),
        }
    }

    /// Returns the go command that another toolchain continues: in the same process
    /// (cmd/go/internal/toolchain/exec.go), or below a wrapper (golang.org/dl).
    fn handed_over_from(&self, invocation: &Invocation) -> Option<&Arc<GoExecution>> {
        let first = self.command.as_ref()?;
        let possible = match self.place {
            GoPosition::Itself => true,
            // A directive may run `go generate` in another folder.
            GoPosition::Between => invocation.subcommand != Subcommand::Generate,
            _ => false,
        };
        (possible && first.invocation.is_same_but_chdir(invocation)).then_some(first)
    }

    fn starts_itself_again(&self, path: &str) -> Option<&Program> {
        let inside = matches!(self.place, GoPosition::Program | GoPosition::Below);
        self.program.as_deref().filter(|program| inside && *program.path == *path)
    }

    fn become_other(&self, path: &str, role: Role, confidence: RoleConfidence, place: GoPosition) -> Self {
        let program = if place == GoPosition::Program {
            Some(Arc::new(Program { path: path.into(), role, confidence }))
        } else {
            self.program.clone()
        };
        let within = self.within.with(self.role);
        let command = self.command.clone();
        Self { role: Some(role), confidence, command, place, repeated: false, within, program }
    }

    /// Returns the role of a program started below a go command that has not started its own program yet.
    fn awaited<S: AsRef<str>>(
        &self,
        start: &ProcessStart<'_, S>,
        shape: PathKind,
    ) -> Option<(Role, RoleConfidence, GoPosition)> {
        let command = self.command.as_deref()?;
        if !matches!(self.place, GoPosition::Itself | GoPosition::Between) {
            return None;
        }
        let invocation = &command.invocation;
        if evidence::stands_in(invocation, start) {
            return Some((Role::CompilerHelper, RoleConfidence::High, GoPosition::Between));
        }
        let starts = invocation.starts_program();
        let subcommand = if starts { Some(&invocation.subcommand) } else { None };
        if let Some(name) = evidence::distribution(start, shape) {
            let asked = match subcommand {
                Some(Subcommand::Tool) if evidence::asks_for(invocation, name) => Some(Role::GoTool),
                Some(Subcommand::Run) if shape.is_made_to_run() && evidence::runs(invocation, name) => {
                    Some(Role::GoRunChild)
                }
                _ => None,
            };
            let (role, place) =
                asked.map_or((Role::CompilerHelper, GoPosition::Between), |role| (role, GoPosition::Program));
            return Some((role, RoleConfidence::High, place));
        }
        let role = match subcommand? {
            Subcommand::Run if shape.is_made_to_run() => Role::GoRunChild,
            Subcommand::Tool if shape.is_made_to_run() => Role::GoTool,
            Subcommand::Test if shape == PathKind::Test => Role::GoTestBinary,
            // `go test -o` starts the test binary from the path given with `-o`.
            Subcommand::Test if evidence::is_go(start.image) && evidence::has_test_flags(start.args) => {
                Role::GoTestBinary
            }
            _ => return None,
        };
        Some((role, RoleConfidence::High, GoPosition::Program))
    }
}

/// Returns the place of a process started at a place, unless the go command is waiting for it.
fn below(place: GoPosition) -> GoPosition {
    match place {
        GoPosition::Outside => GoPosition::Outside,
        GoPosition::Itself | GoPosition::Between => GoPosition::Between,
        GoPosition::Program | GoPosition::Below => GoPosition::Below,
    }
}
