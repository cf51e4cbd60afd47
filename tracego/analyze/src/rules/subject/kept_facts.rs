//! Facts about a process that are kept after its start.

use tracego_model::linux::users::User;

use super::Subject;
use crate::{
    rules::{place::Place, settings::RuleSettings},
    scope::ScopeTarget,
};

/// The facts about a process that are kept for the time when it has become a service.
#[derive(Clone, Debug, Default)]
pub struct KeptProcess {
    /// Path of the executable.
    pub path: String,
    /// Effective user.
    pub user: Option<User>,
    /// systemd unit.
    pub unit: Option<String>,
    /// Container id.
    pub container: Option<String>,
    /// Names and ids of pipeline and job.
    pub jobs: [Option<String>; 4],
    /// The place where the process runs.
    pub place: Place,
    /// Whether the process may be a service; see [`Subject::may_be_service`].
    pub service: bool,
}

impl KeptProcess {
    /// Collects the facts at a program start.
    #[must_use]
    pub fn of(subject: &Subject<'_>, settings: &RuleSettings) -> Self {
        let scope_target = ScopeTarget::of(subject.record);
        Self {
            path: subject.path().to_owned(),
            user: scope_target.user.cloned(),
            unit: scope_target.unit.map(str::to_owned),
            container: scope_target.container.map(str::to_owned),
            jobs: scope_target.jobs.map(|job| job.map(str::to_owned)),
            place: subject.place(settings),
            service: subject.may_be_service(settings),
        }
    }

    /// Returns the attributes that scopes match.
    #[must_use]
    pub fn scope_target(&self) -> ScopeTarget<'_> {
        ScopeTarget {
            path: Some(&self.path),
            user: self.user.as_ref(),
            unit: self.unit.as_deref(),
            container: self.container.as_deref(),
            jobs: self.jobs.each_ref().map(Option::as_deref),
        }
    }
}
