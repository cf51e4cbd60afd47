use std::fs;

use serde_json::json;
use tracego_model::{
    finding::Severity,
    record::policy::{Action, ErrorKind},
};

use super::*;
use crate::{bundle, limits::OnError};

const CLASSIC: &str = r#"
package tracego.process

deny contains msg if {
    input.process.argv[0] == "go"
    input.process.argv[1] == "run"
    endswith(input.process.argv[2], ".go")
    data.env.CI == "true"
    msg := sprintf("go run of %s in CI", [input.process.argv[2]])
}
"#;

#[test]
fn the_classic_example_works_as_written() {
    let mut engine = engine(CLASSIC);
    let denied = engine.decide_json(&start(&["go", "run", "main.go"], "true"));
    assert!(!denied.allow);
    assert_eq!(messages(&denied), ["go run of main.go in CI"]);
    assert_eq!(denied.violations[0].id, "deny");
    assert_eq!(&*denied.violations[0].bundle, "b");
    assert_eq!(denied.bundles[0].digest, "sha256:b");
    for (argv, ci) in [
        (&["go", "run", "./cmd/server"][..], "true"),
        (&["go", "run", "main.go"], "false"),
        (&["go", "build", "main.go"], "true"),
        (&["go"], "true"),
    ] {
        let decision = engine.decide_json(&start(argv, ci));
        assert!(decision.allow && decision.violations.is_empty() && decision.error.is_none(), "{argv:?}");
    }
}

#[test]
fn packages_of_other_tools_are_found() {
    for package in ["process", "main"] {
        let text = CLASSIC.replace("tracego.process\n", &format!("{package}\n"));
        assert!(!decide(&text, start(&["go", "run", "main.go"], "true")).allow, "{package}");
    }
}

#[test]
fn conftest_sets_deny_and_warn() {
    let text = r#"
package main

deny_run contains {"msg": "no", "severity": "high", "action": "kill"} if input.process.argv[1] == "run"
violation contains {"id": "X1", "msg": "never", "remediation": "build it"} if input.process.name == "go"
warn contains "hm" if true
"#;
    let decision = decide(text, start(&["go", "run"], ""));
    assert!(!decision.allow);
    assert_eq!(messages(&decision), ["no", "never"]);
    assert_eq!(decision.severity, Some(Severity::High));
    assert_eq!(decision.action, Action::Kill);
    assert_eq!(decision.violations[0].id, "deny_run");
    assert_eq!(decision.violations[1].remediation.as_deref(), Some("build it"));
    assert_eq!(decision.warnings[0].msg, "hm");
    let only_warned = decide("package main\nwarn contains \"hm\" if true", start(&["go"], ""));
    assert!(only_warned.allow && only_warned.severity.is_none());
}

#[test]
fn a_decision_comes_before_sets() {
    let text = r#"
package tracego.process

decision := {"violations": violations, "severity": "critical"}
violations contains {"id": "F", "msg": f.id} if some f in input.findings
deny contains "not asked" if true
"#;
    let decision = decide(text, start(&["go"], ""));
    assert!(!decision.allow);
    assert_eq!(messages(&decision), ["TG001"]);
    assert_eq!(decision.severity, Some(Severity::Critical));
}

#[test]
fn a_decision_in_parts_is_refused() {
    let text = "package tracego.process\n\ndecision.allow := false if input.process.name == \"go\"\n";
    let error = refused(text).to_string();
    assert!(error.starts_with("b: policy.rego:3: decision has to be one rule"), "{error}");
}

#[test]
fn a_decision_may_allow_what_it_objects_to() {
    let text = r#"
package tracego.process

decision := {"allow": true, "violations": ["seen"]}
"#;
    let decision = decide(text, start(&["go"], ""));
    assert!(decision.allow);
    assert_eq!(messages(&decision), ["seen"]);
    assert_eq!(decision.violations[0].id, "decision");
    let silent = "package tracego.process\ndecision := {\"allow\": false} if input.no.such.thing";
    let decision = decide(silent, start(&["go"], ""));
    assert!(decision.allow && decision.error.unwrap().contains("decision is undefined"));
    let spoken = format!("{silent}\ndefault decision := {{\"allow\": true}}");
    assert_eq!(decide(&spoken, start(&["go"], "")).error, None);
}

