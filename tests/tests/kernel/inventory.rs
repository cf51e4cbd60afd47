//! Services that ran before tracego.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tracego_tests::{ChildGuard, records, wait_until, with_full_records, written_records};

use crate::{
    ConditionalTest, Test,
    findings::{self, Project},
    metrics, privileges,
};

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[
    ("services that ran before are judged", judged as Test, needs),
    ("a replay judges services that ran before", replayed, needs),
    ("a service that ran before and starts again is judged as any other", again, needs),
    ("a process that ran before and executes its program again is one service", replaced, needs),
    ("heartbeats and metrics say what the inventory looked at", counted, || None),
];

/// Listens, keeps a file of its data open, answers nothing, and may start programs all the time. SIGUSR1 makes it execute
/// itself.
const SERVER: &str = "package main\n\nimport (\n\t\"net\"\n\t\"os\"\n\t\"os/exec\"\n\t\"os/signal\"\n\t\"syscall\"\n)\n\nfunc main() {\n\
    \tagain := make(chan os.Signal, 1)\n\tsignal.Notify(again, syscall.SIGUSR1)\n\tgo func() {\n\t\t<-again\n\
    \t\tpath, _ := os.Executable()\n\t\tsyscall.Exec(path, os.Args, os.Environ())\n\t}()\n\
    \tif os.Getenv(\"BUSY\") != \"\" {\n\t\tgo func() {\n\t\t\tfor {\n\t\t\t\texec.Command(\"/bin/true\").Run()\n\
    \t\t\t}\n\t\t}()\n\t}\n\
    \tif _, err := os.OpenFile(os.Args[1], os.O_RDWR|os.O_CREATE, 0o600); err != nil {\n\t\tpanic(err)\n\t}\n\
    \tserver, err := net.Listen(\"tcp\", \"127.0.0.1:0\")\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\
    \tos.WriteFile(os.Args[2], nil, 0o600)\n\tfor {\n\t\tclient, err := server.Accept()\n\
    \t\tif err == nil {\n\t\t\tclient.Close()\n\t\t}\n\t}\n}\n";

const CONFIG: &str = "[rules.TG006]\ngrace-seconds = 1\nservices = [{ path = \"APP\" }]\n\
    [rules.TG007]\nnofile = 512\n[rules.TG018]\nprobe = true\n";

/// A group with 64 MiB of memory.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn make(name: &str) -> io::Result<Self> {
        let roots = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        for (root, limit) in roots.iter().zip(["memory.limit_in_bytes", "memory.max", "memory.max"]) {
            let group = Self(root.join(format!("tracego-{name}-{}", std::process::id())));
            let is_made = root.join("cgroup.procs").exists() && fs::create_dir(&group.0).is_ok();
            if is_made && fs::write(group.0.join(limit), "67108864").is_ok() {
                return Ok(group);
            }
        }
        Err(io::Error::other("no group for memory can be made"))
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // The kernel takes a moment until a group without processes can go.
        for _ in 0..100 {
            match fs::remove_dir(&self.0) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                _ => return,
            }
        }
    }
}

fn needs() -> Option<String> {
    findings::needs().or_else(|| MemoryGroup::make("probe").err().map(|error| error.to_string()))
}

/// A service that was built for a test.
struct Service {
    project: Project,
    config: String,
    name: &'static str,
}

impl Service {
    /// `name`: that of its task, at most 15 bytes.
    fn build(name: &'static str) -> Self {
        let project = Project::new("true");
        project.write("cmd/server/main.go", SERVER);
        project.shell(&format!("go build -ldflags '-s -w' -o {name} ./cmd/server"));
        let config = CONFIG.replace("APP", project.path(name).to_str().unwrap());
        let config = project.config(&config);
        Self { project, config, name }
    }

    /// Starts an instance with few open files and a memory limit that its group does not give, and waits until it
    /// listens.
    fn start(&self, group: &MemoryGroup) -> ChildGuard {
        self.start_as(group, &[])
    }

