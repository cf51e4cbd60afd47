use std::sync::Arc;

use tracego_model::record::{self, Record};

use super::*;
use crate::{compiler, input::Projection};

/// Returns the part of the input that a policy reads, made as the engine does.
fn part(record: &Record, text: &str) -> Value {
    let reads = compiler::compile(&(&bundle("b", text)).into()).unwrap().input_use;
    of(record, &Projection::from_input_use(&reads))
}

fn of(record: &Record, wanted: &Projection) -> Value {
    let mut seen = vec![7];
    input::encode(record, wanted, &mut seen).unwrap();
    input::decode(&seen).unwrap()
}

fn record() -> Record {
    let mut process = record::Process { pid: 7, command: "go".to_owned(), ..record::Process::default() };
    process.command_args = Some(["go", "run", "x.go"].map(str::to_owned).to_vec());
    process.working_directory = Some("/srv".to_owned());
    let variables = [(Arc::from("CI"), "true".to_owned()), (Arc::from("HOME"), "/root".to_owned())];
    process.environment_variable = Some(Arc::new(std::collections::BTreeMap::from(variables).into()));
    Record {
        brief: None,
        brief_pod: None,
        is_lean: false,
        schema: record::SCHEMA,
        schema_url: record::SCHEMA_URL,
        event_name: record::event_name::START,
        timestamp: tracego_model::clock::Time::default(),
        observed_timestamp: tracego_model::clock::Time::default(),
        severity_number: 9,
        severity_text: "INFO",
        trace: None,
        body: "go run x.go".to_owned(),
        log: record::Log::default(),
        seq: 1,
        origin: Arc::default(),
        process: Some(Box::new(process)),
        context: None,
        container: None,
        k8s: None,
        tracego: Box::default(),
    }
}

#[test]
fn a_record_is_the_same_input_as_its_json() {
    let record = record();
    let json = serde_json::to_value(&record).unwrap();
    let built = of(&record, &Projection::All);
    assert_eq!(built, input::from_json(json));
    let process = |name: &str| built["process"][name].clone();
    assert_eq!(process("argv"), process("command_args"));
    assert_eq!(process("args"), process("command_args"));
    assert_eq!(process("name"), Value::from("go"));
    assert_eq!(process("cwd"), Value::from("/srv"));
    assert_eq!(process("env")["CI"], Value::from("true"));
    assert_eq!(built["findings"], Value::new_array());
    assert_eq!(built["date"], Value::from("1970-01-01"));
}

#[test]
fn the_day_is_that_of_the_time_in_utc_or_not_known() {
    let date = |time: serde_json::Value| input::from_json(json!({ "timestamp": time }))["date"].clone();
    assert_eq!(date(json!("2026-11-25T02:11:46.003673602Z")), Value::from("2026-11-25"));
    for none in [
        json!("2026-11-25T02:11:46+02:00"),
        json!("2026-11-25"),
        json!("25.11.2026T02:11:46Z"),
        json!("+2026-11-2T0Z"),
        json!("ü26-11-25T0Z"),
        json!(""),
        json!(7),
        json!(null),
    ] {
        assert_eq!(date(none.clone()), Value::Undefined, "{none}");
    }
    // A member of the record itself is kept.
    let own = input::from_json(json!({ "timestamp": "2026-11-25T02:11:46Z", "date": "never" }));
    assert_eq!(own["date"], Value::from("never"));
}

#[test]
fn the_day_is_there_without_the_time() {
    let mut record = record();
    record.timestamp = tracego_model::clock::Time(1_798_761_600_000_000_000);
    let part = part(&record, "package main\ndeny contains \"late\" if input.date > \"2026-12-31\"");
    assert_eq!(
        (part["date"].clone(), part["timestamp"].clone()),
        (Value::from("2027-01-01"), Value::Undefined)
    );
}

#[test]
fn golden_records_are_inputs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/go.json");
    let text = std::fs::read_to_string(path).unwrap();
    let mut engine = engine(
        "package main\ndeny contains input.process.argv[0] if {\n  input.process.env.CI == \"true\"\n  \
         input.job.sources[_].variable == \"GITHUB_SHA\"\n  input.process.executable.name == \"make\"\n}",
    );
    let mut denied = 0;
    for line in text.lines() {
        let decision = engine.decide_json(&serde_json::from_str(line).unwrap());
        assert_eq!(decision.error, None);
        denied += usize::from(!decision.allow);
    }
    assert!(denied > 0);
}

#[test]
fn what_no_policy_reads_is_not_built() {
    let text = "package main\ndeny contains \"no\" if {\n  input.process.argv[0] == \"go\"\n  data.env.CI == \"true\"\n}";
    let part = part(&record(), text);
    assert_eq!(part["body"], Value::Undefined);
    assert_eq!(part["process"]["pid"], Value::Undefined);
    assert_eq!(part["process"]["env"]["HOME"], Value::Undefined);
    let mut engine = engine(text);
    let first = engine.decide(&record());
    let mut other = record();
    other.body.push_str("another");
    other.process.as_mut().unwrap().pid += 1;
    let second = engine.decide(&other);
    assert_eq!((first.allow, first.cached, second.allow, second.cached), (false, false, false, true));
}

#[test]
fn the_day_of_a_record_is_seen_and_not_its_time() {
    let mut engine = engine("package main\ndeny contains \"late\" if input.date > \"1970-01-01\"");
    let mut at = |nanoseconds: i64| {
        let decision =
            engine.decide(&Record { timestamp: tracego_model::clock::Time(nanoseconds), ..record() });
        (decision.allow, decision.cached)
    };
    const DAY: i64 = 86_400_000_000_000;
    assert_eq!([at(0), at(DAY - 1)], [(true, false), (true, true)]);
    assert_eq!([at(DAY), at(DAY + 1)], [(false, false), (false, true)]);
    assert_eq!([at(-1), at(-DAY), at(1)], [(true, false), (true, true), (true, true)]);
    for far in [i64::MAX, i64::MIN] {
        assert!(!at(far).1);
    }
}
