//! The ids of containers in records, compared with those that Podman names.

use serde_json::json;
use tracego_tests::{
    podman::{Hierarchies, Owner, Podman, Runtime},
    tracego,
};

use super::{CRUN, crun, podman, rootless, text, watch::Watch};

/// Runs a container with each of the options, and compares the records with what Podman says.
fn identities(podman: &Podman, ways: &[(&str, &[&str])]) {
    let watch = Watch::new("/bin/true", &[]);
    podman.fill(&[watch.program.clone(), "/bin/sh".into()]);
    let program = watch.inside();
    for (name, options) in ways {
        let line = ["/bin/sh", "-c", "\"$0\" \"$1-child\"; exec \"$0\" \"$1\"", &program, name];
        let output = podman.run(&[&["--name", name], *options].concat(), &line);
        assert!(output.status.success(), "{name}: {}", text(&output));
    }
    let listed = podman.printed(&["ps", "--all", "--no-trunc", "--format", "{{.Names}} {{.ID}}"]);
    for (name, _) in ways {
        let id = podman.printed(&["container", "inspect", "--format", "{{.Id}}", name]);
        assert!(listed.lines().any(|line| line == format!("{name} {id}")), "{name} {id}: {listed}");
        for argument in [(*name).to_owned(), format!("{name}-child")] {
            let record = watch.start(&argument);
            assert_eq!(record["container"], json!({"id": id, "runtime": {"name": "podman"}}), "{record:#}");
        }
    }
    let own = listed.lines().filter(|line| !line.contains("-infra "));
    assert_eq!(own.count(), ways.len(), "{listed}");
    let outside = &watch.records()[0];
    assert!(outside["container"].is_null(), "{outside:#}");
}

/// Makes a pod with a container that holds its namespaces, which gives it a cgroup. Returns its id.
fn pod(podman: &Podman, name: &str, options: &[&str]) -> String {
    let create = ["pod", "create", "--name", name, "--network", "none", "--infra-image", "localhost/infra:1"];
    let infra = ["--infra-command", "/bin/sleep 1000"];
    podman.printed(&[&create[..], &infra, options].concat())
}

pub(super) fn ids() {
    let podman = podman();
    podman.fill(&["/bin/sleep".into()]);
    podman.import("localhost/infra:1");
    let _groupless = podman.printed(&["pod", "create", "--infra=false", "--name", "several"]);
    let _default = pod(&podman, "default-pod", &[]);
    identities(
        &podman,
        &[
            ("plain", &[]),
            // Below the group that is Podman's own choice.
            ("default", &["--cgroups", "enabled"]),
            ("parent", &["--cgroup-parent", &format!("/{}/a/b", podman.group())]),
            ("split", &["--cgroups", "split"]),
            ("no-conmon", &["--cgroups", "no-conmon"]),
            ("host-namespaces", &["--cgroupns", "host", "--pid", "host"]),
            ("in-pod", &["--pod", "several"]),
            ("in-default-pod", &["--pod", "default-pod"]),
        ],
    );
    // Below a group of any other name, the pod is the outermost one that looks like a container.
    let parent = format!("--cgroup-parent=/{}/pods", podman.group());
    let id = pod(&podman, "other-pod", &[&parent]);
    let watch = Watch::new("/bin/true", &[]);
    podman.fill(std::slice::from_ref(&watch.program));
    let output = podman.run(&["--rm", "--pod", "other-pod"], &[&watch.inside(), "in-other-pod"]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(watch.start("in-other-pod")["container"], json!({"id": id}));
}

pub(super) fn ids_unified() {
    let podman = Podman::new(Hierarchies::Unified, Runtime::Runc, Owner::Root).unwrap();
    identities(
        &podman,
        &[
            ("plain", &[]),
            ("default", &["--cgroups", "enabled"]),
            ("host-namespace", &["--cgroupns", "host"]),
        ],
    );
}

pub(super) fn ids_crun() {
    let podman = Podman::new(crun().unwrap(), Runtime::Crun, Owner::Root).unwrap();
    identities(&podman, &[("plain", CRUN)]);
}

pub(super) fn ids_rootless() {
    let podman = Podman::new(rootless().unwrap(), Runtime::Crun, Owner::User).unwrap();
    identities(&podman, &[("plain", &[])]);
    // Nothing says that a process is in a container that has no cgroup of its own.
    let watch = Watch::new("/bin/true", &[]);
    podman.fill(std::slice::from_ref(&watch.program));
    let output = podman.run(&["--rm", "--cgroups", "disabled"], &[&watch.inside(), "groupless"]);
    assert!(output.status.success(), "{}", text(&output));
    let record = watch.start("groupless");
    assert_eq!(record["process"]["linux"]["cgroup"], format!("/{}/podman", podman.group()), "{record:#}");
    assert!(record["container"].is_null(), "{record:#}");
    // Capabilities of a user's namespace do not count.
    podman.fill(&[tracego(), "/bin/ls".into()]);
    let line = ["/bin/tracego", "run", "--profile", "ci", "--", "/bin/ls", "/"];
    let output = podman.run(&["--rm", "--privileged"], &line);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{}", text(&output));
    assert!(
        text(&output).contains("the capabilities of this user namespace do not suffice"),
        "{}",
        text(&output)
    );
}
