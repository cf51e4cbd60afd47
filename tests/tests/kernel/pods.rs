//! Programs in cgroups of pods, with a stand-in for the Kubernetes API.

use std::{fs, process::Command, thread::sleep, time::Duration};

use serde_json::{Value, json};
use tracego_tests::{
    args,
    kube_api::{Fault, KubeApi, PodDescription},
    pod_cgroup::PodCgroup,
    records, remove_job, tracego, wait_until,
};

use crate::{Test, containers::watch::Watch};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("programs in a pod have its names, its image and its workload", names),
    ("a pod of Tekton names the job of its programs", tekton),
    ("a pod of GitLab is a second witness of the job, and contradicts a forged one", gitlab),
    ("without an answer of the Kubernetes API programs are recorded, and it is told", unanswered),
    ("the Kubernetes API is asked with the token and the certificate of the account", account),
    ("a replay finds the pods that the capture holds", replayed),
    ("a job that a pod names is sealed when the pod has ended", sealed),
];

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Returns an id of a container that no other test has.
fn id(n: u32) -> String {
    format!("{:056x}{n:08x}", std::process::id())
}

/// Returns a uid of a pod that no other test has.
fn uid(n: u32) -> String {
    format!("8a1b7c2d-1111-4222-8333-{:06x}{n:06x}", std::process::id() & 0xff_ffff)
}

fn pod(name: &str, n: u32) -> PodDescription {
    PodDescription::new("node-1", "ci", name, &uid(n)).container("main", Some(&id(n)))
}

/// The options of a tracego on the node.
fn options(api: &KubeApi) -> Vec<String> {
    ["--kubernetes", "--host-name", "node-1", "--kubernetes-api", &api.url()].map(str::to_owned).into()
}

fn watch(api: &KubeApi, more: &[&str]) -> Watch {
    let options = options(api);
    let options: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Watch::new("/bin/true", &options)
}

/// Waits for the record of a pod, and returns it.
fn pod_record(watch: &Watch, name: &str) -> Value {
    let mut found = None;
    wait_until(&format!("the record of pod {name}"), || {
        let is =
            |record: &Value| record["event_name"] == "tracego.pod" && record["k8s"]["pod"]["name"] == name;
        found = watch.records().into_iter().rfind(is);
        found.is_some()
    });
    found.unwrap()
}

/// Runs the program in a pod, with variables, and returns its record.
fn run(watch: &Watch, n: u32, name: &str, variables: &[(&str, &str)]) -> Value {
    let cgroup = PodCgroup::new(&uid(n), &id(n));
    let mut command = cgroup.command(watch.program.to_str().unwrap(), &[name]);
    remove_job(&mut command);
    let status = command.envs(variables.iter().copied()).status().unwrap();
    assert!(status.success(), "{name}: {status}");
    watch.start(name)
}

