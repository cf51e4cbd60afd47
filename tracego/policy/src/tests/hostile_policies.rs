use std::time::Instant;

use tracego_model::record::policy::ErrorKind;

use super::*;

/// Limits with a long deadline: the policies here end by themselves, but single calls are slow in debug
/// builds.
fn limited() -> DecisionLimits {
    let hang = Duration::from_secs(10);
    DecisionLimits {
        time: Duration::from_millis(50),
        hang,
        instructions: 2_000_000,
        ..DecisionLimits::default()
    }
}

/// Evaluates a rule that would not end by itself, and checks that it is stopped. Returns the kind of error
/// and the decision.
fn failure(body: &str) -> (ErrorKind, PolicyDecision) {
    let text = format!("package main\n\ndeny contains msg if {{\n{body}\n}}\n");
    let mut engine = PolicyEngine::new(&[bundle("b", &text)], &limited()).unwrap();
    let started = Instant::now();
    // With a finding it would be denied.
    let mut record = start(&["go", "run"], "true");
    record["tracego"] = json!({});
    let decision = engine.decide_json(&record);
    assert!(started.elapsed() < Duration::from_secs(5), "{body}: {:?}", started.elapsed());
    let kind = decision.error_kind.unwrap_or_else(|| panic!("{body}: {decision:?}"));
    assert!(decision.allow && decision.violations.is_empty());
    assert_eq!(engine.counts().errors[kind as usize], 1);
    (kind, decision)
}

#[test]
fn loops_end() {
    let (kind, decision) = failure(
        "  n := numbers.range(1, 5000)\n  s := {x | some a in n; some b in n; x := a * b}\n  count(s) > 0\n  msg := \"x\"",
    );
    assert!(matches!(kind, ErrorKind::Time | ErrorKind::Instructions), "{decision:?}");
}

#[test]
fn instructions_are_counted() {
    let text = "package main\ndeny contains \"x\" if {\n  some x in numbers.range(1, 10000)\n  x < 0\n}";
    let limits = DecisionLimits { instructions: 1000, ..patient() };
    let mut engine = PolicyEngine::new(&[bundle("b", text)], &limits).unwrap();
    let decision = engine.decide_json(&start(&["go"], ""));
    assert_eq!(decision.error_kind, Some(ErrorKind::Instructions), "{decision:?}");
}

#[test]
fn single_calls_are_bounded() {
    for body in [
        "  msg := sprintf(\"%d\", [count(numbers.range(1, 100000000000))])",
        "  msg := sprintf(\"%d\", [count(numbers.range_step(1, 100000000000, 2))])",
        "  msg := sprintf(\"%d\", [count(net.cidr_expand(\"0.0.0.0/0\"))])",
        "  msg := sprintf(\"%d\", [count(net.cidr_expand(\"::/0\"))])",
        "  msg := sprintf(\"%9999999999d\", [1])",
        "  msg := sprintf(\"%.999999999f\", [1.5])",
        "  msg := sprintf(\"%d\", [bits.lsh(1, 4000000000)])",
    ] {
        assert_eq!(failure(body).0, ErrorKind::Size, "{body}");
    }
}

#[test]
fn growth_by_doubling_ends() {
    let doubled = |first: &str, step: &str| {
        let mut body = format!("  x0 := {first}\n");
        for index in 1..60 {
            body.push_str(&format!("  x{index} := {}\n", step.replace('X', &format!("x{}", index - 1))));
        }
        body + "  msg := sprintf(\"%v\", [x59])"
    };
    for (first, step) in [
        ("[1]", "array.concat(X, X)"),
        ("\"0123456789\"", "concat(\"\", [X, X])"),
        ("\"0123456789\"", "sprintf(\"%s%s\", [X, X])"),
        ("\"aaaa\"", "replace(X, \"a\", \"aaaa\")"),
        ("\"aaaa\"", "strings.replace_n({\"a\": \"aaaa\"}, X)"),
        ("\"aaaa\"", "regex.replace(X, \"a\", \"aaaa\")"),
        ("[1]", "[X, X]"),
        ("\"aaaa\"", "base64.encode(X)"),
    ] {
        let (kind, decision) = failure(&doubled(first, step));
        assert!(matches!(kind, ErrorKind::Size | ErrorKind::Time), "{step}: {decision:?}");
    }
}

#[test]
fn numbers_do_not_grow_without_end() {
    let mut body = "  x0 := 18446744073709551615\n".to_owned();
    for index in 1..60 {
        body.push_str(&format!("  x{index} := x{0} * x{0}\n", index - 1));
    }
    let (kind, decision) = failure(&(body + "  msg := sprintf(\"%v\", [x59])"));
    assert_eq!(kind, ErrorKind::Time, "{decision:?}");
}

#[test]
fn recursion_is_refused() {
    for (rules, circle) in [
        ("deny contains \"x\" if f(1)\nf(x) := f(x)", "data.main.f needs data.main.f"),
        ("deny contains \"x\" if a\na if b\nb if a", "data.main.a needs data.main.b needs data.main.a"),
        ("deny contains \"x\" if data.main.deny[_]", "data.main.deny needs data.main.deny"),
        ("deny contains \"x\" if data.main[input.x]", "data.main.deny needs data.main.deny"),
        // The name is a variable in another part of the rule.
        (
            "deny contains \"x\" if f(1)\nf(x) := y if { z := [g | some g in [1]]; y := g(x) }\ng(x) := f(x)",
            "data.main.f needs data.main.g needs data.main.f",
        ),
    ] {
        let error = refused(&format!("package main\n{rules}")).to_string();
        assert!(error.contains(&format!("recursion: {circle}")), "{error}");
    }
    // A variable of the same name is no recursion, and neither is another part of the same object.
    let text = "package main\ndeny contains msg if { msg := \"x\" }\nmsg := y if some y in deny\n\
                c.a := 1\nc.b := c.a";
    assert!(!decide(text, start(&["go"], "")).allow);
}

