//! A pod of the API, made on this machine with the requests that kubelet sends to a runtime.

mod container;
mod volumes;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

pub use self::volumes::PodVolumes;
use super::{
    Containerd,
    messages::{
        ContainerStatus, ContainerStatusRequest, ContainerStatusResponse, CreateContainerRequest, EXITED,
        Empty, Identity, Int64Value, LinuxSandbox, NODE, NamespaceOption, RUNTIME_DEFAULT,
        RunPodSandboxRequest, SandboxConfig, SandboxMetadata, SandboxSecurityContext, SecurityProfile,
        StopContainerRequest,
    },
};
use crate::podman::cgroups::{remove_groups, trees};

/// The label that says which pod a sandbox or a container belongs to, without its last word.
const POD: &str = "io.kubernetes.pod.";

/// State of a container, as the runtime says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContainerState {
    /// Exit code, once the container has ended.
    pub exit_code: Option<i32>,
    /// Reason of an end that was no normal one, such as `OOMKilled`.
    pub reason: String,
}

/// A pod that runs on this machine. It is removed with the value.
pub struct NodePod<'a> {
    runtime: &'a Containerd,
    /// The pod as the API has it.
    pod: Value,
    sandbox: String,
    logs: PathBuf,
    /// Ids of the containers, by name.
    containers: BTreeMap<String, String>,
}

impl<'a> NodePod<'a> {
    /// Makes the sandbox of a pod, and starts its containers. The pod has `metadata` with name, namespace and uid, and a
    /// `spec` with `nodeName`. Its network is that of the node, because nothing here makes another one.
    ///
    /// # Errors
    /// Returns the reason why the runtime refuses anything.
    ///
    /// # Panics
    /// Panics if a file of the pod cannot be written, or its description lacks something.
    pub fn start(runtime: &'a Containerd, pod: Value, volumes: &PodVolumes) -> Result<Self, String> {
        let logs = runtime.folder().join("logs").join(name(&pod, "uid"));
        fs::create_dir_all(&logs).unwrap();
        let config = sandbox_config(&pod, &logs);
        let request = RunPodSandboxRequest { config: Some(config.clone()) };
        let made: Identity = runtime.service.call("RuntimeService/RunPodSandbox", request)?;
        let mut all = Self { runtime, pod, sandbox: made.id, logs, containers: BTreeMap::new() };
        let specs = all.pod["spec"]["containers"].as_array().unwrap().clone();
        for spec in &specs {
            let container = container::config(&all.pod, spec, volumes, runtime.folder());
            let request = CreateContainerRequest {
                pod_sandbox_id: all.sandbox.clone(),
                config: Some(container),
                sandbox_config: Some(config.clone()),
            };
            let made: Identity = runtime.service.call("RuntimeService/CreateContainer", request)?;
            let request = Identity { id: made.id.clone() };
            all.containers.insert(spec["name"].as_str().unwrap().to_owned(), made.id);
            let _started: Empty = runtime.service.call("RuntimeService/StartContainer", request)?;
        }
        Ok(all)
    }

    /// Returns the pod as the API has it when kubelet has reported its containers.
    ///
    /// # Panics
    /// Panics if the runtime does not answer.
    #[must_use]
    pub fn reported(&self) -> Value {
        let statuses = self.containers.iter().map(|(name, id)| {
            let status = self.status(name).0;
            json!({
                "name": name, "ready": true, "restartCount": 0, "containerID": format!("containerd://{id}"),
                "image": status.image.unwrap_or_default().image, "imageID": status.image_ref,
                "state": {"running": {"startedAt": "2026-11-30T08:00:00Z"}},
            })
        });
        let mut pod = self.pod.clone();
        pod["status"] = json!({"phase": "Running", "containerStatuses": statuses.collect::<Vec<_>>()});
        pod
    }

    /// Returns the id of a container.
    ///
    /// # Panics
    /// Panics if the pod has no such container.
    #[must_use]
    pub fn id(&self, container: &str) -> &str {
        &self.containers[container]
    }

    fn status(&self, container: &str) -> (ContainerStatus, BTreeMap<String, String>) {
        let container_id = self.containers[container].clone();
        let request = ContainerStatusRequest { container_id, verbose: true };
        let answer = self.runtime.service.call("RuntimeService/ContainerStatus", request);
        let answer: ContainerStatusResponse = answer.unwrap();
        (answer.status.unwrap_or_default(), answer.info)
    }

    /// Returns the state of a container.
    ///
    /// # Panics
    /// Panics if the runtime does not answer.
    #[must_use]
    pub fn state(&self, container: &str) -> ContainerState {
        let status = self.status(container).0;
        let exit_code = (status.state == EXITED).then_some(status.exit_code);
        ContainerState { exit_code, reason: status.reason }
    }

