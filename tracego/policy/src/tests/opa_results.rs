//! Results that OPA has and the engine alone has not; the comparison of all functions with OPA is a test of its
//! own (`tests/tests/policies.rs`).

use tracego_model::record::policy::ErrorKind;

use super::*;

/// Returns the text of an expression's value, as OPA's JSON; `None` if it is undefined.
fn value(expression: &str) -> Option<String> {
    let text = format!("package main\n\ndeny contains json.marshal(answer) if answer := {expression}\n");
    let decision = decide(&text, start(&[], ""));
    assert_eq!(decision.error, None, "{expression}");
    decision.violations.first().map(|violation| violation.msg.clone())
}

#[test]
fn regular_expressions_are_those_of_re2() {
    for (pattern, text, expected) in [
        (r"^\w+$", "gооd", false),
        (r"\d", "١", false),
        (r"a\sb", "a\u{a0}b", false),
        (r"\bа", "а", false),
        (r"\Qa.b\E", "a.b", true),
        (r"\Qa.b\E", "axb", false),
        (r"(?i)straSSe", "STRASSE", true),
        (r"[^\d\s]", "٣", true),
        (r"\pN", "٣", true),
        (r"[[:alpha:]-z]", "-", true),
        (r"a$", "a\n", false),
        (r"[a&b]", "&", true),
        // No end of a word, as in other engines.
        (r"\<a\>", "<a>", true),
    ] {
        let call = format!(
            "regex.match(`{pattern}`, \"{}\")",
            text.escape_default().to_string().replace("\\u{", "\\u00").replace('}', "")
        );
        let call = if text.is_ascii() { call } else { format!("regex.match(`{pattern}`, `{text}`)") };
        assert_eq!(value(&call), Some(expected.to_string()), "{call}");
    }
}

#[test]
fn a_pattern_that_re2_refuses_is_named_with_its_line() {
    for pattern in [
        r"a{1001}",
        r"(?R)",
        r"\h",
        r"(?=a)",
        r"\C",
        r"(a)\1",
        r"a**",
        r"x{2}{3}",
        r"\u0041",
        r"(?x) a",
        r"\p{Nonsense}",
        r"[[:nope:]]",
        r"*",
    ] {
        let error =
            refused(&format!("package main\n\ndeny contains \"x\" if regex.match(`{pattern}`, input.body)"))
                .to_string();
        assert!(error.starts_with("b: policy.rego:3: regex.match: "), "{pattern}: {error}");
    }
    // At evaluation it is undefined, as in OPA.
    assert_eq!(value("regex.match(concat(\"\", [\"(\", \"a\"]), \"a\")"), None);
    assert_eq!(value("regex.is_valid(concat(\"\", [\"(\", \"a\"]))").as_deref(), Some("false"));
}

#[test]
fn texts_are_made_as_in_go() {
    for (call, expected) in [
        (r#"sprintf("%s", [5])"#, r#""%!s(int64=5)""#),
        (r#"sprintf("%d of %d", [1])"#, r#""1 of %!d(MISSING)""#),
        (r#"sprintf("a", ["b"])"#, r#""a%!(EXTRA string=b)""#),
        (r#"sprintf("%v %v", [set(), ["a"]])"#, r#""set() [\"a\"]""#),
        (r#"sprintf("%05.1f|%-4d|%+d", [2.25, 7, 7])"#, r#""002.2|7   |+7""#),
        (r#"json.marshal("<&>")"#, r#""\"\\u003c\\u0026\\u003e\"""#),
        (r#"upper("straße")"#, r#""STRAßE""#),
        (r#"count("😀a")"#, "2"),
        ("bits.rsh(64, 1)", "32"),
        (r#"type_name(net.cidr_expand("10.0.0.0/30"))"#, r#""set""#),
        (r#"base64.decode("YR==")"#, r#""a""#),
        (r#"semver.compare("1.2.3-alpha", "v1.2.3")"#, "-1"),
        (r#"units.parse_bytes("1Ki")"#, "1024"),
        (r#"time.parse_duration_ns("1d")"#, "86400000000000"),
    ] {
        assert_eq!(value(call).as_deref(), Some(expected), "{call}");
    }
    for undefined in [
        r#"indexof("a", "")"#,
        r#"time.parse_rfc3339_ns("2026-11-25 02:11:46Z")"#,
        r#"units.parse("1d")"#,
        r#"object.subset({"a": 1}, ["a"])"#,
    ] {
        assert_eq!(value(undefined), None, "{undefined}");
    }
}

#[test]
fn numbers_whose_spelling_matters_are_refused() {
    for number in ["1.0", "1e3", "18446744073709551616", "0.30000000000000004"] {
        let error =
            refused(&format!("package main\n\ndeny contains \"x\" if input.x == {number}")).to_string();
        assert!(error.starts_with(&format!("b: policy.rego:3: {number}: ")), "{error}");
    }
    assert_eq!(
        value("[18446744073709551615, -1, 1.25, 0]").as_deref(),
        Some("[18446744073709551615,-1,1.25,0]")
    );
}

#[test]
fn what_opa_would_answer_in_another_way_is_an_error() {
    for call in [
        r#"glob.match("[^a]", [], input.process.argv[0])"#,
        r#"json.unmarshal(sprintf("%s1%s", [concat("", ["[" | some i in numbers.range(1, 500); i > 0]), concat("", ["]" | some i in numbers.range(1, 500); i > 0])]))"#,
        r#"sprintf("%*d", [1, 2])"#,
    ] {
        let decision = decide(&format!("package main\n\ndeny contains \"x\" if {call}"), start(&["a"], ""));
        assert_eq!(decision.error_kind, Some(ErrorKind::Size), "{call}: {decision:?}");
    }
}
