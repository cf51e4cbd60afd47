//! The identity of the machine beyond `host.*`: `tracego.host`, in heartbeats and in the first record of a sealed output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Maximum number of labels of a machine.
pub const LABELS_MAX: usize = 32;
/// Maximum length of a label's name, in bytes.
pub const NAME_MAX: usize = 63;
/// Maximum length of a label's value, and of a given id, in bytes.
pub const VALUE_MAX: usize = 255;

/// `tracego.host.*`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct HostFacts {
    /// Origin of `host.id`; absent for a machine without an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_source: Option<HostIdSource>,
    /// The operator's labels.
    #[serde(rename = "label", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The origin of `host.id`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostIdSource {
    /// The option `--host-id`.
    Option,
    /// The machine's /etc/machine-id.
    MachineId,
}