    /// Returns the id of the first process of a container.
    ///
    /// # Panics
    /// Panics if the runtime does not answer.
    #[must_use]
    pub fn process(&self, container: &str) -> u64 {
        let info: Value = serde_json::from_str(&self.status(container).1["info"]).unwrap();
        info["pid"].as_u64().unwrap()
    }

    /// Returns what a container wrote to a stream, `stdout` or `stderr`. The last line may be incomplete.
    #[must_use]
    pub fn log(&self, container: &str, stream: &str) -> String {
        let log = fs::read_to_string(self.logs.join(container).join("0.log")).unwrap_or_default();
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        let mut text = String::new();
        // Time, stream, whether the line is whole (F) or goes on (P), and the line.
        for line in whole.lines() {
            let mut parts = line.splitn(4, ' ');
            let (_time, of, tag) = (parts.next(), parts.next(), parts.next());
            if of == Some(stream) {
                text.push_str(parts.next().unwrap_or_default());
                text.push_str(if tag == Some("F") { "\n" } else { "" });
            }
        }
        text
    }

    /// Asks a container to end, and kills it after some seconds.
    ///
    /// # Panics
    /// Panics if the runtime cannot do that.
    pub fn stop(&self, container: &str, seconds: i64) {
        let container_id = self.containers[container].clone();
        let request = StopContainerRequest { container_id, timeout: seconds };
        let _stopped: Empty = self.runtime.service.call("RuntimeService/StopContainer", request).unwrap();
    }
}

impl Drop for NodePod<'_> {
    fn drop(&mut self) {
        for method in ["StopPodSandbox", "RemovePodSandbox"] {
            let request = Identity { id: self.sandbox.clone() };
            let done = self.runtime.service.call(&format!("RuntimeService/{method}"), request);
            let _removed: Result<Empty, String> = done;
        }
        std::thread::sleep(Duration::from_millis(20));
        let _absent = fs::remove_dir_all(volumes::folder(&self.pod, self.runtime.folder()));
        let group = cgroup(&self.pod);
        trees().iter().for_each(|tree| remove_groups(&tree.join(group.trim_start_matches('/'))));
    }
}

/// Returns a text of the pod's metadata.
fn name<'p>(pod: &'p Value, key: &str) -> &'p str {
    pod["metadata"][key].as_str().unwrap()
}

/// Returns the cgroup of a pod, below which its containers have theirs.
fn cgroup(pod: &Value) -> String {
    let specs = pod["spec"]["containers"].as_array().unwrap();
    let has_resources = specs.iter().any(|spec| !spec["resources"].is_null());
    let class = if has_resources { "burstable" } else { "besteffort" };
    format!("/kubepods/{class}/pod{}", name(pod, "uid"))
}

/// Returns the labels that kubelet gives to a sandbox and its containers.
fn labels(pod: &Value) -> BTreeMap<String, String> {
    ["name", "namespace", "uid"].map(|key| (format!("{POD}{key}"), name(pod, key).to_owned())).into()
}

fn pairs(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(key, text)| (key.clone(), text.as_str().unwrap().to_owned())).collect()
}

fn number(value: &Value) -> Option<Int64Value> {
    value.as_i64().map(|value| Int64Value { value })
}

/// Returns the namespaces of a pod or a container.
fn namespaces(pod: &Value) -> NamespaceOption {
    let own = super::messages::CONTAINER;
    let pid = if pod["spec"]["hostPID"] == true { NODE } else { own };
    NamespaceOption { network: NODE, pid, ipc: 0 }
}

fn sandbox_config(pod: &Value, logs: &Path) -> SandboxConfig {
    let context = &pod["spec"]["securityContext"];
    let security_context = SandboxSecurityContext {
        namespace_options: Some(namespaces(pod)),
        run_as_user: number(&context["runAsUser"]),
        run_as_group: number(&context["runAsGroup"]),
        supplemental_groups: context["fsGroup"].as_i64().into_iter().collect(),
        seccomp: Some(SecurityProfile { profile_type: RUNTIME_DEFAULT }),
    };
    let [pod_name, uid, namespace] = ["name", "uid", "namespace"].map(|key| name(pod, key).to_owned());
    let mut all_labels = labels(pod);
    all_labels.extend(pairs(&pod["metadata"]["labels"]));
    let mut annotations = pairs(&pod["metadata"]["annotations"]);
    annotations.insert("kubernetes.io/config.seen".to_owned(), "2026-11-30T08:00:00.000000000Z".to_owned());
    annotations.insert("kubernetes.io/config.source".to_owned(), "api".to_owned());
    SandboxConfig {
        metadata: Some(SandboxMetadata { name: pod_name, uid, namespace, attempt: 0 }),
        log_directory: logs.display().to_string(),
        labels: all_labels,
        annotations,
        linux: Some(LinuxSandbox { cgroup_parent: cgroup(pod), security_context: Some(security_context) }),
    }
}