#[test]
fn recursion_through_files_of_a_package_is_refused() {
    let mut two = bundle("b", "package main\n\ndeny contains \"x\" if a(1)\n\na(x) := b(x)\n");
    two.modules.push(module("other.rego", "package main\n\nb(x) := a(x)\n"));
    let error = PolicyEngine::new(&[two], &patient()).unwrap_err().to_string();
    assert!(error.contains("recursion: data.main.a needs data.main.b needs data.main.a"), "{error}");
}

#[test]
fn recursion_is_refused_behind_variables_of_the_same_name() {
    for rules in [
        "f(x) := y if {\n  some f in [1]\n  f == 1\n  y := data.main.g(x)\n}\ng(x) := f(x)",
        "f(x) := y if {\n  z := [g | some g in [1]]\n  z[0] == 1\n  y := g\n}\ng := f(1)",
        "f(x) := 1 if {\n  some g in [2]\n  g == x\n} else := g\ng := f(1)",
        "f(x) := 1 if {\n  some g in [2]\n  g == x\n} else := y if { y := g }\ng := f(1)",
        "f(x) := y if {\n  [z | some g in [2]; z := g] == [2]\n  y := g + x\n}\ng := f(1)",
        "f(x) := y if {\n  every g in [1] { g == 1 }\n  y := g + x\n}\ng := f(1)",
    ] {
        let text = format!("package main\ndeny contains \"x\" if f(1)\n{rules}");
        let error = refused(&text).to_string();
        assert!(error.contains("recursion: ") || error.contains("`g` used before definition"), "{error}");
    }
    let text = "package main\ndeny contains \"x\" if {\n  every g in [1] { g == 1 }\n  g == 2\n}\ng := 2";
    assert_eq!(messages(&decide(text, start(&["go"], ""))), ["x"]);
}

#[test]
fn deep_and_long_expressions_are_refused() {
    for deep in ["[", "{", "("] {
        let text = format!("package main\ndeny contains \"x\" if {}1", deep.repeat(400));
        let error = refused(&text).to_string();
        assert_eq!(error, "b: policy.rego:2: brackets are nested too deep");
    }
    let line = "1 +".repeat(300) + "\n";
    let long = format!("package main\ndeny contains \"x\" if 1 == {}1", line.repeat(280));
    assert!(long.len() > 250_000);
    assert!(refused(&long).to_string().contains("an expression is too long"), "{}", refused(&long));
    let names = "a.".repeat(400) + "\n";
    let long = format!("package main\ndeny contains \"x\" if input.{}a", names.repeat(300));
    assert!(PolicyEngine::new(&[bundle("b", &long)], &patient()).is_err());
    let error = refused(&("#".repeat(900) + "\n").repeat(400)).to_string();
    assert!(error.contains("larger than"), "{error}");
}

#[test]
fn many_and_long_violations_are_cut_and_their_worst_counts() {
    let text = r#"
package main

deny contains {"id": sprintf("%d", [x]), "msg": concat("", [m | some i in numbers.range(1, 200); m := "0123456789ü0123456789ü"])} if {
    some x in numbers.range(1, 100)
}

deny contains {"id": "zz", "msg": "z", "severity": "critical", "action": "kill-job"} if true
"#;
    let decision = decide(text, start(&["go"], ""));
    assert_eq!(decision.error, None);
    assert!(!decision.allow);
    assert_eq!(decision.violations.len(), 64);
    assert_eq!(decision.cut, 37);
    assert_eq!(decision.severity.unwrap().name(), "critical");
    assert_eq!(decision.action.name(), "kill-job");
    assert!(decision.violations.iter().all(|violation| violation.msg.len() <= 4096));
    assert!(decision.violations.iter().any(|violation| violation.msg.ends_with('…')));
}

#[test]
fn after_an_error_the_next_decision_is_right() {
    let text = r#"
package main

deny contains "loop" if {
    input.process.argv[0] == "loop"
    s := {x | some a in numbers.range(1, 5000); some b in numbers.range(1, 5000); x := a * b}
    count(s) > 0
}

deny contains "no" if input.process.argv[0] == "go"
"#;
    let mut engine = PolicyEngine::new(&[bundle("b", text)], &limited()).unwrap();
    for _ in 0..3 {
        assert!(engine.decide_json(&start(&["loop"], "")).error.is_some());
        let decision = engine.decide_json(&start(&["go"], ""));
        assert_eq!((messages(&decision), decision.error.clone()), (vec!["no"], None));
    }
    assert_eq!(engine.counts().hits, 2);
}

#[test]
fn the_longest_chain_of_rules_has_room_on_the_stack() {
    // The engine accepts at most 4000 rules.
    const LAST: usize = 3990;
    let mut text = "package main\ndeny contains \"end\" if r0 == 1\n".to_owned();
    (0..LAST).for_each(|rule| text += &format!("r{rule} := r{}\n", rule + 1));
    text += &format!("r{LAST} := 1\n");
    let mut engine = PolicyEngine::new(&[bundle("b", &text)], &patient()).unwrap();
    let decision = engine.decide_json(&start(&["go"], ""));
    assert_eq!((messages(&decision), decision.error.clone()), (vec!["end"], None));
}