fn names() {
    let api = KubeApi::start();
    let web = pod("web-6d4b-x", 1).owner("apps/v1", "ReplicaSet", "web-6d4b");
    let web = web.labels(&[("pod-template-hash", "6d4b"), ("team/name", "shop"), ("app", "web")]);
    api.put(&web.annotations(&[("note", "hello"), ("secret", "of-the-pod")]));
    api.put(&PodDescription::new("node-2", "ci", "elsewhere", &uid(2)));
    let watch = watch(&api, &["--kubernetes-labels", "team/*", "--kubernetes-annotations", "note"]);
    let record = pod_record(&watch, "web-6d4b-x");
    assert_eq!(record["tracego"]["pod"]["containers"][0]["id"], id(1), "{record:#}");
    let record = run(&watch, 1, "in-the-pod", &[]);
    let named = |name: &str| json!({"name": name});
    let wanted = json!({
        "pod": {"uid": uid(1), "name": "web-6d4b-x", "label": {"team/name": "shop"}, "annotation": {"note": "hello"}},
        "namespace": named("ci"), "node": named("node-1"), "container": named("main"),
        "deployment": named("web"), "replicaset": named("web-6d4b"),
    });
    assert_eq!(record["k8s"], wanted, "{record:#}");
    assert_eq!((&record["container"]["id"], &record["host"]["name"]), (&json!(id(1)), &json!("node-1")));
    let image = &record["container"]["image"];
    assert_eq!((&image["name"], &image["tags"]), (&json!("golang"), &json!(["1.27"])), "{record:#}");
    assert!(image["repo_digests"][0].as_str().unwrap().starts_with("docker.io/library/golang@sha256:"));
    assert!(record["cicd"].is_null() && record["tracego"]["job"].is_null(), "{record:#}");
    // The static pod of a kubelet, whose copy in the API has another uid.
    let hash = format!("0123456789abcdef0123456789{:06x}", std::process::id() & 0xff_ffff);
    let of_kubelet = PodDescription::new("node-1", "kube-system", "etcd-node-1", &uid(3));
    api.put(
        &of_kubelet
            .annotations(&[("kubernetes.io/config.hash", &hash), ("kubernetes.io/config.mirror", &hash)])
            .container("etcd", Some(&id(3))),
    );
    assert_eq!(pod_record(&watch, "etcd-node-1")["tracego"]["pod"]["api_uid"], uid(3));
    let cgroup = PodCgroup::new(&hash, &id(3));
    assert!(cgroup.command(watch.program.to_str().unwrap(), &["static"]).status().unwrap().success());
    let record = watch.start("static");
    assert_eq!(
        (&record["k8s"]["pod"]["name"], &record["k8s"]["pod"]["uid"]),
        (&json!("etcd-node-1"), &json!(hash))
    );
    assert_eq!(record["k8s"]["container"]["name"], "etcd", "{record:#}");
    // A pod of which the API has said nothing.
    let record = run(&watch, 4, "unknown", &[]);
    assert_eq!(record["k8s"], json!({"pod": {"uid": uid(4)}}), "{record:#}");
    let all = watch.records().iter().map(Value::to_string).collect::<String>();
    assert!(!all.contains("of-the-pod") && !all.contains("elsewhere"));
}

fn tekton() {
    let api = KubeApi::start();
    let labels = [
        ("tekton.dev/pipeline", "build"),
        ("tekton.dev/pipelineRun", "build-x1"),
        ("tekton.dev/pipelineTask", "unit"),
        ("tekton.dev/taskRun", "build-x1-unit"),
        ("tekton.dev/taskRunUID", "c-d"),
        ("pipelinesascode.tekton.dev/sha", COMMIT),
    ];
    // The runtime has not made the container yet.
    api.put(&pod("build-x1-unit-pod", 11).labels(&labels).container("step-test", None));
    let watch = watch(&api, &[]);
    let record = pod_record(&watch, "build-x1-unit-pod");
    assert_eq!(record["cicd"]["system"]["component"], "tekton", "{record:#}");
    let record = run(&watch, 11, "early", &[]);
    assert!(
        record["k8s"]["container"].is_null() && record["cicd"]["pipeline"]["task"]["name"] == "unit",
        "{record:#}"
    );
    api.put(&pod("build-x1-unit-pod", 11).labels(&labels).container("step-test", Some(&id(11))));
    wait_until("the id of the container", || {
        pod_record(&watch, "build-x1-unit-pod")["tracego"]["pod"]["containers"][0]["id"] == id(11)
    });
    let record = run(&watch, 11, "later", &[]);
    assert_eq!(record["k8s"]["container"]["name"], "step-test");
    let cicd = json!({
        "pipeline": {
            "name": "build", "run": {"id": "build-x1"}, "task": {"name": "unit", "run": {"id": "c-d"}},
        },
        "system": {"component": "tekton"},
    });
    assert_eq!(record["cicd"], cicd, "{record:#}");
    assert_eq!(record["vcs"]["ref"]["head"]["revision"], COMMIT);
    let job = &record["tracego"]["job"];
    assert_eq!(
        (&job["opened_by"], &job["pod"], job["root"].is_null()),
        (&json!("pod"), &json!(uid(11)), true)
    );
    let source = json!({
        "attribute": "vcs.ref.head.revision", "source": "pod.label", "trust": "claimed",
        "variable": "pipelinesascode.tekton.dev/sha",
    });
    assert_eq!(job["sources"][0], source, "{record:#}");
}

