//! The pod and the image of a container.

use serde::{Serialize, Serializer};
use tracego_model::record::{K8s, Record, kubernetes::ContainerImage};

use crate::format::{object::object, omit_fields::OmitFields};

/// The image of a container. OCSF requires an id: the digest, or the id in the runtime.
#[derive(Serialize)]
pub(super) struct OcsfImage<'a> {
    uid: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
}

impl<'a> OcsfImage<'a> {
    pub(super) fn of(image: &'a ContainerImage) -> Option<Self> {
        let uid = image.repo_digests.first().or(image.id.as_ref())?;
        Some(Self { uid, name: &image.name, tag: image.tags.first().map(String::as_str) })
    }
}

/// The pod, without what is in the container.
pub(super) struct LeanK8s<'a> {
    k8s: &'a K8s,
    has_container: bool,
    has_uid: bool,
}

impl<'a> LeanK8s<'a> {
    /// Returns the pod of a record, unless the container says everything about it.
    pub(super) fn of(record: &'a Record) -> Option<Self> {
        let k8s = &**record.shown_pod()?;
        let has_container = record.container.is_some();
        let has_uid = !has_container || k8s.pod.uid.len() != 36;
        (has_uid || !k8s.is_uid_alone()).then_some(Self { k8s, has_container, has_uid })
    }
}

impl Serialize for LeanK8s<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { k8s, has_container, has_uid } = self;
        let K8s {
            pod,
            namespace,
            node,
            container,
            deployment,
            replicaset,
            statefulset,
            daemonset,
            job,
            cronjob,
        } = k8s;
        let left_out: &[&str] = if *has_uid { &[] } else { &["uid"] };
        object! { serializer;
            "pod": OmitFields(pod, left_out),
            "namespace"? namespace.as_ref(),
            "node"? node.as_ref(),
            "container"? container.as_ref().filter(|_| !has_container),
            "deployment"? deployment.as_ref(),
            "replicaset"? replicaset.as_ref(),
            "statefulset"? statefulset.as_ref(),
            "daemonset"? daemonset.as_ref(),
            "job"? job.as_ref(),
            "cronjob"? cronjob.as_ref(),
        }
    }
}
