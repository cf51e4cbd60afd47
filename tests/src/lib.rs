//! Runs `tracego` against the running kernel and reads what it says.
#![expect(clippy::unwrap_used, reason = "a harness that cannot go on fails its test")]

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = include_str!("../../tracego/schema/record.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
});

/// Reads records and holds each against the schema.
///
/// # Panics
/// When a line is no JSON or not what the schema says.
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

/// The program under test, built beside the tests.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn tracego() -> PathBuf {
    let path = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("tracego");
    assert!(path.exists(), "{}: run the tests with `cargo xtask test`, which builds it", path.display());
    path
}

/// A run of `tracego run`.
pub struct Session {
    /// Its records, in order.
    pub records: Vec<Value>,
    /// What it and the command printed, and the exit status.
    pub output: Output,
}

impl Session {
    /// `tracego run OPTIONS --output json --output-file … -- COMMAND`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run<S: AsRef<OsStr>>(options: &[&str], command: &[S], edit: impl FnOnce(&mut Command)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("records");
        let mut tracego = Command::new(tracego());
        tracego.arg("run").args(options).args(["--heartbeat", "0", "--output", "json", "--output-file"]);
        tracego.arg(&file).arg("--").args(command);
        // The machine's own CI variables would open jobs that the test does not know.
        for (name, _) in tracego::enrich::ci::names() {
            tracego.env_remove(name);
        }
        edit(&mut tracego);
        let output = tracego.output().unwrap();
        let text = fs::read_to_string(&file).unwrap_or_default();
        Self { records: records(&text), output }
    }

    /// What went to standard error.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Records of a kind: `start`, `exit`, `fork`, `exec_failed`.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let name = format!("tracego.process.{kind}");
        self.records.iter().filter(move |record| record["event_name"] == name)
    }

    /// The only start of an executable.
    ///
    /// # Panics
    /// When there is none or more than one.
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

    /// The last start.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn last(&self) -> &Value {
        self.of("start").last().unwrap_or_else(|| panic!("no start: {}", self.stderr()))
    }
}

/// The arguments of a record.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn args(record: &Value) -> Vec<&str> {
    let args = record["process"]["command_args"].as_array().unwrap();
    args.iter().map(|arg| arg.as_str().unwrap()).collect()
}

/// Whether the test may load BPF programs.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: a call without arguments.
    unsafe { libc::geteuid() == 0 }
}
