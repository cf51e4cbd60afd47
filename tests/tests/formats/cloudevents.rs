//! CloudEvents, read by the CloudEvents project's own SDK.

use serde_json::Value;
use tracego_deliver::format::{Format, cloudevents::batch};
use tracego_model::record::event_name;
use tracego_tests::python::script;

use crate::{PYTHON, lean, line, records, selection};

pub(crate) const VALIDATED: &[(&str, crate::Test)] = &[
    ("cloudevents::the_sdk_reads_every_event_and_batch", the_sdk_reads_every_event_and_batch),
    ("cloudevents::the_sdk_reads_lean_events", the_sdk_reads_lean_events),
    ("cloudevents::the_sdk_reads_events_with_chosen_members", the_sdk_reads_events_with_chosen_members),
];

fn the_sdk_reads_events_with_chosen_members() {
    let events = selection::objects(Format::CloudEvents);
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let read = script(PYTHON.as_ref().unwrap(), "formats.py", &["cloudevents"], lines.join("\n").as_bytes());
    let read = String::from_utf8(read).unwrap();
    let read: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.len(), events.len());
    for (read, event) in read.iter().zip(&events) {
        assert_eq!((&read["data"], &read["attributes"]["id"]), (&event["data"], &event["id"]));
    }
}

fn the_sdk_reads_lean_events() {
    let lines = lean::lines(Format::CloudEvents);
    let read = script(PYTHON.as_ref().unwrap(), "formats.py", &["cloudevents"], lines.join("\n").as_bytes());
    let read = String::from_utf8(read).unwrap();
    let read: Vec<Value> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.len(), lines.len());
    let json = lean::objects(Format::Json);
    for (event, native) in read.iter().zip(&json) {
        assert_eq!(event["data"], *native);
        assert_eq!(event["attributes"]["id"], native["log"]["record"]["uid"]);
        assert_eq!(event["attributes"]["type"], format!("dev.{}.v2", native["event_name"].as_str().unwrap()));
    }
    for kind in event_name::REFERENCES {
        assert!(json.iter().any(|native| native["event_name"] == kind), "{kind}");
    }
}

fn the_sdk_reads_every_event_and_batch() {
    let records = records();
    let lines: Vec<String> = records.iter().map(|record| line(Format::CloudEvents, record)).collect();
    let mut whole = Vec::new();
    batch(lines.iter().map(String::as_bytes), &mut whole);
    let input = format!("{}\n{}\n", lines.join("\n"), String::from_utf8(whole).unwrap());
    let read = script(PYTHON.as_ref().unwrap(), "formats.py", &["cloudevents"], input.as_bytes());
    let read: Vec<Value> =
        String::from_utf8(read).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.len(), 2 * records.len());
    for (event, record) in read.iter().zip(records.iter().chain(&records)) {
        let native = serde_json::to_value(record).unwrap();
        assert_eq!(event["data"], native);
        let attributes = &event["attributes"];
        assert_eq!(attributes["id"], native["log"]["record"]["uid"]);
        assert_eq!(attributes["type"], format!("dev.{}.v2", record.event_name));
        assert_eq!(attributes["source"], format!("urn:tracego:{}", record.origin.host.id));
        assert_eq!(attributes["sequence"].as_str().unwrap().parse::<u64>().unwrap(), record.seq);
        // The SDK keeps microseconds.
        let time = attributes["time"].as_str().unwrap();
        assert_eq!(time[..26], record.timestamp.text()[..26]);
        if let Some(trace) = &record.trace {
            let wanted = format!("00-{}-{}-{}", trace.trace_id, trace.span_id, trace.trace_flags);
            assert_eq!(attributes["traceparent"], wanted);
        }
        for name in attributes.as_object().unwrap().keys() {
            // CloudEvents 1.0.2, "Naming Conventions".
            let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            assert!(plain && name.len() <= 20, "{name}");
        }
    }
}
