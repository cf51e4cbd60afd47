//! `tracego attest` on records of captured sessions. Signatures are verified by a library that is not ours, and what a
//! statement says is missing is what `tracego verify-log` says. If a package is unavailable, its tests are ignored with the
//! reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod completeness;
mod keys;
mod signature;
mod statement;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use libtest_mimic::Arguments;
use serde_json::Value;
use tracego_tests::{python, tracego, trial};

type Test = fn();

/// The verifier of envelopes from PyPI.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("attest"));
/// Whether keys can be made.
static OPENSSL: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let found = Command::new("openssl").arg("version").output();
    found.map(drop).map_err(|_| "needs openssl: `apt-get install openssl`".to_owned())
});

fn main() {
    let openssl = OPENSSL.as_ref().err().cloned();
    let groups = [
        (statement::TESTS, None),
        (completeness::TESTS, None),
        (keys::TESTS, openssl.clone()),
        (signature::TESTS, PYTHON.as_ref().err().cloned().or(openssl)),
    ];
    let mut trials = Vec::new();
    for (tests, missing) in groups {
        for &(name, test) in tests {
            trials.push(trial(name, missing.clone(), test));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A folder with an artifact and records.
struct Folder(tempfile::TempDir);

impl Folder {
    /// Creates a folder with the sealed records of a captured session.
    fn sealed() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("app", b"an artifact");
        folder.replay("go", &["--seal"]);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes the records of a captured session to `records`.
    fn replay(&self, capture: &str, options: &[&str]) {
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{capture}.capture"));
        let mut command = self.command("replay");
        command.arg(capture).args(["-e", "execve,exit", "--output-file", "records"]).args(options);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns a command without settings of this machine.
    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(tracego());
        command.env("TRACEGO_CONFIG", "none").env_remove("TRACEGO_DETAIL").current_dir(self.0.path());
        command.arg(subcommand);
        command
    }

    /// Runs `tracego attest`. Returns its status, its output and its errors.
    fn attest(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command("attest").args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Returns the statement about the artifact, and the status.
    fn statement(&self, arguments: &[&str]) -> (i32, Value) {
        let all = [&["--subject", "app", "--format", "statement"], arguments].concat();
        let (status, stdout, stderr) = self.attest(&all);
        let statement = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
        (status, statement)
    }

    /// Makes a private key with OpenSSL. Returns the name of its file; that of the public key ends with `.pub`.
    fn key(&self, name: &'static str, algorithm: &[&str]) -> &'static str {
        let run = |arguments: &[&str]| {
            let output = Command::new("openssl").args(arguments).current_dir(self.0.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(&[&["genpkey", "-out", name, "-algorithm"], algorithm].concat());
        run(&["pkey", "-in", name, "-pubout", "-out", &format!("{name}.pub")]);
        name
    }
}
