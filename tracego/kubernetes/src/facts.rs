//! The facts about a pod that records need, from its description in the API.

use std::collections::BTreeMap;

use tracego_model::input::pods::{ContainerFacts, PodFacts, PodTexts, Workload, WorkloadKind};

use crate::{
    api::{ContainerSpec, ContainerStatus, ObjectMeta, Pod},
    settings::PodWatchSettings,
};

/// Annotation of a static pod's copy: the uid that kubelet gives the pod itself.
const CONFIG_HASH: &str = "kubernetes.io/config.hash";
/// Label with the end of the name of a Deployment's ReplicaSet.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// Longest name or key.
const NAME_MAX: usize = 316;
/// Longest text of a label or an annotation.
const TEXT_MAX: usize = 2048;
/// Maximum number of containers of a pod, and of labels and of annotations that records show.
const PARTS_MAX: usize = 64;
/// Numbers of digits of the minutes since 1970 that a CronJob puts behind its name.
const MINUTES: std::ops::RangeInclusive<usize> = 8..=10;

/// Reads the facts about a pod. Returns `None` for a description without the names that every pod has.
pub(crate) fn facts(pod: Pod, settings: &PodWatchSettings) -> Option<PodFacts> {
    let Pod { metadata, spec, status } = pod;
    let is_name = |name: &String| (1..=NAME_MAX).contains(&name.len());
    if ![&metadata.uid, &metadata.name, &metadata.namespace].into_iter().all(is_name) {
        return None;
    }
    let hash = metadata.annotations.get(CONFIG_HASH);
    let cgroup_uid = hash.filter(|hash| is_name(hash) && **hash != metadata.uid).cloned();
    let workloads = workloads(&metadata);
    let known = |keys: &[&str], texts: &BTreeMap<String, String>| {
        let found = keys.iter().filter_map(|key| texts.get_key_value(*key));
        let fits = found.filter(|(_, text)| text.len() <= TEXT_MAX);
        fits.map(|(key, text)| (key.clone(), text.clone())).collect()
    };
    let job = PodTexts {
        labels: known(&settings.job_labels, &metadata.labels),
        annotations: known(&settings.job_annotations, &metadata.annotations),
    };
    let shown = PodTexts {
        labels: shown(metadata.labels, |key| settings.labels.has(key)),
        annotations: shown(metadata.annotations, |key| settings.annotations.has(key)),
    };
    let specs = [spec.init_containers, spec.containers, spec.ephemeral_containers];
    let statuses =
        [status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses];
    let containers =
        specs.into_iter().zip(statuses).flat_map(|(specs, statuses)| containers(specs, &statuses));
    Some(PodFacts {
        uid: metadata.uid,
        cgroup_uid,
        namespace: metadata.namespace,
        name: metadata.name,
        node: spec.node_name,
        ended: matches!(status.phase.as_str(), "Succeeded" | "Failed"),
        workloads,
        containers: containers.take(PARTS_MAX).collect(),
        shown,
        job,
    })
}