fn gitlab() {
    let api = KubeApi::start();
    let job = pod("runner-7", 21).labels(&[
        ("job.runner.gitlab.com/pod", "runner-7"),
        ("project.runner.gitlab.com/namespace", "shop"),
        ("project.runner.gitlab.com/name", "api"),
    ]);
    api.put(&job.annotations(&[
        ("job.runner.gitlab.com/id", "4711"),
        ("job.runner.gitlab.com/url", "https://gitlab.example/shop/api/-/jobs/4711"),
        ("job.runner.gitlab.com/sha", COMMIT),
    ]));
    let watch = watch(&api, &[]);
    pod_record(&watch, "runner-7");
    let honest = [
        ("GITLAB_CI", "true"),
        ("CI_JOB_ID", "4711"),
        ("CI_COMMIT_SHA", COMMIT),
        ("CI_PROJECT_URL", "https://gitlab.example/shop/api"),
    ];
    let record = run(&watch, 21, "both", &honest);
    let task = |record: &Value| record["cicd"]["pipeline"]["task"]["run"]["id"].clone();
    let source = |record: &Value, attribute: &str| {
        let sources = record["tracego"]["job"]["sources"].as_array().unwrap().clone();
        sources.into_iter().find(|source| source["attribute"] == attribute).unwrap()
    };
    assert_eq!(
        (task(&record), &record["tracego"]["job"]["opened_by"]),
        (json!("4711"), &json!("pod")),
        "{record:#}"
    );
    assert!(record["tracego"]["job"]["contradictions"].is_null(), "{record:#}");
    assert_eq!(source(&record, "cicd.pipeline.task.run.id")["source"], "environment");
    assert_eq!(source(&record, "cicd.pipeline.task.run.url.full")["source"], "pod.annotation");
    // A helper, a service container, or a shell of `kubectl exec`.
    let record = run(&watch, 21, "no-variables", &[]);
    assert_eq!((task(&record), &record["vcs"]["ref"]["head"]["revision"]), (json!("4711"), &json!(COMMIT)));
    assert_eq!(source(&record, "cicd.pipeline.task.run.id")["source"], "pod.annotation", "{record:#}");
    let forged = [
        ("GITLAB_CI", "true"),
        ("CI_JOB_ID", "666"),
        ("CI_COMMIT_SHA", "ffffffffffffffffffffffffffffffffffffffff"),
        ("CI_PROJECT_URL", "https://gitlab.example/evil/api"),
    ];
    let record = run(&watch, 21, "forged", &forged);
    let contradictions = record["tracego"]["job"]["contradictions"].as_array().unwrap();
    let shown: Vec<_> = contradictions
        .iter()
        .map(|one| {
            ["attribute", "environment", "pod", "source", "trust"].map(|key| one[key].as_str().unwrap())
        })
        .collect();
    let (url, evil) = ("vcs.repository.url.full", "https://gitlab.example/evil/api");
    assert_eq!(
        shown,
        [
            ["vcs.ref.head.revision", forged[2].1, COMMIT, "pod.annotation", "claimed"],
            ["cicd.pipeline.task.run.id", "666", "4711", "pod.annotation", "claimed"],
            [url, evil, "https://gitlab.example/shop/api", "pod.annotation", "claimed"],
            [url, evil, "shop/api", "pod.label", "protected"],
        ],
        "{record:#}"
    );
    let findings = record["tracego"]["findings"].as_array().unwrap().iter();
    let found: Vec<_> = findings.filter(|finding| finding["variant"] == "contradicts-pod").collect();
    let about =
        |attribute: &str| found.iter().find(|finding| finding["evidence"]["attribute"] == attribute).unwrap();
    assert_eq!((about(url)["confidence"].as_str(), found.len()), (Some("high"), 3), "{record:#}");
    assert_eq!(about(url)["evidence"]["pod.key"], "project.runner.gitlab.com/name");
}

fn unanswered() {
    let api = KubeApi::start();
    api.put(&pod("late", 31));
    api.fail([403, 500].repeat(60).into_iter().map(|code| Fault::Status(code, Some(1))));
    let watch = watch(&api, &["--heartbeat", "1"]);
    let record = run(&watch, 31, "before", &[]);
    assert_eq!(record["k8s"], json!({"pod": {"uid": uid(31)}}), "{record:#}");
    let beat = |is: &dyn Fn(&Value) -> bool| {
        wait_until("a heartbeat", || {
            let records = watch.records();
            let mut beats = records.iter().filter(|record| record["event_name"] == "tracego.heartbeat");
            beats.any(|beat| is(&beat["tracego"]["kubernetes"]))
        });
    };
    beat(&|kubernetes| {
        kubernetes["connected"] == false
            && kubernetes["error"].as_str().is_some_and(|text| text.contains("of pods"))
    });
    api.heal();
    pod_record(&watch, "late");
    beat(&|kubernetes| {
        kubernetes["connected"] == true && kubernetes["pods"] == 1 && kubernetes["error"].is_null()
    });
    assert_eq!(run(&watch, 31, "after", &[])["k8s"]["pod"]["name"], "late");
}

