use super::*;

/// Returns the error about a bundle whose only rule has `line` as the fourth line of the module.
fn with(line: &str) -> String {
    refused(&format!("package main\n\ndeny contains \"no\" if {{\n  {line}\n}}\n")).to_string()
}

#[test]
fn what_is_refused_is_named_with_its_line() {
    for (line, name) in [
        (
            "http.send({\"method\": \"get\", \"url\": \"http://x\"}).status_code == 200",
            "http.send: policies do no",
        ),
        ("io.jwt.decode(input.token)", "io.jwt.decode: the engine has no JSON web tokens"),
        ("crypto.sha256(input.body) == \"x\"", "crypto.sha256: "),
        ("opa.runtime().env.CI", "opa.runtime: "),
        ("rand.intn(\"x\", 2) == 1", "rand.intn: "),
        ("count(net.lookup_ip_addr(\"example.org\")) > 0", "net.lookup_ip_addr: "),
        ("[x | x := rego.parse_module(\"a\", \"b\")][0]", "rego.parse_module: "),
        ("every x in [1] { graphql.is_valid(\"a\", \"b\") }", "graphql.is_valid: "),
        ("cuont(input.process.argv) > 1", "cuont: the engine has no such function"),
        ("data.env[input.x] == \"1\"", "use input.process.env[x]"),
        ("some k; data.env[k] == \"1\"", "use input.process.env[x]"),
        ("object.get(data.env, \"CI\", \"\") == \"1\"", "use input.process.env"),
        ("input.x == 1 with input.x as 1", "`with` is for tests"),
    ] {
        let error = with(line);
        assert!(error.starts_with("b: policy.rego:4: "), "{line}: {error}");
        assert!(error.contains(name), "{line}: {error}");
    }
}

#[test]
fn names_in_texts_and_comments_are_none_of_it() {
    let text = r#"
package main

# http.send({})
deny contains "http.send({})" if input.process.argv[0] == `crypto.sha256("x")`
"#;
    assert!(decide(text, start(&["crypto.sha256(\"x\")"], "")).violations.len() == 1);
}

#[test]
fn own_functions_may_have_any_name() {
    let text = r#"
package main

crypto(x) := lower(x)
deny contains "no" if crypto(input.process.argv[0]) == "go"
"#;
    assert!(!decide(text, start(&["GO"], "")).allow);
}

#[test]
fn a_call_through_an_import_is_seen() {
    let mut two = bundle("b", "package main\nimport data.lib\ndeny contains \"no\" if lib.f(1)");
    two.modules.push(module("lib.rego", "package lib\n\nf(x) if http.send({\"url\": x})"));
    let error = PolicyEngine::new(&[two], &patient()).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("b: lib.rego:3: http.send: "), "{error}");
}

#[test]
fn syntax_and_unsafe_variables_are_said_with_their_line() {
    let error = refused("package main\n\ndeny contains msg if {\n  msg := \n}\n").to_string();
    assert!(error.starts_with("b: policy.rego:5: ") || error.starts_with("b: policy.rego:4: "), "{error}");
    let error = refused("package main\n\ndeny contains msg if {\n  input.x == 1\n}\n").to_string();
    assert!(error.starts_with("b: policy.rego:3: ") && error.contains("msg"), "{error}");
}

#[test]
fn all_or_nothing() {
    let good = bundle("good", "package main\ndeny contains \"no\" if true");
    let bad = bundle("bad", "package main\n\ndeny contains \"no\" if http.send({})");
    let none = bundle("none", "package other\n\nx := 1");
    let truth = bundle("truth", "package main\n\ndeny if input.x");
    let error = PolicyEngine::new(&[good, bad, none, truth], &patient()).unwrap_err();
    let names: Vec<_> = error.problems.iter().map(|problem| problem.bundle.as_str()).collect();
    assert_eq!(names, ["bad", "none", "truth"]);
    assert!(error.problems[1].what.contains("no entry point"));
    assert!(error.problems[2].what.contains("deny contains"), "{error}");
}

#[test]
fn an_executable_that_is_taken_for_a_text_is_warned_about() {
    let engine = engine("package main\ndeny contains \"x\" if endswith(input.process.executable, \"/go\")");
    assert!(engine.warnings().next().unwrap().to_string().contains("input.process.executable.path"));
}

