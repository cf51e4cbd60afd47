//! The rights that tracego keeps, and the rights that its command has.

use std::{
    ffi::CString,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_tests::{records, tracego, wait_until};

use crate::{ConditionalTest, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("rights that are not needed any more are dropped from all threads", dropped),
    ("rights are kept on request", kept),
    ("a user with four capabilities misses nothing", unprivileged),
    ("a user with five capabilities stops programs", unprivileged_enforcement),
    ("without a capability its loss is told", without_one),
    ("a command inherits no capability", command),
];

pub(crate) const CONDITIONAL: &[ConditionalTest] = &[(
    "a program whose file permits capabilities has those of them that its container has",
    by_file,
    needs_file_capabilities,
)];

/// The four capabilities of a service, as setpriv(1) writes them.
pub(crate) const FOUR: &str = "-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search";
/// Capabilities by their bits (include/uapi/linux/capability.h).
const DAC_READ_SEARCH: u64 = 1 << 2;
const SYS_PTRACE: u64 = 1 << 19;
const BPF: u64 = 1 << 39;
const PERFMON: u64 = 1 << 38;
const NOBODY: &str = "65534";

/// Returns tracego as a user with some capabilities.
pub(crate) fn as_user(capabilities: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"]);
    command.args(["--inh-caps", capabilities, "--ambient-caps", capabilities]);
    command.args(["--bounding-set", capabilities]).arg(tracego());
    command
}

/// A tracego that watches, with what it has written so far.
struct Watcher {
    child: Child,
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Watcher {
    /// Starts a command that watches, and waits until it is ready.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("never ready: {seen:?}")).unwrap();
            if line.contains("ready") {
                break;
            }
            seen.push(line);
        }
        // The rest is read, so that nothing waits for room.
        thread::spawn(move || lines.for_each(drop));
        let records = BufReader::new(child.stdout.take().unwrap()).lines();
        let text = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&text);
        let reader = thread::spawn(move || {
            for line in records {
                written.lock().unwrap().push_str(&(line.unwrap() + "\n"));
            }
        });
        Self { child, text, reader }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a heartbeat, and ends the tracego. Returns its records.
    fn end(mut self) -> Vec<Value> {
        wait_until("a heartbeat", || self.text.lock().unwrap().contains("tracego.heartbeat"));
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.reader.join().unwrap();
        records(&self.text.lock().unwrap())
    }
}

/// Returns a field of each thread's status.
fn of_threads(pid: u32, field: &str) -> Vec<(String, String)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let status = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    let value = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    status.map(|text| (value(&text, "Name:"), value(&text, field))).collect()
}

fn capabilities(pid: u32) -> Vec<(String, u64)> {
    let all = of_threads(pid, "CapPrm:").into_iter();
    all.map(|(name, bits)| (name, u64::from_str_radix(&bits, 16).unwrap())).collect()
}

/// Returns the rights in the first heartbeat.
fn privileges(records: &[Value]) -> Value {
    let beat = records.iter().find(|record| record["event_name"] == "tracego.heartbeat").unwrap();
    beat["tracego"]["privileges"].clone()
}

fn dropped() {
    let sinks = "[[sinks]]\nname = \"file\"\ntype = \"file\"\npath = \"records.json\"\n";
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("tracego.toml");
    fs::write(&config, sinks.replace("records.json", folder.path().join("records.json").to_str().unwrap()))
        .unwrap();
    let mut command = Command::new(tracego());
    command.args(["-e", "execve", "--output", "json", "--heartbeat", "1s", "--config"]);
    let watcher = Watcher::start(command.arg(&config));
    let threads = capabilities(watcher.pid());
    assert!(threads.len() > 4, "{threads:?}");
    for (thread, bits) in threads {
        assert_eq!(bits & (BPF | PERFMON), 0, "{thread}");
        assert_eq!(bits & (SYS_PTRACE | DAC_READ_SEARCH), SYS_PTRACE | DAC_READ_SEARCH, "{thread}");
        // CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_SETUID
        assert_eq!(bits & (1 << 12 | 1 << 16 | 1 << 7), 0, "{thread}");
    }
    for field in ["NoNewPrivs:", "Seccomp:"] {
        let wanted = if field == "Seccomp:" { "2" } else { "1" };
        for (thread, value) in of_threads(watcher.pid(), field) {
            assert_eq!(value, wanted, "{field} of {thread}");
        }
    }
    let rights = privileges(&watcher.end());
    assert_eq!(rights["seccomp"], "filter");
    assert!(rights["problem"].is_null() && rights["missing"].is_null(), "{rights}");
}

