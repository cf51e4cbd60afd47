//! A node with containerd, the stand-in for the API, and tracego's own pod as helm makes it.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};
use tracego_tests::{
    chart::ChartTools,
    cri::{Containerd, ImageFolder, NodePod, PodVolumes},
    kube_api::KubeApi,
    ports::free_port,
    records, tracego, wait_until,
};

use super::workload;
use crate::metrics;

/// Number of programs that end at once.
const PROGRAMS: usize = 61;
/// The capabilities of the image's program: BPF, PERFMON, SYS_PTRACE and DAC_READ_SEARCH.
const CAPABILITIES: u64 = 0x00c0_0008_0004;
const TOKEN: &str = "token-of-the-account";
/// The version of Kubernetes that the chart is rendered for.
const VERSION: u32 = 37;

/// A node of a cluster.
pub(super) struct Node {
    pub(super) containerd: Containerd,
    pub(super) api: KubeApi,
    /// Name of tracego's image.
    image: String,
    /// Address of the metrics.
    address: SocketAddr,
    number: u32,
}

impl Node {
    /// Starts containerd and the API, and imports the images.
    pub(super) fn start(programs: usize) -> Self {
        Self::with_rights(programs, CAPABILITIES)
    }

    /// Starts a node whose image of tracego permits these capabilities to its program.
    fn with_rights(programs: usize, capabilities: u64) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let containerd = Containerd::start().unwrap();
        containerd.import(&workload::image(programs), workload::IMAGE).unwrap();
        let image =
            if let Some(archive) = std::env::var_os("TRACEGO_TEST_IMAGE").filter(|_| capabilities != 0) {
                let name = format!("localhost/tracego:{}", env!("CARGO_PKG_VERSION"));
                containerd.import_archive(&PathBuf::from(archive), &name).unwrap();
                name
            } else {
                let image = ImageFolder::new(&[tracego()]);
                if capabilities != 0 {
                    image.permit("/bin/tracego", capabilities);
                }
                containerd.import(&image.entry(&["/bin/tracego"]), "localhost/tracego:test").unwrap();
                "localhost/tracego:test".to_owned()
            };
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        Self { containerd, api: KubeApi::start_with_tls(TOKEN), image, address, number }
    }

    /// Returns the uid of a pod.
    pub(super) fn uid(&self, n: u32) -> String {
        workload::uid(self.number, n)
    }

    /// Starts the pod of the chart, with more values, and waits until its probes succeed.
    pub(super) fn agent(&self, values: &str) -> NodePod<'_> {
        let agent = self.unproven(values);
        let probes = agent.reported()["spec"]["containers"][0].clone();
        let path = |probe: &str| probes[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
        let paths = ["startupProbe", "livenessProbe", "readinessProbe"].map(path);
        let request =
            |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        wait_until("the probes succeed", || {
            let state = agent.state("tracego");
            assert_eq!(state.exit_code, None, "{state:?}: {}", agent.log("tracego", "stderr"));
            paths.iter().all(|path| {
                let stream = std::net::TcpStream::connect(self.address).ok();
                let answer = stream.and_then(|stream| metrics::exchange(stream, &request(path)));
                answer.is_some_and(|answer| answer.status == 200)
            })
        });
        agent
    }

    /// Starts the pod of the chart, with more values.
    fn unproven(&self, values: &str) -> NodePod<'_> {
        self.edited(values, |_| ())
    }

    /// Starts a pod like that of the chart.
    fn edited(&self, values: &str, edit: impl FnOnce(&mut Value)) -> NodePod<'_> {
        let (repository, tag) = self.image.rsplit_once(':').unwrap();
        let values = format!(
            "image: {{repository: {repository}, tag: {tag}}}\n\
             listen: {{address: 127.0.0.1, port: {}}}\n{values}",
            self.address.port()
        );
        let objects = ChartTools::ready().unwrap().objects(VERSION, &values);
        let of_kind = |kind: &str| objects.iter().find(|object| object["kind"] == kind).unwrap();
        let config_map = of_kind("ConfigMap");
        let template = &of_kind("DaemonSet")["spec"]["template"];
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
        pod["metadata"]["name"] = "tracego-x7k2p".into();
        pod["metadata"]["namespace"] = "tracego".into();
        pod["metadata"]["uid"] = self.uid(1).into();
        pod["spec"]["nodeName"] = "node-1".into();
        edit(&mut pod);
        self.api.put_json(pod.clone());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let url = self.api.url();
        let (host, port) = url.trim_start_matches("https://").split_once(':').unwrap();
        let files = config_map["data"].as_object().unwrap().iter();
        let account =
            [("token", TOKEN), ("ca.crt", self.api.certificate.as_ref().unwrap()), ("namespace", "tracego")];
        let service = [("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", port)];
        let volumes = PodVolumes {
            config_maps: BTreeMap::from([(
                text(&config_map["metadata"]["name"]),
                files.map(|(key, value)| (key.clone(), text(value))).collect(),
            )]),
            account: account.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            service: service.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        };
        let agent = NodePod::start(&self.containerd, pod, &volumes).unwrap();
        self.api.put_json(agent.reported());
        agent
    }
}

