use std::{num::NonZeroUsize, time::Instant};

use tracego_analyze::enrich::Enricher;
use tracego_model::{
    clock::Reading,
    ledger::Ledger,
    meta::Meta,
    record::{event_name, policy::ErrorKind},
};

use super::*;
use crate::{
    limits::OnError,
    offline::{
        bundle_tests::{self, TestOutcome},
        explanation::explain,
    },
    stage::{self, PolicyStage},
};

/// Number of doublings: the policy compares values with 2 to this power parts in one instruction, which takes
/// practically forever.
const DOUBLED: u32 = 60;

/// Returns a policy that hangs for a process start whose first argument is `hang`.
fn hanging() -> String {
    hanging_if("input.process.argv[0] == \"hang\"")
}

fn hanging_if(condition: &str) -> String {
    let mut body = format!("  {condition}\n  x0 := [1]\n  y0 := [1]\n");
    for index in 1..DOUBLED {
        for name in ["x", "y"] {
            let before = index - 1;
            body.push_str(&format!("  {name}{index} := [{name}{before}, {name}{before}]\n"));
        }
    }
    let last = DOUBLED - 1;
    format!("package main\n\ndeny contains \"hangs\" if {{\n{body}  x{last} == y{last}\n}}\n")
}

fn bundles() -> [Bundle; 3] {
    let other = |name: &str| {
        let text = format!("package main\n\ndeny contains \"{name}\" if input.process.argv[1] == \"run\"\n");
        bundle(name, &text)
    };
    [other("first"), bundle("endless", &hanging()), other("last")]
}

/// Limits for tests of the deadline; a decision that does not hang has all the time it needs.
fn limits() -> DecisionLimits {
    DecisionLimits {
        time: Duration::from_millis(50),
        hang: Duration::from_secs(1),
        ..DecisionLimits::default()
    }
}

#[test]
fn a_policy_that_hangs_is_an_error_of_one_decision() {
    let mut engine = PolicyEngine::new(&bundles(), &limits()).unwrap();
    let decision = engine.decide_json(&start(&["go", "run"], ""));
    assert_eq!((messages(&decision), decision.error.clone()), (vec!["first", "last"], None));
    let started = Instant::now();
    let decision = engine.decide_json(&start(&["hang", "run"], ""));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(messages(&decision), ["first", "last"]);
    assert_eq!(decision.error_kind, Some(ErrorKind::Hang));
    assert_eq!(decision.error.as_deref(), Some("endless: no result from data.main.deny within 1s"));
    // With a finding it is denied, whatever `on_error` says.
    assert!(!engine.decide_json(&start(&["hang", "build"], "")).allow);
    let mut record = start(&["hang", "build"], "");
    record["tracego"] = json!({});
    assert!(engine.decide_json(&record).allow);
    // The next decision is made by another process.
    let decision = engine.decide_json(&start(&["go", "test"], ""));
    assert_eq!((messages(&decision), decision.error.clone()), (vec![], None));
    let errors = engine.counts().errors;
    assert_eq!((errors[ErrorKind::Hang as usize], errors.iter().sum::<u64>()), (3, 3));
}

#[test]
fn a_policy_that_hangs_again_and_again_is_out_of_force() {
    let limits = DecisionLimits { hang: Duration::from_millis(200), ..limits() };
    let mut engine = PolicyEngine::new(&bundles(), &limits).unwrap();
    let known = engine.decide_json(&start(&["go", "run"], ""));
    for _ in 0..8 {
        let decision = engine.decide_json(&start(&["hang", "run"], ""));
        assert_eq!(decision.error_kind, Some(ErrorKind::Hang), "{decision:?}");
    }
    // The next decisions do not wait.
    let started = Instant::now();
    for _ in 0..10 {
        let decision = engine.decide_json(&start(&["hang", "run"], ""));
        assert_eq!((messages(&decision), decision.allow), (vec!["first", "last"], false));
        assert_eq!(decision.error_kind, Some(ErrorKind::OutOfForce));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    // What was decided before still holds.
    let decision = engine.decide_json(&start(&["go", "run"], ""));
    assert_eq!((decision.cached, decision.violations), (true, known.violations));
    let mut record = start(&["go", "build"], "");
    assert!(!engine.decide_json(&record).allow);
    record["tracego"] = json!({});
    assert!(engine.decide_json(&record).allow);
    let errors = engine.counts().errors;
    assert_eq!((errors[ErrorKind::Hang as usize], errors[ErrorKind::OutOfForce as usize]), (8, 12));
}

#[test]
fn what_a_policy_that_hangs_says_is_a_choice() {
    let limits = DecisionLimits { on_error: OnError::Deny, cache: NonZeroUsize::new(8), ..limits() };
    let mut engine = PolicyEngine::new(&[bundle("endless", &hanging())], &limits).unwrap();
    assert!(engine.decide_json(&start(&["go"], "")).allow);
    for _ in 0..2 {
        let decision = engine.decide_json(&start(&["hang"], ""));
        assert_eq!((decision.allow, decision.error_kind), (false, Some(ErrorKind::Hang)));
        assert!(engine.decide_json(&start(&["go"], "")).allow);
    }
}

#[test]
fn the_second_that_does_not_come_back_is_named_beside_the_first() {
    let bundles =
        ["a", "b"].map(|name| bundle(name, &hanging_if(&format!("input.process.argv[0] == \"{name}\""))));
    let mut engine = PolicyEngine::new(&bundles, &limits()).unwrap();
    for name in ["a", "b"] {
        let decision = engine.decide_json(&start(&[name], ""));
        assert_eq!(decision.error_kind, Some(ErrorKind::Hang));
        assert!(decision.error.is_some_and(|error| error.starts_with(&format!("{name}: no result"))));
    }
}

#[test]
fn what_is_loaded_anew_decides_next() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("p.rego");
    std::fs::write(&policy, hanging_if("input.seq == 2")).unwrap();
    let options =
        stage::StageOptions { bundles: vec![policy.clone()], limits: limits(), ..Default::default() };
    let mut stage = PolicyStage::open(&options).unwrap().unwrap();
    let mut enricher = Enricher::new(Meta::default());
    let mut decide = |stage: &mut PolicyStage| {
        let mut record = enricher.heartbeat(Ledger::default(), Reading::default());
        record.event_name = event_name::START;
        let refused = stage.decide(&mut record).map(|refused| refused.message);
        (record.tracego.policy.unwrap().error_kind, refused)
    };
    assert_eq!(decide(&mut stage), (None, None));
    assert_eq!(decide(&mut stage), (Some(ErrorKind::Hang), None));
    assert_eq!(decide(&mut stage), (None, None));
    std::fs::write(&policy, "package main\n\ndeny contains \"mended\" if input.seq > 2\n").unwrap();
    // Reloads as SIGHUP does.
    stage.reload(stage::load(&options).unwrap());
    assert_eq!(decide(&mut stage), (None, Some("mended".to_owned())));
    let counts = stage.counts();
    assert_eq!((counts.decisions, counts.denied), (4, 1));
    assert_eq!(counts.errors[ErrorKind::Hang as usize], 1);
}

