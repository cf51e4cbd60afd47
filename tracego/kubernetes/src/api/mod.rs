//! The part of the API's objects that is read. Unknown members are skipped, missing ones have a default.

pub(crate) mod watch_event;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A list of pods. Each pod is parsed by itself, so that one that cannot be read costs no other.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodList<'a> {
    pub(crate) metadata: ListMeta,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(crate) items: Vec<&'a RawValue>,
}

/// Reads a value that may be null, which stands for none.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// Metadata of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ListMeta {
    pub(crate) resource_version: String,
    /// Place from which the rest of the list comes; empty at its end.
    #[serde(rename = "continue")]
    pub(crate) next: String,
}

/// A pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ApiPod {
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: PodSpec,
    pub(crate) status: PodStatus,
}

/// Metadata of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ObjectMeta {
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) resource_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) owner_references: Vec<OwnerReference>,
}

/// An owner of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OwnerReference {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) controller: bool,
}

/// Specification of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodSpec {
    pub(crate) node_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) init_containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) ephemeral_containers: Vec<ContainerSpec>,
}

/// Specification of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerSpec {
    pub(crate) name: String,
    pub(crate) image: String,
}

/// Status of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// Status of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    /// `containerd://…`; empty until the runtime has made the container.
    #[serde(rename = "containerID")]
    pub(crate) container_id: String,
    #[serde(rename = "imageID")]
    pub(crate) image_id: String,
}

/// A status, which the API sends instead of an object that it cannot give.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ApiStatus {
    pub(crate) code: u16,
    pub(crate) message: String,
}