/// Returns the records that a container wrote.
pub(super) fn written(agent: &NodePod<'_>) -> Vec<Value> {
    let log = agent.log("tracego", "stdout");
    records(log.rfind('\n').map_or("", |end| &log[..end]))
}

pub(super) fn recorded() {
    let node = Node::start(PROGRAMS);
    let agent = node.agent("env: [{name: TRACEGO_DETAIL, value: full}]");
    confined(&agent, &node.uid(1));
    let gate = tempfile::tempdir().unwrap();
    let script = format!(
        "n=0; while [ $n -lt {PROGRAMS} ]; do (/programs/$n/short $n &); n=$((n + 1)); done; exec sleep infinity"
    );
    let pod = workload::pod(&node.uid(2), &script, gate.path());
    node.api.put_json(pod.clone());
    let work = NodePod::start(&node.containerd, pod, &PodVolumes::default()).unwrap();
    let reported = work.reported();
    node.api.put_json(reported.clone());
    wait_until("tracego knows the containers", || {
        written(&agent).iter().any(|record| {
            let pod = &record["tracego"]["pod"];
            record["k8s"]["pod"]["uid"] == node.uid(2) && pod["containers"][0]["id"].is_string()
        })
    });
    fs::write(gate.path().join("go"), "").unwrap();
    for container in ["build", "helper"] {
        let id = work.id(container);
        let starts = || -> Vec<Value> {
            let all = written(&agent).into_iter();
            let is = |record: &Value| {
                let path = record["process"]["executable"]["path"].as_str().unwrap_or_default();
                record["event_name"] == "tracego.process.start"
                    && record["container"]["id"] == id
                    && path.ends_with("/short")
            };
            all.filter(is).collect()
        };
        wait_until(&format!("the starts in {container}"), || starts().len() >= PROGRAMS);
        let starts = starts();
        assert_eq!(starts.len(), PROGRAMS);
        let mut paths: Vec<_> =
            starts.iter().map(|start| start["process"]["executable"]["path"].to_string()).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), PROGRAMS);
        for start in &starts {
            whole(start, container, id, &reported);
        }
    }
    agent.stop("tracego", 20);
    let state = agent.state("tracego");
    assert_eq!(state.exit_code, Some(0), "{state:?}: {}", agent.log("tracego", "stderr"));
}

