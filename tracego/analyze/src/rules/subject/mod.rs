//! The input of a rule: borrowed, put together by the pipeline, and queried through methods.

mod kept_facts;
mod variables;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

pub use kept_facts::KeptProcess;
use tracego_common::TaskId;
use tracego_golang::{
    Build, Image,
    command::Invocation,
    role::{self, Role},
    task::{self, GoTask},
};
use tracego_model::{
    finding::Confidence,
    input::facts::Surroundings,
    matcher::MatchTarget,
    record::{Record, job::Context},
};
pub use variables::{VARIABLES, variables};

use super::{place::Place, settings::RuleSettings};

/// A program start, as rules see it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The process.
    pub id: TaskId,
    /// The record of the process, without findings yet.
    pub record: &'a Record,
    /// All allow-listed variables of the process itself, whether the record shows them or not; no injected
    /// ones.
    pub variables: &'a BTreeMap<Arc<str>, String>,
    /// Names on the allow-list of variables; `None` when all that rules need are on it. A variable that is
    /// not on the list is unknown rather than unset.
    pub asked: Option<&'a HashSet<String>>,
    /// Role in an execution of the go command; `None` for most processes.
    pub task: Option<&'a GoTask>,
    /// Image of the executable; `None` when it could not be read.
    pub image: Option<&'a Image>,
    /// Surroundings of the process, if they were inspected.
    pub surroundings: Option<&'a Surroundings>,
    /// The place of the process, determined when the first rule asks.
    pub(crate) place: OnceCell<Place>,
    job: OnceCell<Option<String>>,
}

impl<'a> Subject<'a> {
    /// Creates the subject from the record and the variables of a process.
    #[must_use]
    pub fn new(id: TaskId, record: &'a Record, variables: &'a BTreeMap<Arc<str>, String>) -> Self {
        Self {
            id,
            record,
            variables,
            asked: None,
            task: None,
            image: None,
            surroundings: None,
            place: OnceCell::new(),
            job: OnceCell::new(),
        }
    }

