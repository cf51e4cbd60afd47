use super::*;
use crate::offline::{
    bundle_tests::{self, TestOutcome},
    explanation::explain,
};

const POLICY: &str = r#"
package main

deny contains "no" if is_run
is_run if {
    input.process.argv[1] == "run"
    data.env.CI == "true"
}
never if {
    input.process.argv[1] == "never"
    input.process.argv[2] == "ever"
}
"#;

fn with_tests(tests: &str) -> Bundle {
    let mut with = bundle("b", POLICY);
    let text = format!("package main_test\n\nimport data.main\n\n{tests}\n");
    with.modules.push(module("main_test.rego", &text));
    with
}

#[test]
fn tests_pass_and_fail() {
    let tested = bundle_tests::run(
        &with_tests(
            r#"
test_run if "no" in main.deny with input as {"process": {"argv": ["go", "run"], "env": {"CI": "true"}}}
test_env if "no" in main.deny with input as {"process": {"argv": ["go", "run"]}} with data.env.CI as "true"
test_fails if count(main.deny) == 1 with input as {"process": {"argv": ["go", "build"]}}
todo_test_later if false
test_contradicts if x == 1
x := 1
x := 2
helper if true
"#,
        ),
        true,
        bundle_tests::TIME,
    )
    .unwrap();
    let outcomes: Vec<_> = tested.tests.iter().map(|test| (test.name.as_str(), &test.outcome)).collect();
    let [run, env, fails, later, contradicts] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert_eq!(*run, ("data.main_test.test_run", &TestOutcome::Pass));
    assert_eq!(*env, ("data.main_test.test_env", &TestOutcome::Pass));
    assert_eq!(*fails, ("data.main_test.test_fails", &TestOutcome::Fail));
    assert_eq!(*later, ("data.main_test.todo_test_later", &TestOutcome::Skipped));
    assert!(
        matches!(contradicts.1, TestOutcome::Error(why) if why.starts_with("main_test.rego:")),
        "{contradicts:?}"
    );
    assert!(!tested.passed());
    assert_eq!(tested.tests[0].line, 6);
    let [coverage] = tested.coverage.as_slice() else { panic!("{:?}", tested.coverage) };
    assert_eq!(coverage.path, "policy.rego");
    assert!(coverage.covered.contains(&6) && coverage.not_covered.contains(&11), "{coverage:?}");
}

#[test]
fn a_test_that_does_not_end_is_an_error() {
    let endless = with_tests(
        "test_x if count({x | some a in numbers.range(1, 9999); some b in numbers.range(1, 9999); x := a * b}) == 0",
    );
    let tested = bundle_tests::run(&endless, false, Duration::from_millis(100)).unwrap();
    assert!(matches!(&tested.tests[0].outcome, TestOutcome::Error(_)), "{tested:?}");
}

#[test]
fn rules_that_hold_are_named() {
    let input = input::from_json(start(&["go", "run"], "true"));
    let held = explain(&bundle("b", POLICY), &input, bundle_tests::TIME).unwrap().rules;
    let find = |name: &str| held.iter().find(|held| held.rule == name).unwrap();
    assert_eq!(find("data.main.deny").value, Some(serde_json::json!(["no"])));
    assert_eq!(find("data.main.is_run").value, Some(serde_json::json!(true)));
    assert_eq!((find("data.main.never").value.clone(), find("data.main.never").line), (None, 9));
    let text = "package main\ndeny contains \"no\" if x == 1\nx := 1\nx := 2";
    let held = explain(&bundle("b", text), &input, bundle_tests::TIME).unwrap().rules;
    assert!(held.iter().all(|held| held.error.is_some()), "{held:?}");
}
