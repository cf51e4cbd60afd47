//! Test support: runs `tracego` on the running kernel and reads its output.
#![expect(clippy::unwrap_used, reason = "a harness that cannot go on fails its test")]

pub mod bundle_server;
pub mod chart;
pub mod cri;
pub mod debian;
pub mod esbuild;
pub mod go;
pub mod kafka;
pub mod kube_api;
pub mod pod_cgroup;
pub mod podman;
pub mod ports;
pub mod python;
pub mod rootfs;
pub mod samples;
pub mod screen;
pub mod syft;
pub mod tls_server;

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = include_str!("../../tracego/schema/record.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
});

/// Parses records and validates each against the schema.
///
/// # Panics
/// Panics if a line is not JSON or violates the schema.
#[must_use]
pub fn records(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> =
                SCHEMA.iter_errors(&record).map(|e| format!("{}: {e}", e.instance_path)).collect();
            assert!(errors.is_empty(), "{errors:#?} in {line}");
            record
        })
        .collect()
}

/// Returns the records in a file that tracego still writes to; without a file there are none.
///
/// # Panics
/// Panics if a whole line is not JSON or violates the schema.
#[must_use]
pub fn written_records(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // The last line may be incomplete.
    records(text.rfind('\n').map_or("", |end| &text[..end]))
}

/// Returns the path of the program under test, built beside the tests.
///
/// # Panics
/// Panics if it is missing.
#[must_use]
pub fn tracego() -> PathBuf {
    let path = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("tracego");
    assert!(path.exists(), "{}: run the tests with `cargo xtask test`, which builds it", path.display());
    path
}

/// Returns a command of tracego whose records are full, and which does not read `/etc/tracego`. A test that looks at
/// lean records uses [`tracego()`].
#[must_use]
pub fn with_full_records() -> Command {
    let mut command = Command::new(tracego());
    command.env("TRACEGO_DETAIL", "full").env("TRACEGO_CONFIG", "none");
    command
}

/// Removes the machine's own CI variables from a command. They would open jobs that the test does not know.
pub fn remove_job(command: &mut Command) {
    let openers = tracego_model::job_variables::JOB_VARIABLES.map(|(name, _)| name);
    for name in tracego_analyze::enrich::ci::names().into_iter().chain(openers) {
        command.env_remove(name);
    }
}

/// An output in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    /// Returns the text written so far.
    ///
    /// # Panics
    /// Panics if it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A finished run of `tracego run`.
pub struct Session {
    /// The records, in order.
    pub records: Vec<Value>,
    /// The output of tracego and of the command, and the exit status.
    pub output: Output,
}

impl Session {
    /// Runs `tracego run OPTIONS --output json --output-file … -- COMMAND`.
    ///
    /// # Panics
    /// Panics if it cannot be started.
    pub fn run<S: AsRef<OsStr>>(options: &[&str], command: &[S], edit: impl FnOnce(&mut Command)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("records");
        let mut tracego = Command::new(tracego());
        tracego.arg("run").args(options).args(["--heartbeat", "0", "--output", "json", "--output-file"]);
        tracego.arg(&file);
        if !options.contains(&"--detail") {
            tracego.args(["--detail", "full"]);
        }
        tracego.arg("--").args(command);
        remove_job(&mut tracego);
        edit(&mut tracego);
        let output = tracego.output().unwrap();
        let text = fs::read_to_string(&file).unwrap_or_default();
        Self { records: records(&text), output }
    }

    /// Creates a session from records on standard output.
    ///
    /// # Panics
    /// Panics if the output is not valid records.
    #[must_use]
    pub fn of_output(output: Output) -> Self {
        Self { records: records(std::str::from_utf8(&output.stdout).unwrap()), output }
    }

