//! Tests of the cache key: all that the policies read, and nothing else.

use proptest::prelude::*;

use super::*;
use crate::input::Projection;

type Json = serde_json::Value;

/// The names that lead to a value in nested objects.
type Path = Vec<String>;

/// Returns the record of a process start of a job with go commands, with most members that a record can have.
fn full() -> Json {
    let text = include_str!("../../../../tests/golden/go.json");
    let records = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let mut records: Vec<Json> =
        records.filter(|record| record["event_name"] == "tracego.process.start").collect();
    let mut full = records.pop().unwrap();
    for record in records {
        join(&mut full, record);
    }
    full
}

/// Adds the members of `from` that `to` lacks.
fn join(to: &mut Json, from: Json) {
    if let (Some(to), Json::Object(from)) = (to.as_object_mut(), from) {
        for (name, value) in from {
            match to.get_mut(&name) {
                Some(there) => join(there, value),
                None => drop(to.insert(name, value)),
            }
        }
    }
}

/// Collects the paths of all values that are not objects with members.
fn leaves(value: &Json, path: &mut Path, into: &mut Vec<Path>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                path.push(name.clone());
                leaves(value, path, into);
                path.pop();
            }
        }
        _ => into.push(path.clone()),
    }
}

/// Replaces a value; removes it if `value` is `None`.
fn put(record: &mut Json, path: &[String], value: Option<Json>) {
    let (name, above) = path.split_last().unwrap();
    let members = above.iter().fold(record, |value, name| &mut value[name]).as_object_mut().unwrap();
    match value {
        Some(value) => drop(members.insert(name.clone(), value)),
        None => drop(members.remove(name)),
    }
}

/// Returns the record with other values in one place, all of them different.
fn others(record: &Json, path: &[String]) -> Vec<Json> {
    let was = path.iter().fold(record, |value, name| &value[name]);
    let mut values = vec![
        Some(json!(null)),
        Some(json!(false)),
        Some(json!(true)),
        Some(json!(0)),
        Some(json!(1)),
        Some(json!(-1)),
        Some(json!(u64::MAX)),
        Some(json!(1.5)),
        Some(json!("")),
        Some(json!("\u{6}\0\0\0\0")),
        Some(json!("1")),
        Some(json!([])),
        Some(json!([[]])),
        Some(json!(["a", "b"])),
        Some(json!(["ab"])),
        Some(json!([{}])),
        Some(json!([{ "a": "b" }])),
        Some(json!({})),
    ];
    if let Some(text) = was.as_str() {
        values.push(Some(json!(format!("{text}\0"))));
    }
    values.retain(|value| value.as_ref() != Some(was));
    values.push(None);
    let with = |value| {
        let mut record = record.clone();
        put(&mut record, path, value);
        record
    };
    values.into_iter().map(with).collect()
}

fn reading(path: &[String]) -> PolicyEngine {
    let path: String = path.iter().map(|name| format!("[\"{name}\"]")).collect();
    engine(&format!("package main\ndeny contains \"no\" if input{path} == \"never\""))
}

#[test]
fn what_is_read_is_never_shared_and_what_is_not_always() {
    let record = full();
    let mut paths = Vec::new();
    leaves(&record, &mut Path::new(), &mut paths);
    let (mut read, mut not_read) = (0, 0);
    for path in &paths {
        let mut engine = reading(path);
        if engine.uncacheable_reason().is_some() {
            assert!(!engine.decide_json(&record).cached && !engine.decide_json(&record).cached);
            continue;
        }
        for other in [record.clone()].iter().chain(&others(&record, path)) {
            assert!(!engine.decide_json(other).cached, "{path:?}");
            read += 1;
        }
        let mut engine = reading(path);
        engine.decide_json(&record);
        for other in paths.iter().filter(|other| *other != path) {
            let mut record = record.clone();
            put(&mut record, other, Some(json!("another")));
            assert!(engine.decide_json(&record).cached, "{path:?} {other:?}");
            not_read += 1;
        }
    }
    assert!(read > 1000 && not_read > 10_000, "{read} {not_read}");
}

#[test]
fn names_that_stand_for_others_see_those() {
    let record = full();
    let path = |text: &str| text.split('.').map(str::to_owned).collect::<Path>();
    for (alias, sources) in [
        ("process.argv", &["process.command_args"][..]),
        ("process.args", &["process.command_args"]),
        ("process.name", &["process.executable.name", "process.command"]),
        ("process.cwd", &["process.working_directory"]),
        ("process.user_id", &["process.user.id"]),
        ("process.env.CI", &["process.environment_variable.CI"]),
        ("job.sources", &["tracego.job.sources"]),
        ("findings", &["tracego.findings"]),
    ] {
        for source in sources {
            let mut engine = reading(&path(alias));
            for record in [record.clone()].iter().chain(&others(&record, &path(source))) {
                assert!(!engine.decide_json(record).cached, "{alias} {source}");
            }
        }
    }
}

/// Generates JSON values, also those whose bytes look like parts of others.
fn values() -> impl Strategy<Value = Json> {
    let text = prop_oneof!["[a-c\u{0}-\u{9}]{0,3}", ".{0,20}"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-9i8..9).prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        text.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(text.clone(), inner, 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Checks the round trip, which implies that different values have different bytes.
    #[test]
    fn what_is_seen_is_read_again(process in values(), tracego in values(), rest in values()) {
        let record = json!({ "process": process, "tracego": tracego, "rest": rest, "timestamp": "2026-11-25T02:11:46Z" });
        let mut seen = Vec::new();
        input::encode_json(&record, &Projection::All, &mut seen).unwrap();
        prop_assert_eq!(input::decode(&seen).unwrap(), input::from_json(record));
    }

    #[test]
    fn other_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), part in values(), cut in any::<prop::sample::Index>()) {
        drop(input::decode(&bytes));
        let mut seen = Vec::new();
        input::encode_json(&json!({ "part": part }), &Projection::All, &mut seen).unwrap();
        seen.truncate(cut.index(seen.len()));
        prop_assert!(input::decode(&seen).is_err());
    }
}
