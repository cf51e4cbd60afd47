//! The pods of this node, as the Kubernetes API describes them: the part that records need.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

/// Changes of the pods of this node, in the order in which they came.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct PodChanges {
    /// New pods, and pods with other facts than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<Arc<PodFacts>>,
    /// Uids of pods that the API does not have any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
}

impl PodChanges {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present.is_empty() && self.gone.is_empty()
    }
}

/// The facts about one pod.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct PodFacts {
    /// Uid of the pod in the API.
    pub uid: String,
    /// Uid in cgroup paths, if it is another one: that of a static pod, whose pod in the API is a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_uid: Option<String>,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub name: String,
    /// Node that the pod runs on.
    pub node: String,
    /// Whether all containers have ended for good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// Workloads that the pod belongs to: its owner, and the owner's owner where names tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<Workload>,
    /// Containers, in the order of the pod's specification.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerFacts>,
    /// Labels and annotations that records show.
    pub shown: PodTexts,
    /// Labels and annotations that name a CI job.
    pub job: PodTexts,
}

impl PodFacts {
    /// Returns the uid of the pod in cgroup paths.
    #[must_use]
    pub fn uid_in_cgroups(&self) -> &str {
        self.cgroup_uid.as_deref().unwrap_or(&self.uid)
    }
}

/// Labels and annotations by their keys.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct PodTexts {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A workload that a pod belongs to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Workload {
    /// Kind of the workload.
    pub kind: WorkloadKind,
    /// Name of the workload, in the namespace of the pod.
    pub name: String,
}

/// The kinds of workloads that have an attribute of their own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum WorkloadKind {
    /// A Deployment, which owns a ReplicaSet.
    Deployment,
    /// A ReplicaSet.
    ReplicaSet,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Job.
    Job,
    /// A CronJob, which owns a Job.
    CronJob,
}

/// The facts about one container of a pod.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ContainerFacts {
    /// Name of the container in the pod.
    pub name: String,
    /// Id of the running or last container; `None` until the runtime has made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Image, as the pod names it: `registry/repository:tag`, with or without a digest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Image that the runtime found, by its digest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_id: String,
}
