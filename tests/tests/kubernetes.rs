//! The chart of `deploy/helm`: helm accepts it, Kubernetes knows every member of what it makes, and `deploy/kubernetes`
//! is what it makes.
//!
//! `TRACEGO_BLESS=1 cargo test -p tracego-tests --test kubernetes` writes `deploy/kubernetes`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, process::Command};

use libtest_mimic::{Arguments, Trial};
use tracego_tests::{
    ChildGuard,
    chart::{ChartTools, deploy, printed},
    kube_api::{KubeApi, PodDescription},
    tracego, trial, wait_until,
};

/// Minor versions of Kubernetes that the chart is for.
const VERSIONS: std::ops::RangeInclusive<u32> = 27..=37;
/// The version whose members `deploy/kubernetes` has.
const COMMITTED: u32 = 33;
/// Values that make everything that the chart can make.
const EVERYTHING: &str = r#"
kubernetes: {labels: [app, team.example/*], annotations: [note]}
secrets: [{name: a.b}]
trustedCertificates: {hostPath: /etc/ssl/certs}
spool: {kind: hostPath, hostPath: {init: {enabled: true}}}
podMonitor: {enabled: true, labels: {release: prometheus}}
networkPolicy: {enabled: true}
podAnnotations: {a: b}
podLabels: {c: d}
imagePullSecrets: [{name: x}]
serviceAccount: {annotations: {a: b}}
env: [{name: A, value: b}]
args: [--quiet]
affinity: {nodeAffinity: {}}
image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
"#;
/// Values with other parts left out.
const LITTLE: &str = r#"
spool: {kind: none}
security: {runAsRoot: true}
serviceAccount: {create: false}
existingConfigMap: mine
kubernetes: {enabled: false}
"#;

/// A check of the chart, with its name.
type ChartCheck = (&'static str, fn(&ChartTools));

fn accepted(tools: &ChartTools) {
    let output = tools.run_helm(&["lint", "--strict", "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The commands of docs/deploy.md that helm runs, as they stand there; nothing is sent to a cluster.
fn way(tools: &ChartTools) {
    let document = fs::read_to_string(deploy().join("../docs/deploy.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(fs::canonicalize(deploy()).unwrap(), folder.path().join("deploy")).unwrap();
    let block = |comment: &str| {
        let (_, after) = document.split_once(&format!("{comment}\n```")).unwrap();
        let (_, lines) = after.split_once('\n').unwrap();
        lines.split_once("```").unwrap().0.to_owned()
    };
    fs::write(folder.path().join("cluster.yaml"), block("<!-- file: cluster.yaml -->")).unwrap();
    let commands = block("<!-- run by: the tests of the chart -->");
    let commands: Vec<&str> = commands.lines().filter_map(|line| line.strip_prefix("$ helm ")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let mut helm = Command::new(&tools.helm);
        helm.args(command.split(' ')).current_dir(folder.path()).env_clear().env("HOME", folder.path());
        if command.starts_with("install ") {
            helm.arg("--dry-run=client");
        }
        let made = printed(&helm.output().unwrap());
        let image = "registry.example.com/tracego:";
        assert!(made.contains(image) || command.starts_with("lint "), "{command}: {made}");
    }
}

/// Every value has a type, and a name that the chart does not know is refused.
fn wrong(tools: &ChartTools) {
    for (value, named) in [
        ("spool.kind=disk", "spool"),
        ("listen.port=80", "port"),
        ("rbac.pods=true", "pods"),
        ("confg=x", "confg"),
        ("image.digest=sha256:1", "digest"),
        ("security.privileged=true", "privileged"),
    ] {
        let output = tools.run_helm(&["template", "tracego", "--set", value]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(named), "{value}: {error}");
    }
}

fn valid(tools: &ChartTools) {
    let file = tempfile::NamedTempFile::new().unwrap();
    for minor in VERSIONS {
        for values in ["", EVERYTHING, LITTLE] {
            let rendered = tools.rendered(minor, values);
            // A kind of Prometheus's operator, which Kubernetes itself does not know.
            let documents = rendered.split("\n---\n");
            let own: Vec<&str> =
                documents.filter(|document| !document.contains("kind: PodMonitor")).collect();
            fs::write(file.path(), own.join("\n---\n")).unwrap();
            let mut validate = Command::new(&tools.validate);
            validate.args(["--strict", "-k", &format!("1.{minor}.0")]).arg(file.path());
            let output = validate.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && !said.contains("WARN"),
                "1.{minor} {values}: {said}\n{rendered}"
            );
            let (field, annotation) = ("appArmorProfile:", "container.apparmor.security.beta");
            let (wanted, other) = if minor >= 30 { (field, annotation) } else { (annotation, field) };
            assert!(rendered.contains(wanted) && !rendered.contains(other), "1.{minor}: {rendered}");
        }
    }
}

/// The rights of the pod, which nothing may widen unseen.
fn restricted(tools: &ChartTools) {
    for values in ["", EVERYTHING] {
        let rendered = tools.rendered(*VERSIONS.end(), values);
        for wanted in [
            "add: [BPF, PERFMON, SYS_PTRACE, DAC_READ_SEARCH]",
            "drop: [ALL]",
            "runAsNonRoot: true",
            "runAsUser: 65532",
            "allowPrivilegeEscalation: false",
            "readOnlyRootFilesystem: true",
            "privileged: false",
            "hostNetwork: false",
            "hostPID: true",
            "type: RuntimeDefault",
        ] {
            assert!(rendered.contains(wanted), "{wanted}: {rendered}");
        }
        assert!(!rendered.contains("privileged: true") && !rendered.contains("SYS_ADMIN"), "{rendered}");
    }
    let plain = tools.rendered(*VERSIONS.end(), "");
    assert!(!plain.contains("hostPath:") && plain.contains("            - --kubernetes\n"), "{plain}");
    let rules = plain.split("rules:\n").nth(1).unwrap().split("---").next().unwrap();
    let pods = "  - apiGroups: [\"\"]\n    resources: [pods]\n    verbs: [get, list, watch]\n";
    assert_eq!((rules, plain.matches("rules:").count()), (pods, 1), "{plain}");
    let chosen = tools.rendered(*VERSIONS.end(), EVERYTHING);
    let lists = ["--kubernetes-labels=app,team.example/*", "--kubernetes-annotations=note"];
    assert!(lists.iter().all(|list| chosen.contains(list)), "{chosen}");
    // Without the watch there is no access at all.
    let none = tools.rendered(*VERSIONS.end(), LITTLE);
    assert!(!none.contains("ClusterRole") && !none.contains("--kubernetes"), "{none}");
    assert!(none.contains("automountServiceAccountToken: false"), "{none}");
}

/// The manifests are for those who do not use helm.
fn committed(tools: &ChartTools) {
    let rendered = tools.rendered(COMMITTED, "");
    let of_helm = ["# Source:", "helm.sh/chart:", "app.kubernetes.io/managed-by:"];
    let kept =
        rendered.lines().filter(|line| !of_helm.iter().any(|name| line.trim_start().starts_with(name)));
    let head = "# Made from the chart in deploy/helm by the test `kubernetes`; do not edit.";
    let made = std::iter::once(head).chain(kept).collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n";
    let file = deploy().join("kubernetes/tracego.yaml");
    if std::env::var_os("TRACEGO_BLESS").is_some() {
        fs::write(&file, &made).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(there == made, "{} is not what the chart makes: TRACEGO_BLESS=1 writes it", file.display());
    for name in ["namespace.yaml", "tracego.yaml"] {
        let mut validate = Command::new(&tools.validate);
        validate.args(["--strict", "--no-warn", "-k"]).arg(format!("1.{COMMITTED}.0"));
        let output = validate.arg(deploy().join("kubernetes").join(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// The stand-in for the API, which tests of the watch rely on, is one that kubectl lists and watches.
fn kubectl(tools: &ChartTools) {
    let api = KubeApi::start();
    api.put(&PodDescription::new("node-1", "ci", "first", "u1").labels(&[("app", "web")]));
    api.put(&PodDescription::new("node-2", "ci", "other", "u2"));
    let folder = tempfile::tempdir().unwrap();
    let config = api.kubeconfig(folder.path());
    let asked = |more: &[&str]| {
        let mut command = Command::new(&tools.kubectl);
        command.args(["get", "pods", "--all-namespaces", "--field-selector", "spec.nodeName=node-1"]);
        command.args(more).env_clear().env("HOME", folder.path()).env("KUBECONFIG", &config);
        command
    };
    let columns =
        "-o=custom-columns=N:.metadata.name,U:.metadata.uid,L:.metadata.labels.app,I:.spec.nodeName";
    let listed = printed(&asked(&["--no-headers", columns]).output().unwrap());
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), ["first", "u1", "web", "node-1"], "{listed}");
    let output = "-o=jsonpath={.type} {.object.metadata.name}{\"\\n\"}";
    let mut watching = asked(&["--watch", "--output-watch-events", output]);
    let file = folder.path().join("watched");
    let watching = watching.stdout(fs::File::create(&file).unwrap()).stderr(std::process::Stdio::null());
    let _ended = ChildGuard(watching.spawn().unwrap());
    let seen = |line: &str| fs::read_to_string(&file).unwrap_or_default().lines().any(|seen| seen == line);
    wait_until("kubectl watches", || seen("ADDED first") && api.counts().1 > 0);
    api.put(&PodDescription::new("node-1", "ci", "second", "u3"));
    api.bookmark();
    api.put(&PodDescription::new("node-1", "ci", "first", "u1"));
    api.delete("ci", "second");
    for line in ["ADDED second", "MODIFIED first", "DELETED second"] {
        wait_until(line, || seen(line));
    }
    assert!(!seen("ADDED other"));
}

/// The configuration that the chart brings is one that tracego accepts.
fn configuration() {
    let manifests = fs::read_to_string(deploy().join("kubernetes/tracego.yaml")).unwrap();
    let (_, after) = manifests.split_once("tracego.toml: |\n").unwrap();
    let lines = after.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let config: Vec<&str> = lines.map(|line| line.get(4..).unwrap_or_default()).collect();
    assert!(config.len() >= 3, "{config:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), config.join("\n")).unwrap();
    let _said =
        printed(&Command::new(tracego()).args(["config", "check"]).arg(file.path()).output().unwrap());
}

fn main() {
    let tools = ChartTools::ready();
    let missing = tools.as_ref().err().cloned();
    let checks: [ChartCheck; 7] = [
        ("helm accepts the chart", accepted),
        ("the document's commands of helm do what it says", way),
        ("helm refuses values that the chart does not know", wrong),
        ("Kubernetes knows every member from 1.27 to 1.37", valid),
        ("the pod has four capabilities and no root", restricted),
        ("deploy/kubernetes is what the chart makes", committed),
        ("kubectl reads the API that tests of the watch have", kubectl),
    ];
    let with_tools = checks.map(|(name, check)| {
        let tools = tools.clone();
        trial(name, missing.clone(), move || check(&tools.unwrap()))
    });
    let mut trials: Vec<Trial> = with_tools.into();
    trials.push(trial("the configuration of deploy/kubernetes is accepted", None, configuration));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