#[test]
fn version_0_is_understood() {
    let text = "package main\n\ndeny[msg] {\n  input.process.argv[1] == \"run\"\n  msg := \"no\"\n}\n";
    let mut old = bundle("old", text);
    let mut guessed = PolicyEngine::new(&[old.clone()], &patient()).unwrap();
    assert!(guessed.warnings().next().unwrap().to_string().contains("version 0"));
    assert_eq!(messages(&guessed.decide_json(&start(&["go", "run"], ""))), ["no"]);
    old.modules[0].rego = RegoVersion::V0;
    let mut said = PolicyEngine::new(&[old], &patient()).unwrap();
    assert_eq!(said.warnings().count(), 0);
    assert!(!said.decide_json(&start(&["go", "run"], "")).allow);
}

#[test]
fn the_strictest_of_several_bundles_counts() {
    let one = bundle("one", "package main\ndeny contains {\"msg\": \"a\", \"severity\": \"low\"} if true");
    let two = bundle("two", "package main\ndeny contains {\"msg\": \"b\", \"severity\": \"high\"} if true");
    let three = bundle("three", "package tracego.process\ndecision := {\"allow\": true}");
    let mut engine = PolicyEngine::new(&[one, two, three], &patient()).unwrap();
    let decision = engine.decide_json(&start(&["go"], ""));
    assert!(!decision.allow);
    assert_eq!(decision.severity, Some(Severity::High));
    let bundles: Vec<_> = decision.violations.iter().map(|violation| &*violation.bundle).collect();
    assert_eq!(bundles, ["one", "two"]);
    assert_eq!(decision.bundles.len(), 3);
}

#[test]
fn a_wrong_shape_is_an_error_that_names_the_member() {
    let decision = |value: &str| {
        // A value that only the evaluation shows: one that stands in the source is refused at load.
        let text = format!("package tracego.process\nsame(x) := x\ndecision := same({value})");
        decide(&text, start(&["go"], ""))
    };
    for (value, wanted) in [
        ("7", "data.tracego.process.decision is a number, and has to be an object"),
        ("{\"allow\": \"yes\"}", "decision.allow is a text, and has to be true or false"),
        ("{\"violations\": 7}", "decision.violations is a number, and has to be a set"),
        ("{\"violations\": [{\"id\": \"x\"}]}", "decision.violations[0].msg is missing"),
        ("{\"violations\": [{\"msg\": 7}]}", "decision.violations[0].msg is a number"),
        (
            "{\"violations\": [\"a\", 7]}",
            "decision.violations[1] is a number, and has to be a text or an object",
        ),
        ("{\"severity\": \"bad\"}", "decision.severity: 'bad' is not a severity"),
        ("{\"action\": \"shoot\"}", "decision.action: 'shoot' is not an action; valid: none, deny, kill"),
    ] {
        let decision = decision(value);
        let error = decision.error.unwrap_or_default();
        assert!(error.contains(wanted), "{value}: {error}");
        assert!(error.starts_with("b: "), "{error}");
        assert_eq!(decision.error_kind, Some(ErrorKind::Shape));
        assert!(decision.allow && decision.violations.is_empty(), "{value}");
    }
    let set = decide("package main\ndeny := input.process.pid", start(&["go"], ""));
    assert!(set.error.unwrap().contains("data.main.deny is a number, and has to be a set"));
}

#[test]
fn what_an_error_says_about_a_start_is_a_choice() {
    let broken = bundle("broken", "package main\ndeny := input.process");
    let fine = bundle("fine", "package main\ndeny contains \"no\" if input.process.argv[0] == \"go\"");
    for (on_error, allowed) in [(OnError::Allow, true), (OnError::Deny, false)] {
        let limits = DecisionLimits { on_error, ..patient() };
        let mut engine = PolicyEngine::new(&[broken.clone(), fine.clone()], &limits).unwrap();
        let decision = engine.decide_json(&start(&["make"], ""));
        assert_eq!(decision.allow, allowed);
        assert!(decision.violations.is_empty() && decision.error.is_some());
        // The other bundle still decides.
        let decision = engine.decide_json(&start(&["go"], ""));
        assert!(!decision.allow && decision.error.is_some());
        assert_eq!(engine.counts().errors[ErrorKind::Shape as usize], 2);
    }
}

