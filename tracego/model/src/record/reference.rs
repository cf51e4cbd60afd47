//! References of lean records: values that many records share are written once, in a record of their own.

use std::sync::Arc;

use serde::Serialize;

use super::{
    frozen::Frozen,
    image::{BuildId, Language},
};

/// `tracego.ref.*`: ids of the records that hold the rest of a lean record. A record that is referred to has its own
/// id here.
///
/// An id is made from the content: the same content has the same id on all machines.
#[derive(Clone, Debug, Default, Serialize)]
pub struct References {
    /// Record `tracego.stream`: the host, the boot, and the run of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Arc<str>>,
    /// Record `tracego.job`: commit and job, with the sources of the values and the variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Arc<str>>,
    /// Record `tracego.image`: the executable file and the facts that it states about itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Arc<str>>,
    /// Record `tracego.confinement`: limits, capabilities, namespaces and cgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confinement: Option<Arc<str>>,
}

/// `tracego.image.*`: members of `process` that belong to the executable.
#[derive(Clone, Debug, Serialize)]
pub struct Image {
    /// `process.executable.build_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<Arc<Frozen<BuildId>>>,
    /// `process.runtime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Arc<Frozen<Language>>>,
}
