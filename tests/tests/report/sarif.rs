//! SARIF, against the schema of the format.

use std::{fs, path::PathBuf, sync::LazyLock};

use serde_json::Value;
use tracego_tests::python::npm_package;

use crate::{CAPTURES, Test, hostile, replay, report};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("sarif::a_result_is_at_the_file_that_started_it", a_result_is_at_the_file_that_started_it)];

pub(crate) const VALIDATED: &[(&str, Test)] = &[("sarif::every_file_is_valid", every_file_is_valid)];

/// The schema in Microsoft's tool for SARIF, or why it is unavailable.
pub(crate) static SCHEMA: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let sha512 = "NxUbpq6ISCWoTQ/NfOYEwEDKq1Heka/rMoJ5R5LMydcAZQX/X7g5mWHcgxDub+0M07LC96tZ5LZHvF1Qy3gjTA==";
    let folder = npm_package("@microsoft/sarif-multitool-linux", "5.7.0", sha512)?;
    find(&folder, "sarif-2.1.0.json").ok_or_else(|| "the package has no sarif-2.1.0.json".to_owned())
});

fn find(folder: &std::path::Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let found = entries.iter().find(|path| path.file_name().is_some_and(|own| own == name)).cloned();
    found.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path, name)))
}

fn every_file_is_valid() {
    let schema: Value =
        serde_json::from_slice(fs::read(SCHEMA.as_ref().unwrap()).unwrap().trim_ascii_start_bom()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut inputs: Vec<Vec<u8>> = CAPTURES.iter().map(|name| replay(name, &["--output", "json"])).collect();
    inputs.push(hostile::records());
    let mut results = 0;
    for input in inputs {
        let file: Value = serde_json::from_str(&report(&input, &["--format", "sarif"])).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        results += file["runs"][0]["results"].as_array().unwrap().len();
    }
    assert!(results > hostile::TEXTS.len());
    let wrong: Value = serde_json::json!({ "version": "2.1.0", "runs": [{ "results": [{}] }] });
    assert!(!validator.is_valid(&wrong), "the schema refuses nothing");
}

trait TrimBom {
    fn trim_ascii_start_bom(&self) -> &[u8];
}

impl TrimBom for Vec<u8> {
    fn trim_ascii_start_bom(&self) -> &[u8] {
        self.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self)
    }
}

fn a_result_is_at_the_file_that_started_it() {
    for detail in ["lean", "full"] {
        let records = replay("go", &["--output", "json", "--detail", detail]);
        let file: Value = serde_json::from_str(&report(&records, &["--format", "sarif"])).unwrap();
        let results = file["runs"][0]["results"].as_array().unwrap();
        let rules: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
        assert_eq!(rules, ["TG001", "TG002"]);
        for result in results {
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(place, "scripts/ci.sh");
            assert_eq!(result["level"], "error");
            assert_eq!(result["partialFingerprints"]["tracegoFinding/v1"].as_str().unwrap().len(), 16);
        }
        let rule = &file["runs"][0]["tool"]["driver"]["rules"][0];
        assert_eq!(rule["properties"]["security-severity"], "7.5");
    }
}