/// Returns the texts that records show; the end of a long one is cut.
fn shown(texts: BTreeMap<String, String>, is_shown: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let shown = texts.into_iter().filter(|(key, _)| key.len() <= NAME_MAX && is_shown(key));
    let cut = |mut text: String| {
        if text.len() > TEXT_MAX {
            text.truncate((0..=TEXT_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
            text.push('…');
        }
        text
    };
    shown.take(PARTS_MAX).map(|(key, text)| (key, cut(text))).collect()
}

/// Returns the facts about containers of one kind, in the order of the specification.
fn containers(specs: Vec<ContainerSpec>, statuses: &[ContainerStatus]) -> Vec<ContainerFacts> {
    let container = |spec: ContainerSpec| {
        let status = statuses.iter().find(|status| status.name == spec.name);
        // `containerd://<id>`
        let id = status.and_then(|status| status.container_id.rsplit_once("://")).map(|(_, id)| id);
        ContainerFacts {
            id: id.filter(|id| (1..=NAME_MAX).contains(&id.len())).map(str::to_owned),
            image_id: status.map_or(String::new(), |status| bounded(status.image_id.clone())),
            image: bounded(spec.image),
            name: spec.name,
        }
    };
    let named = specs.into_iter().filter(|spec| (1..=NAME_MAX).contains(&spec.name.len()));
    named.take(PARTS_MAX).map(container).collect()
}

fn bounded(text: String) -> String {
    if text.len() <= TEXT_MAX { text } else { String::new() }
}

/// Returns the workload that controls a pod, and the one above it where names tell.
fn workloads(metadata: &ObjectMeta) -> Vec<Workload> {
    let owner = metadata.owner_references.iter().find(|owner| owner.controller);
    let Some(owner) = owner.filter(|owner| (1..=NAME_MAX).contains(&owner.name.len())) else {
        return Vec::new();
    };
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = match (group, owner.kind.as_str()) {
        ("apps", "ReplicaSet") => WorkloadKind::ReplicaSet,
        ("apps", "StatefulSet") => WorkloadKind::StatefulSet,
        ("apps", "DaemonSet") => WorkloadKind::DaemonSet,
        ("batch", "Job") => WorkloadKind::Job,
        _ => return Vec::new(),
    };
    let above = match kind {
        WorkloadKind::ReplicaSet => {
            let hash = metadata.labels.get(TEMPLATE_HASH).filter(|hash| !hash.is_empty());
            let name = hash.and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'));
            name.map(|name| (WorkloadKind::Deployment, name))
        }
        WorkloadKind::Job => {
            let is_time = |end: &str| MINUTES.contains(&end.len()) && end.bytes().all(|b| b.is_ascii_digit());
            let parts = owner.name.rsplit_once('-').filter(|(_, end)| is_time(end));
            parts.map(|(name, _)| (WorkloadKind::CronJob, name))
        }
        _ => None,
    };
    let above = above.filter(|(_, name)| !name.is_empty());
    let workload = |(kind, name): (WorkloadKind, &str)| Workload { kind, name: name.to_owned() };
    above.into_iter().chain([(kind, owner.name.as_str())]).map(workload).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::KeyList;

    fn read(json: &serde_json::Value) -> Option<PodFacts> {
        let settings = PodWatchSettings {
            labels: KeyList(vec!["app".to_owned()]),
            annotations: KeyList(vec!["long".to_owned()]),
            job_labels: vec!["tekton.dev/taskRun"],
            job_annotations: vec!["buildUrl"],
            ..PodWatchSettings::default()
        };
        facts(serde_json::from_value(json.clone()).unwrap(), &settings)
    }

    fn named(kind: WorkloadKind, name: &str) -> Workload {
        Workload { kind, name: name.to_owned() }
    }

    #[test]
    fn a_pod_is_read_with_the_texts_that_are_asked_for_and_no_others() {
        let pod = serde_json::json!({
            "metadata": {
                "uid": "u", "name": "n", "namespace": "ns", "managedFields": [{}],
                "labels": {"app": "web", "tekton.dev/taskRun": "tr", "secret": "x"},
                "annotations": {"long": "ä".repeat(TEXT_MAX), "buildUrl": "b", "token": "x"},
            },
            "spec": {
                "nodeName": "node",
                "initContainers": [{"name": "init", "image": "busybox:1"}],
                "containers": [{"name": "main", "image": "golang:1.27", "env": [{"name": "A"}]}],
                "ephemeralContainers": null,
            },
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "main", "containerID": "containerd://abc", "imageID": "golang@sha256:1"},
                ],
            },
        });
        let facts = read(&pod).unwrap();
        assert_eq!((facts.shown.labels.len(), facts.shown.annotations.len()), (1, 1));
        assert_eq!(facts.shown.annotations["long"].len(), TEXT_MAX + '…'.len_utf8());
        assert_eq!(
            (&*facts.job.labels["tekton.dev/taskRun"], &*facts.job.annotations["buildUrl"]),
            ("tr", "b")
        );
        let ids: Vec<_> = facts.containers.iter().map(|c| (c.name.as_str(), c.id.as_deref())).collect();
        assert_eq!(ids, [("init", None), ("main", Some("abc"))]);
        assert_eq!((facts.containers[0].image.as_str(), facts.ended), ("busybox:1", false));
        assert!(!serde_json::to_string(&facts).unwrap().contains("secret"));
    }

    #[test]
    fn owners_are_followed_where_their_names_tell() {
        let of = |kind: &str, group: &str, name: &str, hash: &str| {
            let owner =
                serde_json::json!({"apiVersion": group, "kind": kind, "name": name, "controller": true});
            let labels = serde_json::json!({TEMPLATE_HASH: hash});
            let metadata = serde_json::json!({
                "uid": "u", "name": "n", "namespace": "s", "ownerReferences": [owner], "labels": labels
            });
            read(&serde_json::json!({"metadata": metadata})).unwrap().workloads
        };
        use WorkloadKind::{CronJob, DaemonSet, Deployment, Job, ReplicaSet, StatefulSet};
        assert_eq!(
            of("ReplicaSet", "apps/v1", "web-6d4b", "6d4b"),
            [named(Deployment, "web"), named(ReplicaSet, "web-6d4b")]
        );
        assert_eq!(of("ReplicaSet", "apps/v1", "web-6d4b", "other"), [named(ReplicaSet, "web-6d4b")]);
        assert_eq!(of("ReplicaSet", "apps/v1", "-6d4b", "6d4b"), [named(ReplicaSet, "-6d4b")]);
        assert_eq!(of("StatefulSet", "apps/v1", "db", ""), [named(StatefulSet, "db")]);
        assert_eq!(of("DaemonSet", "apps/v1", "log", ""), [named(DaemonSet, "log")]);
        assert_eq!(
            of("Job", "batch/v1", "nightly-29385600", ""),
            [named(CronJob, "nightly"), named(Job, "nightly-29385600")]
        );
        assert_eq!(of("Job", "batch/v1", "build-17", ""), [named(Job, "build-17")]);
        assert_eq!(of("TaskRun", "tekton.dev/v1", "tr", ""), []);
        assert_eq!(of("Job", "example.com/v1", "other", ""), []);
    }

    #[test]
    fn a_static_pod_has_the_uid_that_kubelet_gives_it() {
        let metadata = serde_json::json!({
            "uid": "u", "name": "n", "namespace": "s", "annotations": {CONFIG_HASH: "0123456789abcdef0123456789abcdef"}
        });
        let facts = read(&serde_json::json!({"metadata": metadata})).unwrap();
        assert_eq!((facts.uid_in_cgroups(), facts.uid.as_str()), ("0123456789abcdef0123456789abcdef", "u"));
        assert!(read(&serde_json::json!({"metadata": {"name": "n", "namespace": "s"}})).is_none());
    }
}
