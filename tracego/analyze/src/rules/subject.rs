//! What a rule looks at: borrowed, put together by the pipeline, and asked through methods.

mod known;
mod variables;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

pub use known::Known;
use tracego_common::TaskId;
pub use variables::{VARIABLES, variables};

use super::{
    place::{Place, Who},
    scope::one_of,
    settings::Settings,
};
use tracego_golang::{
    Build, Image,
    command::Invocation,
    role::{self, Role},
    task::{self, Task},
};
use tracego_model::finding::Confidence;
use tracego_model::{
    input::facts::Surroundings,
    record::{Record, job::Context},
};

/// A program start.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The process.
    pub id: TaskId,
    /// Its record, without findings yet.
    pub record: &'a Record,
    /// All allowed variables of the process itself, whether the record shows them or not; none of
    /// those that were injected.
    pub variables: &'a BTreeMap<Arc<str>, String>,
    /// Names on the allow-list of variables; nothing when all that rules need are. What is not on it
    /// is unknown rather than not set.
    pub asked: Option<&'a HashSet<String>>,
    /// What it has to do with the go command; nothing for most processes.
    pub task: Option<&'a Task>,
    /// What its executable says; nothing when it could not be read.
    pub image: Option<&'a Image>,
    /// What was read around it.
    pub surroundings: Option<&'a Surroundings>,
    /// Decided when the first rule asks.
    pub(crate) place: OnceCell<Place>,
    job: OnceCell<Option<String>>,
}

impl<'a> Subject<'a> {
    /// Of a process of which the record and the variables are known.
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

    /// A variable that is set to something. It has to be one of [`VARIABLES`], or it never gets here.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&'a str> {
        debug_assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name} is not on the list");
        self.value(name)
    }

    /// The same of a variable that the configuration names.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether the environment was read whole, so that what is not there is not set.
    #[must_use]
    pub fn knows_environment(&self) -> bool {
        let whole = &self.record.tracego.completeness;
        let named = |list: &[&str]| list.contains(&"process.environment_variable");
        !named(&whole.truncated) && !named(&whole.unavailable)
    }

    /// Whether a variable that is not there is not set.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.asked.is_none_or(|asked| asked.contains(name)) && self.knows_environment()
    }

    /// What Go wrote into its executable.
    #[must_use]
    pub fn build(&self) -> Option<&'a Build> {
        self.image?.go.as_ref()
    }

    /// What it has to do with the go command.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.task?.role
    }

    /// For a go command: how it was called.
    #[must_use]
    pub fn invocation(&self) -> Option<&'a Invocation> {
        let task = self.task.filter(|task| task.place == task::Place::Itself)?;
        task.command.as_deref().map(|command| &command.invocation)
    }

    /// How sure its role is.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        match self.task.map(|task| task.confidence) {
            Some(role::Confidence::Medium) => Confidence::Medium,
            Some(role::Confidence::High) | None => Confidence::High,
        }
    }

    /// Whether a start before said the same: a toolchain handed over to another, or a program started
    /// itself again.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.task.is_some_and(|task| task.repeated)
    }

    /// Whether go generate is above it. It sets these for each line (cmd/go/internal/generate).
    #[must_use]
    pub fn is_generated(&self) -> bool {
        self.task.is_some_and(|task| task.within.contains(Role::GoGenerate))
            || ["GOFILE", "GOLINE", "GOPACKAGE"].iter().all(|name| self.variable(name).is_some())
    }

    /// Executable; empty when it is not known.
    #[must_use]
    pub fn path(&self) -> &'a str {
        Who::of(self.record).path.unwrap_or_default()
    }

    /// Arguments.
    #[must_use]
    pub fn args(&self) -> &'a [String] {
        self.record.process.as_ref().and_then(|process| process.command_args.as_deref()).unwrap_or_default()
    }

    /// Where it runs.
    #[must_use]
    pub fn place(&self, settings: &Settings) -> Place {
        *self.place.get_or_init(|| Place::of(self.record, self.variables, settings))
    }

    /// An attribute of `cicd`.
    #[must_use]
    pub fn cicd(&self, name: &str) -> Option<&'a str> {
        self.record.context.as_deref().and_then(|context: &Context| context.cicd.get(name))
    }

    /// An attribute of `vcs`.
    #[must_use]
    pub fn vcs(&self, name: &str) -> Option<&'a str> {
        self.record.context.as_deref().and_then(|context: &Context| context.vcs.get(name))
    }

    /// Which job it belongs to, by its own words: two jobs that say the same are one.
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

    /// Whether it was put into a running container from outside: a probe or somebody's shell, not
    /// what the container is there for.
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

    /// Whether it is the first process of its container, or one that the system's manager started.
    #[must_use]
    pub fn is_main(&self) -> bool {
        let Some(process) = self.record.process.as_ref() else { return false };
        match self.record.container {
            Some(_) => process.vpid == Some(1),
            None => process.parent_pid == 1 && self.record.tracego.unit.is_some(),
        }
    }

    /// Whether its executable came with the system rather than with what runs on it. In a container
    /// the same folders hold what the container is there for.
    #[must_use]
    pub fn is_of_system(&self) -> bool {
        self.record.container.is_none()
            && ["/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/", "/lib/", "/snap/"]
                .iter()
                .any(|folder| self.path().starts_with(folder))
    }

    /// Whether it is a Go program that somebody runs for what it does: no tool of Go's, no test, and
    /// nothing that came with the system.
    #[must_use]
    pub fn is_own_program(&self) -> bool {
        // Programs of Go's own distribution are in no module.
        self.build().is_some_and(|build| build.main.is_some() || !build.path.starts_with("cmd/"))
            && matches!(self.role(), None | Some(Role::GoService))
            && !self.is_of_system()
            && !self.visits_container()
    }

    /// The same, in production.
    #[must_use]
    pub fn is_production_program(&self, settings: &Settings) -> bool {
        self.is_own_program() && self.place(settings).is_production()
    }

    /// Whether it is to be looked at as a service, once it has run for a while: a Go program that runs
    /// in production, or one that the configuration names.
    #[must_use]
    pub fn may_be_service(&self, settings: &Settings) -> bool {
        let named = || one_of(&settings.thresholds.services, &Who::of(self.record));
        self.is_production_program(settings) || named()
    }
}
