//! `container.*` and `k8s.*`: the container and the pod of a process, with conventional names.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use crate::{
    input::pods::{ContainerFacts, PodFacts, WorkloadKind},
    linux::cgroup,
    record::frozen::Frozen,
};

/// `container.*`.
#[derive(Clone, Debug, Serialize)]
pub struct Container {
    /// Id of the container.
    pub id: String,
    /// Container runtime, if the cgroup path names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// Image of the container, if the Kubernetes API names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Arc<Frozen<ContainerImage>>>,
}

/// `container.runtime.*`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Runtime {
    /// Name of the runtime.
    pub name: &'static str,
}

impl From<cgroup::Container> for Container {
    fn from(from: cgroup::Container) -> Self {
        Self { id: from.id, runtime: from.runtime.map(|name| Runtime { name }), image: None }
    }
}

/// `container.image.*`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ContainerImage {
    /// Registry and repository.
    pub name: String,
    /// Tags; the one that the pod names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Repositories with the digest that they have the image by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repo_digests: Vec<String>,
    /// Id of the image in the runtime, where the runtime knows no digest of a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl ContainerImage {
    /// Reads the image of a container; `None` if the pod names none.
    #[must_use]
    pub fn of(container: &ContainerFacts) -> Option<Self> {
        let (named, digest) = match container.image.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (container.image.as_str(), None),
        };
        // The port of a registry has a slash behind it, a tag has none.
        let (name, tag) = match named.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (named, None),
        };
        if name.is_empty() {
            return None;
        }
        let found = container.image_id.as_str();
        let found = found.split_once("://").map_or(found, |(_, image)| image);
        let mut repo_digests: Vec<String> = Vec::new();
        if found.contains('@') {
            repo_digests.push(found.to_owned());
        } else if let Some(digest) = digest {
            repo_digests.push(format!("{name}@{digest}"));
        }
        let id = Some(found).filter(|found| !found.is_empty() && !found.contains('@'));
        Some(Self {
            name: name.to_owned(),
            tags: tag.map(str::to_owned).into_iter().collect(),
            repo_digests,
            id: id.map(str::to_owned),
        })
    }
}

/// `k8s.*`. Members beside the uid of the pod come from the Kubernetes API, and are absent until it has answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct K8s {
    /// The pod.
    pub pod: Pod,
    /// Namespace of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Named>,
    /// Node of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Named>,
    /// The container, by its name in the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Named>,
    /// Deployment that the pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Named>,
    /// ReplicaSet that the pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicaset: Option<Named>,
    /// StatefulSet that the pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statefulset: Option<Named>,
    /// DaemonSet that the pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemonset: Option<Named>,
    /// Job that the pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Named>,
    /// CronJob that the pod belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cronjob: Option<Named>,
}

impl K8s {
    /// Creates the members of a pod of which the uid alone is known.
    #[must_use]
    pub fn of_uid(uid: String) -> Self {
        Self { pod: Pod { uid, ..Pod::default() }, ..Self::default() }
    }

    /// Whether the uid of the pod is all that is known.
    #[must_use]
    pub fn is_uid_alone(&self) -> bool {
        self.pod.name.is_none()
    }

    /// Creates the members of a pod, and of its container with this name.
    #[must_use]
    pub fn of(pod: &PodFacts, container: Option<&str>) -> Self {
        let workload = |kind| {
            let found = pod.workloads.iter().find(|workload| workload.kind == kind);
            found.and_then(|workload| Named::of(&workload.name))
        };
        Self {
            pod: Pod {
                uid: pod.uid_in_cgroups().to_owned(),
                name: Some(pod.name.clone()),
                label: pod.shown.labels.clone(),
                annotation: pod.shown.annotations.clone(),
            },
            namespace: Named::of(&pod.namespace),
            node: Named::of(&pod.node),
            container: container.and_then(Named::of),
            deployment: workload(WorkloadKind::Deployment),
            replicaset: workload(WorkloadKind::ReplicaSet),
            statefulset: workload(WorkloadKind::StatefulSet),
            daemonset: workload(WorkloadKind::DaemonSet),
            job: workload(WorkloadKind::Job),
            cronjob: workload(WorkloadKind::CronJob),
        }
    }
}

