//! JUnit XML, as junitparser reads it.

use serde_json::{Value, json};
use tracego_model::text::printable_lines;
use tracego_tests::python::script;

use crate::{PYTHON, Test, command, hostile, replay, report, run};

pub(crate) const READ: &[(&str, Test)] = &[
    ("junit::findings_are_failures", findings_are_failures),
    ("junit::a_loss_is_a_failure", a_loss_is_a_failure),
    ("junit::every_text_comes_back", every_text_comes_back),
];

fn suites(xml: &str) -> Vec<Value> {
    let printed = script(PYTHON.as_ref().unwrap(), "report.py", &["junit"], xml.as_bytes());
    serde_json::from_slice(&printed).unwrap()
}

fn findings_are_failures() {
    let records = replay("go", &["--output", "json"]);
    let suites = suites(&report(&records, &["--format", "junit"]));
    let names: Vec<&str> = suites.iter().map(|suite| suite["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["records", "TG001 go-run", "TG002 run-artifact"]);
    assert_eq!(suites[0]["counts"], json!([4, 0, 0]));
    assert_eq!(suites[1]["counts"], json!([1, 1, 0]));
    let failed = &suites[1]["cases"][0];
    assert_eq!(failed["name"], "go run ./cmd/server");
    assert!(failed["results"][0][2].as_str().unwrap().contains("by make (10497) → ci.sh (10498) → go run"));
    let output = run(command().args(["report", "--format", "junit", "--fail-on", "critical", "-"]), &records);
    let skipped = self::suites(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(skipped[1]["counts"], json!([1, 0, 1]));
}

fn a_loss_is_a_failure() {
    let lost = json!({
        "schema": "tracego/2", "event_name": "tracego.lost", "timestamp": "2026-11-25T02:00:00Z",
        "tracego": { "lost": { "ring_full": 7 } },
    });
    let suites = suites(&report(format!("{lost}\n").as_bytes(), &["--format", "junit"]));
    assert_eq!(suites[0]["counts"], json!([4, 1, 0]));
    assert_eq!(suites[0]["cases"][0]["results"][0][2], "ring_full: 7\n");
}

fn every_text_comes_back() {
    let suites = suites(&report(&hostile::records(), &["--format", "junit"]));
    let cases = suites[1]["cases"].as_array().unwrap();
    assert_eq!(cases.len(), hostile::TEXTS.len() + 1);
    for (case, text) in cases.iter().zip(hostile::TEXTS) {
        // Ends of lines come back; what XML has no form for does as its escape.
        let message =
            printable_lines(text).replace(['\u{fffe}'], "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}");
        assert_eq!(case["results"][0][1], message);
    }
}
