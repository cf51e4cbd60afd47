//! `tracego run` in namespaces and containers: it sees the same as outside, or says that it does not.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tracego_tests::{
    ChildGuard, Session, args, debian, go, records, remove_job, rootfs, tracego, wait_until, written_records,
};

use crate::{ConditionalTest, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("run sees its tree in every pid namespace", same),
    ("run kills in every pid namespace what it was told to", killed),
    ("a process that no pid namespace of tracego shows is not said to have ended", unreachable),
    ("run in a user namespace ends with 3 and starts nothing", user_namespace),
    ("run without its own pid namespace for children ends with 3", unforked),
    ("run without /proc ends with 3 and starts nothing", no_proc),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("go run is found and killed in every pid namespace", go_run as Test, needs_go),
    ("run sees its tree in a container", container, needs_container),
];

/// Ways into a pid namespace: with its own /proc, with that of the machine, with a cgroup namespace, nested, and
/// nested with the /proc of the namespace between.
const WAYS: [&str; 6] = [
    "",
    "unshare -pf --mount-proc",
    "unshare -pf",
    "unshare -Cpf --mount-proc",
    "unshare -pf --mount-proc unshare -pf --mount-proc",
    "unshare -pf --mount-proc unshare -pf",
];

/// Returns `tracego run OPTIONS` in namespaces.
fn run(way: &str, options: &[&str]) -> Command {
    let program = tracego();
    let mut line = way.split_whitespace().map(Path::new).chain([program.as_path(), Path::new("run")]);
    let mut command = Command::new(line.next().unwrap());
    command.args(line).args(options);
    remove_job(&mut command);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command and returns its start records and standard error. The status of tracego must be `code`.
fn starts(way: &str, options: &[&str], command: &[&str], code: i32) -> (Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    let mut run = run(way, &["--output", "json", "--output-file"]);
    let output = run.arg(&file).args(options).arg("--").args(command).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{way}: {}", text(&output));
    let records = records(&fs::read_to_string(&file).unwrap());
    let starts = records.into_iter().filter(|record| record["event_name"] == "tracego.process.start");
    (starts.collect(), text(&output))
}

/// The parts of a record that do not depend on the namespaces.
fn shape(record: &Value) -> Value {
    json!([args(record), record["process"]["executable"]["path"], record["tracego"]["go"]["role"]])
}

fn same() {
    let tree = ["/bin/sh", "-c", "/bin/true; /bin/sh -c '/bin/ls / >/dev/null; /bin/true 1'; exit 7"];
    let (wanted, _) = starts("", &[], &tree, 7);
    assert!(wanted.len() >= 5, "{wanted:#?}");
    for way in &WAYS[1..] {
        let (found, stderr) = starts(way, &[], &tree, 7);
        let shapes = |records: &[Value]| records.iter().map(shape).collect::<Vec<_>>();
        assert_eq!(shapes(&found), shapes(&wanted), "{way}: {stderr}");
        // Ids are those of the machine, and lead from each process to its parent.
        for record in &found[1..] {
            let parent = &record["process"]["parent_pid"];
            assert!(found.iter().any(|other| other["process"]["pid"] == *parent), "{way}: {record:#}");
        }
    }
}

fn killed() {
    for way in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let (config, ran) = (folder.path().join("tracego.toml"), folder.path().join("ran"));
        fs::write(&config, "[enforce]\nrules = [{ name = \"no-touch\", executables = [\"touch\"] }]\n")
            .unwrap();
        let mut run = run(way, &["--enforce", "kill", "--config"]);
        let output = run.arg(&config).args(["--", "touch"]).arg(&ran).output().unwrap();
        assert_eq!(output.status.code(), Some(137), "{way}: {}", text(&output));
        assert!(!ran.exists(), "{way}: {}", text(&output));
        assert!(text(&output).contains("was killed by the rule no-touch"), "{way}: {}", text(&output));
    }
}

