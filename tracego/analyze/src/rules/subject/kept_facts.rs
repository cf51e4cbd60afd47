//! Facts about a process that are kept after its start.

use tracego_model::matcher::{KeptTarget, MatchTarget};

use super::Subject;
use crate::rules::{place::Place, settings::RuleSettings};

/// The facts about a process that are kept for the time when it has become a service.
#[derive(Clone, Debug, Default)]
pub struct KeptProcess {
    /// The attributes that scopes match.
    target: KeptTarget,
    /// The place where the process runs.
    pub place: Place,
    /// Whether the process may be a service; see [`Subject::may_be_service`].
    pub service: bool,
}

impl KeptProcess {
    /// Collects the facts at a program start.
    #[must_use]
    pub fn of(subject: &Subject<'_>, settings: &RuleSettings) -> Self {
        Self {
            target: KeptTarget::of(&MatchTarget::of(subject.record)),
            place: subject.place(settings),
            service: subject.may_be_service(settings),
        }
    }

    /// Returns the path of the executable; empty when unknown.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.target().path.unwrap_or_default()
    }

    /// Returns the attributes that scopes match.
    #[must_use]
    pub fn scope_target(&self) -> MatchTarget<'_> {
        self.target.target()
    }
}
