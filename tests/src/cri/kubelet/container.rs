//! A container of a pod: what kubelet makes of its part of the specification.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use super::{PodVolumes, labels, namespaces, number};
use crate::cri::messages::{
    Capability, ContainerConfig, ContainerMetadata, ContainerResources, ContainerSecurityContext, ImageSpec,
    KeyValue, LinuxContainer, RUNTIME_DEFAULT, SecurityProfile, UNCONFINED,
};

/// Paths that nobody sees, as kubelet has them for the default of `procMount`.
const MASKED: [&str; 9] = [
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];
/// Paths that nobody writes to, likewise.
const READ_ONLY: [&str; 6] =
    ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Returns the container that kubelet asks for. `folder` holds the files of volumes.
pub(super) fn config(pod: &Value, spec: &Value, volumes: &PodVolumes, folder: &Path) -> ContainerConfig {
    let name = spec["name"].as_str().unwrap();
    let mut all_labels = labels(pod);
    all_labels.insert("io.kubernetes.container.name".to_owned(), name.to_owned());
    let seconds = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30).to_string();
    let annotations = [
        ("io.kubernetes.container.hash", "8e1bcb3d"),
        ("io.kubernetes.container.restartCount", "0"),
        ("io.kubernetes.container.terminationMessagePath", "/dev/termination-log"),
        ("io.kubernetes.container.terminationMessagePolicy", "File"),
        ("io.kubernetes.pod.terminationGracePeriod", &seconds),
    ];
    ContainerConfig {
        metadata: Some(ContainerMetadata { name: name.to_owned(), attempt: 0 }),
        image: Some(ImageSpec { image: spec["image"].as_str().unwrap().to_owned() }),
        command: texts(&spec["command"]),
        args: texts(&spec["args"]),
        envs: variables(pod, spec, volumes),
        mounts: volumes.mounts(pod, spec, folder),
        labels: all_labels,
        annotations: BTreeMap::from(annotations.map(|(key, text)| (key.to_owned(), text.to_owned()))),
        log_path: format!("{name}/0.log"),
        linux: Some(LinuxContainer {
            resources: Some(resources(pod, spec)),
            security_context: Some(security_context(pod, spec)),
        }),
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn variables(pod: &Value, spec: &Value, volumes: &PodVolumes) -> Vec<KeyValue> {
    let mut all: Vec<KeyValue> = Vec::new();
    let mut add =
        |key: &str, value: &str| all.push(KeyValue { key: key.to_owned(), value: value.to_owned() });
    // Of services, `enableServiceLinks: false` leaves the API alone.
    for (key, value) in &volumes.service {
        add(key, value);
    }
    for variable in spec["env"].as_array().into_iter().flatten() {
        let path = variable["valueFrom"]["fieldRef"]["fieldPath"].as_str();
        let value = match path {
            Some(path) => &pod[path.split('.').next().unwrap()][path.split('.').nth(1).unwrap()],
            None => &variable["value"],
        };
        add(variable["name"].as_str().unwrap(), value.as_str().unwrap_or_default());
    }
    all
}

/// Returns a quantity of Kubernetes, in thousandths.
fn thousandths(quantity: &Value) -> i64 {
    let text = quantity.as_str().unwrap_or("0");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "m" => 1,
        "" => 1000,
        "Mi" => 1000 << 20,
        other => panic!("a quantity in {other}"),
    };
    digits.parse::<i64>().unwrap() * factor
}

fn resources(pod: &Value, spec: &Value) -> ContainerResources {
    let [cpu, memory] = [&spec["resources"]["requests"]["cpu"], &spec["resources"]["limits"]["memory"]];
    let is_critical = pod["spec"]["priorityClassName"] == "system-node-critical";
    ContainerResources {
        cpu_shares: (thousandths(cpu) * 1024 / 1000).max(2),
        memory_limit_in_bytes: thousandths(memory) / 1000,
        oom_score_adj: if is_critical { -997 } else { 1000 },
    }
}

/// Returns the profile that a container or its pod names.
fn profile(context: [&Value; 2], key: &str) -> Option<SecurityProfile> {
    let kind = context.into_iter().find_map(|context| context[key]["type"].as_str())?;
    let profile_type = match kind {
        "RuntimeDefault" => RUNTIME_DEFAULT,
        "Unconfined" => UNCONFINED,
        other => panic!("a profile of the type {other}"),
    };
    Some(SecurityProfile { profile_type })
}

fn security_context(pod: &Value, spec: &Value) -> ContainerSecurityContext {
    let (own, of_pod) = (&spec["securityContext"], &pod["spec"]["securityContext"]);
    let either = |key: &str| if own[key].is_null() { &of_pod[key] } else { &own[key] };
    let user = number(either("runAsUser"));
    assert!(
        either("runAsNonRoot") != true || user.as_ref().is_some_and(|user| user.value != 0),
        "kubelet refuses root"
    );
    assert!(own["privileged"] != true, "a privileged container");
    ContainerSecurityContext {
        capabilities: Some(Capability {
            add_capabilities: texts(&own["capabilities"]["add"]),
            drop_capabilities: texts(&own["capabilities"]["drop"]),
        }),
        namespace_options: Some(namespaces(pod)),
        run_as_user: user,
        run_as_group: number(either("runAsGroup")),
        readonly_rootfs: own["readOnlyRootFilesystem"] == true,
        supplemental_groups: of_pod["fsGroup"].as_i64().into_iter().collect(),
        no_new_privs: own["allowPrivilegeEscalation"] == false,
        masked_paths: MASKED.map(str::to_owned).into(),
        readonly_paths: READ_ONLY.map(str::to_owned).into(),
        // Without a name, kubelet asks for none of seccomp and leaves AppArmor to the runtime.
        seccomp: profile([own, of_pod], "seccompProfile")
            .or(Some(SecurityProfile { profile_type: UNCONFINED })),
        apparmor: profile([own, of_pod], "appArmorProfile"),
    }
}
