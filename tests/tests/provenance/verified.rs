//! `tracego provenance verify` and its answer about one file.

use std::{ffi::OsStr, path::Path, process::Command};

use serde_json::Value;
use tracego_tests::tracego;

/// The answer about a file.
pub(crate) struct Verified {
    /// The line of JSON.
    pub(crate) line: Value,
    /// The exit code.
    pub(crate) code: i32,
}

impl Verified {
    /// Verifies a file with these options.
    pub(crate) fn of(file: &Path, options: &[&dyn AsRef<OsStr>]) -> Self {
        Self::by(&mut Command::new(tracego()), file, options)
    }

    /// Verifies a file with these options, by a command that starts tracego.
    pub(crate) fn by(command: &mut Command, file: &Path, options: &[&dyn AsRef<OsStr>]) -> Self {
        command.args(["provenance", "verify", "--output", "json"]).arg(file);
        for option in options {
            command.arg(option);
        }
        let output = command.output().unwrap();
        let code = output.status.code().unwrap();
        let line = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {code} {}", String::from_utf8_lossy(&output.stderr)));
        Self { line, code }
    }

    /// Returns the verdict, which has to agree with the exit code.
    pub(crate) fn verdict(&self) -> &str {
        let verdict = self.line["verdict"].as_str().unwrap();
        assert_eq!(self.code, if verdict == "verified" { 0 } else { 6 }, "{}", self.line);
        verdict
    }

    /// Returns the error.
    pub(crate) fn error(&self) -> &str {
        self.line["error"].as_str().unwrap_or_else(|| panic!("{}", self.line))
    }
}