    /// Returns a variable that is set and not empty. It has to be one of [`VARIABLES`], or it is never
    /// collected.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&'a str> {
        debug_assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name} is not on the list");
        self.value(name)
    }

    /// Returns a variable that the configuration names, if it is set and not empty.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether the environment was read completely, so that a missing variable is unset.
    #[must_use]
    pub fn knows_environment(&self) -> bool {
        let whole = &self.record.tracego.completeness;
        let named = |list: &[&str]| list.contains(&"process.environment_variable");
        !named(&whole.truncated) && !named(&whole.unavailable)
    }

    /// Whether a missing variable is known to be unset.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.asked.is_none_or(|asked| asked.contains(name)) && self.knows_environment()
    }

    /// Returns the build information that Go wrote into the executable.
    #[must_use]
    pub fn build(&self) -> Option<&'a Build> {
        self.image?.go.as_ref()
    }

    /// Returns the role in an execution of the go command.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.task?.role
    }

    /// Returns the command line of a go command; `None` for other processes.
    #[must_use]
    pub fn invocation(&self) -> Option<&'a Invocation> {
        let task = self.task.filter(|task| task.place == task::GoPosition::Itself)?;
        task.command.as_deref().map(|command| &command.invocation)
    }

    /// Returns the confidence of the role.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        match self.task.map(|task| task.confidence) {
            Some(role::RoleConfidence::Medium) => Confidence::Medium,
            Some(role::RoleConfidence::High) | None => Confidence::High,
        }
    }

    /// Whether the previous program start in this process was the same: a toolchain handed over to another,
    /// or a program started itself again.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.task.is_some_and(|task| task.repeated)
    }

    /// Whether go generate is an ancestor. Its variables prove nothing: anybody can set them.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        self.task.is_some_and(|task| task.within.contains(Role::GoGenerate))
    }

    /// Returns the path of the executable; empty when unknown.
    #[must_use]
    pub fn path(&self) -> &'a str {
        MatchTarget::of(self.record).path.unwrap_or_default()
    }

    /// Returns the arguments.
    #[must_use]
    pub fn args(&self) -> &'a [String] {
        self.record.process.as_ref().and_then(|process| process.command_args.as_deref()).unwrap_or_default()
    }

    /// Returns the place where the process runs.
    #[must_use]
    pub fn place(&self, settings: &RuleSettings) -> Place {
        *self.place.get_or_init(|| Place::of(self.record, settings))
    }

    /// Returns an attribute of `cicd`.
    #[must_use]
    pub fn cicd(&self, name: &str) -> Option<&'a str> {
        self.record.context.as_deref().and_then(|context: &Context| context.cicd.get(name))
    }

    /// Returns an attribute of `vcs`.
    #[must_use]
    pub fn vcs(&self, name: &str) -> Option<&'a str> {
        self.record.context.as_deref().and_then(|context: &Context| context.vcs.get(name))
    }

    /// Returns the key of the claimed job, made of its run and task. Two jobs with the same claims are one.
    #[must_use]
    pub fn job(&self) -> Option<&str> {
        let job = self.job.get_or_init(|| {
            let (run, task) = (self.cicd("pipeline.run.id"), self.cicd("pipeline.task.run.id"));
            match (run, task) {
                (Some(run), Some(task)) => Some(format!("{run}/{task}")),
                (one, other) => one.or(other).map(str::to_owned),
            }
        });
        job.as_deref()
    }

    /// Whether the process was put into a running container from outside: a probe or somebody's shell, not
    /// the program that the container is for.
    #[must_use]
    pub fn visits_container(&self) -> bool {
        let first = self.record.process.as_ref().and_then(|process| process.vpid) == Some(1);
        let parent = self.record.tracego.ancestors.as_ref().and_then(|line| line.iter().next());
        self.record.container.is_some()
            && !first
            && parent.is_some_and(|parent| {
                ["runc", "crun", "youki", "containerd-shim", "conmon"]
                    .iter()
                    .any(|runtime| parent.command.starts_with(runtime))
            })
    }

    /// Whether the process is the first of its container, or one that the system's manager started.
    #[must_use]
    pub fn is_main(&self) -> bool {
        let Some(process) = self.record.process.as_ref() else { return false };
        match self.record.container {
            Some(_) => process.vpid == Some(1),
            None => process.parent_pid == 1 && self.record.tracego.unit.is_some(),
        }
    }

    /// Whether the executable came with the system. In a container, the same folders hold the program that
    /// the container is for.
    #[must_use]
    pub fn is_of_system(&self) -> bool {
        self.record.container.is_none()
            && ["/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/", "/lib/", "/snap/"]
                .iter()
                .any(|folder| self.path().starts_with(folder))
    }

    /// Whether the process is a Go program that is run for its own purpose: no tool of Go, no test, and no
    /// program that came with the system.
    #[must_use]
    pub fn is_own_program(&self) -> bool {
        // Programs of the Go distribution are in no module.
        self.build().is_some_and(|build| build.main.is_some() || !build.path.starts_with("cmd/"))
            && matches!(self.role(), None | Some(Role::GoService))
            && !self.is_of_system()
            && !self.visits_container()
    }

    /// Whether [`Self::is_own_program`] holds and the process runs in production.
    #[must_use]
    pub fn is_production_program(&self, settings: &RuleSettings) -> bool {
        self.is_own_program() && self.place(settings).is_production()
    }

    /// Whether the process is inspected as a service once it has run for a while: a Go program in production,
    /// or one that the configuration names.
    #[must_use]
    pub fn may_be_service(&self, settings: &RuleSettings) -> bool {
        let named = || settings.thresholds.named.includes(&MatchTarget::of(self.record));
        self.is_production_program(settings) || named()
    }
}