/// An image that lost the attributes of its files gives no rights, the log says so, and `security.runAsRoot` is the way
/// out.
pub(super) fn without_attributes() {
    let node = Node::with_rights(0, 0);
    let agent = node.unproven("");
    wait_until("the end of tracego", || agent.state("tracego").exit_code.is_some());
    let errors = agent.log("tracego", "stderr");
    assert_eq!(agent.state("tracego").exit_code, Some(3), "{errors}");
    assert!(errors.contains("CAP_BPF is missing"), "{errors}");
    drop(agent);
    // A manifest without the group of the volumes.
    let agent = node.edited("security: {runAsRoot: true}", |pod| {
        pod["spec"]["securityContext"].as_object_mut().unwrap().remove("fsGroup");
    });
    wait_until("the end of tracego", || agent.state("tracego").exit_code.is_some());
    let errors = agent.log("tracego", "stderr");
    assert_eq!(agent.state("tracego").exit_code, Some(2), "{errors}");
    assert!(errors.contains("--spool-dir: ") && errors.contains("set fsGroup in the pod's"), "{errors}");
    drop(agent);
    let agent = node.agent("security: {runAsRoot: true}");
    let status = fs::read_to_string(format!("/proc/{}/status", agent.process("tracego"))).unwrap();
    let bounding = format!("CapBnd:\t{CAPABILITIES:016x}");
    for wanted in ["Uid:\t0\t0\t0\t0", &bounding, "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(wanted), "{wanted}: {status}");
    }
}

/// The process of tracego has no more rights than the chart says.
fn confined(agent: &NodePod<'_>, uid: &str) {
    let pid = agent.process("tracego");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let bounding = format!("CapBnd:\t{CAPABILITIES:016x}");
    let wanted =
        ["Uid:\t65532\t65532\t65532\t65532", "Gid:\t65532", &bounding, "NoNewPrivs:\t1", "Seccomp:\t2"];
    for wanted in wanted {
        assert!(status.contains(wanted), "{wanted}: {status}");
    }
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    assert!(root.split(' ').nth(5).unwrap().starts_with("ro"), "{root}");
    let link = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap();
    assert_eq!(link(&pid.to_string()), link("self"));
    let listed = Command::new("cat").arg(format!("/proc/{pid}/cgroup")).output().unwrap();
    let cgroup = format!("/kubepods/burstable/pod{}/{}", uid, agent.id("tracego"));
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&cgroup), "{cgroup}");
}

/// The record of a program of the job has everything that the runtime, the API and the job know.
fn whole(start: &Value, container: &str, id: &str, reported: &Value) {
    assert!(start["tracego"]["executable"]["unread"].is_null(), "{start:#}");
    assert_eq!(start["host"]["name"], "node-1", "{start:#}");
    // The name that the user has in the image.
    assert_eq!(start["process"]["user"]["name"], "builder", "{start:#}");
    assert!(start["process"]["executable"]["build_id"]["gnu"].is_string(), "{start:#}");
    let k8s = json!({
        "pod": {"uid": reported["metadata"]["uid"], "name": "runner-7-project-1-concurrent-0-x"},
        "namespace": {"name": "ci"}, "node": {"name": "node-1"}, "container": {"name": container},
    });
    assert_eq!(start["k8s"], k8s, "{start:#}");
    let statuses = reported["status"]["containerStatuses"].as_array().unwrap();
    let status = statuses.iter().find(|status| status["name"] == container).unwrap();
    let (name, tag) = workload::IMAGE.rsplit_once(':').unwrap();
    let image = json!({"name": name, "tags": [tag], "repo_digests": [status["imageID"]]});
    assert_eq!(start["container"], json!({"id": id, "image": image}), "{start:#}");
    let job = &start["tracego"]["job"];
    let task = &start["cicd"]["pipeline"]["task"]["run"]["id"];
    assert_eq!(
        (task, &start["vcs"]["ref"]["head"]["revision"]),
        (&json!("4711"), &json!(workload::COMMIT)),
        "{start:#}"
    );
    assert!(job["contradictions"].is_null(), "{start:#}");
    let source = |attribute: &str| {
        let sources = job["sources"].as_array().unwrap();
        sources.iter().find(|source| source["attribute"] == attribute).unwrap()["source"].clone()
    };
    let wanted = if container == "build" { "environment" } else { "pod.annotation" };
    assert_eq!(source("cicd.pipeline.task.run.id"), wanted, "{start:#}");
    assert_eq!(job["pod"], reported["metadata"]["uid"], "{start:#}");
}
