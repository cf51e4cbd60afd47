//! Cgroup paths as runtimes, init systems and orchestrators make them.

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const INNER: &str = "f123456789abcdeff123456789abcdeff123456789abcdeff123456789abcdef";
const POD: &str = "8a1b7c2d-1111-2222-3333-444455556666";

/// A path with `ID`, `INNER`, `POD` (dashes) and `SLICE` (the pod with underscores); id, runtime, and whether it
/// is in the pod.
type Case = (&'static str, Option<&'static str>, Option<&'static str>, bool);

#[rustfmt::skip]
const CASES: [Case; 97] = [
    // Docker: systemd and cgroupfs, cgroup-parent, rootless, cgroup namespaces.
    ("/system.slice/docker-ID.scope", Some(ID), Some("docker"), false),
    ("/system.slice/docker-ID.scope/init.scope", Some(ID), Some("docker"), false),
    ("/system.slice/docker-ID.scope/system.slice/nginx.service", Some(ID), Some("docker"), false),
    ("/docker/ID", Some(ID), Some("docker"), false),
    ("/docker/ID/init.scope", Some(ID), Some("docker"), false),
    ("/../docker/ID", Some(ID), Some("docker"), false),
    ("/../ID", Some(ID), None, false),
    ("/ID", Some(ID), None, false),
    ("/actions_job/ID", Some(ID), None, false),
    ("/actions_job/ID/inner", Some(ID), None, false),
    ("/builds/ci/ID", Some(ID), None, false),
    ("/home/ID", Some(ID), None, false),
    ("/ci.slice/docker-ID.scope", Some(ID), Some("docker"), false),
    ("/ci.slice/ci-builds.slice/docker-ID.scope", Some(ID), Some("docker"), false),
    ("/gitlab-runner/ID", Some(ID), None, false),
    ("/system.slice/gitlab-runner.service/docker/ID", Some(ID), Some("docker"), false),
    ("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope", Some(ID), Some("docker"), false),
    ("/user.slice/user-1000.slice/user@1000.service/app.slice/docker.service/docker/ID", Some(ID), Some("docker"), false),
    ("/system.slice:docker:ID", Some(ID), Some("docker"), false),
    ("/system.slice/snap.docker.dockerd.service/docker/ID", Some(ID), Some("docker"), false),
    // containerd, nerdctl, BuildKit.
    ("/system.slice/nerdctl-ID.scope", Some(ID), Some("containerd"), false),
    ("/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-ID.scope", Some(ID), Some("containerd"), false),
    ("/default/ID", Some(ID), None, false),
    ("/k8s.io/ID", Some(ID), Some("containerd"), false),
    ("/system.slice/containerd-ID.scope", Some(ID), Some("containerd"), false),
    ("/system.slice/runc-ID.scope", Some(ID), Some("runc"), false),
    ("/system.slice/engine-ID.scope", Some(ID), None, false),
    ("/docker/buildkit/k1v6w2jtqq2bk1rhsp6mo4x0z", Some("k1v6w2jtqq2bk1rhsp6mo4x0z"), Some("buildkit"), false),
    ("/buildkit/k1v6w2jtqq2bk1rhsp6mo4x0z", Some("k1v6w2jtqq2bk1rhsp6mo4x0z"), Some("buildkit"), false),
    ("/docker/ID/buildkit/k1v6w2jtqq2bk1rhsp6mo4x0z", Some(ID), Some("docker"), false),
    ("/system.slice/buildkit-ID.scope", Some(ID), Some("buildkit"), false),
    // Podman.
    ("/machine.slice/libpod-ID.scope", Some(ID), Some("podman"), false),
    ("/machine.slice/libpod-ID.scope/container", Some(ID), Some("podman"), false),
    ("/machine.slice/libpod-ID.scope/container/system.slice/sshd.service", Some(ID), Some("podman"), false),
    ("/machine.slice/libpod-conmon-ID.scope", None, None, false),
    ("/machine.slice/machine-libpod_pod_INNER.slice/libpod-ID.scope", Some(ID), Some("podman"), false),
    ("/libpod_parent/libpod-ID", Some(ID), Some("podman"), false),
    ("/libpod_parent/ID", Some(ID), Some("podman"), false),
    ("/libpod_parent/INNER/libpod-ID", Some(ID), Some("podman"), false),
    // The same path is what a container of another runtime would make.
    ("/ci/ID/libpod-INNER", Some(ID), None, false),
    ("/libpod_parent/libpod-conmon-ID", None, None, false),
    ("/libpod_parent/conmon", None, None, false),
    ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", Some(ID), Some("podman"), false),
    ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container", Some(ID), Some("podman"), false),
    ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-ID.scope", None, None, false),
    ("/user.slice/user-1000.slice/user@1000.service/user.slice/podman-4711.scope", None, None, false),
    ("/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-ID", Some(ID), Some("podman"), false),
    ("/system.slice/web.service/libpod-payload-ID", Some(ID), Some("podman"), false),
    ("/system.slice/web.service/runtime", None, None, false),
    // Kubernetes: systemd and cgroupfs, all classes, all runtimes, static pods, kubelet prefixes.
    ("/kubepods.slice/kubepods-podSLICE.slice/cri-containerd-ID.scope", Some(ID), Some("containerd"), true),
    ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE.slice/cri-containerd-ID.scope", Some(ID), Some("containerd"), true),
    ("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podSLICE.slice/cri-containerd-ID.scope", Some(ID), Some("containerd"), true),
    ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE.slice/crio-ID.scope", Some(ID), Some("cri-o"), true),
    ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE.slice/crio-ID.scope/container", Some(ID), Some("cri-o"), true),
    ("/kubepods.slice/kubepods-podSLICE.slice/crio-conmon-ID.scope", None, None, true),
    ("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podSLICE.slice/docker-ID.scope", Some(ID), Some("docker"), true),
    ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE.slice", None, None, true),
    ("/kubepods/podPOD/ID", Some(ID), None, true),
    ("/kubepods/burstable/podPOD/ID", Some(ID), None, true),
    ("/kubepods/besteffort/podPOD/ID", Some(ID), None, true),
    ("/kubepods/besteffort/podPOD/ID/sub/group", Some(ID), None, true),
    ("/kubepods/burstable/podPOD/crio-ID", Some(ID), Some("cri-o"), true),
    ("/kubelet/kubepods/burstable/podPOD/ID", Some(ID), None, true),
    ("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-podSLICE.slice/cri-containerd-ID.scope", Some(ID), Some("containerd"), true),
    ("/system.slice/kubelet.service/kubelet-kubepods-podSLICE.slice:cri-containerd:ID", Some(ID), Some("containerd"), true),
    ("/system.slice/containerd.service/kubepods-burstable-podSLICE.slice:cri-containerd:ID", Some(ID), Some("containerd"), true),
    ("/system.slice/k3s.service/kubepods/besteffort/podPOD/ID", Some(ID), None, true),
    ("/k8s.io/burstable/podPOD/ID", Some(ID), None, false),
    // Kubernetes and Docker in a container: the node is what the host started.
    ("/docker/ID/docker/INNER", Some(ID), Some("docker"), false),
    ("/docker/ID/kubepods/besteffort/podPOD/INNER", Some(ID), Some("docker"), false),
    ("/docker/ID/kubelet/kubepods/burstable/podPOD/INNER", Some(ID), Some("docker"), false),
    ("/system.slice/docker-ID.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podSLICE.slice/cri-containerd-INNER.scope", Some(ID), Some("docker"), false),
    ("/machine.slice/libpod-ID.scope/container/kubepods.slice/kubepods-podSLICE.slice/crio-INNER.scope", Some(ID), Some("podman"), false),
    ("/kubepods/burstable/podPOD/ID/docker/INNER", Some(ID), None, true),
    ("/lxc.payload.node/system.slice/docker-INNER.scope", Some("node"), Some("lxc"), false),
    // Amazon ECS and Fargate.
    ("/ecs/0123456789abcdef0123456789abcdef/ID", Some(ID), None, false),
    ("/ecs/cluster/0123456789abcdef0123456789abcdef/ID", Some(ID), None, false),
    ("/ecs/8a1b7c2d-1111-2222-3333-444455556666/ID", Some(ID), None, false),
    ("/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-0123456789", Some("0123456789abcdef0123456789abcdef-0123456789"), None, false),
    ("/ecs-0123456789abcdef0123456789abcdef/ID", Some(ID), None, false),
    ("/ecstasks.slice/ecstasks-0123456789abcdef0123456789abcdef.slice/docker-ID.scope", Some(ID), Some("docker"), false),
    // Cloud Foundry, Mesos.
    ("/garden/5a6f2a3b-1b2c-4d5e-6f70-8192", Some("5a6f2a3b-1b2c-4d5e-6f70-8192"), Some("garden"), false),
    ("/system.slice/garden.service/garden/POD", Some(POD), Some("garden"), false),
    ("/mesos/POD", Some(POD), Some("mesos"), false),
    // LXC, LXD, Incus, Proxmox.
    ("/lxc.payload.web", Some("web"), Some("lxc"), false),
    ("/lxc.payload.web-1/system.slice/ssh.service", Some("web-1"), Some("lxc"), false),
    ("/lxc.monitor.web", None, None, false),
    ("/lxc/101/ns", Some("101"), Some("lxc"), false),
    ("/lxc.payload/web", Some("web"), Some("lxc"), false),
    ("/user.slice/user-1000.slice/session-2.scope/lxc.payload.box", Some("box"), Some("lxc"), false),
    // systemd-nspawn and libvirt.
    ("/machine.slice/systemd-nspawn@web.service/payload", Some("web"), Some("systemd-nspawn"), false),
    ("/machine.slice/systemd-nspawn@my\\x2dbox.service/supervisor", Some("my-box"), Some("systemd-nspawn"), false),
    ("/machine.slice/machine-web.scope", Some("web"), Some("systemd-nspawn"), false),
    ("/machine.slice/machine-my\\x2dbox.scope/payload/system.slice/sshd.service", Some("my-box"), Some("systemd-nspawn"), false),
    ("/machine.slice/machine-lxc\\x2d4711\\x2dweb.scope", Some("lxc-4711-web"), Some("lxc"), false),
    ("/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator", None, None, false),
    ("/machine.slice", None, None, false),
];

/// Paths of the host.
const HOST: [&str; 26] = [
    "/",
    "",
    "/init.scope",
    "/system.slice/ssh.service",
    "/system.slice/docker.service",
    "/system.slice/containerd.service",
    "/user.slice/user-0.slice/session-3.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-org.gnome.Maps-4711.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.firefox.firefox-8a1b7c2d-1111-2222-3333-444455556666.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-x-ID.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.x.y-ID.scope",
    "/system.slice/run-r0123456789abcdef0123456789abcdef.scope",
    "/system.slice/run-r0123456789abcdef0123456789abcdef.service",
    "/system.slice/run-ID.scope",
    "/system.slice/run-p4711-i4712.scope",
    "/system.slice/run-docker-runtime\\x2drunc-moby-ID-runc.abc.mount",
    "/system.slice/kubelet.service",
    "/kata_overhead/ID",
    "/0123456789abcdef0123456789abcdef",
    "/garden",
    "/docker",
    "/docker/buildkit",
    "/lxc",
    "/mesos/web",
    "/x/podPOD",
];

fn filled(path: &str) -> String {
    let path = path.replace("INNER", INNER).replace("SLICE", &POD.replace('-', "_"));
    path.replace("POD", POD).replace("ID", ID)
}

#[test]
fn paths_of_the_field() {
    for (path, id, runtime, in_pod) in CASES {
        let path = filled(path);
        let info = parse(path.as_bytes());
        assert_eq!(info.container.as_ref().map(|c| c.id.as_str()), id, "{path}");
        assert_eq!(info.container.as_ref().and_then(|c| c.runtime), runtime, "{path}");
        assert_eq!(info.pod_uid.as_deref(), in_pod.then_some(POD), "{path}");
    }
    for path in HOST {
        let path = filled(path);
        let info = parse(path.as_bytes());
        assert_eq!((info.container, info.pod_uid), (None, None), "{path}");
    }
}

#[test]
fn units() {
    let cases = [
        ("/system.slice/docker-ID.scope", Some("docker-ID.scope")),
        ("/docker/ID", None),
        ("/docker/ID/init.scope", Some("init.scope")),
        ("/system.slice/ssh.service", Some("ssh.service")),
        ("/user.slice/user-0.slice/session-3.scope", Some("session-3.scope")),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope", Some("user@1000.service")),
        ("/machine.slice/systemd-nspawn@web.service/payload", Some("systemd-nspawn@web.service")),
        ("/", None),
    ];
    for (path, unit) in cases {
        assert_eq!(parse(filled(path).as_bytes()).unit, unit.map(filled), "{path}");
    }
}

#[test]
fn static_pods_have_a_uid_without_dashes() {
    let uid = POD.replace('-', "");
    for path in [
        format!("/kubepods/burstable/pod{uid}/{ID}"),
        format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice/crio-{ID}.scope"),
    ] {
        assert_eq!(parse(path.as_bytes()).pod_uid.as_deref(), Some(uid.as_str()), "{path}");
    }
}

#[test]
fn a_subtree_cannot_name_itself() {
    // A process of a container that may write its cgroups.
    for below in ["docker/INNER", "kubepods/podPOD/INNER", "lxc.payload.x", "libpod-INNER.scope"] {
        let path = filled(&format!("/system.slice/docker-ID.scope/{below}"));
        let info = parse(path.as_bytes());
        assert_eq!((info.container.map(|c| c.id), info.pod_uid), (Some(ID.to_owned()), None), "{path}");
    }
    let other = "11111111-1111-2222-3333-444455556666";
    let path = filled(&format!("/kubepods/podPOD/kubepods/pod{other}/ID"));
    assert_eq!(parse(path.as_bytes()).pod_uid.as_deref(), Some(POD));
}

#[test]
fn upper_case_other_lengths_and_other_bytes_are_no_ids() {
    assert_eq!(parse(format!("/docker/{}", ID.to_uppercase()).as_bytes()).container, None);
    assert_eq!(parse(format!("/docker/{}", &ID[1..]).as_bytes()).container, None);
    assert_eq!(parse(format!("/docker/{ID}0").as_bytes()).container, None);
    assert_eq!(parse(format!("/docker/-{ID}").as_bytes()).container, None);
    assert_eq!(parse(b"/docker/\xff\xfe").container, None);
    let damaged = [b"/\xff/".as_slice(), ID.as_bytes()].concat();
    assert_eq!(parse(&damaged).container.map(|c| c.id).as_deref(), Some(ID));
}