/// Time limit of a rule or a test, by its own clock.
const TIME: Duration = Duration::from_secs(2);

#[test]
fn a_rule_that_does_not_come_back_is_the_last_that_is_explained() {
    let text = hanging().replacen("deny", "before := 1\n\ndeny", 1) + "\nbehind := 2\n";
    let bundle = bundle("endless", &text);
    let explain = |name| {
        let explained = explain(&bundle, &input::from_json(start(&[name], "")), TIME).unwrap();
        let rules = explained.rules.into_iter().map(|held| (held.rule, held.line, held.error));
        (explained.whole, rules.collect::<Vec<_>>())
    };
    let (whole, rules) = explain("go");
    assert_eq!((whole, rules.iter().filter(|(.., error)| error.is_none()).count()), (true, 3), "{rules:?}");
    let (whole, rules) = explain("hang");
    let [(before, _, None), (deny, 5, Some(why))] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!((whole, &**before, &**deny), (false, "data.main.before", "data.main.deny"));
    assert!(why.starts_with("no result within 4s, and everything after it is skipped"), "{why}");
}

#[test]
fn a_test_that_does_not_come_back_is_the_last_that_runs() {
    let mut bundle = bundle("endless", &hanging());
    let text = "package main_test\n\nimport data.main\n\ntest_first if true\n\n\
        test_hangs if \"hangs\" in main.deny with input as {\"process\": {\"argv\": [\"hang\"]}}\n\n\
        test_last if true\n";
    bundle.modules.push(module("main_test.rego", text));
    let tested = bundle_tests::run(&bundle, true, TIME).unwrap();
    let [first, hangs] = tested.tests.as_slice() else { panic!("{tested:?}") };
    assert_eq!((&*first.name, &first.outcome), ("data.main_test.test_first", &TestOutcome::Pass));
    assert_eq!((&*hangs.name, &*hangs.path, hangs.line), ("data.main_test.test_hangs", "main_test.rego", 7));
    assert!(matches!(&hangs.outcome, TestOutcome::Error(why) if why.starts_with("no result")), "{hangs:?}");
    assert!(!tested.passed() && tested.coverage.is_empty());
}

#[test]
fn a_value_that_is_too_large_is_not_shown() {
    let mut text = "package main\n\nbig := x21 if {\n  x0 := [1]\n".to_owned();
    for index in 1..22 {
        text.push_str(&format!("  x{index} := [x{0}, x{0}]\n", index - 1));
    }
    let held = explain(&bundle("b", &(text + "}\n")), &input::from_json(start(&["go"], "")), TIME).unwrap();
    let [big] = held.rules.as_slice() else { panic!("{held:?}") };
    assert_eq!(
        (&big.value, big.error.as_deref(), held.whole),
        (&None, Some("is too large to be shown"), true)
    );
}

#[test]
fn values_that_are_nested_as_deep_as_a_policy_is_long_are_compared() {
    let mut text = String::from("package main\n\ndeny contains \"same\" if x1899 == y1899\n");
    for name in ["x", "y"] {
        text.push_str(&format!("{name}0 := input.process.argv\n"));
        for index in 1..1900 {
            text.push_str(&format!("{name}{index} := [{name}{}]\n", index - 1));
        }
    }
    let mut parts = bundle("deep", "package main\n");
    parts.modules = text
        .lines()
        .skip(2)
        .collect::<Vec<_>>()
        .chunks(1000)
        .enumerate()
        .map(|(index, lines)| {
            module(&format!("{index}.rego"), &format!("package main\n{}\n", lines.join("\n")))
        })
        .collect();
    let limits = DecisionLimits { time: Duration::from_secs(20), ..DecisionLimits::default() };
    let mut engine = PolicyEngine::new(&[parts], &limits).unwrap();
    let decision = engine.decide_json(&start(&["go"], ""));
    assert_eq!((messages(&decision), decision.error.clone()), (vec!["same"], None));
}
