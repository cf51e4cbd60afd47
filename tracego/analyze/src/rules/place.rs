//! The place where a process runs: in a CI job, in production, in a container, at a terminal.

use clap::ValueEnum;
use tracego_model::{
    finding::{Confidence, Severity},
    matcher::{MatchTarget, Purpose},
    record::{Record, job::OpenedBy},
};

use super::settings::RuleSettings;

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
    /// Determines the place of a process from its record.
    #[must_use]
    pub fn of(record: &Record, settings: &RuleSettings) -> Self {
        let RuleSettings { profile, production, ci, .. } = settings;
        let profile = *profile;
        let scope_target = MatchTarget::of(record);
        let declared = production.names(&scope_target, Purpose::Select);
        let by = scope_target.opened_by;
        let excluded = declared || ci.excepts(&scope_target);
        let is_ci = |purpose, by: Option<OpenedBy>| {
            !excluded && (profile == Profile::Ci || ci.names(&scope_target, purpose) || by.is_some())
        };
        let in_job = is_ci(Purpose::Select, by);
        // The process's own claim makes it part of a job, but takes no production rule off it.
        let is_surely_in_job = is_ci(Purpose::Exempt, by.filter(|by| *by != OpenedBy::Itself));
        let container = record.container.is_some();
        let guessed = profile == Profile::Auto && (container || is_service(record));
        let production = match () {
            () if is_surely_in_job || production.excepts(&scope_target) => Production::No,
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

/// Whether the process belongs to a system service that runs for its own purpose.
fn is_service(record: &Record) -> bool {
    let Some(unit) = record.tracego.unit.as_deref() else {
        return false;
    };
    let cgroup = record.process.as_ref().and_then(|process| process.linux.as_ref());
    let of_user = cgroup.is_some_and(|linux| linux.cgroup.starts_with("/user.slice/"));
    unit.ends_with(".service") && !of_user && !RUNNERS.iter().any(|runner| unit.starts_with(runner))
}
