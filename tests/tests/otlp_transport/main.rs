//! The OTLP sink against independent receivers: one in Python with scripted failures, and a real collector.
//! If their packages are unavailable, the tests are ignored with the reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod collector;
mod grpc;
mod harness;
mod http;
mod refusals;
mod tls;

use std::{path::PathBuf, sync::LazyLock};

use libtest_mimic::Arguments;
use tracego_tests::{python, trial};

type Test = fn();

/// The receivers from PyPI.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("otlp"));

fn main() {
    let missing = PYTHON.as_ref().err().cloned();
    let groups = [http::TESTS, refusals::TESTS, grpc::TESTS, tls::TESTS, collector::TESTS];
    let trials = groups.concat().into_iter().map(|(name, test)| trial(name, missing.clone(), test)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
