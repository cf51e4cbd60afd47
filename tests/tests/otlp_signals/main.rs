//! Traces and metrics, as independent receivers understand them: Google's protobuf in Python over HTTP and
//! gRPC, and a collector. If a package is unavailable, its test is ignored with the reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod metrics;
mod receiver;
mod spans;
mod tls;

use std::{path::PathBuf, sync::LazyLock};

use libtest_mimic::Arguments;
use tracego_tests::{python, trial};

type Test = fn();

/// The receiver's packages from PyPI.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("otlp_signals"));
/// A collector from PyPI.
static ROTEL: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("rotel"));

fn main() {
    let python = PYTHON.as_ref().err().cloned();
    let rotel = python.clone().or_else(|| ROTEL.as_ref().err().cloned());
    let groups = [
        (spans::TESTS, python.clone()),
        (faults::TESTS, python.clone()),
        (tls::TESTS, python.clone()),
        (metrics::TESTS, python),
        (spans::COLLECTED, rotel),
    ];
    let mut trials = Vec::new();
    for (tests, missing) in groups {
        for &(name, test) in tests {
            trials.push(trial(name, missing.clone(), test));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
