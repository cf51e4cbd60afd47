//! The spans of a captured session.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tracego_deliver::{collector::CollectorProtocol, traces::id};
use tracego_golang::role::Role;
use tracego_model::{
    finding::Severity,
    record::{Record, event_name},
};
use tracego_tests::{ChildGuard, ports::free_port, samples, wait_until};

use crate::{
    ROTEL,
    receiver::{BOTH, Receiver, target, traces},
};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("spans::a_captured_build_is_one_trace_whose_spans_are_its_processes", a_captured_build_is_one_trace),
    ("spans::the_same_session_has_the_same_ids_again", the_same_session_has_the_same_ids_again),
];
pub(crate) const COLLECTED: &[(&str, crate::Test)] =
    &[("spans::a_collector_hands_all_on_as_it_was", a_collector_hands_all_on_as_it_was)];

/// Returns the records of a make that vets, builds and runs a Go program; `go run` has a finding.
fn session() -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let mut records = samples::replayed(&path);
    let run = |record: &&mut Record| {
        let role = record.tracego.go.as_ref().and_then(|go| go.role);
        record.event_name == event_name::START && role == Some(Role::GoRun)
    };
    let run = records.iter_mut().find(run).unwrap();
    run.tracego.findings = vec![samples::finding(0, Severity::High)];
    records
}

fn exec_id(record: &Record) -> &str {
    record.tracego.exec_id.as_deref().unwrap()
}

/// Returns the expected span of each process by identity, derived from the records.
fn wanted(records: &[Record]) -> BTreeMap<String, Value> {
    let of = |name| records.iter().filter(move |record| record.event_name == name);
    let is_helper =
        |record: &Record| record.tracego.go.as_ref().and_then(|go| go.role) == Some(Role::CompilerHelper);
    let by_pid: BTreeMap<u32, &Record> =
        of(event_name::START).map(|record| (record.process.as_ref().unwrap().pid, record)).collect();
    let mut wanted = BTreeMap::new();
    for start in of(event_name::START).filter(|start| !is_helper(start)) {
        let exit = of(event_name::EXIT).find(|exit| exec_id(exit) == exec_id(start)).unwrap();
        let above = start.tracego.ancestors.as_ref().unwrap().iter();
        let above = above.filter_map(|line| by_pid.get(&line.id.tgid)).find(|start| !is_helper(start));
        let process = start.process.as_ref().unwrap();
        wanted.insert(
            exec_id(start).to_owned(),
            json!({
                "start": start.timestamp.0,
                "end": exit.timestamp.0,
                "above": above.map(|above| exec_id(above)),
                "code": exit.process.as_ref().unwrap().exit.unwrap().code,
                "args": process.command_args,
                "path": process.executable.as_ref().unwrap().path,
            }),
        );
    }
    wanted
}

