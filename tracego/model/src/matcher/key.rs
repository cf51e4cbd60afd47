//! The keys of matchers, the same wherever the configuration chooses processes.

use crate::text::nearest;

/// A criterion of a matcher.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MatchKey {
    /// Path of the executable, or its file name where the pattern has no slash.
    Path,
    /// Arguments from `argv[1]` on, each by its position.
    Args,
    /// Name or number of the effective user.
    User,
    /// Name or number of the real user.
    RealUser,
    /// systemd unit.
    Unit,
    /// Container id.
    Container,
    /// Name or id of the pipeline or of the job.
    Job,
    /// Membership in a CI job.
    InJob,
    /// Path of the cgroup.
    Cgroup,
}

/// A former name of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FormerName {
    /// The name, as configuration files have it.
    pub(super) name: &'static str,
    /// The key that it stands for.
    pub(super) key: MatchKey,
}

/// Former names of `[enforce]`. Their values are plain texts without wildcards.
pub(super) const FORMER: [FormerName; 3] = [
    FormerName { name: "executables", key: MatchKey::Path },
    FormerName { name: "users", key: MatchKey::RealUser },
    FormerName { name: "cgroups", key: MatchKey::Cgroup },
];

impl MatchKey {
    /// All keys.
    pub const ALL: [Self; 9] = [
        Self::Path,
        Self::Args,
        Self::User,
        Self::RealUser,
        Self::Unit,
        Self::Container,
        Self::Job,
        Self::InJob,
        Self::Cgroup,
    ];

    /// Returns the name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Args => "args",
            Self::User => "user",
            Self::RealUser => "real-user",
            Self::Unit => "unit",
            Self::Container => "container",
            Self::Job => "job",
            Self::InJob => "in-job",
            Self::Cgroup => "cgroup",
        }
    }

    /// Returns the names of all keys.
    #[must_use]
    pub fn names() -> [&'static str; 9] {
        Self::ALL.map(Self::name)
    }

    /// Whether a name is that of a key, today or formerly.
    #[must_use]
    pub fn is_known(name: &str) -> bool {
        Self::find(name).is_some()
    }

    /// Finds a key by its name. The second part is the former name, if the text is one.
    pub(super) fn find(name: &str) -> Option<(Self, Option<FormerName>)> {
        let today = Self::ALL.into_iter().find(|key| key.name() == name).map(|key| (key, None));
        today.or_else(|| FORMER.into_iter().find(|former| former.name == name).map(|f| (f.key, Some(f))))
    }

    /// Returns the error about an unknown key. `others`: further keys that are allowed in its place.
    #[must_use]
    pub fn unknown(name: &str, others: &[&'static str]) -> String {
        let known = others.iter().copied().chain(Self::names());
        format!("{name}: unknown key; {}", nearest(name, known))
    }
}
