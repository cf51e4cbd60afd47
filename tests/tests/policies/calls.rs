//! Calls of built-in functions and expressions with edge values: each has the result of OPA, or is refused, or
//! fails as a whole.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tracego_policy::{
    DecisionLimits, PolicyEngine,
    bundle::{Bundle, Manifest, RegoModule, RegoVersion},
};
use tracego_tests::python;

/// Number of random calls of each function, beside those with each of its patterns and formats.
const COUNT: &str = "12";
const SEED: &str = "11";
/// Number of calls in one module.
const CHUNK: usize = 60;

/// Calls whose result may differ from OPA's: name, a part of the expression, and why.
const KNOWN: &[(&str, &str, &str)] = &[
    ("{number} / {number}", "", "a fraction has 64 bits here, and more digits in OPA"),
    ("{number} * {number}", ".", "a fraction has 64 bits here, and more digits in OPA"),
    ("{number} + {number}", ".", "a fraction has 64 bits here, and more digits in OPA"),
    ("{number} - {number}", ".", "a fraction has 64 bits here, and more digits in OPA"),
    ("{any} - {any}", ".", "a fraction has 64 bits here, and more digits in OPA"),
    ("{any} + {any}", ".", "a fraction has 64 bits here, and more digits in OPA"),
    ("sum", "0.1", "a fraction has 64 bits here, and more digits in OPA"),
    ("product", "0.1", "a fraction has 64 bits here, and more digits in OPA"),
    ("ceil", "(-0.5)", "OPA rounds numbers between -1 and 0 to the wrong side"),
    ("floor", "(-0.5)", "OPA rounds numbers between -1 and 0 to the wrong side"),
    ("", "\"1\": \"one\", 1: \"number\"", "OPA writes one of two members that have one name in JSON"),
    ("sort", "", "sets stand before objects here, and behind them in OPA"),
    ("sort([{any}, {any}, {any}])", "", "sets stand before objects here, and behind them in OPA"),
    ("max", "[1, \"a\", null", "sets stand before objects here, and behind them in OPA"),
    ("min", "[1, \"a\", null", "sets stand before objects here, and behind them in OPA"),
    ("{any} < {any}", "", "sets stand before objects here, and behind them in OPA"),
    ("{any} <= {any}", "", "sets stand before objects here, and behind them in OPA"),
    ("{any} > {any}", "", "sets stand before objects here, and behind them in OPA"),
    ("{any} >= {any}", "", "sets stand before objects here, and behind them in OPA"),
    ("{open}{any}, {any}, {any}{close}", "", "sets stand before objects here, and behind them in OPA"),
    (
        "{open}x | some x in {collection}{close}",
        "null",
        "sets stand before objects here, and behind them in OPA",
    ),
];

/// The result of a call here.
#[derive(Clone, Debug)]
enum Answer {
    /// JSON of the type and the value.
    Value(String),
    Undefined,
    /// Refused at load, with the reason.
    Refused(String),
    /// The evaluation failed.
    Failed,
}

pub(super) fn same() {
    let python = super::OPA.as_ref().unwrap();
    let calls = python::script(python, "policy_calls.py", &["generate", SEED, COUNT], b"");
    let answers = python::script(python, "policy_calls.py", &["answer"], &calls);
    let cases = super::lines(&String::from_utf8(answers).unwrap());
    let (mut compared, mut other, mut refused) = (BTreeMap::<String, u32>::new(), Vec::new(), 0);
    for chunk in cases.chunks(CHUNK) {
        for (case, ours) in chunk.iter().zip(answer(chunk)) {
            let name = case["name"].as_str().unwrap();
            let theirs = case["answer"]["value"].as_str();
            let is_same = match &ours {
                Answer::Refused(why) => {
                    assert!(!why.is_empty());
                    refused += 1;
                    continue;
                }
                // The policy fails with an error that is told; it does not decide in another way.
                Answer::Failed => continue,
                Answer::Undefined => theirs.is_none(),
                Answer::Value(ours) => theirs.is_some_and(|theirs| is_equal(ours, theirs)),
            };
            *compared.entry(name.to_owned()).or_default() += 1;
            let expression = case["expression"].as_str().unwrap();
            let known = |(of, part, _): &&(&str, &str, &str)| {
                (of.is_empty() || *of == name) && expression.contains(part)
            };
            if !is_same && !KNOWN.iter().any(|one| known(&one)) {
                other.push(format!("{expression}: {ours:?}, in OPA {theirs:?}"));
            }
        }
    }
    assert!(other.is_empty(), "{} differ:\n{}", other.len(), other.join("\n"));
    let all: u32 = compared.values().sum();
    assert!(all > 4000 && refused > 100, "{all} compared, {refused} refused");
    for function in
        ["regex.match", "sprintf", "glob.match", "json.marshal", "time.parse_rfc3339_ns", "units.parse"]
    {
        assert!(compared.get(function).is_some_and(|count| *count > 10), "{function}: {compared:?}");
    }
}

