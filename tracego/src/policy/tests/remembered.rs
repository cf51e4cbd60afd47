use super::*;

#[test]
fn the_same_again_is_remembered() {
    let mut engine = engine("package main\ndeny contains input.process.argv[0] if data.env.CI == \"true\"");
    assert_eq!(engine.uncacheable(), None);
    let first = engine.decide(start(&["go"], "true"));
    // Another process, the same for the policy.
    let mut other = start(&["go"], "true");
    let process = other.as_object_mut().unwrap().get_mut(&Value::from("process")).unwrap();
    process.as_object_mut().unwrap().insert(Value::from("pid"), Value::from(43_u64));
    let second = engine.decide(other);
    assert!(!first.cached && second.cached);
    assert_eq!(first.violations, second.violations);
    for (argv, ci) in [(&["make"][..], "true"), (&["go"], "false"), (&["go", "go"], "true")] {
        let decision = engine.decide(start(argv, ci));
        assert!(!decision.cached);
        assert_eq!(decision.allow, ci != "true");
    }
    let counts = engine.counts();
    assert_eq!((counts.decisions, counts.hits, counts.misses, counts.denied), (5, 1, 4, 4));
}

#[test]
fn what_a_policy_sees_of_each_process_is_not_remembered() {
    for (line, why) in [
        ("input.process.pid == 42", "input.process.pid of each process"),
        ("p := input.process; p.pid == 42", "input.process, which has process.pid of each process"),
        ("some k; input[k].pid == 42", "input[…]"),
        ("count(input) > 0", "the whole input"),
        ("time.now_ns() > 0", "the clock"),
        ("input.log.record.uid != 1", "input.log"),
    ] {
        let text = format!("package main\ndeny contains \"no\" if {{ {line} }}");
        let mut engine = engine(&text);
        assert!(
            engine.uncacheable().is_some_and(|said| said.contains(why)),
            "{line}: {:?}",
            engine.uncacheable()
        );
        engine.decide(start(&["go"], ""));
        assert!(!engine.decide(start(&["go"], "")).cached, "{line}");
    }
}

#[test]
fn the_cache_is_bounded() {
    let limits = Limits { cache: std::num::NonZeroUsize::new(2), ..patient() };
    let text = "package main\ndeny contains \"no\" if input.process.argv[0] == \"go\"";
    let mut engine = Engine::new(&[bundle("b", text)], &limits).unwrap();
    for name in ["a", "b", "c", "a"] {
        assert!(!engine.decide(start(&[name], "")).cached, "{name}");
    }
    let long = "x".repeat(20 << 10);
    engine.decide(start(&[&long], ""));
    assert!(!engine.decide(start(&[&long], "")).cached);
    let mut engine = Engine::new(&[bundle("b", text)], &Limits { cache: None, ..patient() }).unwrap();
    engine.decide(start(&["go"], ""));
    assert!(!engine.decide(start(&["go"], "")).cached);
}