/// `k8s.pod.*`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pod {
    /// Uid of the pod, as cgroup paths have it.
    pub uid: String,
    /// Name of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Labels that the configuration names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub label: BTreeMap<String, String>,
    /// Annotations that the configuration names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotation: BTreeMap<String, String>,
}

/// The `name` of an object of Kubernetes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    /// Name of the object.
    pub name: String,
}

impl Named {
    fn of(name: &str) -> Option<Self> {
        (!name.is_empty()).then(|| Self { name: name.to_owned() })
    }
}

/// `tracego.pod.*`: facts about a pod that belong to none of its processes.
#[derive(Clone, Debug, Serialize)]
pub struct PodReport {
    /// Uid of the pod in the API, if cgroup paths have another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_uid: Option<String>,
    /// Containers of the pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<PodContainer>,
}

/// A container of a pod, in the record of the pod.
#[derive(Clone, Debug, Serialize)]
pub struct PodContainer {
    /// Name of the container in the pod.
    pub name: String,
    /// Id of the container; absent until the runtime has made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Image of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ContainerImage>,
}

impl PodReport {
    /// Creates the report about a pod.
    #[must_use]
    pub fn of(pod: &PodFacts) -> Self {
        let container = |container: &ContainerFacts| PodContainer {
            name: container.name.clone(),
            id: container.id.clone(),
            image: ContainerImage::of(container),
        };
        Self {
            api_uid: pod.cgroup_uid.is_some().then(|| pod.uid.clone()),
            containers: pod.containers.iter().map(container).collect(),
        }
    }
}

/// `tracego.kubernetes.*` of a heartbeat: the watch of this node's pods.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct PodWatchReport {
    /// Whether the list of pods is current.
    pub connected: bool,
    /// Number of known pods.
    pub pods: u64,
    /// Number of pods that were left out: too many, too long, or not understood.
    pub left_out: u64,
    /// Failure of the last request; absent while requests succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(image: &str, image_id: &str) -> Option<ContainerImage> {
        ContainerImage::of(&ContainerFacts {
            image: image.to_owned(),
            image_id: image_id.to_owned(),
            ..ContainerFacts::default()
        })
    }

    #[test]
    fn an_image_is_cut_into_name_tag_and_digest() {
        let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
        let at = |name: &str| format!("{name}@{digest}");
        for (named, found, name, tag, digests, id) in [
            ("golang", "", "golang", None, vec![], None),
            ("golang:1.27", "", "golang", Some("1.27"), vec![], None),
            ("localhost:5000/a/b", "", "localhost:5000/a/b", None, vec![], None),
            ("localhost:5000/a/b:c", "", "localhost:5000/a/b", Some("c"), vec![], None),
            (&at("r.io/a:b"), "", "r.io/a", Some("b"), vec![at("r.io/a")], None),
            ("a:b", &at("docker.io/library/a"), "a", Some("b"), vec![at("docker.io/library/a")], None),
            ("a:b", &format!("docker-pullable://{}", at("a")), "a", Some("b"), vec![at("a")], None),
            ("a:b", digest, "a", Some("b"), vec![], Some(digest)),
            ("a", &format!("docker://{digest}"), "a", None, vec![], Some(digest)),
        ] {
            let image = image(named, found).unwrap();
            assert_eq!((image.name.as_str(), image.repo_digests), (name, digests), "{named} {found}");
            assert_eq!(
                (image.tags.first().map(String::as_str), image.id.as_deref()),
                (tag, id),
                "{named} {found}"
            );
        }
        assert_eq!((image("", digest), image("@", "")), (None, None));
    }
}