fn account() {
    let api = KubeApi::start_with_tls("token-of-the-account");
    api.put(&pod("a", 41));
    let folder = tempfile::tempdir().unwrap();
    let (ca, token) = (folder.path().join("ca.crt"), folder.path().join("token"));
    fs::write(&ca, api.certificate.as_ref().unwrap()).unwrap();
    fs::write(&token, "token-of-the-account\n").unwrap();
    let socket = folder.path().join("metrics");
    let listen = format!("unix:{}", socket.display());
    let files = ["--kubernetes-ca", ca.to_str().unwrap(), "--kubernetes-token", token.to_str().unwrap()];
    let watch = watch(&api, &[&files[..], &["--listen", &listen]].concat());
    pod_record(&watch, "a");
    let metrics = || {
        let mut curl = Command::new("curl");
        curl.arg("--silent").arg("--unix-socket").arg(&socket).arg("http://x/metrics");
        String::from_utf8_lossy(&curl.output().unwrap().stdout).into_owned()
    };
    wait_until("metrics of the watch", || {
        let text = metrics();
        ["tracego_kubernetes_up 1", "tracego_kubernetes_pods 1"].iter().all(|line| text.contains(line))
    });
    let all = watch.records().iter().map(Value::to_string).collect::<String>();
    assert!(!all.contains("token-of-the-account"));
}

fn replayed() {
    let api = KubeApi::start();
    api.put(&pod("captured", 51).labels(&[("tekton.dev/taskRun", "once")]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture");
    let cgroup = PodCgroup::new(&uid(51), &id(51));
    let inside = cgroup.command("/bin/true", &["inside"]);
    let mut capture = Command::new(tracego());
    capture.args(["capture", file.to_str().unwrap()]).args(options(&api)).arg("--");
    // The list of pods takes a moment.
    capture
        .args(["/bin/sh", "-c", "sleep 2; exec \"$0\" \"$@\""])
        .arg(inside.get_program())
        .args(inside.get_args());
    remove_job(&mut capture);
    let output = capture.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut replay = Command::new(tracego());
    replay.args(["replay", file.to_str().unwrap(), "--output", "json", "--detail", "full"]);
    let output = replay.output().unwrap();
    let all = records(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(all.iter().filter(|record| record["event_name"] == "tracego.pod").count(), 1);
    let is = |record: &&Value| {
        record["process"]["command_args"].is_array() && args(record).last() == Some(&"inside")
    };
    let last = all.iter().rfind(is).unwrap();
    assert_eq!(
        (&last["k8s"]["pod"]["name"], &last["k8s"]["container"]["name"]),
        (&json!("captured"), &json!("main"))
    );
    assert_eq!(last["cicd"]["pipeline"]["task"]["run"]["id"], "once", "{last:#}");
}

fn sealed() {
    let api = KubeApi::start();
    let labels = [("tekton.dev/taskRun", "once")];
    api.put(&pod("sealed", 61).labels(&labels));
    let watch = watch(&api, &["--seal", "--seal-interval", "1"]);
    pod_record(&watch, "sealed");
    run(&watch, 61, "one", &[]);
    let seals = || {
        let is = |record: &Value| {
            record["event_name"] == "tracego.seal" && record["tracego"]["seal"]["job"] == uid(61)
        };
        watch.records().into_iter().filter(is).collect::<Vec<_>>()
    };
    sleep(Duration::from_secs(2));
    assert_eq!(seals().len(), 0);
    api.put(&PodDescription { phase: "Succeeded", ..pod("sealed", 61).labels(&labels) });
    wait_until("the seal of the job", || !seals().is_empty());
    let seal = &seals()[0];
    assert_eq!(seal["cicd"]["pipeline"]["task"]["run"]["id"], "once", "{seal:#}");
    assert!(seal["tracego"]["seal"]["records"].as_u64().unwrap() >= 2, "{seal:#}");
}
