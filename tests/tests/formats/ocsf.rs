//! OCSF against the JSON Schema that `ocsf-json-schema` generates from the published version 1.8.0.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tracego_common::verdict::Action;
use tracego_deliver::format::Format;
use tracego_model::{finding::Severity, record::policy::ErrorKind};
use tracego_tests::{
    python::script,
    samples::{
        enforcement_decision, exit, finding, late_kill, start_with_findings, start_with_policy_decision,
    },
};

use crate::{PYTHON, lean, object, records, selection};

pub(crate) const TESTS: &[(&str, crate::Test)] =
    &[("ocsf::what_was_done_about_a_start_is_said", what_was_done_about_a_start_is_said)];

pub(crate) const VALIDATED: &[(&str, crate::Test)] = &[
    (
        "ocsf::every_event_is_what_its_class_and_profiles_allow",
        every_event_is_what_its_class_and_profiles_allow,
    ),
    ("ocsf::the_schema_refuses_what_is_not_in_it", the_schema_refuses_what_is_not_in_it),
];

/// Returns class and profiles, as an event names them.
fn wanted(event: &Value) -> (i64, Vec<String>) {
    let profiles = event["metadata"]["profiles"].as_array();
    let profiles =
        profiles.into_iter().flatten().map(|profile| profile.as_str().unwrap().to_owned()).collect();
    (event["class_uid"].as_i64().unwrap(), profiles)
}

/// Returns a validator for each kind of event.
fn validators(events: &[Value]) -> BTreeMap<(i64, Vec<String>), jsonschema::Validator> {
    let mut kinds: Vec<_> = events.iter().map(wanted).collect();
    kinds.sort();
    kinds.dedup();
    let input = serde_json::to_vec(&kinds).unwrap();
    let schemas = script(PYTHON.as_ref().unwrap(), "formats.py", &["ocsf-schemas"], &input);
    let schemas: Vec<Value> = serde_json::from_slice(&schemas).unwrap();
    assert_eq!(schemas.len(), kinds.len());
    kinds
        .into_iter()
        .zip(schemas)
        .map(|(kind, schema)| {
            assert_eq!(schema["additionalProperties"], false);
            (kind, jsonschema::validator_for(&schema).unwrap())
        })
        .collect()
}

fn every_event_is_what_its_class_and_profiles_allow() {
    let mut events: Vec<Value> = records().iter().map(|record| object(Format::Ocsf, record)).collect();
    events.extend(lean::objects(Format::Ocsf));
    events.extend(selection::objects(Format::Ocsf));
    let validators = validators(&events);
    let classes: Vec<i64> = validators.keys().map(|(class, _)| *class).collect();
    assert!([0, 1007, 1008, 2004, 5001, 5015].iter().all(|class| classes.contains(class)), "{classes:?}");
    for event in &events {
        let errors: Vec<String> = validators[&wanted(event)]
            .iter_errors(event)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{event:#}");
        let type_uid = event["class_uid"].as_i64().unwrap() * 100 + event["activity_id"].as_i64().unwrap();
        assert_eq!(event["type_uid"], type_uid);
        assert!(event["time"].as_i64().unwrap() > 1_700_000_000_000);
    }
}

/// Checks that the validator rejects invalid events.
fn the_schema_refuses_what_is_not_in_it() {
    let good = object(Format::Ocsf, &tracego_tests::samples::start());
    let validators = validators(std::slice::from_ref(&good));
    let validator = &validators[&wanted(&good)];
    assert!(validator.is_valid(&good));
    let mut changes: Vec<(&str, Value)> = vec![
        ("/time", json!("2026-11-24T09:24:28Z")),
        ("/severity_id", json!(7)),
        ("/process/pid", json!("61001")),
        ("/process/file/type_id", Value::Null),
        ("/metadata/version", Value::Null),
        ("/type_uid", json!(1)),
    ];
    for (path, value) in changes.drain(..) {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value;
        assert!(!validator.is_valid(&bad), "{path}");
    }
    for path in ["", "/process", "/device", "/metadata", "/process/container", "/process/parent_process"] {
        let mut bad = good.clone();
        bad.pointer_mut(path).unwrap()["none_of_theirs"] = json!(1);
        assert!(!validator.is_valid(&bad), "{path}");
    }
}

fn what_was_done_about_a_start_is_said() {
    for (record, action, disposition, alert, status, rule) in [
        // Denied, Blocked, Failure.
        (enforcement_decision(Action::Deny), 2, 2, true, 2, Some("rule-of-enforcement")),
        (enforcement_decision(Action::Kill), 2, 2, true, 2, Some("rule-of-enforcement")),
        (late_kill(None), 2, 2, true, 2, Some("rule-of-enforcement")),
        // Unknown, Error: the program runs.
        (late_kill(Some("it could not be ended")), 0, 27, true, 1, Some("rule-of-enforcement")),
        // Observed, Detected.
        (enforcement_decision(Action::Audit), 3, 15, true, 1, Some("rule-of-enforcement")),
        (start_with_findings(vec![finding(0, Severity::Low)]), 3, 15, true, 1, Some("go-run")),
        (start_with_policy_decision(false, None), 3, 15, true, 1, Some("bundle-name")),
        // Allowed, Allowed.
        (enforcement_decision(Action::Allow), 1, 1, false, 1, Some("rule-of-enforcement")),
        (start_with_policy_decision(true, None), 1, 1, false, 1, Some("bundle-name")),
        // No decision was possible.
        (start_with_policy_decision(true, Some(ErrorKind::Time)), 0, 27, true, 1, Some("bundle-name")),
        (start_with_policy_decision(false, Some(ErrorKind::Time)), 3, 15, true, 1, Some("bundle-name")),
    ] {
        let event = object(Format::Ocsf, &record);
        let said = ["action_id", "disposition_id", "is_alert", "status_id"].map(|name| event[name].clone());
        assert_eq!(said, [json!(action), json!(disposition), json!(alert), json!(status)], "{event:#}");
        assert_eq!(event["policy"]["name"].as_str(), rule, "{event:#}");
        assert!(event["metadata"]["profiles"].as_array().unwrap().contains(&json!("security_control")));
    }
    let plain = object(Format::Ocsf, &exit());
    assert!(plain.get("action_id").is_none() && plain.get("policy").is_none(), "{plain:#}");
    // For a decision about a start, `process` is the program that would have run, and the caller is the
    // actor.
    let denied = object(Format::Ocsf, &enforcement_decision(Action::Deny));
    assert_eq!(denied["process"]["name"], "wanted-program");
    assert!(denied["process"].get("path").is_none() && denied["process"].get("file").is_none(), "{denied:#}");
    assert_eq!(denied["actor"]["process"]["path"], "/opt/shop/bin/server-binary");
    assert_eq!(object(Format::Ocsf, &late_kill(None))["process"]["path"], "/opt/shop/bin/server-binary");
}
