//! The image of `cargo xtask image`, run as on a node of Kubernetes: not as root, with four capabilities.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{podman, text};
use crate::short_programs::ShortPrograms;

const CAPABILITIES: &str = "--cap-add=bpf,perfmon,sys_ptrace,dac_read_search";
const THREE: &str = "--cap-add=perfmon,sys_ptrace,dac_read_search";
/// Options of the container. Podman's profile for seccomp wants CAP_SYS_ADMIN for BPF.
const OPTIONS: [&str; 10] = [
    "--network=none",
    "--pid=host",
    "--read-only",
    "--cap-drop=all",
    CAPABILITIES,
    "--security-opt=no-new-privileges",
    "--security-opt=seccomp=unconfined",
    "--env=TRACEGO_DETAIL=full",
    "--env=K8S_NODE_NAME=node-7",
    "--name=tracego",
];

/// Returns the archive, if it was made.
fn archive() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = program.ancestors().nth(3).unwrap_or(Path::new("target"));
    let archive = target.join("image/tracego.oci.tar");
    if archive.exists() { Ok(archive) } else { Err("`cargo xtask image` was not run".to_owned()) }
}

pub(super) fn needs_image() -> Option<String> {
    archive().err().or_else(super::needs_podman)
}

/// Records of programs of the machine are whole, and the image needs no more than the four capabilities.
pub(super) fn node() {
    let podman = podman();
    let archive = archive().unwrap();
    let loaded = podman.printed(&["load", "--quiet", "--input", archive.to_str().unwrap()]);
    let image = loaded.rsplit(' ').next().unwrap().to_owned();
    let group = format!("--cgroup-parent=/{}/containers", podman.group());
    let run: Vec<&str> = ["run", "--rm", &group].into_iter().chain(OPTIONS).chain([image.as_str()]).collect();

    let output = podman.command(&[&run[..], &["doctor", "--json"]].concat()).output().unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    assert_eq!(report["works"], true, "{report:#}");

    // A container that lacks one of the capabilities starts, too, and the program says which one.
    let option = |option: &&'static str| if *option == CAPABILITIES { THREE } else { option };
    let less: Vec<&str> = OPTIONS.iter().map(option).collect();
    let command = [&["run", "--rm", &group], &less[..], &[image.as_str(), "--output=json"]].concat();
    let output = podman.command(&command).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("CAP_BPF"), "{}", text(&output));

    let programs = ShortPrograms::new("tgi");
    let mut running = programs.run(&mut podman.command(&[&run[..], &programs.options()].concat()));
    for found in programs.records() {
        assert_eq!(found["host"]["name"], "node-7", "{found:#}");
    }
    let status = fs::read_to_string(format!(
        "/proc/{}/status",
        agent(&podman.printed(&["inspect", "--format", "{{.State.Pid}}", "tracego",]))
    ));
    let status = status.unwrap();
    for wanted in ["Uid:\t65532\t65532", "CapBnd:\t000000c000080004", "NoNewPrivs:\t1"] {
        assert!(status.contains(wanted), "{wanted}: {status}");
    }
    let _stopped = podman.printed(&["stop", "--time", "10", "tracego"]);
    assert!(running.0.wait().unwrap().success(), "{}", programs.errors());
}

/// Returns the process id of a container.
fn agent(text: &str) -> u32 {
    text.trim().parse().unwrap_or_else(|_| panic!("{text}"))
}
