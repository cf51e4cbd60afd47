//! The settings in force, in heartbeats and in the first record of a sealed output.

use serde::{Deserialize, Serialize};

use crate::record::policy::Identity;

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
}

/// A file of the configuration.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConfigurationFile {
    /// Path as it was given.
    pub path: String,
    /// SHA-256 of its content in hexadecimal.
    pub sha256: String,
}