fn kept() {
    let mut command = Command::new(tracego());
    command.args(["-e", "execve", "--output", "json", "--heartbeat", "1s", "--keep-privileges"]);
    let watcher = Watcher::start(&mut command);
    assert!(capabilities(watcher.pid()).iter().all(|(_, bits)| bits & BPF != 0));
    assert!(of_threads(watcher.pid(), "Seccomp:").iter().all(|(_, mode)| mode == "0"));
    assert_eq!(privileges(&watcher.end())["seccomp"], "off");
}

/// A program in a folder that only root may enter, with a Go file beside it.
fn hidden_program() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("hidden");
    fs::copy("/bin/true", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    (folder, program)
}

fn unprivileged() {
    let (_folder, program) = hidden_program();
    let mut command = as_user(FOUR);
    command.args(["-e", "execve", "--output", "json", "--detail", "full", "--heartbeat", "1s"]);
    let watcher = Watcher::start(command.current_dir("/"));
    for (thread, bits) in capabilities(watcher.pid()) {
        assert_eq!(bits, SYS_PTRACE | DAC_READ_SEARCH, "{thread}");
    }
    for _ in 0..5 {
        assert!(Command::new(&program).status().unwrap().success());
    }
    let records = watcher.end();
    let own = |record: &&Value| record["process"]["executable"]["path"] == program.to_str().unwrap();
    let starts: Vec<_> =
        records.iter().filter(own).filter(|record| record["event_name"] == "tracego.process.start").collect();
    assert_eq!(starts.len(), 5);
    for start in starts {
        assert!(start["tracego"]["elf"].is_object(), "the executable was not read: {start:#}");
    }
    let rights = privileges(&records);
    assert_eq!(rights["capabilities"], serde_json::json!(["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]));
    assert!(rights["missing"].is_null() && rights["problem"].is_null(), "{rights}");
}

fn unprivileged_enforcement() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("tracego.toml");
    let rule = "[enforce]\nfindings = []\n[[enforce.rules]]\nname = \"no-forbidden\"\npath = \"forbidden\"\n";
    fs::write(&config, rule).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let forbidden = folder.path().join("forbidden");
    fs::copy("/bin/sleep", &forbidden).unwrap();
    let five = format!("{FOUR},+kill");
    let mut command = as_user(&five);
    command.args(["-e", "execve", "--output", "json", "--heartbeat", "1s", "--enforce", "kill", "--config"]);
    let watcher = Watcher::start(command.arg(&config).current_dir("/"));
    let begun = Instant::now();
    let status = Command::new(&forbidden).arg("30").status();
    assert!(begun.elapsed() < Duration::from_secs(10) && !status.is_ok_and(|status| status.success()));
    let records = watcher.end();
    assert!(records.iter().any(|record| record["event_name"] == "tracego.enforcement"), "{records:#?}");
    assert!(privileges(&records)["missing"].is_null());
}

fn without_one() {
    let folder_and_program = hidden_program();
    let program = &folder_and_program.1;
    let mut command = as_user("-all,+bpf,+perfmon");
    command.args(["-e", "execve", "--output", "json", "--detail", "full", "--heartbeat", "1s"]);
    let watcher = Watcher::start(command.current_dir("/"));
    assert!(Command::new(program).status().unwrap().success());
    let records = watcher.end();
    let missing = privileges(&records)["missing"].clone();
    assert_eq!(missing, serde_json::json!(["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]));
    let own = |record: &&Value| record["process"]["executable"]["path"] == program.to_str().unwrap();
    let start = records.iter().find(own).unwrap();
    assert!(start["tracego"]["elf"].is_null(), "{start:#}");
    let output = as_user("-all,+bpf,+perfmon").args(["doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let state = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()["state"].clone()
    };
    for (name, wanted) in [
        ("CAP_BPF", "ok"),
        ("CAP_SYS_PTRACE", "degraded"),
        ("CAP_DAC_READ_SEARCH", "degraded"),
        ("CAP_KILL", "optional"),
    ] {
        assert_eq!(state(name), wanted, "{name}: {report:#}");
    }
}

/// Writes capabilities of a program into its file, as setcap(8) does (`struct vfs_cap_data`): permitted, and in effect
/// from its start if `effective`.
fn permit(program: &Path, capabilities: u64, effective: bool) -> std::io::Result<()> {
    let first = if effective { 0x0200_0001 } else { 0x0200_0000 };
    let words: [u64; 5] = [first, capabilities & 0xffff_ffff, 0, capabilities >> 32, 0];
    let value: Vec<u8> = words.into_iter().flat_map(|word| word.to_le_bytes()[..4].to_owned()).collect();
    let path = CString::new(program.as_os_str().as_bytes()).unwrap();
    let (name, start) = (c"security.capability".as_ptr(), value.as_ptr().cast());
    // SAFETY: the texts end with zero, and the value has the length that is given.
    let done = unsafe { libc::setxattr(path.as_ptr(), name, start, value.len(), 0) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn needs_file_capabilities() -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    permit(file.path(), BPF, false).err().map(|error| format!("capabilities of files: {error}"))
}

fn by_file() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("tracego");
    fs::copy(tracego(), &program).unwrap();
    let four = BPF | PERFMON | SYS_PTRACE | DAC_READ_SEARCH;
    permit(&program, four, false).unwrap();
    let container = |bounding: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all"]);
        // Runtimes of containers keep what is permitted over the change of the user, as setpriv does.
        command.args(["--no-new-privs", "--bounding-set", bounding]).arg(&program).current_dir("/");
        command
    };
    let options = ["-e", "execve", "--output", "json", "--detail", "full", "--heartbeat", "1s"];
    let three = "-all,+bpf,+perfmon,+sys_ptrace";
    for (bounding, in_effect, missing) in [
        (FOUR, SYS_PTRACE | DAC_READ_SEARCH, Value::Null),
        (three, SYS_PTRACE, serde_json::json!(["CAP_DAC_READ_SEARCH"])),
    ] {
        let (_folder, hidden) = hidden_program();
        let watcher = Watcher::start(container(bounding).args(options));
        for field in ["CapPrm:", "CapEff:"] {
            for (thread, bits) in of_threads(watcher.pid(), field) {
                assert_eq!(u64::from_str_radix(&bits, 16).unwrap(), in_effect, "{field} of {thread}");
            }
        }
        assert!(Command::new(&hidden).status().unwrap().success());
        let records = watcher.end();
        assert_eq!(privileges(&records)["missing"], missing);
        let own = |record: &&Value| record["process"]["executable"]["path"] == hidden.to_str().unwrap();
        let start = records.iter().find(own).unwrap();
        assert_eq!(start["tracego"]["elf"].is_object(), missing.is_null(), "{start:#}");
    }
    // tracego itself says what it lacks.
    for (bounding, name) in [
        ("-all,+perfmon,+sys_ptrace,+dac_read_search", "CAP_BPF"),
        ("-all,+bpf,+sys_ptrace,+dac_read_search", "CAP_PERFMON"),
    ] {
        let output = container(bounding).args(options).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{errors}");
        assert!(errors.contains(name), "{name}: {errors}");
    }
    // The kernel's rule that images have to mind: a program whose capabilities are to be in effect is not started.
    permit(&program, four, true).unwrap();
    assert_eq!(container(FOUR).arg("--version").status().unwrap().code(), Some(0));
    let output = container(three).arg("--version").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.stdout.is_empty() && errors.contains("Operation not permitted"), "{errors}");
}

fn command() {
    let script = "grep -E '^(Cap(Inh|Prm|Eff|Amb)|Seccomp|NoNewPrivs):' /proc/self/status";
    let mut command = as_user(FOUR);
    command.args(["run", "--output-file", "/dev/null", "--quiet", "--", "/bin/sh", "-c", script]);
    // The user gave no_new_privs itself.
    let output = command.current_dir("/").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(text.contains(&format!("{set}:\t0000000000000000")), "{text}");
    }
    assert!(text.contains("Seccomp:\t0"), "{text}");
    // A command of root may call sudo.
    let mut command = Command::new(tracego());
    command.args(["run", "--output-file", "/dev/null", "--quiet", "--", "/bin/sh", "-c", script]);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(text.contains("NoNewPrivs:\t0") && text.contains("Seccomp:\t0"), "{text}");
}