/// Compares received spans with the records.
fn check(records: &[Record], spans: &[Value]) {
    let wanted = wanted(records);
    let trace = id::trace_id_of(&records[0]).unwrap().to_string();
    let ids: BTreeMap<&str, &Value> =
        spans.iter().map(|span| (span["span"]["span_id"].as_str().unwrap(), &span["span"])).collect();
    assert_eq!((ids.len(), spans.len()), (wanted.len() + 1, wanted.len() + 1));
    let (mut found, mut jobs) = (BTreeSet::new(), Vec::new());
    for (span_id, span) in &ids {
        let attributes = &span["attributes"];
        assert_eq!((span["trace_id"].as_str(), &span["kind"]), (Some(&trace[..]), &json!(1)), "{span:#}");
        assert_eq!(attributes["cicd.pipeline.task.run.id"], "42/1/build");
        assert_eq!(attributes["vcs.ref.head.revision"], "0123456789abcdef0123456789abcdef01234567");
        let Some(exec_id) = attributes.get("tracego.exec_id").and_then(Value::as_str) else {
            jobs.push((*span_id, span));
            continue;
        };
        found.insert(exec_id.to_owned());
        let wanted = &wanted[exec_id];
        assert_eq!((&span["start"], &span["end"]), (&wanted["start"], &wanted["end"]), "{span:#}");
        assert_eq!(attributes["process.exit.code"], wanted["code"]);
        assert_eq!(attributes["process.command_args"], wanted["args"]);
        assert_eq!(attributes["process.executable.path"], wanted["path"]);
        let failed = wanted["code"] != 0;
        assert_eq!((span["status"]["code"] == 2, attributes.get("error.type").is_some()), (failed, failed));
        let above = ids[span["parent"].as_str().unwrap()]["attributes"].get("tracego.exec_id");
        assert_eq!(above.unwrap_or(&Value::Null), &wanted["above"], "{span:#}");
    }
    assert_eq!(found, wanted.keys().cloned().collect());
    assert_eq!(jobs.len(), 1);
    let job = jobs[0].1;
    assert_eq!((&job["name"], &job["parent"]), (&json!("build"), &json!("")));
    assert_eq!(job["attributes"]["cicd.pipeline.task.run.result"], "success");
    let edge = |name: &'static str| spans.iter().map(move |span| span["span"][name].as_i64().unwrap());
    let whole = (edge("start").min().unwrap(), edge("end").max().unwrap());
    assert_eq!((job["start"].as_i64().unwrap(), job["end"].as_i64().unwrap()), whole);
    let mut names: Vec<_> = ids.values().map(|span| span["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["app", "build", "dash", "go build", "go run", "go vet", "make", "server"]);
    let named = |name: &str| *ids.values().find(|span| span["name"] == name).unwrap();
    let run = named("go run");
    assert_eq!(run["events"][0]["name"], "tracego.finding");
    assert_eq!(run["events"][0]["attributes"]["tracego.finding.message"], "message of finding 0");
    // The golden session has two vets, a compile and an asm.
    let vet = &named("go vet")["attributes"];
    assert_eq!(vet["tracego.go.helpers.count"], 4);
    assert_eq!(vet["tracego.go.helpers.vet.count"], 2);
    assert!(vet["tracego.go.helpers.run_time_ns"].as_i64().unwrap() > 1_000_000);
}

fn a_captured_build_is_one_trace() {
    let records = session();
    for protocol in BOTH {
        let receiver = Receiver::new(protocol, "");
        let mut traces = traces(receiver.target("traces"), |_| {});
        records.iter().for_each(|record| traces.take(record));
        let counts = traces.close(Duration::from_secs(10));
        let spans = receiver.spans();
        check(&records, &spans);
        assert_eq!((counts.built.spans, counts.sent.exported), (8, 8));
        for request in receiver.requests() {
            assert_eq!(request["headers"]["x-tenant"], "seven");
        }
        let first = &spans[0];
        assert_eq!(first["resource"]["service.name"], "tracego");
        assert_eq!(first["resource"]["host.name"], "machine-7.example");
        assert_eq!(
            (&first["schema_url"], &first["scope"]),
            (&json!("https://opentelemetry.io/schemas/1.44.0"), &json!("tracego"))
        );
    }
}

fn the_same_session_has_the_same_ids_again() {
    let receiver = Receiver::new(CollectorProtocol::HttpProtobuf, "");
    for _ in 0..2 {
        let mut traces = traces(receiver.target("traces"), |_| {});
        session().iter().for_each(|record| traces.take(record));
        assert_eq!(traces.close(Duration::from_secs(10)).sent.exported, 8);
    }
    let ids: BTreeSet<_> = receiver.spans().iter().map(|span| span["span"]["span_id"].to_string()).collect();
    assert_eq!((receiver.spans().len(), ids.len()), (16, 8));
}

fn a_collector_hands_all_on_as_it_was() {
    let records = session();
    let receiver = Receiver::new(CollectorProtocol::HttpProtobuf, "");
    let (grpc, http) = (free_port(), free_port());
    let python = ROTEL.as_ref().unwrap();
    let find = "import rotel, pathlib; print(pathlib.Path(rotel.__file__).with_name('rotel-agent'))";
    let agent = Command::new(python).args(["-c", find]).output().unwrap();
    let mut collector = Command::new(String::from_utf8(agent.stdout).unwrap().trim());
    let onward = format!("http://127.0.0.1:{}", receiver.port);
    collector.args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"]);
    collector.args(["--otlp-exporter-endpoint", &onward]);
    collector.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
    collector.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
    let folder = tempfile::tempdir().unwrap();
    collector.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let _collector = ChildGuard(collector.spawn().unwrap());
    let mut before = 0;
    for (protocol, port) in [(CollectorProtocol::Grpc, grpc), (CollectorProtocol::HttpProtobuf, http)] {
        let mut traces = traces(target(protocol, "http", port, "traces"), |_| {});
        records.iter().for_each(|record| traces.take(record));
        assert_eq!(traces.close(Duration::from_secs(20)).sent.exported, 8);
        wait_until("the collector hands on", || receiver.spans().len() >= before + 8);
        check(&records, &receiver.spans()[before..]);
        before = receiver.spans().len();
    }
}