/// Watches the whole machine from a pid namespace, with a policy that denies a program outside of it.
fn unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, file, program) =
        (folder.path().join("p.rego"), folder.path().join("records"), folder.path().join("far-away"));
    fs::copy("/bin/sleep", &program).unwrap();
    let text = "package tracego.process\n\ndeny contains {\"id\": \"far\", \"msg\": \"no\"} if \
                input.process.name == \"far-away\"\n";
    fs::write(&policy, text).unwrap();
    let mut command = Command::new("unshare");
    command.args(["-pf", "--kill-child", "--mount-proc"]).arg(tracego());
    command
        .args(["--enforce", "kill", "--heartbeat", "0", "--policy-time-limit", "10000", "--policy"])
        .arg(&policy);
    command.args(["--output", "json", "--output-file"]).arg(&file);
    let errors = fs::File::create(folder.path().join("errors")).unwrap();
    let mut running = ChildGuard(command.stdout(Stdio::null()).stderr(errors).spawn().unwrap());
    let outcome = || {
        let decision = |record: &Value| record["tracego"]["enforcement"]["error"].as_str().map(str::to_owned);
        written_records(&file).iter().find_map(decision)
    };
    wait_until("the program was judged", || {
        assert!(running.0.try_wait().unwrap().is_none(), "it has ended");
        // It runs while it is judged.
        let status = Command::new(&program).arg("0.5").status().unwrap();
        assert!(status.success() || outcome().is_some(), "{status}");
        outcome().is_some()
    });
    assert_eq!(outcome().as_deref(), Some("it cannot be reached from this pid namespace"));
    let errors = fs::read_to_string(folder.path().join("errors")).unwrap();
    assert!(errors.contains("those outside of jobs cannot be killed"), "{errors}");
}

fn refused(mut run: Command, reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    let output = run.args(["--", "touch"]).arg(&ran).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains(reason), "{}", text(&output));
    assert!(!ran.exists(), "the command was started");
}

fn user_namespace() {
    refused(
        run("unshare -Ur", &["--profile", "ci"]),
        "the capabilities of this user namespace do not suffice",
    );
    refused(run("unshare -Urpf --mount-proc", &["--enforce", "kill"]), "user namespace");
}

fn unforked() {
    refused(run("unshare -p", &["--profile", "ci"]), "unshare --fork");
}

fn no_proc() {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs none /proc && exec \"$0\" \"$@\"";
    command.args(["-m", "/bin/sh", "-c", script]).arg(tracego()).arg("run");
    refused(command, "/proc does not show this process");
}

pub(crate) fn needs_go() -> Option<String> {
    go::toolchain(go::GO_1_27).err()
}

/// A module whose program leaves a file behind.
pub(crate) struct Module {
    pub(crate) folder: tempfile::TempDir,
    /// The GOROOT.
    pub(crate) root: PathBuf,
}

impl Module {
    pub(crate) fn new() -> Self {
        let root = go::toolchain(go::GO_1_27).unwrap();
        let folder = tempfile::tempdir().unwrap();
        go::fill_cache(go::GO_1_27, folder.path()).unwrap();
        fs::write(folder.path().join("go.mod"), "module example.com/module\n\ngo 1.27\n").unwrap();
        let main = "package main\n\nimport \"os\"\n\nfunc main() { _ = os.WriteFile(\"ran\", nil, 0o600) }\n";
        fs::write(folder.path().join("main.go"), main).unwrap();
        Self { folder, root }
    }

    /// Runs `go run .` in namespaces. Returns the output, and whether the program ran.
    fn go_run(&self, way: &str, options: &[&str]) -> (Output, bool) {
        let mut run = run(way, &["--profile", "ci"]);
        run.args(options).arg("--").arg(self.root.join("bin/go")).args(["run", "."]);
        let ran = self.folder.path().join("ran");
        let _absent = fs::remove_file(&ran);
        let environment = go::environment(&self.root, self.folder.path());
        let output = run.current_dir(self.folder.path()).envs(environment).output().unwrap();
        (output, ran.exists())
    }
}

