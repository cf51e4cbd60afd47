//! The image of `cargo xtask image`, run as on a node of Kubernetes: not as root, with four capabilities.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tracego_tests::{ChildGuard, records, wait_until};

use super::{podman, text};

/// Number of programs that end at once.
const PROGRAMS: usize = 20;
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

    let folder = tempfile::tempdir().unwrap();
    let name = format!("tgi{}", std::process::id());
    let program = |n: usize| folder.path().join(n.to_string()).join(&name);
    for n in 0..=PROGRAMS {
        fs::create_dir(program(n).parent().unwrap()).unwrap();
        fs::copy("/bin/true", program(n)).unwrap();
    }
    let file = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
    let watch = ["--heartbeat=0", "--output=json", "--comm", &name];
    let mut command = podman.command(&[&run[..], &watch].concat());
    let mut running = ChildGuard(command.stdout(file("records")).stderr(file("errors")).spawn().unwrap());
    let starts = || -> Vec<Value> {
        let text = fs::read_to_string(folder.path().join("records")).unwrap_or_default();
        let all = records(text.rfind('\n').map_or("", |end| &text[..end])).into_iter();
        all.filter(|record| record["event_name"] == "tracego.process.start").collect()
    };
    wait_until("tracego watches", || {
        let errors = fs::read_to_string(folder.path().join("errors")).unwrap();
        assert!(running.0.try_wait().unwrap().is_none(), "{errors}");
        assert!(Command::new(program(PROGRAMS)).status().unwrap().success());
        !starts().is_empty()
    });
    let all: Vec<_> = (0..PROGRAMS).map(|n| format!("({} &)", program(n).display())).collect();
    assert!(Command::new("/bin/sh").args(["-c", &all.join("; ")]).status().unwrap().success());
    for n in 0..PROGRAMS {
        let path = program(n).display().to_string();
        let of = || starts().into_iter().find(|record| record["process"]["executable"]["path"] == path);
        wait_until("the record of a program", || of().is_some());
        let found = of().unwrap();
        assert!(found["tracego"]["executable"]["unread"].is_null(), "{found:#}");
        assert_eq!(found["process"]["user"]["name"], "root", "{found:#}");
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
    assert!(
        running.0.wait().unwrap().success(),
        "{}",
        fs::read_to_string(folder.path().join("errors")).unwrap()
    );
}

/// Returns the process id of a container.
fn agent(text: &str) -> u32 {
    text.trim().parse().unwrap_or_else(|_| panic!("{text}"))
}
