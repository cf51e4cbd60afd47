//! ECS, field by field, against the names, types and values that Elastic publishes (npm `@elastic/ecs`).

use std::{path::PathBuf, process::Command, sync::LazyLock};

use serde_json::{Value, json};
use tracego_common::verdict::Action;
use tracego_deliver::format::Format;
use tracego_tests::{
    python::npm_package,
    samples::{enforcement_decision, late_kill, start, start_with_policy_decision},
};

use crate::{json_leaves::flat, lean, object, records, selection};

pub(crate) const TESTS: &[(&str, crate::Test)] =
    &[("ecs::what_was_done_about_a_start_is_said", what_was_done_about_a_start_is_said)];

pub(crate) const VALIDATED: &[(&str, crate::Test)] = &[
    ("ecs::every_field_is_published_with_its_type", every_field_is_published_with_its_type),
    ("ecs::fields_that_are_the_same_in_opentelemetry_agree", fields_that_are_the_same_in_opentelemetry_agree),
];

/// The folder of the package, or why it is unavailable.
pub(crate) static PUBLISHED: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let sha512 = "znk6Jr38KNRsyUKstormNX4QKtqnwQY1EWqrMCWIg/nY6dC1imSxzrdR6xuljxnY6JHj+/9NdTiRohVbeUEA/Q==";
    npm_package("@elastic/ecs", "9.4.0", sha512)
});

/// Returns every published field by name.
fn published() -> Value {
    let module = PUBLISHED.as_ref().unwrap().join("build/commonjs/ecs_flat.js");
    let print = "process.stdout.write(JSON.stringify(require(process.argv[1]).EcsFlat))";
    let output = Command::new("node").arg("-e").arg(print).arg(module).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let fields: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(fields.as_object().unwrap().len() > 2000);
    fields
}

/// Returns whether ECS leaves a name to others; `docs/formats.md` lists these names.
fn own(name: &str) -> bool {
    let ours = ["cicd.", "vcs.", "k8s.", "tracego.", "labels.", "process.linux.cgroup", "process.runtime."];
    ours.iter().any(|front| name.starts_with(front))
}

fn every_field_is_published_with_its_type() {
    let published = published();
    let mut seen = 0;
    let full = records().iter().map(|record| object(Format::Ecs, record)).collect::<Vec<_>>();
    for document in full.into_iter().chain(lean::objects(Format::Ecs)).chain(selection::objects(Format::Ecs))
    {
        for (name, value) in flat(&document) {
            if own(&name) {
                continue;
            }
            let list = name.ends_with("[]");
            let name = name.trim_end_matches("[]");
            let field = &published[name];
            assert!(field.is_object(), "ECS has no {name}");
            seen += 1;
            let fits = match field["type"].as_str().unwrap() {
                "keyword" | "match_only_text" | "wildcard" | "constant_keyword" => value.is_string(),
                "long" => value.as_i64().is_some(),
                "boolean" => value.is_boolean(),
                "date" => value.as_str().is_some_and(|text| text.len() == 30 && text.ends_with('Z')),
                other => panic!("{name} is of type {other}"),
            };
            assert!(fits, "{name}: {value} is no {}", field["type"]);
            let array = field["normalize"].as_array().unwrap().contains(&"array".into());
            assert_eq!(array, list, "{name}");
            if let Some(allowed) = field["allowed_values"].as_array() {
                assert!(allowed.iter().any(|one| one["name"] == value), "{name}: {value}");
            }
        }
        types_fit_the_category(&document, &published);
        assert_eq!(document["ecs"]["version"], "9.4.0");
    }
    assert!(seen > 2000, "{seen}");
}

/// Checks the event types of each category (ECS, "Allowed values").
fn types_fit_the_category(document: &Value, published: &Value) {
    let categories = published["event.category"]["allowed_values"].as_array().unwrap();
    for category in document["event"]["category"].as_array().unwrap() {
        let category = categories.iter().find(|one| one["name"] == *category).unwrap();
        let expected = category["expected_event_types"].as_array().unwrap();
        for kind in document["event"]["type"].as_array().unwrap() {
            assert!(expected.contains(kind), "{kind} in {category}");
        }
    }
}

/// Compares fields with the OpenTelemetry attributes that ECS declares equal; the native record has those
/// names.
fn fields_that_are_the_same_in_opentelemetry_agree() {
    let published = published();
    let mut seen = std::collections::BTreeSet::new();
    for record in records() {
        let native = serde_json::to_value(&record).unwrap();
        for (name, value) in flat(&object(Format::Ecs, &record)) {
            let field = name.trim_end_matches("[]");
            for same in published[field]["otel"].as_array().into_iter().flatten() {
                if !matches!(same["relation"].as_str(), Some("match" | "equivalent")) {
                    continue;
                }
                let attribute = same["attribute"].as_str().unwrap_or(field);
                let found = native.pointer(&format!("/{}", attribute.replace('.', "/")));
                let Some(found) = found else { continue };
                let agree = match found {
                    Value::Array(values) => values.contains(&value),
                    Value::Number(number) if value.is_string() => value == number.to_string(),
                    other => *other == value,
                };
                assert!(agree, "{field} is {value}, {attribute} is {found}");
                seen.insert(field.to_owned());
            }
        }
    }
    let some =
        ["process.pid", "process.args", "process.executable", "process.real_user.id", "container.runtime"];
    assert!(some.iter().all(|name| seen.contains(*name)), "{seen:?}");
}

fn what_was_done_about_a_start_is_said() {
    for (record, action, kind, outcome, rule) in [
        (enforcement_decision(Action::Deny), "exec-denied", "alert", "failure", json!("rule-of-enforcement")),
        (enforcement_decision(Action::Kill), "exec-killed", "alert", "failure", json!("rule-of-enforcement")),
        (late_kill(None), "exec-killed", "alert", "failure", json!("rule-of-enforcement")),
        (late_kill(Some("it had ended")), "exec-killed", "alert", "success", json!("rule-of-enforcement")),
        (
            enforcement_decision(Action::Audit),
            "exec-audited",
            "alert",
            "success",
            json!("rule-of-enforcement"),
        ),
        (
            enforcement_decision(Action::Allow),
            "exec-allowed",
            "event",
            "success",
            json!("rule-of-enforcement"),
        ),
        (start_with_policy_decision(false, None), "exec", "alert", "success", json!("violation-1")),
        (start_with_policy_decision(true, None), "exec", "event", "success", Value::Null),
        (start(), "exec", "event", "success", Value::Null),
    ] {
        let document = object(Format::Ecs, &record);
        let event = &document["event"];
        let said = [&event["action"], &event["kind"], &event["outcome"], &document["rule"]["name"]];
        assert_eq!(said, [&json!(action), &json!(kind), &json!(outcome), &rule], "{document:#}");
        let before = document["tracego"]["enforcement"]["when"] == "before-start";
        assert_eq!(document["file"]["name"] == "wanted-program", before, "{document:#}");
    }
}
