//! The configuration and the policies that were in force.

use serde::Serialize;
use tracego_model::text::printable;

use crate::{
    configuration_history::{ConfigurationPeriod, RecordedConfiguration, RecordedPolicy},
    subject::{DigestSet, Subject},
};

/// `configSource`: the configuration file. Of several, the digest is that of their digests, and they are annotations.
#[derive(Debug, Serialize)]
pub(super) struct ConfigSource {
    #[serde(flatten)]
    file: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<ConfigParts>,
}

#[derive(Debug, Serialize)]
struct ConfigParts {
    digest: &'static str,
    files: Vec<Subject>,
}

/// A policy that was in force.
#[derive(Debug, Serialize)]
pub(super) struct TracedPolicy {
    name: String,
    digest: DigestSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
}

/// A configuration, and the time from which it was in force.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TracedConfiguration {
    #[serde(skip_serializing_if = "String::is_empty")]
    run: String,
    from: String,
    /// Whether a record of the run says the configuration.
    is_known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_source: Option<ConfigSource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs_restart: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<TracedPolicy>>,
}

/// The configurations of a trace, and what they agree in.
#[derive(Debug)]
pub(super) struct TracedConfigurations {
    /// The configuration file, if it was the same throughout.
    pub(super) source: Option<ConfigSource>,
    /// The policies, if they were the same throughout; empty if there was none.
    pub(super) policies: Option<Vec<TracedPolicy>>,
    /// All periods; empty if no record says a configuration.
    pub(super) all: Vec<TracedConfiguration>,
}

impl TracedConfigurations {
    pub(super) fn new(periods: &[ConfigurationPeriod]) -> Self {
        let known: Option<Vec<&RecordedConfiguration>> =
            periods.iter().map(|period| period.configuration.as_ref()).collect();
        let first = known.as_ref().and_then(|known| known.first().copied());
        let is_same = |same: &dyn Fn(&RecordedConfiguration, &RecordedConfiguration) -> bool| {
            let known = known.as_deref().unwrap_or_default();
            first.filter(|first| known.iter().all(|one| same(one, first)))
        };
        let of_file = is_same(&|a, b| a.files == b.files && a.needs_restart == b.needs_restart);
        let of_policies = is_same(&|a, b| a.policies == b.policies);
        let is_any = periods.iter().any(|period| period.configuration.is_some());
        Self {
            source: of_file.and_then(config_source),
            policies: of_policies.map(|of| of.policies.iter().map(TracedPolicy::new).collect()),
            all: if is_any { periods.iter().map(TracedConfiguration::new).collect() } else { Vec::new() },
        }
    }
}

impl TracedConfiguration {
    fn new(period: &ConfigurationPeriod) -> Self {
        let configuration = period.configuration.as_ref();
        let restart = configuration.map(|of| of.needs_restart.iter().map(|name| printable(name)).collect());
        Self {
            run: period.run.clone(),
            from: period.from.text(),
            is_known: configuration.is_some(),
            config_source: configuration.and_then(config_source),
            needs_restart: restart.unwrap_or_default(),
            policies: configuration.map(|of| of.policies.iter().map(TracedPolicy::new).collect()),
        }
    }
}

impl TracedPolicy {
    fn new(of: &RecordedPolicy) -> Self {
        let hex = of.digest.strip_prefix("sha256:").unwrap_or(&of.digest);
        Self {
            name: printable(&of.name),
            digest: DigestSet { sha256: hex.to_ascii_lowercase() },
            revision: of.revision.as_deref().map(printable),
        }
    }
}

/// Returns the descriptor of the configuration files; `None` without a file.
fn config_source(of: &RecordedConfiguration) -> Option<ConfigSource> {
    let sha256 = of.sha256.as_ref()?.to_ascii_lowercase();
    let files: Vec<Subject> = of
        .files
        .iter()
        .map(|file| Subject::new(printable(&file.path), file.sha256.to_ascii_lowercase()))
        .collect();
    Some(match files.as_slice() {
        [one] if one.digest.sha256 == sha256 => ConfigSource { file: one.clone(), annotations: None },
        _ => ConfigSource {
            file: Subject::new(format!("{} configuration files", files.len()), sha256),
            annotations: Some(ConfigParts {
                digest: "of the SHA-256 of the files in hexadecimal, one behind the other",
                files,
            }),
        },
    })
}
