//! The members of an advisory that are read. All of it is untrusted.

use serde::Deserialize;
use tracego_model::text::printable;

use super::version::ModuleVersion;

/// Maximum size of an advisory in bytes. Real ones have a few kilobytes.
pub const ADVISORY_MAX: usize = 4 << 20;
/// Maximum number of characters of a text that is kept.
const TEXT_MAX: usize = 500;
/// Maximum number of aliases and of severities.
const LIST_MAX: usize = 32;

/// The reason why a file is no advisory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdvisoryError(pub String);

impl std::fmt::Display for AdvisoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AdvisoryError {}

/// An advisory.
#[derive(Debug, Deserialize)]
pub(super) struct Advisory {
    pub(super) id: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    #[serde(default)]
    pub(super) summary: String,
    pub(super) withdrawn: Option<String>,
    #[serde(default)]
    pub(super) severity: Vec<AdvisorySeverity>,
    #[serde(default)]
    pub(super) affected: Vec<AffectedPackage>,
}

/// An element of `severity`.
#[derive(Debug, Deserialize)]
pub(super) struct AdvisorySeverity {
    #[serde(default)]
    pub(super) score: String,
}

/// An element of `affected`.
#[derive(Debug, Deserialize)]
pub(super) struct AffectedPackage {
    pub(super) package: Option<PackageName>,
    #[serde(default)]
    pub(super) ranges: Vec<AffectedRange>,
    #[serde(default)]
    pub(super) versions: Vec<String>,
}

/// `affected[].package`.
#[derive(Debug, Deserialize)]
pub(super) struct PackageName {
    #[serde(default)]
    pub(super) ecosystem: String,
    #[serde(default)]
    pub(super) name: String,
}

/// An element of `affected[].ranges`.
#[derive(Debug, Deserialize)]
pub(super) struct AffectedRange {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) events: Vec<RangeEvent>,
}

/// An element of `affected[].ranges[].events`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct RangeEvent {
    pub(super) introduced: Option<String>,
    pub(super) fixed: Option<String>,
    pub(super) last_affected: Option<String>,
    pub(super) limit: Option<String>,
}

impl Advisory {
    /// Parses an advisory.
    ///
    /// # Errors
    /// Fails if the bytes are no advisory, or too many.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, AdvisoryError> {
        if bytes.len() > ADVISORY_MAX {
            return Err(AdvisoryError(format!("more than {ADVISORY_MAX} bytes")));
        }
        let mut advisory: Self = serde_json::from_slice(bytes)
            .map_err(|error| AdvisoryError(format!("no OSV advisory: {}", short(&error.to_string()))))?;
        advisory.id = short(&advisory.id);
        advisory.summary = short(&advisory.summary);
        advisory.aliases.truncate(LIST_MAX);
        advisory.aliases.iter_mut().for_each(|alias| *alias = short(alias));
        advisory.severity.truncate(LIST_MAX);
        advisory.severity.iter_mut().for_each(|severity| severity.score = short(&severity.score));
        Ok(advisory)
    }
}

impl AffectedRange {
    /// Whether versions of the range have an order: ranges of commits have none here.
    pub(super) fn is_of_versions(&self) -> bool {
        matches!(self.kind.as_str(), "SEMVER" | "ECOSYSTEM")
    }

    /// Whether the range holds a version. Returns `None` if an event is no version.
    pub(super) fn holds(&self, version: &ModuleVersion) -> Option<bool> {
        let mut events: Vec<(Option<ModuleVersion>, EventKind)> = Vec::with_capacity(self.events.len());
        let mut limits = Vec::new();
        for event in &self.events {
            if let Some(limit) = event.limit.as_deref().filter(|limit| *limit != "*") {
                limits.push(ModuleVersion::parse(limit)?);
            }
            let kinds = [
                (&event.introduced, EventKind::Introduced),
                (&event.fixed, EventKind::Fixed),
                (&event.last_affected, EventKind::LastAffected),
            ];
            for (text, kind) in kinds {
                match text.as_deref() {
                    None => {}
                    // Zero is ahead of all versions, pre-releases of 0.0.0 as well.
                    Some("0") => events.push((None, kind)),
                    Some(text) => events.push((Some(ModuleVersion::parse(text)?), kind)),
                }
            }
        }
        events.sort();
        let mut is_affected = false;
        for (at, kind) in &events {
            let reached = at.as_ref().is_none_or(|at| version >= at);
            match kind {
                EventKind::Introduced if reached => is_affected = true,
                EventKind::Fixed if reached => is_affected = false,
                EventKind::LastAffected if at.as_ref().is_none_or(|at| version > at) => is_affected = false,
                _ => {}
            }
        }
        let is_below = limits.is_empty() || limits.iter().any(|limit| version < limit);
        Some(is_affected && is_below)
    }

