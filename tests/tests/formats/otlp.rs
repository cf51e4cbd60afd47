//! OTLP: independent decoders give back the complete native record.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use serde_json::{Map, Value, json};
use tracego_deliver::format::{
    Format,
    otlp::{EncodedRecord, Encoding, LogEncoder, LogsRequest},
};
use tracego_model::record::Record;
use tracego_tests::{python::script, samples};

use crate::{PYTHON, json_leaves::flat, lean, line, records};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    (
        "otlp::the_generated_messages_read_both_encodings_alike",
        the_generated_messages_read_both_encodings_alike,
    ),
    ("otlp::lean_records_have_what_they_have_in_json", lean_records_have_what_they_have_in_json),
    ("otlp::records_of_a_job_share_a_resource", records_of_a_job_share_a_resource),
    ("otlp::attributes_of_the_user_win", attributes_of_the_user_win),
];
pub(crate) const VALIDATED: &[(&str, crate::Test)] =
    &[("otlp::python_reads_every_record_back_whole", python_reads_every_record_back_whole)];

fn request(encoding: Encoding, records: &[Record], more: &[(String, String)]) -> Vec<u8> {
    let encoder = LogEncoder::new(encoding, more.to_vec());
    let (mut piece, mut request, mut out) =
        (EncodedRecord::default(), LogsRequest::new(encoding), Vec::new());
    for record in records {
        encoder.encode(record, &mut piece).unwrap();
        request.push(&piece.resource, &piece.record);
    }
    assert_eq!(request.len(), records.len());
    request.finish(&mut out);
    assert!(request.is_empty() && request.size() == 0);
    out
}

fn the_generated_messages_read_both_encodings_alike() {
    let mut records = records();
    records.extend(lean::lean_records());
    let bytes = request(Encoding::Protobuf, &records, &[]);
    let protobuf = ExportLogsServiceRequest::decode(&bytes[..]).unwrap();
    // Lengths and tags are those that protobuf itself produces.
    assert!(protobuf.encode_to_vec() == bytes);
    let text = request(Encoding::Json, &records, &[]);
    let json: ExportLogsServiceRequest = serde_json::from_slice(&text).unwrap();
    assert!(json == protobuf);
    for record in &records {
        let one: ExportLogsServiceRequest = serde_json::from_str(&line(Format::OtlpJson, record)).unwrap();
        let same = request(Encoding::Protobuf, std::slice::from_ref(record), &[]);
        assert!(one == ExportLogsServiceRequest::decode(&same[..]).unwrap());
    }
}

/// Reads lean records and those that they refer to, and compares them with the same in JSON.
fn lean_records_have_what_they_have_in_json() {
    let json = lean::objects(Format::Json);
    let lines = lean::lines(Format::OtlpJson);
    assert_eq!(json.len(), lines.len());
    for (native, line) in json.iter().zip(&lines) {
        let request: ExportLogsServiceRequest = serde_json::from_str(line).unwrap();
        let group = &request.resource_logs[0];
        let record = &group.scope_logs[0].log_records[0];
        assert_eq!(record.event_name, native["event_name"].as_str().unwrap());
        // Formats say the body where JSON leaves it out.
        assert!(record.body.is_some() && record.observed_time_unix_nano > 0, "{line}");
        let resource = &group.resource.as_ref().unwrap().attributes;
        let names: BTreeSet<&str> =
            resource.iter().chain(&record.attributes).map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(names.len(), resource.len() + record.attributes.len(), "a name is there twice: {line}");
        let envelope = [
            "event_name",
            "timestamp",
            "observed_timestamp",
            "severity_number",
            "severity_text",
            "body",
            "trace_id",
            "span_id",
            "trace_flags",
            "schema",
            "schema_url",
            "seq",
            // The same as `tracego.exec_id` or `tracego.parent_exec_id`.
            "tracego.go.command.exec_id",
            "tracego.go.command.pid",
        ];
        for (name, _) in flat(native) {
            let attribute = name.split_once("[]").map_or(name.as_str(), |(list, _)| list);
            assert!(envelope.contains(&attribute) || names.contains(attribute), "{name} is not in {line}");
        }
    }
}

fn records_of_a_job_share_a_resource() {
    let start = samples::start();
    let other = Record { context: None, ..samples::start() };
    let elsewhere = Record { container: None, k8s: None, ..samples::start() };
    let all = [start.clone(), other, start.clone(), elsewhere, start];
    let bytes = request(Encoding::Protobuf, &all, &[]);
    let request = ExportLogsServiceRequest::decode(&bytes[..]).unwrap();
    let sizes: Vec<usize> =
        request.resource_logs.iter().map(|resource| resource.scope_logs[0].log_records.len()).collect();
    assert_eq!(sizes, [3, 1, 1]);
    let names = |n: usize| -> Vec<String> {
        let resource = request.resource_logs[n].resource.as_ref().unwrap();
        resource.attributes.iter().map(|attribute| attribute.key.clone()).collect()
    };
    for name in ["host.name", "service.name", "cicd.pipeline.task.run.id", "container.id", "k8s.pod.uid"] {
        assert!(names(0).contains(&name.to_owned()), "{name}");
    }
    assert!(!names(1).iter().any(|name| name.starts_with("cicd.") || name.starts_with("vcs.")));
    assert!(!names(2).iter().any(|name| name.starts_with("container.") || name.starts_with("k8s.")));
}

