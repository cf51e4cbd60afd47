//! The facts about a pod that records need, from its description in the API.

use std::collections::BTreeMap;

use tracego_model::input::pods::{ContainerFacts, PodFacts, PodTexts, Workload, WorkloadKind};

use crate::{
    api::{ApiPod, ContainerSpec, ContainerStatus, ObjectMeta},
    settings::PodWatchSettings,
};

/// Annotations of a static pod's copy: both hold the uid that kubelet gives the pod itself. The first one can be put on
/// any pod; the API lets nobody add the second one to a pod that is there (pkg/apis/core/validation,
/// `ValidatePodSpecificAnnotationUpdates`).
const CONFIG_HASH: &str = "kubernetes.io/config.hash";
const CONFIG_MIRROR: &str = "kubernetes.io/config.mirror";
/// Number of hexadecimal digits of such a uid. Those of other pods have dashes.
const HASH_LEN: usize = 32;
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
pub(crate) fn facts(pod: ApiPod, settings: &PodWatchSettings) -> Option<PodFacts> {
    let ApiPod { metadata, spec, status } = pod;
    let is_name = |name: &String| (1..=NAME_MAX).contains(&name.len());
    if ![&metadata.uid, &metadata.name, &metadata.namespace].into_iter().all(is_name) {
        return None;
    }
    let hash = metadata.annotations.get(CONFIG_HASH);
    let is_hash = |text: &String| {
        text.len() == HASH_LEN && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mirror = metadata.annotations.get(CONFIG_MIRROR);
    let cgroup_uid = hash.filter(|hash| is_hash(hash) && mirror == Some(*hash)).cloned();
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
    use crate::{api::watch_event::WatchEvent, settings::KeyList};

    const HASH: &str = "0123456789abcdef0123456789abcdef";

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

    proptest::proptest! {
        #[test]
        fn any_answer_is_bounded(
            at in 0_usize..400, with in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
            long in 0_usize..5000, many in 0_usize..200,
        ) {
            let labels: BTreeMap<String, String> =
                (0..many).map(|n| (format!("app{n}"), "x".repeat(long))).collect();
            let status = serde_json::json!([{"name": "c", "containerID": "containerd://a", "imageID": "x"}]);
            let pod = serde_json::json!({
                "metadata": {"uid": "u", "name": "n", "namespace": "s", "annotations": labels, "labels": labels},
                "spec": {"nodeName": "n", "containers": vec![serde_json::json!({"name": "c", "image": "i:1"}); many]},
                "status": {"phase": "Running", "containerStatuses": status}
            });
            let mut line = serde_json::json!({"type": "ADDED", "object": pod}).to_string().into_bytes();
            let end = (at + with.len()).min(line.len());
            line.splice(at.min(end)..end, with);
            let any = KeyList(vec!["*".to_owned()]);
            let settings =
                PodWatchSettings { labels: any.clone(), annotations: any, ..PodWatchSettings::default() };
            if let Ok(WatchEvent::Present(pod)) = WatchEvent::parse(&line)
                && let Some(facts) = facts(*pod, &settings)
            {
                let shown = [&facts.shown.labels, &facts.shown.annotations];
                assert!(shown.iter().all(|texts| texts.len() <= PARTS_MAX));
                let texts = shown.iter().flat_map(|texts| texts.values());
                assert!(texts.map(String::len).max().unwrap_or_default() <= TEXT_MAX + 3);
                assert!(facts.containers.len() <= PARTS_MAX);
            }
        }
    }

    #[test]
    fn a_static_pod_alone_has_the_uid_that_kubelet_gives_it() {
        let metadata = serde_json::json!({
            "uid": "u", "name": "n", "namespace": "s",
            "annotations": {CONFIG_HASH: HASH, CONFIG_MIRROR: HASH}
        });
        let facts = read(&serde_json::json!({"metadata": metadata})).unwrap();
        assert_eq!((facts.uid_in_cgroups(), facts.uid.as_str()), (HASH, "u"));
        // Nobody takes the uid of another pod.
        let other = "8f2b6e1c-0d3a-4b5c-9e7f-1a2b3c4d5e6f";
        for annotations in [
            serde_json::json!({CONFIG_HASH: HASH}),
            serde_json::json!({CONFIG_MIRROR: HASH}),
            serde_json::json!({CONFIG_HASH: other, CONFIG_MIRROR: other}),
            serde_json::json!({CONFIG_HASH: HASH, CONFIG_MIRROR: other}),
        ] {
            let metadata = serde_json::json!({
                "uid": "u", "name": "n", "namespace": "s", "annotations": annotations
            });
            let facts = read(&serde_json::json!({"metadata": metadata})).unwrap();
            assert_eq!(facts.uid_in_cgroups(), "u", "{annotations}");
        }
        assert!(read(&serde_json::json!({"metadata": {"name": "n", "namespace": "s"}})).is_none());
    }
}
