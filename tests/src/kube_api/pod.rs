//! A pod as the API describes it.

use serde_json::{Value, json};

/// A pod with one container, of which tests choose what matters to them.
#[derive(Clone, Debug)]
pub struct PodDescription {
    /// Node of the pod.
    pub node: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub name: String,
    /// Uid of the pod.
    pub uid: String,
    /// Labels.
    pub labels: Vec<(String, String)>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
    /// Kind with its API group, and name, of the owner.
    pub owner: Option<(&'static str, &'static str, String)>,
    /// Name of the container, and its id once the runtime has made it.
    pub container: (String, Option<String>),
    /// Phase of the pod.
    pub phase: &'static str,
}

impl PodDescription {
    /// Describes a running pod of a node.
    #[must_use]
    pub fn new(node: &str, namespace: &str, name: &str, uid: &str) -> Self {
        Self {
            node: node.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            labels: Vec::new(),
            annotations: Vec::new(),
            owner: None,
            container: ("main".to_owned(), None),
            phase: "Running",
        }
    }

    /// Adds labels.
    #[must_use]
    pub fn labels(mut self, pairs: &[(&str, &str)]) -> Self {
        self.labels.extend(pairs.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())));
        self
    }

    /// Adds annotations.
    #[must_use]
    pub fn annotations(mut self, pairs: &[(&str, &str)]) -> Self {
        self.annotations.extend(pairs.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())));
        self
    }

    /// Sets the owner: API version, kind and name.
    #[must_use]
    pub fn owner(self, version: &'static str, kind: &'static str, name: &str) -> Self {
        Self { owner: Some((version, kind, name.to_owned())), ..self }
    }

    /// Sets name and id of the container.
    #[must_use]
    pub fn container(self, name: &str, id: Option<&str>) -> Self {
        Self { container: (name.to_owned(), id.map(str::to_owned)), ..self }
    }

    /// Returns the pod as the API writes it.
    #[must_use]
    pub fn json(&self) -> Value {
        let pairs = |pairs: &[(String, String)]| {
            Value::Object(pairs.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect())
        };
        let owners: Vec<Value> = self
            .owner
            .iter()
            .map(|(version, kind, name)| {
                json!({"apiVersion": version, "kind": kind, "name": name, "uid": "o", "controller": true})
            })
            .collect();
        let (name, id) = &self.container;
        let digest = "sha256:0f0e0d0c0b0a09080706050403020100ffeeddccbbaa99887766554433221100";
        let status = json!({
            "name": name, "ready": true, "restartCount": 0, "image": "docker.io/library/golang:1.27",
            "imageID": if id.is_some() { format!("docker.io/library/golang@{digest}") } else { String::new() },
            "containerID": id.as_ref().map_or(String::new(), |id| format!("containerd://{id}")),
            "state": {"running": {"startedAt": "2026-11-25T08:00:00Z"}},
        });
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.name, "namespace": self.namespace, "uid": self.uid,
                "creationTimestamp": "2026-11-25T08:00:00Z",
                "labels": pairs(&self.labels), "annotations": pairs(&self.annotations), "ownerReferences": owners,
                "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
            },
            "spec": {
                "nodeName": self.node,
                "containers": [{
                    "name": name, "image": "golang:1.27", "env": [{"name": "PASSWORD", "value": "secret-of-the-pod"}],
                }],
            },
            "status": {"phase": self.phase, "containerStatuses": [status]},
        })
    }
}
