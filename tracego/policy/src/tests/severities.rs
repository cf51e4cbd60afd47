use tracego_model::{finding::Severity, record::policy::ErrorKind};

use super::*;
use crate::limits::OnError;

#[test]
fn a_denial_is_high_unless_the_policy_says_another_severity() {
    let severities = |rules: &str| {
        let decision = decide(&format!("package tracego.process\n\n{rules}"), start(&["go"], ""));
        assert!(!decision.allow, "{rules}");
        let violations = decision.violations.iter().map(|one| one.severity).collect::<Vec<_>>();
        (decision.severity, violations)
    };
    let high = Some(Severity::High);
    assert_eq!(severities("deny contains \"x\""), (high, vec![high]));
    assert_eq!(severities("deny contains {\"msg\": \"x\"}"), (high, vec![high]));
    let low = Some(Severity::Low);
    assert_eq!(severities("deny contains {\"msg\": \"x\", \"severity\": \"low\"}"), (low, vec![low]));
    assert_eq!(severities("decision := {\"violations\": [\"x\"], \"severity\": \"low\"}"), (low, vec![low]));
    assert_eq!(severities("decision := {\"allow\": false}"), (high, vec![]));
    let limits = DecisionLimits { on_error: OnError::Deny, ..patient() };
    let bundle = bundle(
        "b",
        "package main\n\ndeny contains \"x\" if { x := {\"a\": 1}; x.a == input.seq }\ndeny contains input.process.pid",
    );
    let decision = PolicyEngine::new(&[bundle], &limits).unwrap().decide_json(&start(&["go"], ""));
    assert_eq!((decision.severity, decision.error_kind), (high, Some(ErrorKind::Shape)));
}

#[test]
fn an_allowed_start_has_no_severity_of_its_own() {
    let decision = decide("package main\n\nwarn contains \"x\"", start(&["go"], ""));
    assert_eq!((decision.allow, decision.severity, decision.warnings[0].severity), (true, None, None));
}

/// Returns a record with so many arguments.
fn long(count: usize, findings: bool) -> serde_json::Value {
    let args: Vec<String> = (0..count).map(|index| format!("a{index}")).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut record = start(&args, "");
    if !findings {
        record["tracego"] = json!({});
    }
    record
}

#[test]
fn arguments_are_bounded_and_their_number_is_true() {
    let text = "package main\n\ndeny contains sprintf(\"%d of %d\", [count(input.process.argv), input.process.args_count]) \
                if \"process.command_args\" in input.tracego.completeness.truncated";
    assert_eq!(messages(&decide(text, long(40_000, true))), ["512 of 40000"]);
    assert!(decide(text, long(512, true)).allow);
    let mut record = long(3, true);
    record["process"]["command_args"][1] = json!("x".repeat(70_000));
    record["process"]["args_count"] = json!(7);
    assert_eq!(messages(&decide(text, record)), ["1 of 7"]);
}

#[test]
fn a_policy_that_takes_too_long_does_not_let_pass_what_has_a_finding() {
    let text = "package main\n\ndeny contains \"x\" if {\n  some a in numbers.range(1, 10000)\n  some b in numbers.range(1, 10000)\n  a * b < 0\n}";
    let limits = DecisionLimits {
        time: Duration::from_millis(20),
        hang: Duration::from_secs(20),
        ..DecisionLimits::default()
    };
    for (findings, allow) in [(true, false), (false, true)] {
        let mut engine = PolicyEngine::new(&[bundle("b", text)], &limits).unwrap();
        let decision = engine.decide_json(&long(3, findings));
        assert!(decision.error_kind.is_some_and(ErrorKind::is_exhaustion), "{decision:?}");
        assert_eq!((decision.allow, decision.severity.is_none()), (allow, allow));
    }
}

#[test]
fn only_what_the_arguments_decide_is_remembered() {
    for (condition, remembered) in [
        ("input.process.argv[0] == \"go\"", true),
        ("count(input.process.command_args) > 0", true),
        ("data.env.CI == \"\"", false),
        ("input.process.cwd == \"/srv\"", false),
        ("input.process.executable.path != \"\"", false),
        ("count(input.findings) > 0", false),
        ("input.process.pid > 0", false),
        ("time.now_ns() > 0", false),
        ("count(input) > 0", false),
    ] {
        let mut engine = engine(&format!("package main\n\ndeny contains \"x\" if {condition}"));
        let decision = engine.decide_json(&start(&["go"], ""));
        assert!(!decision.allow, "{condition}");
        assert_eq!(engine.is_arguments_alone(&decision), remembered, "{condition}");
    }
}