#[test]
fn what_can_never_be_a_decision_is_refused() {
    for (package, text, line, wanted) in [
        ("main", "deny := \"no\"", 3, "deny is a text, and has to be a set"),
        ("main", "deny := \"no\" if input.x", 3, "deny is a text"),
        ("main", "deny := {\"no\"} if input.x\nelse := 5", 4, "deny is a number"),
        ("main", "default deny := false\ndeny contains \"x\" if input.x", 3, "deny is a boolean"),
        ("main", "deny := why\nwhy := sprintf(\"%d\", [1])", 4, "deny is a text"),
        ("main", "deny := x if {\n  x := count(input.y)\n}", 4, "deny is a number"),
        ("main", "deny := {\"why\": \"no\"}", 3, "deny is an object"),
        ("main", "deny.why := \"no\"", 3, "deny is an object"),
        ("main", "deny[\"why\"] := \"no\"", 3, "deny is an object"),
        ("main", "deny[why] if why := input.x", 3, "deny is an object"),
        ("main", "deny contains 5", 3, "deny is a number, and has to be a text or an object"),
        ("main", "deny contains true if input.x", 3, "deny is a boolean"),
        ("main", "deny contains {\"message\": \"no\"}", 3, "deny.msg is missing"),
        ("main", "deny contains {\"msg\": [\"no\"]}", 3, "deny.msg is an array"),
        ("main", "deny contains {\"msg\": \"no\", \"severity\": \"bad\"}", 3, "deny.severity: "),
        ("main", "deny := [1, 2]", 3, "deny[…] is a number"),
        ("main", "deny := {5 | input.x}", 3, "deny[…] is a number"),
        ("main", "warn := \"no\"\ndeny contains \"x\" if input.x", 3, "warn is a text"),
        ("process", "violation_a := null", 3, "violation_a is null"),
        ("tracego.process", "decision := true", 3, "decision is a boolean, and has to be an object"),
        ("tracego.process", "default decision := \"allow\"", 3, "decision is a text"),
        ("tracego.process", "decision := {\"allow\": \"yes\"}", 3, "decision.allow is a text"),
        ("tracego.process", "decision := {\"allow\": allow}\nallow := 1", 4, "decision.allow is a number"),
        ("tracego.process", "decision := {\"action\": \"shoot\"}", 3, "decision.action: "),
        (
            "tracego.process",
            "decision := {\"violations\": v}\nv contains 5",
            4,
            "decision.violations is a number",
        ),
    ] {
        let error = refused(&format!("package {package}\n\n{text}\n")).to_string();
        assert!(error.starts_with(&format!("b: policy.rego:{line}: {wanted}")), "{text}: {error}");
    }
}

#[test]
fn what_may_be_a_decision_is_not_refused() {
    for (package, text) in [
        ("main", "deny := {\"no\" | input.x}"),
        ("main", "deny := [\"no\"] if input.x\nelse := {\"other\"}"),
        ("main", "deny := a | b\na := {\"x\"}\nb := set()"),
        ("main", "deny contains why if {\n  some why in input.x\n}"),
        ("main", "deny contains msg if {\n  msg := input.x\n}"),
        (
            "main",
            "deny contains {\"msg\": m, \"severity\": s, \"id\": null} if {\n  m := input.m\n  s := \"low\"\n}",
        ),
        ("main", "deny contains {input.key: \"no\"}"),
        ("main", "deny contains object.union({\"id\": \"a\"}, {\"msg\": \"b\"})"),
        ("main", "deny contains \"x\" if deny_name(input.x)\ndeny_name(x) := x"),
        ("main", "deny := {x | some x in input.y}"),
        ("tracego.process", "decision := {\"allow\": allow}\ndefault allow := false\nallow if input.x"),
        ("tracego.process", "decision := {\"violations\": v}\nv contains \"x\" if input.y"),
        (
            "tracego.process",
            "default decision := {\"allow\": true}\ndecision := {\"allow\": false} if input.x",
        ),
    ] {
        let text = format!("package {package}\n\n{text}\n");
        let done = PolicyEngine::new(&[bundle("b", &text)], &patient());
        assert!(done.is_ok(), "{text}: {}", done.unwrap_err());
    }
}