#[test]
fn conflicting_rules_are_an_error_and_a_failing_call_is_undefined() {
    let text = "package tracego.process\ndecision := {\"allow\": true}\ndecision := {\"allow\": false}";
    let decision = decide(text, start(&["go"], ""));
    assert_eq!(decision.error_kind, Some(ErrorKind::Shape), "{decision:?}");
    assert!(decision.error.unwrap().contains("several give different values"));
    let text = "package main\ndeny contains \"no\" if to_number(input.process.argv[0]) == 1";
    let decision = decide(text, start(&["go"], ""));
    assert!(decision.allow && decision.error.is_none());
}

#[test]
fn contradictions_are_never_taken_for_nothing_to_say() {
    let twice =
        "package main\n\ndeny := [\"a\"] if input.event_name\ndeny := [\"b\"] if data.env.CI == \"true\"\n";
    let error = refused(twice).to_string();
    assert!(error.starts_with("b: policy.rego:4: deny gets its whole value from several rules"), "{error}");
    // With a default, the machine can tell the difference.
    let text = format!("{twice}default deny := []\n");
    let decision = decide(&text, start(&["go"], "true"));
    assert_eq!(decision.error_kind, Some(ErrorKind::Shape));
    assert!(decision.error.is_some_and(|error| error.contains("rules give it different values")));
    let decision = decide(&text, start(&["go"], ""));
    assert_eq!((messages(&decision), decision.error.clone()), (vec!["a"], None));
    let none = json!({ "process": { "env": { "CI": "" } } });
    assert!(decide(&text, none.clone()).allow);
    // A single rule may have alternative values, and may not hold.
    let text = "package main\ndeny := [\"a\"] if input.event_name else := [\"b\"] if data.env.CI == \"true\"";
    assert_eq!(messages(&decide(text, start(&["go"], "true"))), ["a"]);
    let decision = decide(text, none);
    assert!(decision.allow && decision.error.is_none());
    let text = "package tracego.process\ndefault decision := {\"allow\": true}\n\
                decision := {\"allow\": false} if input.event_name\n\
                decision := {\"allow\": true} if data.env.CI == \"true\"";
    let decision = decide(text, start(&["go"], "true"));
    assert!(decision.error.is_some_and(|error| error.contains("although it has a default")));
    assert!(!decide(text, start(&["go"], "")).allow);
}

#[test]
fn data_of_the_bundle_is_there() {
    let text = "package main\ndeny contains \"no\" if input.process.argv[0] in data.forbidden";
    let mut with = bundle("b", text);
    with.data = json!({"forbidden": ["go", "gcc"]});
    let mut engine = PolicyEngine::new(&[with], &patient()).unwrap();
    assert!(!engine.decide_json(&start(&["gcc"], "")).allow);
    assert!(engine.decide_json(&start(&["make"], "")).allow);
}

#[test]
fn data_env_of_the_bundle_comes_before_the_alias() {
    let text = "package main\ndeny contains \"no\" if data.env.CI == \"from the bundle\"";
    let mut with = bundle("b", text);
    with.data = json!({"env": {"CI": "from the bundle"}});
    assert!(!PolicyEngine::new(&[with], &patient()).unwrap().decide_json(&start(&["go"], "true")).allow);
}

#[test]
fn files_of_tests_do_not_decide() {
    let mut with = bundle("b", CLASSIC);
    with.modules.push(module(
        "policy_test.rego",
        "package tracego.process\n\ntest_x if { deny with input as {} }\n\ndeny contains \"x\" if true",
    ));
    assert!(PolicyEngine::new(&[with], &patient()).unwrap().decide_json(&start(&["go"], "")).allow);
}

#[test]
fn a_folder_is_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.rego"), CLASSIC).unwrap();
    fs::write(folder.path().join("data.json"), "{}").unwrap();
    let loaded = bundle::load(folder.path(), None).unwrap();
    let mut engine = PolicyEngine::new(&[loaded], &patient()).unwrap();
    assert!(!engine.decide_json(&start(&["go", "run", "x.go"], "true")).allow);
}
