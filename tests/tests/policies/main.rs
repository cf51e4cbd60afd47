//! The starter policies and examples of OPA's documentation, evaluated here and by a second engine (rego-cpp,
//! from PyPI), and calls of every built-in function, evaluated here and by OPA itself. If an engine is
//! unavailable, its tests are ignored with the reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use libtest_mimic::Arguments;
use serde_json::{Value, json};
use tracego_policy::{
    DecisionLimits, PolicyEngine,
    bundle::{self, Bundle},
};
use tracego_tests::{python, trial};

mod calls;
mod servers;

static OPA: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("policy_calls"));
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python::environment("policy_oracle"));

/// Number of records generated for the comparison, and the seed of the generator.
const COUNT: &str = "4000";
const SEED: &str = "7";

fn main() {
    let missing = PYTHON.as_ref().err().cloned();
    let no_opa = OPA.as_ref().err().cloned();
    let trials = vec![
        trial("the starter policies load and refuse what their cases say", None, cases),
        trial("a second engine decides thousands of records in the same way", missing.clone(), same),
        trial("a second engine has the same cases and examples", missing, oracle),
        trial("calls of every function have the results of OPA, or are refused", no_opa, calls::same),
        trial("a server's bundle is accepted or refused with its reason", None, servers::answers),
        trial("a server's archive is decompressed up to its bound", None, servers::bomb),
        trial("a token that was exchanged is accepted by a server", None, servers::token),
        trial(
            "the last good bundle of a server is enough, and no older one replaces it",
            None,
            servers::last_good,
        ),
        trial("a server's older bundle is accepted if that is allowed", None, servers::rollback),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn starter() -> Bundle {
    bundle::load(&root().join("deploy/policies"), None).unwrap()
}

/// Returns limits with enough time: time is not tested here, and other tests run at the same time.
fn limits() -> DecisionLimits {
    DecisionLimits { time: std::time::Duration::from_secs(5), ..DecisionLimits::default() }
}

/// Returns a decision in the format of the oracle.
fn decide(engine: &mut PolicyEngine, record: &Value) -> Value {
    let decision = engine.decide_json(record);
    assert_eq!(decision.error, None);
    let mut ids: Vec<&str> = decision.violations.iter().map(|one| one.id.as_str()).collect();
    ids.sort_unstable();
    let severity = decision.severity.map_or("", tracego_model::finding::Severity::name);
    json!({ "violations": ids, "allow": decision.allow, "action": decision.action.name(), "severity": severity })
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn cases() {
    let text = fs::read_to_string(root().join("tests/policies/starter.ndjson")).unwrap();
    let cases = lines(&text);
    assert!(cases.len() > 100);
    for case in cases {
        let mut bundle = starter();
        if let Some(settings) = case["settings"].as_object() {
            let all = bundle.data["tracego"]["settings"].as_object_mut().unwrap();
            all.extend(settings.clone());
        }
        let mut engine = PolicyEngine::new(&[bundle], &limits()).unwrap();
        let decided = decide(&mut engine, &case["input"]);
        let expected = case["expected"].as_object().unwrap();
        for (member, value) in expected {
            assert_eq!(&decided[member], value, "{member} of {}: {decided}", case["test"]);
        }
    }
}

fn golden() -> Vec<String> {
    let folder = root().join("tests/golden");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files.into_iter().map(|path| path.to_str().unwrap().to_owned()).collect()
}

fn same() {
    let python = PYTHON.as_ref().unwrap();
    let golden = golden();
    let mut arguments = vec!["generate", SEED, COUNT];
    arguments.extend(golden.iter().map(String::as_str));
    let records = python::script(python, "policy_oracle.py", &arguments, b"");
    let folder = root().join("deploy/policies");
    let theirs = python::script(python, "policy_oracle.py", &["decide", folder.to_str().unwrap()], &records);
    let (records, theirs) = (String::from_utf8(records).unwrap(), String::from_utf8(theirs).unwrap());
    let (records, theirs) = (lines(&records), lines(&theirs));
    assert_eq!((records.len(), theirs.len()), (4000, 4000));
    let mut engine = PolicyEngine::new(&[starter()], &limits()).unwrap();
    let mut refused = 0;
    for (record, theirs) in records.into_iter().zip(theirs) {
        let ours = decide(&mut engine, &record);
        refused += usize::from(ours["allow"] == false);
        assert_eq!(ours, theirs, "{record}");
    }
    assert!(refused > 100 && refused < 3900, "{refused} are refused");
}

fn oracle() {
    let python = PYTHON.as_ref().unwrap();
    let (folder, tests) = (root().join("deploy/policies"), root().join("tests/policies"));
    let (cases, examples) = (tests.join("starter.ndjson"), tests.join("opa-docs"));
    // The script exits with 1 if a case fails, and `python::script` panics then.
    let arguments = ["cases", folder.to_str().unwrap(), cases.to_str().unwrap()];
    let said = python::script(python, "policy_oracle.py", &arguments, b"");
    assert!(!said.is_empty(), "the oracle checked no case");
    let said = python::script(python, "policy_oracle.py", &["examples", examples.to_str().unwrap()], b"");
    assert!(!said.is_empty(), "the oracle checked no case");
}
