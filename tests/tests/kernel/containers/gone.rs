//! Programs that end at once, in containers that are removed then.

use std::{collections::BTreeMap, os::unix::net::UnixStream};

use serde_json::Value;
use tracego_tests::go;

use super::{podman, text, watch::Watch};
use crate::{metrics::exchange, namespaces::Module};

/// Number of containers of each kind whose program ends at once.
const CONTAINERS: usize = 10;

/// Runs programs in containers: of an image, on a folder of the host, and in
/// memory that is the container's own.
pub(super) fn gone() {
    let module = Module::new();
    let folder = module.folder.path();
    let mut build = go::command(&module.root, folder);
    let output = build.args(["build", "-o", "short", "."]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let podman = podman();
    let socket = folder.join("metrics");
    let listen = format!("unix:{}", socket.display());
    let watch = Watch::new(folder.join("short").to_str().unwrap(), &["--listen", &listen]);
    podman.fill(&[watch.program.clone(), "/bin/sh".into(), "/bin/cp".into()]);
    podman.import("localhost/short:1");
    let inside = watch.inside();
    let script = format!("cp {inside} /gone/ && exec /gone/{} \"$0\"", inside.trim_start_matches("/bin/"));
    let bound = format!("--volume={}:/elsewhere:ro", podman.root().join("bin").display());
    let group = format!("--cgroup-parent=/{}/containers", podman.group());
    let (mut kept, mut own) = (Vec::new(), Vec::new());
    for n in 0..CONTAINERS {
        let names = ["image", "root", "copied"].map(|kind| format!("{kind}-{n}"));
        let [image, root, copied] = &names;
        let elsewhere = inside.replace("/bin/", "/elsewhere/");
        let commands = [
            podman.command(&["run", "--rm", "--network=none", &group, "localhost/short:1", &inside, image]),
            podman.run_command(&["--rm", &bound], &[if n % 2 == 0 { &inside } else { &elsewhere }, root]),
            podman.run_command(&["--rm", "--tmpfs=/gone"], &["/bin/sh", "-c", &script, copied]),
        ];
        for mut command in commands.into_iter().take(3 - n % 2) {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", text(&output));
        }
        let [image, root, copied] = names;
        kept.extend([image, root]);
        own.extend((n % 2 == 0).then_some(copied));
    }
    assert_eq!(podman.printed(&["ps", "--all", "--quiet"]), "");
    let has_build = |record: &Value| record["tracego"]["go"]["build"]["path"] == "example.com/module";
    let unread: Vec<_> =
        kept.iter().map(|name| watch.start(name)).filter(|start| !has_build(start)).collect();
    assert!(unread.is_empty(), "{} of {}: {:#}", unread.len(), kept.len(), unread[0]);
    // A file system in memory is gone with its container. Then the record says so, or that the copy was too fresh.
    let mut lost: BTreeMap<String, u64> = BTreeMap::new();
    for record in own.iter().map(|name| watch.start(name)).filter(|start| !has_build(start)) {
        let reason =
            record["tracego"]["executable"]["unread"].as_str().unwrap_or_else(|| panic!("{record:#}"));
        assert!(matches!(reason, "gone" | "unstable"), "{record:#}");
        *lost.entry(reason.to_owned()).or_default() += 1;
    }
    let request = "GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let answer = exchange(UnixStream::connect(&socket).unwrap(), request).unwrap();
    for (reason, lost) in lost {
        let name = format!("tracego_images_failures_total{{reason=\"{reason}\"}} ");
        let counted = answer.body.lines().find_map(|line| line.strip_prefix(&name)).unwrap();
        assert!(counted.parse::<u64>().unwrap() >= lost, "{reason}: {counted} of {lost}");
    }
}
