//! `tracego run` in a container.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::{Value, json};
use tracego_tests::{args, go, records, tracego};

use super::{podman, text};
use crate::namespaces::Module;

/// Options that give no container less than tracego needs.
const WAYS: [&[&str]; 3] = [
    &["--privileged"],
    &["--cap-add", "BPF,PERFMON,SYS_ADMIN"],
    &["--cap-add", "BPF,PERFMON,SYS_ADMIN", "--pid", "host", "--cgroupns", "host"],
];

/// The result of a run of tracego.
#[derive(Debug, PartialEq)]
struct Outcome {
    code: Option<i32>,
    /// Whether the program of the module ran.
    ran: bool,
    /// The summary on standard error, from the findings on.
    findings: String,
    /// The parts of start records that do not depend on the place.
    starts: BTreeSet<String>,
}

/// Runs `go run .` below `tracego run`. `command` returns the command for a command line of tracego.
fn outcome(module: &Module, options: &[&str], command: impl FnOnce(&[&str]) -> Command) -> Outcome {
    let folder = module.folder.path();
    let (file, ran) = (folder.join("records"), folder.join("ran"));
    for old in [&file, &ran] {
        let _absent = fs::remove_file(old);
    }
    let (program, go) = (tracego(), module.root.join("bin/go"));
    let mut line = vec![program.to_str().unwrap(), "run", "--profile", "ci", "--output", "json"];
    line.extend(["--output-file", file.to_str().unwrap()]);
    line.extend(options);
    line.extend(["--", go.to_str().unwrap(), "run", "."]);
    let output = command(&line).output().unwrap();
    let stderr = text(&output);
    let all = records(&fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {stderr}")));
    let starts = all.iter().filter(|record| record["event_name"] == "tracego.process.start");
    let shape = |record: &Value| {
        let go = &record["tracego"]["go"];
        let path = &record["process"]["executable"]["path"];
        json!([args(record), path, go["role"], go["build"], record["tracego"]["findings"]]).to_string()
    };
    let is_go_run = |record: &&Value| record["tracego"]["go"]["role"] == "go-run";
    let go_run = starts.clone().find(is_go_run).unwrap_or_else(|| panic!("no go run: {stderr}"));
    let pid = go_run["process"]["pid"].to_string();
    // Leaves out the process id, and the numbers of temporary folders.
    let plain = |text: &str| {
        let mut plain = String::new();
        for (n, part) in text.replace(&pid, "PID").split("go-build").enumerate() {
            let folder = part.trim_start_matches(|c: char| c.is_ascii_digit());
            plain += &if n == 0 { part.to_owned() } else { format!("go-build{folder}") };
        }
        plain
    };
    let findings = stderr.find("findings: ").map_or("", |at| &stderr[at..]);
    Outcome {
        code: output.status.code(),
        ran: ran.exists(),
        findings: plain(findings),
        starts: starts.map(|record| plain(&shape(record))).collect(),
    }
}

pub(super) fn go_run() {
    let module = Module::new();
    let podman = podman();
    podman.fill(&[tracego(), "/bin/sh".into()]);
    let environment = go::environment(&module.root, module.folder.path());
    let outside = |options: &[&str]| {
        outcome(&module, options, |line| {
            let mut command = Command::new(line[0]);
            command.args(&line[1..]).current_dir(module.folder.path());
            command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
            command
        })
    };
    let mounted = [tracego(), module.root.clone(), module.folder.path().to_owned()];
    let inside = |way: &[&str], options: &[&str]| {
        outcome(&module, options, |line| {
            let mut own: Vec<String> =
                vec!["--rm".into(), format!("--workdir={}", module.folder.path().display())];
            own.extend(way.iter().map(|option| (*option).to_owned()));
            own.extend(mounted.iter().map(|path| format!("--volume={0}:{0}", path.display())));
            own.extend(environment.iter().map(|(name, value)| format!("--env={name}={}", value.display())));
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            podman.run_command(&own, line)
        })
    };
    // Later runs take from the cache what the first has built.
    let _filled = outside(&[]);
    let (found, killed) = (outside(&[]), outside(&["--enforce", "kill"]));
    assert_eq!((found.code, found.ran), (Some(5), true), "{found:#?}");
    assert!(found.findings.starts_with("findings: 2 high, 2 medium\n  high TG001 go-run: "), "{found:#?}");
    assert_eq!((killed.code, killed.ran), (Some(137), false), "{killed:#?}");
    for way in WAYS {
        assert_eq!(inside(way, &[]), found, "{way:?}");
        assert_eq!(inside(way, &["--enforce", "kill"]), killed, "{way:?}");
    }
}

pub(super) fn refused() {
    let podman = podman();
    podman.fill(&[tracego(), "/bin/sh".into(), "/bin/ls".into()]);
    let ways: [(&[&str], &str); 3] = [
        (&[], "CAP_BPF is missing"),
        (&["--cap-add", "BPF,PERFMON"], "seccomp"),
        (&["--pid", "host", "--cap-add", "SYS_PTRACE"], "CAP_BPF is missing"),
    ];
    for (way, reason) in ways {
        let line = ["/bin/tracego", "run", "--profile", "ci", "--", "/bin/ls", "/"];
        let output = podman.run(&[&["--rm"], way].concat(), &line);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{way:?}: {}", text(&output));
        assert!(text(&output).contains(reason), "{way:?}: {}", text(&output));
    }
}