/// Whether two texts of JSON have the same value; numbers count by their value, not by their spelling.
fn is_equal(ours: &str, theirs: &str) -> bool {
    fn plain(value: Value) -> Value {
        match value {
            Value::Number(number) => json!(number.as_f64()),
            Value::Array(items) => items.into_iter().map(plain).collect(),
            Value::Object(members) => members.into_iter().map(|(name, value)| (name, plain(value))).collect(),
            other => other,
        }
    }
    let parsed = |text| serde_json::from_str(text).map(plain).ok();
    ours == theirs || parsed(ours).is_some_and(|ours| Some(ours) == parsed(theirs))
}

/// Evaluates the expressions of a chunk.
fn answer(chunk: &[Value]) -> Vec<Answer> {
    let mut answers = vec![Answer::Undefined; chunk.len()];
    let mut open: Vec<usize> = (0..chunk.len()).collect();
    while !open.is_empty() {
        match PolicyEngine::new(&[bundle(chunk, &open)], &limits()) {
            Err(error) => {
                let lines = error.problems.iter().filter_map(|problem| {
                    let (_, line) = problem.place.as_ref()?;
                    Some((*open.get(usize::try_from(*line).ok()?.checked_sub(2)?)?, problem.what.clone()))
                });
                let wrong: BTreeMap<usize, String> = lines.collect();
                assert!(!wrong.is_empty(), "no line of: {error}");
                open.retain(|index| !wrong.contains_key(index));
                wrong.into_iter().for_each(|(index, why)| answers[index] = Answer::Refused(why));
            }
            Ok(mut engine) => {
                let decision = engine.decide_json(&json!({}));
                if decision.error.is_none() {
                    for violation in decision.violations.iter() {
                        answers[violation.id.parse::<usize>().unwrap()] =
                            Answer::Value(violation.msg.clone());
                    }
                } else if let [one] = open.as_slice() {
                    answers[*one] = Answer::Failed;
                } else {
                    // One of them fails for all.
                    let (first, second) = open.split_at(open.len() / 2);
                    for half in [first, second] {
                        let cases: Vec<Value> = half.iter().map(|index| chunk[*index].clone()).collect();
                        for (index, one) in half.iter().zip(answer(&cases)) {
                            answers[*index] = one;
                        }
                    }
                }
                break;
            }
        }
    }
    answers
}

fn limits() -> DecisionLimits {
    DecisionLimits {
        time: Duration::from_secs(20),
        hang: Duration::from_secs(60),
        violations: CHUNK,
        message: 1 << 20,
        cache: None,
        ..DecisionLimits::default()
    }
}

/// Returns a bundle with a rule for each expression, one a line from the second on.
fn bundle(chunk: &[Value], open: &[usize]) -> Bundle {
    let mut text = String::from("package main\n");
    for index in open {
        let expression = chunk[*index]["expression"].as_str().unwrap();
        text.push_str(&format!(
            "deny contains {{\"id\": \"{index}\", \"msg\": json.marshal([type_name(answer), answer])}} if answer := {expression}\n"
        ));
    }
    let module = |path: &str, text: String| RegoModule {
        path: path.to_owned(),
        text,
        rego: RegoVersion::V1,
        rego_declared: true,
        package: Vec::new(),
        test: false,
    };
    Bundle {
        name: "calls".to_owned(),
        modules: vec![
            module("calls.rego", text),
            module("same.rego", "package same\n\nas_is(x) := x\n".to_owned()),
        ],
        data: json!({}),
        manifest: Manifest::default(),
        digest: "sha256:calls".to_owned(),
        signed_by: None,
    }
}
