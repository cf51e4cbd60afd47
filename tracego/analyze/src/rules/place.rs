//! Where a process runs: in a CI job, in production, in a container, at a terminal.

use std::{collections::BTreeMap, sync::Arc};

use clap::ValueEnum;

use super::{scope, settings::Settings};
use crate::enrich::ci::attribute;
use tracego_model::finding::{Confidence, Severity};
use tracego_model::{
    linux::users::User,
    record::{Record, job::Context},
};

/// Which defaults hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Profile {
    /// Each process for itself: a CI job by its variables, production by container or system service.
    #[default]
    Auto,
    /// Everything that is seen belongs to a CI job.
    Ci,
    /// Everything that is no CI job is production.
    Production,
    /// Nothing is production unless the configuration names it.
    #[value(alias = "development")]
    Developer,
}

impl Profile {
    /// The severity from which on `tracego run` fails unless `--fail-on` says otherwise.
    #[must_use]
    pub fn fail_on(self) -> Option<Severity> {
        (self == Self::Ci).then_some(Severity::High)
    }
}

/// What scopes look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Who<'a> {
    /// Executable.
    pub path: Option<&'a str>,
    /// Effective user.
    pub user: Option<&'a User>,
    /// systemd unit.
    pub unit: Option<&'a str>,
    /// Container id.
    pub container: Option<&'a str>,
    /// Names and ids of pipeline and job.
    pub jobs: [Option<&'a str>; 4],
}

impl<'a> Who<'a> {
    /// Of a record.
    #[must_use]
    pub fn of(record: &'a Record) -> Self {
        let process = record.process.as_ref();
        let job = |name| record.context.as_ref().and_then(|context| context.cicd.get(name));
        Self {
            path: process.and_then(|process| Some(process.executable.as_ref()?.path.as_str())),
            user: process.and_then(|process| process.user.as_ref()),
            unit: record.tracego.unit.as_deref(),
            container: record.container.as_ref().map(|container| container.id.as_str()),
            jobs: [
                job("pipeline.name"),
                job("pipeline.run.id"),
                job("pipeline.task.name"),
                job("pipeline.task.run.id"),
            ],
        }
    }
}

/// Whether a place is production.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Production {
    /// It is not, as far as is known.
    #[default]
    No,
    /// It is a container or a system service, and nothing says what for.
    Guessed,
    /// The configuration or the profile says so.
    Declared,
}

/// Where a process runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// In a CI job.
    pub ci: bool,
    /// In production.
    pub production: Production,
    /// In a container.
    pub container: bool,
    /// It has a controlling terminal.
    pub interactive: bool,
}

/// Units that run what others ask them to, by how their names begin: neither they nor what they run
/// is production for that alone.
const RUNNERS: [&str; 33] = [
    "act-runner",
    "act_runner",
    "actions.runner.",
    "buildkite-agent",
    "circleci",
    "concourse",
    "drone-runner",
    "forgejo-runner",
    "gitea-runner",
    "gitlab-runner",
    "jenkins",
    "teamcity",
    "vsts.agent.",
    "woodpecker",
    "tracego.",
    "buildkit",
    "containerd.",
    "crio.",
    "docker.",
    "k3s",
    "kubelet.",
    "podman",
    "rke2",
    "atd.",
    "console-getty",
    "cron.",
    "crond.",
    "getty@",
    "serial-getty@",
    "ssh.",
    "ssh@",
    "sshd",
    "user@",
];

impl Place {
    /// Of a process, from its record and its own variables.
    #[must_use]
    pub fn of(record: &Record, variables: &BTreeMap<Arc<str>, String>, settings: &Settings) -> Self {
        let Settings { profile, production, ci, .. } = settings;
        let profile = *profile;
        let who = Who::of(record);
        let declared = production.names(&who);
        let claims = claims_job(record) || variables.get("CI").is_some_and(|value| is_true(value));
        let in_job = profile == Profile::Ci || ci.names(&who) || claims;
        let in_job = in_job && !declared && !scope::one_of(&ci.except, &who);
        let container = record.container.is_some();
        let guessed = profile == Profile::Auto && (container || is_service(record));
        let production = match () {
            () if in_job || scope::one_of(&production.except, &who) => Production::No,
            () if declared || profile == Profile::Production => Production::Declared,
            () if guessed => Production::Guessed,
            () => Production::No,
        };
        let interactive = record.process.as_ref().and_then(|process| process.interactive) == Some(true);
        Self { ci: in_job, production, container, interactive }
    }

    /// How sure a finding is that holds because of it.
    #[must_use]
    pub fn confidence(self) -> Confidence {
        if self.production == Production::Guessed { Confidence::Medium } else { Confidence::High }
    }

    /// Whether it is taken for production.
    #[must_use]
    pub fn is_production(self) -> bool {
        self.production != Production::No
    }
}

/// Whether commit and job are those of a CI system. `BUILD_ID` alone is none: images carry it.
fn claims_job(record: &Record) -> bool {
    let system = |context: &Context| context.cicd.get("system.component").is_some();
    let job = record.tracego.job.as_ref();
    record.context.as_ref().is_some_and(|context| system(context))
        || job.is_some_and(|job| {
            job.sources.iter().any(|source| {
                matches!(source.attribute, attribute::RUN | attribute::TASK_RUN)
                    && source.variable != "BUILD_ID"
            })
        })
}

/// As CI systems write it; the name of the system in Woodpecker.
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "true" | "True" | "TRUE" | "yes" | "woodpecker")
}

/// Whether it belongs to a service of the system's manager that is there for itself.
fn is_service(record: &Record) -> bool {
    let Some(unit) = record.tracego.unit.as_deref() else {
        return false;
    };
    let cgroup = record.process.as_ref().and_then(|process| process.linux.as_ref());
    let of_user = cgroup.is_some_and(|linux| linux.cgroup.starts_with("/user.slice/"));
    unit.ends_with(".service") && !of_user && !RUNNERS.iter().any(|runner| unit.starts_with(runner))
}