    /// Returns the first version after this one that has a fix.
    pub(super) fn fix_of(&self, version: &ModuleVersion) -> Option<ModuleVersion> {
        let fixed = self.events.iter().filter_map(|event| event.fixed.as_deref());
        fixed.filter_map(ModuleVersion::parse).filter(|fixed| fixed > version).min()
    }
}

/// The kinds of events, in the order in which those about one version count: what a version fixed and what it broke
/// again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum EventKind {
    LastAffected,
    Fixed,
    Introduced,
}

/// Returns a text of limited length without control characters.
fn short(text: &str) -> String {
    printable(text).chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(events: &str) -> AffectedRange {
        serde_json::from_str(&format!(r#"{{"type":"SEMVER","events":{events}}}"#)).unwrap()
    }

    fn holds(events: &str, version: &str) -> Option<bool> {
        range(events).holds(&ModuleVersion::parse(version).unwrap())
    }

    #[test]
    fn ranges_begin_and_end_where_the_events_say() {
        let fixed = r#"[{"introduced":"0"},{"fixed":"1.2.3"}]"#;
        assert_eq!(holds(fixed, "v0.0.0-20190101000000-abcdefabcdef"), Some(true));
        assert_eq!(holds(fixed, "v1.2.3-rc.1"), Some(true));
        assert_eq!(holds(fixed, "v1.2.3"), Some(false));
        assert_eq!(holds(fixed, "v1.2.4-0.20230101000000-abcdefabcdef"), Some(false));
        let last = r#"[{"introduced":"1.0.0"},{"last_affected":"1.5.0"}]"#;
        assert_eq!((holds(last, "0.9.9"), holds(last, "1.5.0")), (Some(false), Some(true)));
        assert_eq!(holds(last, "1.5.1"), Some(false));
        // Two branches, in any order.
        let two = r#"[{"fixed":"2.1.0"},{"introduced":"2.0.0"},{"fixed":"1.4.2"},{"introduced":"1.0.0"}]"#;
        for (version, is_in) in
            [("1.0.0", true), ("1.4.2", false), ("1.9.0", false), ("2.0.5", true), ("2.1.0", false)]
        {
            assert_eq!(holds(two, version), Some(is_in), "{version}");
        }
        assert_eq!(holds(r#"[{"introduced":"0"},{"limit":"1.0.0"}]"#, "1.0.0"), Some(false));
        assert_eq!(holds(r#"[{"introduced":"0"},{"limit":"*"}]"#, "9.0.0"), Some(true));
        assert_eq!(holds(r#"[{"introduced":"0"}]"#, "9.0.0"), Some(true));
        assert_eq!(holds("[]", "9.0.0"), Some(false));
        assert_eq!(holds(r#"[{"introduced":"abc"}]"#, "9.0.0"), None);
    }

    #[test]
    fn the_next_fix_is_named() {
        let two =
            range(r#"[{"introduced":"1.0.0"},{"fixed":"1.4.2"},{"introduced":"2.0.0"},{"fixed":"2.1.0"}]"#);
        let fix = |version: &str| {
            two.fix_of(&ModuleVersion::parse(version).unwrap()).map(|version| version.to_string())
        };
        assert_eq!(fix("1.2.0").as_deref(), Some("1.4.2"));
        assert_eq!(fix("2.0.0").as_deref(), Some("2.1.0"));
        assert_eq!(fix("3.0.0"), None);
    }
}
