//! Output formats against their own validators and decoders, against `docs/formats.md`, and with odd values.
//! If a package is unavailable, its test is ignored with the reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cef;
mod cloudevents;
mod documents;
mod ecs;
mod json_leaves;
mod lean;
mod ocsf;
mod odd_values;
mod otlp;
mod selection;

use std::{path::PathBuf, sync::LazyLock};

use libtest_mimic::Arguments;
use tracego_deliver::format::Format;
use tracego_model::record::Record;
use tracego_tests::{python, samples, trial};

type Test = fn();

/// The validators from PyPI.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("formats"));

fn main() {
    let python = PYTHON.as_ref().err().cloned();
    let npm = ecs::PUBLISHED.as_ref().err().cloned();
    let groups = [
        (documents::TESTS, None),
        (cef::TESTS, None),
        (odd_values::TESTS, None),
        (lean::TESTS, None),
        (selection::TESTS, None),
        (otlp::TESTS, None),
        (ocsf::TESTS, None),
        (ecs::TESTS, None),
        (ocsf::VALIDATED, python.clone()),
        (cloudevents::VALIDATED, python.clone()),
        (otlp::VALIDATED, python),
        (ecs::VALIDATED, npm),
    ];
    let mut trials = Vec::new();
    for (tests, missing) in groups {
        for &(name, test) in tests {
            trials.push(trial(name, missing.clone(), test));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Returns captured and synthetic records.
fn records() -> Vec<Record> {
    let mut all = samples::captured();
    all.extend(samples::synthetic());
    all
}

/// Returns a record in a format, as one line.
fn line(format: Format, record: &Record) -> String {
    let mut out = Vec::new();
    format.write(record, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    line.to_owned()
}

/// Returns a record in a format whose lines are JSON.
fn object(format: Format, record: &Record) -> serde_json::Value {
    let line = line(format, record);
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