fn go_run() {
    let module = Module::new();
    let findings = module.folder.path().join("findings.toml");
    fs::write(&findings, "[enforce]\nrules = []\nfindings = [\"TG001\"]\n").unwrap();
    let findings = findings.to_str().unwrap();
    for way in WAYS {
        let (output, ran) = module.go_run(way, &[]);
        assert_eq!((output.status.code(), ran), (Some(5), true), "{way}: {}", text(&output));
        assert!(
            text(&output).contains("findings: 2 high, 2 medium\n  high TG001 go-run: "),
            "{way}: {}",
            text(&output)
        );
        // By a rule of the kernel side, and by the agent after the start.
        let ways: [&[&str]; 2] = [&["--enforce", "kill"], &["--enforce", "kill", "--config", findings]];
        for options in ways {
            let (output, ran) = module.go_run(way, options);
            assert_eq!(
                (output.status.code(), ran),
                (Some(137), false),
                "{way} {options:?}: {}",
                text(&output)
            );
        }
    }
}

/// Returns runc of Debian, unpacked.
fn runc() -> Result<PathBuf, String> {
    Ok(debian::packages(&["runc"])?.join("usr/sbin/runc"))
}

fn needs_container() -> Option<String> {
    let works = runc().and_then(|runc| {
        let output = Command::new(runc).arg("--version").output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(text(&output)) }
    });
    works.err()
}

/// Runs a command line in a container with these capabilities.
fn contained(bundle: &Path, line: &[&str], capabilities: &[&str]) -> Output {
    let runc = runc().unwrap();
    let _old = fs::remove_file(bundle.join("config.json"));
    assert!(Command::new(&runc).arg("spec").current_dir(bundle).status().unwrap().success());
    let mut spec: Value = serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
    let process = &mut spec["process"];
    process["args"] = json!(line);
    process["terminal"] = json!(false);
    process["rlimits"] = json!([]);
    for set in ["bounding", "effective", "permitted"] {
        process["capabilities"][set] = json!(capabilities);
    }
    spec["root"]["readonly"] = json!(false);
    fs::write(bundle.join("config.json"), spec.to_string()).unwrap();
    let name = format!("tracego-test-{}-{}", std::process::id(), capabilities.len());
    Command::new(runc)
        .arg("--root")
        .arg(bundle.join("state"))
        .args(["run", &name])
        .current_dir(bundle)
        .output()
        .unwrap()
}

const CAPABILITIES: [&str; 4] = ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_KILL"];

fn container() {
    let bundle = tempfile::tempdir().unwrap();
    let programs = [tracego(), "/bin/sh".into(), "/bin/ls".into(), "/bin/true".into()];
    rootfs::fill(&bundle.path().join("rootfs"), &programs);
    let command = "/bin/true; /bin/sh -c '/bin/ls / >/dev/null'; exit 7";
    let line = [
        "/bin/tracego",
        "run",
        "--output",
        "json",
        "--output-file",
        "/records",
        "--",
        "/bin/sh",
        "-c",
        command,
    ];
    let output = contained(bundle.path(), &line, &CAPABILITIES);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    let session = Session {
        records: records(&fs::read_to_string(bundle.path().join("rootfs/records")).unwrap()),
        output,
    };
    let starts: Vec<_> = session.of("start").map(|record| args(record)[0].to_owned()).collect();
    assert_eq!(starts, ["/bin/sh", "/bin/true", "/bin/sh", "/bin/ls"], "{}", session.stderr());
    let rules = "[enforce]\nrules = [{ name = \"no-ls\", executables = [\"ls\"] }]\n";
    fs::write(bundle.path().join("rootfs/etc/tracego.toml"), rules).unwrap();
    let line =
        ["/bin/tracego", "run", "--enforce", "kill", "--config", "/etc/tracego.toml", "--", "/bin/ls", "/"];
    let output = contained(bundle.path(), &line, &CAPABILITIES);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(137), 0), "{}", text(&output));
    let output = contained(bundle.path(), &["/bin/tracego", "run", "--", "/bin/ls", "/"], &["CAP_KILL"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{}", text(&output));
    assert!(text(&output).contains("CAP_BPF is missing"), "{}", text(&output));
}
