//! The place where a process runs: in a CI job, in production, in a container, at a terminal.

use std::{collections::BTreeMap, sync::Arc};

use clap::ValueEnum;
use tracego_model::{
    finding::{Confidence, Severity},
    record::{
        Record,
        job::{Context, attribute},
    },
};

use super::settings::RuleSettings;
use crate::scope::{self, ScopeTarget};

/// The defaults that hold for places.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Profile {
    /// Each process on its own: a CI job by its variables, production by container or system service.
    #[default]
    Auto,
    /// Every process belongs to a CI job.
    Ci,
    /// Every process outside of a CI job is production.
    Production,
    /// Only what the configuration names is production.
    #[value(alias = "development")]
    Developer,
}

impl Profile {
    /// Returns the severity from which on `tracego run` fails, unless `--fail-on` says otherwise.
    #[must_use]
    pub fn fail_on(self) -> Option<Severity> {
        (self == Self::Ci).then_some(Severity::High)
    }
}

/// Whether a place is production.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Production {
    /// The place is not production, as far as is known.
    #[default]
    No,
    /// A container or a system service; its purpose is not declared.
    Guessed,
    /// Production according to the configuration or the profile.
    Declared,
}

/// The place where a process runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// Whether the process runs in a CI job.
    pub ci: bool,
    /// Whether the process runs in production.
    pub production: Production,
    /// Whether the process runs in a container.
    pub container: bool,
    /// Whether the process has a controlling terminal.
    pub interactive: bool,
}

/// Prefixes of the names of units that run work for others. For that alone, neither the unit nor its work is
/// production.
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
    /// Determines the place of a process from its record and its own variables.
    #[must_use]
    pub fn of(record: &Record, variables: &BTreeMap<Arc<str>, String>, settings: &RuleSettings) -> Self {
        let RuleSettings { profile, production, ci, .. } = settings;
        let profile = *profile;
        let scope_target = ScopeTarget::of(record);
        let declared = production.names(&scope_target);
        let claims = claims_job(record) || variables.get("CI").is_some_and(|value| is_true(value));
        let in_job = profile == Profile::Ci || ci.names(&scope_target) || claims;
        let in_job = in_job && !declared && !scope::one_of(&ci.except, &scope_target);
        let container = record.container.is_some();
        let guessed = profile == Profile::Auto && (container || is_service(record));
        let production = match () {
            () if in_job || scope::one_of(&production.except, &scope_target) => Production::No,
            () if declared || profile == Profile::Production => Production::Declared,
            () if guessed => Production::Guessed,
            () => Production::No,
        };
        let interactive = record.process.as_ref().and_then(|process| process.interactive) == Some(true);
        Self { ci: in_job, production, container, interactive }
    }

    /// Returns the confidence of a finding that depends on this place.
    #[must_use]
    pub fn confidence(self) -> Confidence {
        if self.production == Production::Guessed { Confidence::Medium } else { Confidence::High }
    }

    /// Whether the place counts as production.
    #[must_use]
    pub fn is_production(self) -> bool {
        self.production != Production::No
    }
}

/// Whether commit and job are those of a CI system. `BUILD_ID` alone does not count: images carry it.
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

/// Whether a value of `CI` means true, as CI systems write it. Woodpecker writes its own name.
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "true" | "True" | "TRUE" | "yes" | "woodpecker")
}

/// Whether the process belongs to a system service that runs for its own purpose.
fn is_service(record: &Record) -> bool {
    let Some(unit) = record.tracego.unit.as_deref() else {
        return false;
    };
    let cgroup = record.process.as_ref().and_then(|process| process.linux.as_ref());
    let of_user = cgroup.is_some_and(|linux| linux.cgroup.starts_with("/user.slice/"));
    unit.ends_with(".service") && !of_user && !RUNNERS.iter().any(|runner| unit.starts_with(runner))
}
