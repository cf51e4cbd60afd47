//! Lines that are no native records, and the way out.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Version of the format of baselines.
pub const BASELINE_SCHEMA: &str = "tracego.baseline/1";

/// The form of a line that is no native record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ForeignForm {
    /// Elastic Common Schema.
    Ecs,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// CloudEvents.
    CloudEvents,
    /// OTLP in JSON.
    Otlp,
    /// Common Event Format.
    Cef,
    /// The text for people.
    Text,
    /// A record of an older version of the format.
    Older,
    /// A baseline, which stands for records of earlier runs.
    Baseline,
}

/// The members that forms differ in.
#[derive(Deserialize)]
struct TellingMembers {
    schema: Option<String>,
    ecs: Option<IgnoredAny>,
    class_uid: Option<IgnoredAny>,
    specversion: Option<IgnoredAny>,
    #[serde(rename = "resourceLogs")]
    resource_logs: Option<IgnoredAny>,
}

impl ForeignForm {
    /// Recognizes a form by its telling members.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii();
        if line.starts_with(b"CEF:") {
            return Some(Self::Cef);
        }
        if line.starts_with(b"TIME ") {
            return Some(Self::Text);
        }
        let members: TellingMembers = serde_json::from_slice(line).ok()?;
        let found = [
            (members.ecs.is_some(), Self::Ecs),
            (members.class_uid.is_some(), Self::Ocsf),
            (members.specversion.is_some(), Self::CloudEvents),
            (members.resource_logs.is_some(), Self::Otlp),
        ];
        if let Some((_, form)) = found.into_iter().find(|(is, _)| *is) {
            return Some(form);
        }
        match members.schema.as_deref() {
            Some("tracego/1") => Some(Self::Older),
            Some(BASELINE_SCHEMA) => Some(Self::Baseline),
            _ => None,
        }
    }
}

impl fmt::Display for ForeignForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Ecs => "an ECS event",
            Self::Ocsf => "an OCSF event",
            Self::CloudEvents => "a CloudEvents event",
            Self::Otlp => "OTLP in JSON",
            Self::Cef => "a CEF event",
            Self::Text => "text for people",
            Self::Older => return f.write_str("a record of an older tracego (tracego/1); record again"),
            Self::Baseline => return f.write_str("a baseline; give it with --baseline"),
        };
        write!(f, "{name}, not a native record: write records with --output json")
    }
}
