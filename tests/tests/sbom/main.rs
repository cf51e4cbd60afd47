//! `tracego sbom` on programs that are built here, on executables of Go toolchains, and on records. Each format is checked
//! by its own validator, and the modules are held against those that syft finds. If a package is unavailable, its tests are
//! ignored with the reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod files;
mod osv;
mod programs;
mod records;
mod syft;
mod validators;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use libtest_mimic::Arguments;
use serde_json::Value;
use tracego_tests::{python, tracego, trial};

type Test = fn();

/// The validators of the formats from PyPI.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("sbom"));

/// The formats, by their names on the command line.
const FORMATS: [&str; 4] = ["cyclonedx-1.6", "cyclonedx-1.7", "spdx-2.3", "spdx-3.0.1"];

fn main() {
    let python = PYTHON.as_ref().err().cloned();
    let programs = programs::PROGRAMS.as_ref().err().cloned();
    let syft = syft::SYFT.as_ref().err().cloned();
    let esbuild = syft::ESBUILD.as_ref().err().cloned();
    let groups = [
        (records::TESTS, None),
        (osv::TESTS, None),
        (files::TESTS, programs.clone()),
        (validators::TESTS, python.clone().or(programs.clone())),
        (syft::OF_ESBUILD, syft.clone().or(esbuild)),
        (syft::TESTS, syft.or(programs)),
    ];
    let mut trials = Vec::new();
    for (tests, missing) in groups {
        for &(name, test) in tests {
            trials.push(trial(name, missing.clone(), test));
        }
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Returns the path of a captured session.
fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.capture"))
}

/// Returns a command without settings of this machine.
fn command(subcommand: &str) -> Command {
    let mut command = Command::new(tracego());
    command.env("TRACEGO_CONFIG", "none").env_remove("SOURCE_DATE_EPOCH").env_remove("TRACEGO_DETAIL");
    command.arg(subcommand);
    command
}

/// Writes the records of a captured session to a file.
fn replay(name: &str, detail: &str, file: &Path) {
    let mut command = command("replay");
    command.arg(capture(name)).args(["-e", "execve,exit", "--detail", detail, "--output-file"]).arg(file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `tracego sbom`. Returns its status, its output and its errors.
fn sbom(arguments: &[&str], files: &[&Path]) -> (i32, Vec<u8>, String) {
    let Output { status, stdout, stderr } = command("sbom").args(arguments).args(files).output().unwrap();
    (status.code().unwrap(), stdout, String::from_utf8(stderr).unwrap())
}

/// Returns a bill in CycloneDX, and the status.
fn cyclonedx(arguments: &[&str], files: &[&Path]) -> (i32, Value) {
    let (status, stdout, stderr) = sbom(arguments, files);
    let bill = serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    (status, bill)
}

/// Returns the components of a bill of one type.
fn components<'a>(bill: &'a Value, kind: &str) -> Vec<&'a Value> {
    bill["components"].as_array().unwrap().iter().filter(|component| component["type"] == kind).collect()
}

/// Returns the value of a property of a component.
fn property<'a>(component: &'a Value, name: &str) -> Option<&'a str> {
    let properties = component["properties"].as_array()?;
    properties.iter().find(|property| property["name"] == name)?["value"].as_str()
}