    /// Returns the text on standard error.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Returns the records of a kind: `start`, `exit`, `fork`, `exec_failed`.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let name = format!("tracego.process.{kind}");
        self.records.iter().filter(move |record| record["event_name"] == name)
    }

    /// Returns the only start record of an executable.
    ///
    /// # Panics
    /// Panics if there is none or more than one.
    #[must_use]
    pub fn start(&self, path: &Path) -> &Value {
        let path = fs::canonicalize(path).unwrap_or(path.to_owned());
        let found: Vec<_> = self
            .of("start")
            .filter(|r| r["process"]["executable"]["path"] == path.to_str().unwrap())
            .collect();
        assert_eq!(found.len(), 1, "{} in {:#?}\n{}", path.display(), self.records, self.stderr());
        found[0]
    }

    /// Returns the last start record.
    ///
    /// # Panics
    /// Panics if there is none.
    #[must_use]
    pub fn last(&self) -> &Value {
        self.of("start").last().unwrap_or_else(|| panic!("no start: {}", self.stderr()))
    }
}

/// A process that is killed when its test ends.
pub struct ChildGuard(pub Child);

impl ChildGuard {
    /// Waits for the end of the process and returns its output.
    ///
    /// # Panics
    /// Panics if the output cannot be read.
    #[must_use]
    pub fn output(mut self) -> Output {
        fn read(from: Option<impl Read>) -> Vec<u8> {
            let mut bytes = Vec::new();
            if let Some(mut from) = from {
                from.read_to_end(&mut bytes).unwrap();
            }
            bytes
        }
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        let (stdout, stderr) = thread::scope(|scope| {
            let stderr = scope.spawn(|| read(stderr));
            (read(stdout), stderr.join().unwrap())
        });
        Output { status: self.0.wait().unwrap(), stdout, stderr }
    }

    /// Waits for the end of the process, at most half a minute.
    ///
    /// # Panics
    /// Panics if it does not end.
    pub fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the end", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// Panics if the process was already waited for.
    pub fn terminate(&self) {
        let pid = i32::try_from(self.0.id()).unwrap();
        // SAFETY: the child is not reaped yet.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        // Errors mean that the process has already ended, as it should.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts `tracego --output json OPTIONS` with pipes, for the whole machine. Returns when its BPF programs
/// are attached.
///
/// # Panics
/// Panics if it cannot be started.
#[must_use]
pub fn watch(options: &[&str]) -> ChildGuard {
    let mut tracego = with_full_records();
    tracego.args(["--output", "json", "--heartbeat", "0"]).args(options);
    let running = ChildGuard(tracego.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    wait_until("the programs are attached", || links(running.0.id()) >= 3);
    running
}

/// Returns the number of BPF links that a process holds, one per attached program.
fn links(pid: u32) -> usize {
    let all = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    all.filter(|fd| fs::read_link(fd.path()).is_ok_and(|to| to == Path::new("anon_inode:bpf_link"))).count()
}

/// Waits until the condition holds.
///
/// # Panics
/// Panics if it does not hold within half a minute.
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(30), "timed out after 30 s: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// A guard that sets a stop flag on drop, even when the test panics: a thread scope waits for its threads.
pub struct StopGuard<'a>(pub &'a AtomicBool);

impl Drop for StopGuard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work` while another thread repeats `step`.
pub fn with_background<R>(mut step: impl FnMut() + Send, work: impl FnOnce() -> R) -> R {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = StopGuard(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                step();
            }
        });
        work()
    })
}

/// Creates a test that is ignored when something is missing, with the reason in its name.
#[must_use]
pub fn trial(name: &str, missing: Option<String>, test: impl FnOnce() + Send + 'static) -> Trial {
    let shown = missing.as_ref().map_or(name.to_owned(), |missing| format!("{name} ({missing})"));
    let run = move || -> Result<(), Failed> {
        test();
        Ok(())
    };
    Trial::test(shown, run).with_ignored_flag(missing.is_some())
}

/// Returns the arguments in a record.
///
/// # Panics
/// Panics if it has none.
#[must_use]
pub fn args(record: &Value) -> Vec<&str> {
    let args = record["process"]["command_args"].as_array().unwrap();
    args.iter().map(|arg| arg.as_str().unwrap()).collect()
}

/// Returns whether the test may load BPF programs.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: a call without arguments.
    unsafe { libc::geteuid() == 0 }
}
