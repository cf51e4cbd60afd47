//! The settings in force, in heartbeats and in the first record of a sealed output.

use serde::{Deserialize, Serialize};

use crate::{clock::Time, record::policy::Identity};

/// `tracego.configuration.*`: the files of the configuration and the policies that are in force.
///
/// Options of the command line and variables are not a part of it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ConfigurationReport {
    /// SHA-256 of the file in hexadecimal; of several files, that of their SHA-256 one behind the other. Absent without a
    /// file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Files that were read; each overrides those before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ConfigurationFile>,
    /// Options whose value in the files is not in force, because it changed during the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_restart: Vec<String>,
    /// Policies that decide.
    pub policies: Vec<Identity>,
    /// Servers that bundles come from; in heartbeats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy_sources: Vec<PolicySource>,
}

/// A URL that a bundle of policies comes from, and the bundle in force.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct PolicySource {
    /// URL without its query.
    pub url: String,
    /// Digest of the bundle in force.
    pub digest: String,
    /// Serial number in its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// ETag that the server gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Time since which the bundle is in force on this machine.
    pub since: Time,
    /// Whether the bundle is the last good one of an earlier run, which the server has not confirmed in this one.
    #[serde(skip_serializing_if = "is_false")]
    pub unconfirmed: bool,
    /// Time of the last request that was answered with a bundle that is good, or that is in force already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Time>,
    /// Reason why the last request brought no bundle, or why its bundle was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A file of the configuration.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConfigurationFile {
    /// Path as it was given.
    pub path: String,
    /// SHA-256 of its content in hexadecimal.
    pub sha256: String,
}