fn attributes_of_the_user_win() {
    let more = [("service.name".to_owned(), "audit".to_owned()), ("team".to_owned(), "\"x\"".to_owned())];
    let records = [samples::start()];
    let bytes = request(Encoding::Protobuf, &records, &more);
    let protobuf = ExportLogsServiceRequest::decode(&bytes[..]).unwrap();
    let json: ExportLogsServiceRequest =
        serde_json::from_slice(&request(Encoding::Json, &records, &more)).unwrap();
    assert!(json == protobuf);
    let attributes = &protobuf.resource_logs[0].resource.as_ref().unwrap().attributes;
    let named = |name: &str| attributes.iter().filter(|attribute| attribute.key == name).collect::<Vec<_>>();
    assert_eq!((named("service.name").len(), named("team").len(), named("service.version").len()), (1, 1, 1));
    let value = serde_json::to_value(named("service.name")[0]).unwrap();
    assert_eq!(value["value"]["stringValue"], "audit");
}

fn python_reads_every_record_back_whole() {
    let records = records();
    let read = |what: &str, encoding| -> Value {
        let bytes = request(encoding, &records, &[]);
        let read = script(PYTHON.as_ref().unwrap(), "formats.py", &[what], &bytes);
        serde_json::from_slice(&read).unwrap()
    };
    let protobuf = read("otlp-protobuf", Encoding::Protobuf);
    assert_eq!(protobuf, read("otlp-json", Encoding::Json));
    let mut back: BTreeMap<String, Value> = BTreeMap::new();
    for group in protobuf["resourceLogs"].as_array().unwrap() {
        assert_eq!(group["scopeLogs"].as_array().unwrap().len(), 1);
        for record in group["scopeLogs"][0]["logRecords"].as_array().unwrap() {
            let native = rebuilt(group, record);
            let uid = native["log"]["record"]["uid"].as_str().unwrap().to_owned();
            assert!(back.insert(uid, native).is_none());
        }
    }
    for record in &records {
        let native = whole_numbers(serde_json::to_value(record).unwrap());
        assert!(back[&record.log.record.uid] == native, "{:#}\n{native:#}", back[&record.log.record.uid]);
    }
}

/// Rebuilds the native record from OTLP.
fn rebuilt(group: &Value, record: &Value) -> Value {
    let mut native = json!({
        "schema_url": group["schemaUrl"],
        "event_name": record["eventName"],
        "timestamp": text_of(&record["timeUnixNano"]),
        "observed_timestamp": text_of(&record["observedTimeUnixNano"]),
        "severity_text": record["severityText"],
        "body": record["body"]["stringValue"],
    });
    assert_eq!(group["schemaUrl"], group["scopeLogs"][0]["schemaUrl"]);
    assert_eq!(group["scopeLogs"][0]["scope"]["name"], "tracego");
    // Python prints enumerations by name.
    let severities = [("INFO", 9), ("WARN", 13), ("ERROR", 17), ("FATAL", 21)];
    let name = record["severityNumber"].as_str().unwrap().strip_prefix("SEVERITY_NUMBER_").unwrap();
    native["severity_number"] = severities.iter().find(|(text, _)| *text == name).unwrap().1.into();
    if let Some(id) = record.get("traceId") {
        native["trace_id"] = id.clone();
        native["span_id"] = record["spanId"].clone();
        native["trace_flags"] = format!("{:02x}", record["flags"].as_u64().unwrap()).into();
    }
    let attributes = [&group["resource"]["attributes"], &record["attributes"]];
    for attribute in attributes.iter().flat_map(|list| list.as_array().unwrap()) {
        put(&mut native, attribute["key"].as_str().unwrap(), any_value(&attribute["value"]));
    }
    for (ours, name) in [("schema", "schema"), ("seq", "seq")] {
        let value = native["tracego"].as_object_mut().unwrap().remove(ours).unwrap();
        native[name] = value;
    }
    native
}

fn text_of(nanoseconds: &Value) -> Value {
    tracego_model::clock::Time(nanoseconds.as_str().unwrap().parse().unwrap()).text().into()
}

/// Inserts a value under a dotted name into nested objects. Names of variables are not split.
fn put(native: &mut Value, key: &str, value: Value) {
    let mut parts = key.split('.').peekable();
    let mut here = native;
    while let Some(part) = parts.next() {
        let members = here.as_object_mut().unwrap();
        let rest = parts.peek().is_some();
        let slot = members.entry(part).or_insert(Value::Null);
        if !rest {
            *slot = value;
            return;
        }
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
        here = slot;
        // The keys of these maps contain dots themselves.
        for open in ["tracego.completeness.bytes.", "k8s.pod.label.", "k8s.pod.annotation."] {
            if let Some(name) = key.strip_prefix(open)
                && open.strip_suffix('.').and_then(|open| open.rsplit('.').next()) == Some(part)
            {
                here.as_object_mut().unwrap().insert(name.to_owned(), value);
                return;
            }
        }
    }
}

fn any_value(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|value| value.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "stringValue" | "boolValue" => inner.clone(),
        "intValue" => inner.as_str().unwrap().parse::<i64>().unwrap().into(),
        "arrayValue" => inner
            .get("values")
            .map_or(json!([]), |values| values.as_array().unwrap().iter().map(any_value).collect()),
        "kvlistValue" => {
            let pairs = inner.get("values").and_then(Value::as_array).cloned().unwrap_or_default();
            let pair = |pair: &Value| (pair["key"].as_str().unwrap().to_owned(), any_value(&pair["value"]));
            Value::Object(pairs.iter().map(pair).collect())
        }
        other => panic!("{other}"),
    }
}

/// Converts numbers beyond a signed 64-bit integer to decimal text, as the specification maps them.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => number.to_string().into(),
        Value::Array(values) => values.into_iter().map(whole_numbers).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (key, whole_numbers(value))).collect())
        }
        other => other,
    }
}
