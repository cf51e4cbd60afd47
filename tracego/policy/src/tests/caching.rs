use super::*;

#[test]
fn the_same_again_is_remembered() {
    let mut engine = engine("package main\ndeny contains input.process.argv[0] if data.env.CI == \"true\"");
    assert_eq!(engine.uncacheable_reason(), None);
    let first = engine.decide_json(&start(&["go"], "true"));
    // Another process that is the same for the policy.
    let mut other = start(&["go"], "true");
    other["process"]["pid"] = json!(43);
    let second = engine.decide_json(&other);
    assert!(!first.cached && second.cached);
    assert_eq!(first.violations, second.violations);
    for (argv, ci) in [(&["make"][..], "true"), (&["go"], "false"), (&["go", "go"], "true")] {
        let decision = engine.decide_json(&start(argv, ci));
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
            engine.uncacheable_reason().is_some_and(|said| said.contains(why)),
            "{line}: {:?}",
            engine.uncacheable_reason()
        );
        engine.decide_json(&start(&["go"], ""));
        assert!(!engine.decide_json(&start(&["go"], "")).cached, "{line}");
    }
}

#[test]
fn what_is_remembered_of_a_day_ends_with_it() {
    let mut engine = engine("package main\ndeny contains \"expired\" if input.date > \"2026-12-31\"");
    assert_eq!(engine.uncacheable_reason(), None);
    let mut at = |time: &str| {
        let decision = engine.decide_json(&json!({ "timestamp": time, "process": { "pid": 1 } }));
        (decision.allow, decision.cached)
    };
    assert_eq!(at("2026-12-31T00:00:00.000000000Z"), (true, false));
    assert_eq!(at("2026-12-31T23:59:59.999999999Z"), (true, true));
    assert_eq!(at("2027-01-01T00:00:00.000000000Z"), (false, false));
    assert_eq!(at("2027-01-01T00:00:00.000000001Z"), (false, true));
    assert_eq!(at("2026-12-31T12:00:00.000000000Z"), (true, true));
}

#[test]
fn decisions_of_the_starter_policies_are_remembered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policies");
    let options = bundle::BundleOptions { allow_writable: true, ..bundle::BundleOptions::default() };
    let starter = bundle::load_with(folder.as_ref(), &options).unwrap();
    let mut engine = PolicyEngine::new(&[starter], &patient()).unwrap();
    assert_eq!(engine.uncacheable_reason(), None);
    let at = |time: &str, pid: u64| {
        let mut record = json!({ "event_name": "tracego.process.start", "timestamp": time });
        record["process"] =
            json!({ "pid": pid, "command_args": ["go", "run", "x.go"], "creation": { "time": time } });
        record
    };
    assert!(!engine.decide_json(&at("2026-11-25T02:11:46.003673602Z", 7)).cached);
    assert!(engine.decide_json(&at("2026-11-25T02:11:47.000000000Z", 8)).cached);
    assert!(!engine.decide_json(&at("2026-11-26T00:00:00.000000000Z", 9)).cached);
}

#[test]
fn the_cache_is_bounded() {
    let limits = DecisionLimits { cache: std::num::NonZeroUsize::new(2), ..patient() };
    let text = "package main\ndeny contains \"no\" if input.process.argv[0] == \"go\"";
    let mut engine = PolicyEngine::new(&[bundle("b", text)], &limits).unwrap();
    for name in ["a", "b", "c", "a"] {
        assert!(!engine.decide_json(&start(&[name], "")).cached, "{name}");
    }
    let long = "x".repeat(20 << 10);
    engine.decide_json(&start(&[&long], ""));
    assert!(!engine.decide_json(&start(&[&long], "")).cached);
    let mut engine =
        PolicyEngine::new(&[bundle("b", text)], &DecisionLimits { cache: None, ..patient() }).unwrap();
    engine.decide_json(&start(&["go"], ""));
    assert!(!engine.decide_json(&start(&["go"], "")).cached);
}
