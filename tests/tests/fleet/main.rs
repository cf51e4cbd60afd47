//! The files below `deploy/clickhouse`, with the engine of ClickHouse in a process (chDB): records that tracego's sink
//! sends, a simulated fleet with planted faults that each question has to find, the panels of the dashboards, and Sigma
//! rules.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod dashboards;
mod document;
mod layout;
mod nodes;
mod pictures;
mod real;
mod requests;
mod server;
mod sigma;

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use libtest_mimic::Arguments;
use tracego_tests::{is_root, python, trial};

type Test = fn();

/// A Python interpreter with chDB.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("fleet"));

fn main() {
    let missing = PYTHON.as_ref().err().cloned();
    let mut trials = Vec::new();
    for &(name, test) in
        [real::TESTS, answers::TESTS, dashboards::STORED, layout::TESTS, pictures::DRAWN, server::TESTS]
            .concat()
            .iter()
    {
        trials.push(trial(name, missing.clone(), test));
    }
    for &(name, test) in [dashboards::NAMED, pictures::KEPT].concat().iter() {
        trials.push(trial(name, None, test));
    }
    let converter = sigma::CONVERTER.as_ref().err().cloned();
    for &(name, test) in sigma::CONVERTED {
        trials.push(trial(name, converter.clone(), test));
    }
    for &(name, test) in sigma::STORED {
        trials.push(trial(name, missing.clone().or_else(|| converter.clone()), test));
    }
    // Records of this machine take root.
    let root = (!is_root()).then(|| "needs root".to_owned());
    for &(name, test) in document::TESTS {
        trials.push(trial(name, missing.clone().or_else(|| root.clone()), test));
    }
    for &(name, test) in requests::TESTS {
        trials.push(trial(name, root.clone(), test));
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let conclusion = libtest_mimic::run(&arguments, trials);
    server::stop_all();
    conclusion.exit();
}

/// Returns a file below `deploy`.
fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy").join(name)
}
