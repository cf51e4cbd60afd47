use std::{num::NonZeroUsize, time::Instant};

use super::*;
use crate::policy::{decision::ErrorKind, limits::OnError};

/// Compares values of as many parts as two to this power, in one instruction. Nobody sees the end.
const DOUBLED: u32 = 60;

/// Hangs for a start whose first argument is `hang`.
fn hanging() -> String {
    let mut body = "  input.process.argv[0] == \"hang\"\n  x0 := [1]\n  y0 := [1]\n".to_owned();
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

/// The deadline is what is tested; a decision that comes has all the time it needs.
fn limits() -> Limits {
    Limits { time: Duration::from_millis(50), hang: Duration::from_secs(1), ..Limits::default() }
}

#[test]
fn a_policy_that_does_not_come_back_is_out_of_force_and_the_others_decide() {
    let mut engine = Engine::new(&bundles(), &limits()).unwrap();
    // Until it hangs, it decides as the others do.
    let decision = engine.decide_json(&start(&["go", "run"], ""));
    assert_eq!((messages(&decision), decision.error.clone()), (vec!["first", "last"], None));
    let started = Instant::now();
    let decision = engine.decide_json(&start(&["hang", "run"], ""));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(messages(&decision), ["first", "last"]);
    assert_eq!(decision.error_kind, Some(ErrorKind::Hang));
    assert!(decision.error.is_some_and(|error| error.starts_with("endless: did not come back")));
    // What is asked next waits for nothing, and no decision of the bundle is in force, remembered ones neither.
    let started = Instant::now();
    for _ in 0..10 {
        for name in ["hang", "go"] {
            let decision = engine.decide_json(&start(&[name, "run"], ""));
            assert_eq!((messages(&decision), decision.cached), (vec!["first", "last"], false));
            assert_eq!(decision.error_kind, Some(ErrorKind::OutOfForce));
        }
        assert!(engine.decide_json(&start(&["go", "build"], "")).allow);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let errors = engine.counts().errors;
    assert_eq!((errors[ErrorKind::Hang as usize], errors[ErrorKind::OutOfForce as usize]), (1, 30));
}

#[test]
fn what_a_policy_that_does_not_come_back_says_is_a_choice() {
    let limits = Limits { on_error: OnError::Deny, cache: NonZeroUsize::new(8), ..limits() };
    let mut engine = Engine::new(&[bundle("endless", &hanging())], &limits).unwrap();
    assert!(engine.decide_json(&start(&["go"], "")).allow);
    for kind in [ErrorKind::Hang, ErrorKind::OutOfForce, ErrorKind::OutOfForce] {
        let decision = engine.decide_json(&start(&["hang"], ""));
        assert_eq!((decision.allow, decision.error_kind), (false, Some(kind)));
    }
    // Another engine has the bundle in force again.
    let mut engine = Engine::new(&[bundle("endless", &hanging())], &limits).unwrap();
    let decision = engine.decide_json(&start(&["go"], ""));
    assert!(decision.allow && decision.error.is_none());
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
    let limits = Limits { time: Duration::from_secs(20), ..Limits::default() };
    let mut engine = Engine::new(&[parts], &limits).unwrap();
    let decision = engine.decide_json(&start(&["go"], ""));
    assert_eq!((messages(&decision), decision.error.clone()), (vec!["same"], None));
}