    fn start_as(&self, group: &MemoryGroup, variables: &[(&str, &str)]) -> ChildGuard {
        let ready = self.project.path("ready");
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ >\"$1/cgroup.procs\"; ulimit -n 256; exec \"$2\" state.db ready", "sh"]);
        command.arg(&group.0).arg(self.project.path(self.name)).current_dir(self.project.path(""));
        command.envs(variables.iter().copied());
        let child = command
            .env("GOMEMLIMIT", "100MiB")
            .env("CI_JOB_ID", "71")
            .process_group(0)
            .stdin(Stdio::null())
            .spawn();
        let child = ChildGuard(child.unwrap());
        wait_until("the service listens", || ready.exists());
        fs::remove_file(ready).unwrap();
        child
    }

    /// Returns a tracego that looks at the service alone.
    fn watch(&self, options: &[&str]) -> Command {
        let mut command = with_full_records();
        self.edit(command.args(options));
        command
    }

    fn edit(&self, command: &mut Command) {
        command.args(["--profile", "production", "--comm", self.name, "--heartbeat", "0"]);
        command.args(["--config", &self.config]);
    }
}

/// Returns the rules that found something about a process, each with its record.
fn about(all: &[Value], pid: u32) -> Vec<(String, &Value)> {
    let mut found: Vec<_> = all
        .iter()
        .filter(|record| record["event_name"] == "tracego.finding" && record["process"]["pid"] == pid)
        .flat_map(|record| {
            let findings = record["tracego"]["findings"].as_array().into_iter().flatten();
            findings.map(move |finding| (finding["id"].as_str().unwrap().to_owned(), record))
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// Returns the first record of a kind about a process.
fn of_process(all: &[Value], kind: &str, pid: u32) -> Option<Value> {
    let is = |record: &&Value| record["event_name"] == kind && record["process"]["pid"] == pid;
    all.iter().find(is).cloned()
}

fn judged() {
    let service = Service::build("was-here");
    let group = MemoryGroup::make("judged").unwrap();
    let (one, other) = (service.start(&group), service.start(&group));
    // Events about this one come before it is read.
    let busy = service.start_as(&group, &[("BUSY", "1")]);
    let out = service.project.path("out");
    let output = ["--output", "json", "--output-file", out.to_str().unwrap()];
    let tracego = ChildGuard(service.watch(&output).stderr(Stdio::null()).spawn().unwrap());
    let written = || written_records(&out);
    let wanted = ["TG006", "TG007", "TG008", "TG017", "TG018"];
    for instance in [&one, &other] {
        let pid = instance.0.id();
        wait_until("all findings", || {
            let all = written();
            wanted.iter().all(|id| about(&all, pid).iter().any(|(found, _)| found == id))
        });
        let all = written();
        for (id, record) in about(&all, pid) {
            let own = &record["tracego"];
            assert_eq!(own["inventory"], true, "{id}: {record:#}");
            assert!(own["exec_id"].is_null(), "{id}: its start is known to the tick alone: {record:#}");
            let path = service.project.path(service.name);
            assert_eq!(record["process"]["executable"]["path"], path.to_str().unwrap(), "{id}");
            assert_eq!(record["cicd"]["pipeline"]["task"]["run"]["id"], "71", "{id}: {record:#}");
            assert_eq!(own["ancestors"][0]["pid"], std::process::id(), "{id}");
        }
        let limits = about(&all, pid).into_iter().find(|(id, _)| id == "TG007").unwrap().1;
        assert_eq!(limits["tracego"]["rlimit"]["nofile"]["hard"], 256, "{limits:#}");
        assert_eq!(limits["process"]["command_args"][1], "state.db");
        assert_eq!(limits["tracego"]["go"]["build"]["path"], "example.com/project/cmd/server");
        assert_eq!(
            limits["process"]["working_directory"],
            service.project.path("").to_str().unwrap().trim_end_matches('/')
        );
    }
    for id in ["TG006", "TG007", "TG008", "TG018"] {
        wait_until("the finding about a busy service", || {
            about(&written(), busy.0.id()).iter().any(|(found, _)| found == id)
        });
    }
    // Nothing but findings is written about what ran before, and the digest that a finding lacked.
    for record in written() {
        let is_finding = record["event_name"] == "tracego.finding";
        assert!(is_finding || record["event_name"] == "tracego.executable", "{record:#}");
        assert_eq!(record["tracego"]["inventory"], true, "{record:#}");
    }
    tracego.terminate();
    assert_eq!(tracego.output().status.code(), Some(0));
    // The user of a service finds the same.
    let mut command = privileges::as_user(privileges::FOUR);
    service.edit(command.args(["--output", "json", "--duration", "6"]));
    let seen = command.output().unwrap();
    let all = records(std::str::from_utf8(&seen.stdout).unwrap());
    for id in wanted {
        let is_found = about(&all, one.0.id()).iter().any(|(found, _)| found == id);
        assert!(is_found, "{id}: {}", String::from_utf8_lossy(&seen.stderr));
    }
    // On request it is as if they were not there.
    let none = service.watch(&["--inventory=false", "--output", "json", "--duration", "3"]).output().unwrap();
    assert_eq!((none.status.code(), String::from_utf8_lossy(&none.stdout).as_ref()), (Some(0), ""));
}

fn replayed() {
    let service = Service::build("was-recorded");
    let group = MemoryGroup::make("replayed").unwrap();
    let instance = service.start(&group);
    let file = service.project.path("capture");
    let mut capture = with_full_records();
    capture.args(["capture", "--comm", service.name, "--duration", "4"]).arg(&file);
    assert!(capture.output().unwrap().status.success());
    let pid = instance.0.id();
    drop(instance);
    let mut replay = with_full_records();
    replay.args(["replay", "--profile", "production", "--output", "json", "--config", &service.config]);
    let output = replay.arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all = records(std::str::from_utf8(&output.stdout).unwrap());
    let found = about(&all, pid);
    for id in ["TG007", "TG008"] {
        let record = found.iter().find(|(found, _)| found == id).map(|(_, record)| *record);
        assert_eq!(record.unwrap_or_else(|| panic!("{id}: {all:#?}"))["tracego"]["inventory"], true);
    }
}

fn again() {
    let service = Service::build("is-back");
    let group = MemoryGroup::make("again").unwrap();
    let before = service.start(&group);
    let out = service.project.path("out");
    let output = ["--output", "json", "-e", "execve,exit", "--output-file", out.to_str().unwrap()];
    let tracego = ChildGuard(service.watch(&output).stderr(Stdio::null()).spawn().unwrap());
    let written = || written_records(&out);
    let pid = before.0.id();
    wait_until("the inventory", || !about(&written(), pid).is_empty());
    drop(before);
    let exit = || of_process(&written(), "tracego.process.exit", pid);
    wait_until("the exit", || exit().is_some());
    let exit = exit().unwrap();
    // What was read at the start is known at the end, and the exit is no inventory.
    assert!(exit["tracego"]["inventory"].is_null(), "{exit:#}");
    assert_eq!(exit["process"]["executable"]["name"], service.name, "{exit:#}");
    assert_eq!(exit["cicd"]["pipeline"]["task"]["run"]["id"], "71", "{exit:#}");
    let after = service.start(&group);
    let pid = after.0.id();
    let start = || of_process(&written(), "tracego.process.start", pid);
    wait_until("the start", || start().is_some());
    let start = start().unwrap();
    assert!(start["tracego"]["inventory"].is_null() && start["tracego"]["exec_id"].is_string(), "{start:#}");
    let ids: Vec<_> = start["tracego"]["findings"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert!(ids.contains(&&Value::from("TG007")), "{ids:?}");
    wait_until("the later finding", || about(&written(), pid).iter().any(|(id, _)| id == "TG006"));
    for (_, record) in about(&written(), pid) {
        assert!(record["tracego"]["inventory"].is_null(), "{record:#}");
    }
    tracego.terminate();
    assert_eq!(tracego.output().status.code(), Some(0));
}

fn replaced() {
    let service = Service::build("is-replaced");
    let group = MemoryGroup::make("replaced").unwrap();
    let instance = service.start(&group);
    let (out, socket) = (service.project.path("out"), service.project.path("metrics"));
    let listen = format!("unix:{}", socket.display());
    let output = ["--output", "json", "--listen", &listen, "--output-file", out.to_str().unwrap()];
    let _tracego = ChildGuard(service.watch(&output).stderr(Stdio::null()).spawn().unwrap());
    let pid = instance.0.id();
    let pidfiles = || {
        let all = written_records(&out);
        let found = about(&all, pid).into_iter().filter(|(id, _)| id == "TG006");
        found.map(|(_, record)| record["tracego"]["inventory"] == true).collect::<Vec<_>>()
    };
    let watched = |wanted: u64| {
        wait_until(&format!("{wanted} watched services"), || {
            let text = metrics::on_unix(&socket, "/metrics").map_or(String::new(), |answer| answer.body);
            text.lines().any(|line| line == format!("tracego_services_watched {wanted}"))
        });
    };
    wait_until("the finding of the inventory", || pidfiles() == [true]);
    watched(1);
    let number = i32::try_from(pid).unwrap();
    // SAFETY: the child is not reaped yet.
    assert_eq!(unsafe { libc::kill(number, libc::SIGUSR1) }, 0);
    wait_until("the finding about the new program", || pidfiles().contains(&false));
    watched(1);
    let mut found = pidfiles();
    found.sort_unstable();
    assert_eq!(found, [false, true], "one finding about each program");
    drop(instance);
    watched(0);
}

fn counted() {
    let folder = tempfile::tempdir().unwrap();
    // A name that fits into that of a task, and that no other test has.
    let name = format!("tgc{}", std::process::id());
    let program = folder.path().join(&name);
    fs::copy("/bin/sleep", &program).unwrap();
    let start = || ChildGuard(Command::new(&program).arg("100").spawn().unwrap());
    let _running = [start(), start()];
    let (out, socket) = (folder.path().join("out"), folder.path().join("metrics"));
    let listen = format!("unix:{}", socket.display());
    let mut command = with_full_records();
    command.args(["--heartbeat", "1", "--comm", &name, "--output", "json", "--listen", &listen]);
    command.arg("--output-file").arg(&out).stderr(Stdio::null());
    let _tracego = ChildGuard(command.spawn().unwrap());
    let counts = || {
        let all = written_records(&out);
        let last = all.iter().rfind(|record| record["event_name"] == "tracego.heartbeat")?;
        Some(last["tracego"]["inventory_counts"].clone())
    };
    wait_until("the inventory", || counts().is_some_and(|counts| counts["complete"] == true));
    let found = counts().unwrap();
    let skipped = |reason: &str| found["skipped"][reason].as_u64().unwrap();
    assert_eq!(
        (&found["judged"], &found["skipped"]["too_many"]),
        (&Value::from(2), &Value::from(0)),
        "{found:#}"
    );
    assert!(skipped("filtered") > 0 && skipped("own") > 0, "{found:#}");
    let text = metrics::on_unix(&socket, "/metrics").unwrap().body;
    let filtered = format!("tracego_inventory_processes{{result=\"filtered\"}} {}", skipped("filtered"));
    for line in ["tracego_inventory_complete 1", "tracego_inventory_processes{result=\"read\"} 2", &filtered]
    {
        assert!(text.lines().any(|written| written == line), "{line}: {text}");
    }
}
