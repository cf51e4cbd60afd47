//! `linux::cgroup`: paths of all runtimes yield their container and their pod.

use proptest::{collection::vec, prelude::*, sample::select};
use tracego_model::linux::cgroup::{Container, parse};

/// Paths with `ID`, `POD` (dashes) and `SLICE` (the pod with underscores), and the runtime that each names.
const PATHS: [(&str, Option<&str>); 12] = [
    ("/system.slice/docker-ID.scope", Some("docker")),
    ("/docker/ID", Some("docker")),
    ("/user.slice/user@1000.service/app.slice/docker-ID.scope/init", Some("docker")),
    ("/kubepods.slice/kubepods-podSLICE.slice/cri-containerd-ID.scope", Some("containerd")),
    ("/kubepods.slice/kubepods-burstable-podSLICE.slice/docker-ID.scope", Some("docker")),
    ("/system.slice/kubelet-kubepods-podSLICE.slice:cri-containerd:ID", Some("containerd")),
    ("/kubepods.slice/kubepods-besteffort-podSLICE.slice/crio-ID.scope", Some("cri-o")),
    ("/kubepods/burstable/podPOD/ID", None),
    ("/kubepods/podPOD/crio-ID", Some("cri-o")),
    ("/machine.slice/libpod-ID.scope/container", Some("podman")),
    ("/user.slice/user@1000.service/user.slice/libpod-payload-ID", Some("podman")),
    ("/libpod_parent/ID", Some("podman")),
];

/// Pieces of paths.
const PIECES: [&str; 22] = [
    "lxc.payload.",
    "lxc/",
    "machine.slice/machine-",
    "systemd-nspawn@",
    "docker-",
    "pod",
    "-pod",
    "kubepods",
    ":",
    "cri-containerd",
    "crio-",
    "libpod-",
    ".scope",
    ".slice",
    ".service",
    "docker",
    "0123456789abcdef0123456789abcdef",
    "0123456789",
    "-",
    "_",
    "é",
    "",
];

/// Generates paths of meaningful pieces.
fn path() -> impl Strategy<Value = String> {
    vec(prop_oneof![3 => select(&PIECES[..]).prop_map(str::to_owned), 1 => Just("/".to_owned()), 1 => ".{0,5}"], 0..16)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(super::cases(2048))]

    #[test]
    fn a_container_and_its_pod_are_found(
        (path, runtime) in select(&PATHS[..]),
        id in "[0-9a-f]{64}",
        pod in "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ) {
        let in_pod = path.contains("POD") || path.contains("SLICE");
        let path = path.replace("ID", &id).replace("POD", &pod).replace("SLICE", &pod.replace('-', "_"));
        let info = parse(path.as_bytes());
        let container = info.container.unwrap();
        prop_assert_eq!(container.id, id);
        prop_assert_eq!(container.runtime, runtime);
        prop_assert_eq!(info.pod_uid, in_pod.then_some(pod));
    }

    #[test]
    fn no_path_makes_it_panic(path in path(), bytes in vec(any::<u8>(), 0..200)) {
        let info = parse(path.as_bytes());
        // Names of systemd-nspawn are escaped in the path.
        let named = |container: &Container| container.runtime == Some("systemd-nspawn");
        prop_assert!(info.container.is_none_or(|found| named(&found) || path.contains(&found.id)));
        prop_assert!(info.unit.is_none_or(|unit| path.split('/').any(|part| part == unit)));
        let _info = parse(&bytes);
    }
}
