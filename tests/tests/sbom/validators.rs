//! Each format is what its own validator takes.

use std::{fs, path::Path};

use serde_json::Value;
use tracego_tests::python;

use crate::{FORMATS, PYTHON, Test, osv, programs::BuiltPrograms, programs::PROGRAMS, replay, sbom};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("validators::accept_bills_of_files", files),
    ("validators::accept_bills_of_records", records),
    ("validators::accept_vulnerabilities", vulnerabilities),
    ("validators::refuse_what_is_wrong", refused),
];

/// Returns the errors that the validator of a format finds.
fn errors(format: &str, document: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    // The readers of SPDX go by the name of the file.
    let end = if format.starts_with("spdx-2") { "spdx.json" } else { "json" };
    let file = folder.path().join(format!("bill.{end}"));
    fs::write(&file, document).unwrap();
    let printed = python::script(PYTHON.as_ref().unwrap(), "sbom.py", &[format, file.to_str().unwrap()], b"");
    serde_json::from_slice(&printed).unwrap()
}

fn check(arguments: &[&str], files: &[&Path]) {
    for format in FORMATS {
        let (_, document, told) = sbom(&[&["--format", format], arguments].concat(), files);
        assert_eq!(errors(format, &document), Vec::<String>::new(), "{format}: {told}");
    }
}

fn files() {
    let programs = PROGRAMS.as_ref().unwrap();
    let mut all: Vec<_> = BuiltPrograms::NAMES.iter().map(|name| programs.program(name)).collect();
    all.push(std::env::current_exe().unwrap());
    let all: Vec<&Path> = all.iter().map(AsRef::as_ref).collect();
    check(&[], &all);
    check(&[], &all[..1]);
}

fn records() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["go", "job", "arguments"] {
        let file = folder.path().join(name);
        replay(name, "lean", &file);
        check(&[], &[&file]);
    }
}

fn vulnerabilities() {
    let advisories = osv::folder();
    let programs = PROGRAMS.as_ref().unwrap();
    check(&["--osv", advisories.path().to_str().unwrap()], &[&programs.program("plain")]);
}

fn refused() {
    let programs = PROGRAMS.as_ref().unwrap();
    let file = programs.program("plain");
    for format in FORMATS {
        let (_, document, _) = sbom(&["--format", format], &[&file]);
        let mut wrong: Value = serde_json::from_slice(&document).unwrap();
        match format {
            "spdx-2.3" => wrong["packages"][0]["SPDXID"] = "x y".into(),
            "spdx-3.0.1" => wrong["@graph"][2]["type"] = "Nonsense".into(),
            _ => wrong["components"][0]["type"] = "nonsense".into(),
        }
        assert_ne!(errors(format, wrong.to_string().as_bytes()), Vec::<String>::new(), "{format}");
    }
}
