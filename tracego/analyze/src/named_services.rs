//! Services and pidfiles that the configuration names.

use tracego_model::matcher::{MatchTarget, ProcessMatcher, Purpose, one_of};

/// The services beside units and containers, and the pidfiles of services.
#[derive(Clone, Debug, Default)]
pub struct NamedServices {
    /// Services beside units and containers.
    pub services: Vec<ProcessMatcher>,
    /// Paths of pidfiles, beside those that systemd and the process itself name. Each has a matcher for its
    /// services; without one, it is for all.
    pub pidfiles: Vec<(Option<ProcessMatcher>, String)>,
}

impl NamedServices {
    /// Whether a process is named as a service.
    #[must_use]
    pub fn includes(&self, target: &MatchTarget<'_>) -> bool {
        one_of(&self.services, target, Purpose::Select)
    }

    /// Returns the pidfiles that the configuration names for a service. In them, `{name}` stands for the name
    /// of the executable, `{unit}` for the unit without its ending, and `*` and `?` for characters of the
    /// last part.
    #[must_use]
    pub fn pidfiles_of(&self, target: &MatchTarget<'_>) -> Vec<String> {
        let named = self.pidfiles.iter().filter(|(matcher, _)| {
            matcher.as_ref().is_none_or(|matcher| matcher.matches(target, Purpose::Select))
        });
        named.map(|(_, file)| file.clone()).collect()
    }
}
