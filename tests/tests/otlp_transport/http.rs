//! OTLP over HTTP: delivery and retries.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tracego_deliver::{
    collector::{OtlpCompression, OtlpProtocol, OtlpSettings},
    format::otlp::Encoding,
};
use tracego_tests::ports::free_port;

use crate::harness::{
    Receiver, TestSink, few, identifiers, payloads, plain, quick, records, request, resolved, uids,
};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("http::every_record_arrives_as_it_was_encoded", every_record_arrives_as_it_was_encoded),
    ("http::requests_are_bounded_and_share_a_connection", requests_are_bounded_and_share_a_connection),
    ("http::a_dead_peer_is_no_loss", a_dead_peer_is_no_loss),
    ("http::a_slow_peer_is_given_up_and_asked_again", a_slow_peer_is_given_up_and_asked_again),
    ("http::what_is_tried_again_says_when", what_is_tried_again_says_when),
    ("http::a_cut_answer_is_none", a_cut_answer_is_none),
    ("http::an_answer_that_is_too_long_is_none", an_answer_that_is_too_long_is_none),
    ("http::a_kept_connection_may_have_died", a_kept_connection_may_have_died),
    ("http::what_waited_in_the_other_encoding_is_delivered", what_waited_in_the_other_encoding_is_delivered),
];

fn every_record_arrives_as_it_was_encoded() {
    let records = records();
    let receiver = Receiver::start("http", &json!([{}]));
    let mut sizes = Vec::new();
    for (protocol, kind) in
        [(OtlpProtocol::HttpProtobuf, "application/x-protobuf"), (OtlpProtocol::HttpJson, "application/json")]
    {
        for compression in OtlpCompression::ALL {
            let headers = [("x-scope".to_owned(), "team a".to_owned())].into();
            let compression = Some(compression);
            let settings = OtlpSettings { compression, headers, ..plain(receiver.port, protocol) };
            let mut side = TestSink::new(&resolved(&settings));
            side.all(&payloads(&records, protocol));
            side.close();
            sizes.push((kind, compression, protocol.encoding()));
        }
    }
    let requests = receiver.requests(sizes.len());
    for (request, (kind, compression, encoding)) in requests.iter().zip(sizes) {
        let header = |name: &str| request["headers"][name].as_str();
        let coding = compression.map(OtlpCompression::name).filter(|&name| name != "none");
        assert_eq!((header("content-type"), header("content-encoding")), (Some(kind), coding));
        assert_eq!((request["path"].as_str(), header("x-scope")), (Some("/v1/logs"), Some("team a")));
        assert_eq!(header("user-agent"), Some(concat!("tracego/", env!("CARGO_PKG_VERSION"))));
        assert!(message(request) == self::request(encoding, &records));
        assert_eq!(uids(request).len(), records.len());
        let small = request["wire"].as_u64().unwrap() < message(request).len() as u64 / 3;
        assert_eq!(small, coding.is_some(), "{} bytes", request["wire"]);
    }
}

fn message(request: &Value) -> Vec<u8> {
    STANDARD.decode(request["message"].as_str().unwrap()).unwrap()
}

fn requests_are_bounded_and_share_a_connection() {
    let records = few(95);
    let receiver = Receiver::start("http", &json!([{}]));
    let settings = OtlpSettings { batch_records: 10, ..plain(receiver.port, OtlpProtocol::HttpProtobuf) };
    let mut side = TestSink::new(&resolved(&settings));
    side.all(&payloads(&records, OtlpProtocol::HttpProtobuf));
    let requests = receiver.requests(10);
    assert_eq!(receiver.arrived(records.len()), identifiers(&records));
    assert!(requests.iter().all(|request| request["peer"] == requests[0]["peer"]));
    // By bytes: a record that is larger than the limit of a request is sent alone.
    let mut large = few(3);
    large[1].body = "x".repeat(100_000);
    let receiver = Receiver::start("http", &json!([{}]));
    let batch_bytes = tracego_model::units::Bytes(65_536);
    let settings = OtlpSettings { batch_bytes, ..plain(receiver.port, OtlpProtocol::HttpProtobuf) };
    TestSink::new(&resolved(&settings)).all(&payloads(&large, OtlpProtocol::HttpProtobuf));
    assert_eq!(receiver.requests(3).len(), 3);
}

fn a_dead_peer_is_no_loss() {
    let payloads = payloads(&few(3), OtlpProtocol::HttpProtobuf);
    let port = free_port();
    let mut side = TestSink::to(port, OtlpProtocol::HttpProtobuf);
    let why = side.trouble(&payloads).why;
    assert!(why.starts_with(&format!("http://127.0.0.1:{port}/v1/logs: Connection refused")), "{why}");
    // A receiver that dies between two requests, and one that never answers the handshake.
    let receiver = Receiver::start("http", &json!([{}]));
    let mut side = TestSink::to(receiver.port, OtlpProtocol::HttpProtobuf);
    side.all(&payloads);
    drop(receiver);
    side.trouble(&payloads);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = quick(plain(silent.local_addr().unwrap().port(), OtlpProtocol::Grpc));
    let why = TestSink::new(&resolved(&settings)).trouble(&payloads).why;
    assert!(why.contains("no answer within 0.4 s"), "{why}");
}

fn a_slow_peer_is_given_up_and_asked_again() {
    let payloads = payloads(&few(3), OtlpProtocol::HttpProtobuf);
    let receiver = Receiver::start("http", &json!([{ "sleep": 3 }, {}]));
    let mut side = TestSink::new(&resolved(&quick(plain(receiver.port, OtlpProtocol::HttpProtobuf))));
    let start = Instant::now();
    let why = side.trouble(&payloads).why;
    assert!(why.ends_with("no answer within 0.4 s"), "{why}");
    assert!((400..2500).contains(&start.elapsed().as_millis()));
    side.all(&payloads);
    let requests = receiver.requests(2);
    assert_ne!(requests[0]["peer"], requests[1]["peer"], "what comes late is not taken for the next answer");
}

fn what_is_tried_again_says_when() {
    let payloads = payloads(&few(2), OtlpProtocol::HttpJson);
    let receiver = Receiver::start(
        "http",
        &json!([
            { "status": 429, "headers": { "retry-after": "7" }, "text": "slow down" },
            { "status": 503, "headers": { "retry-after": "Fri, 01 Jan 2100 00:00:00 GMT" } },
            { "status": 500, "text": "oops" },
            { "status": 502 },
            { "status": 401 },
            { "status": 404 },
            { "status": 307, "headers": { "location": "http://elsewhere/v1/logs" } },
            { "headers": { "content-type": "text/html" }, "body": "PGh0bWw+" },
            {},
        ]),
    );
    let mut side = TestSink::to(receiver.port, OtlpProtocol::HttpJson);
    let mut said = Vec::new();
    for _ in 0..8 {
        let trouble = side.trouble(&payloads);
        said.push((trouble.after, trouble.why));
    }
    side.all(&payloads);
    let [slow, date, oops, bad, login, absent, moved, portal] = said.try_into().unwrap();
    assert_eq!(slow.0, Some(Duration::from_secs(7)));
    assert!(slow.1.ends_with("/v1/logs: HTTP 429 Too Many Requests: slow down"), "{}", slow.1);
    assert_eq!(date.0, Some(Duration::from_secs(3600)), "an hour at most");
    assert!(oops.0.is_none() && oops.1.ends_with("HTTP 500 Internal Server Error: oops"), "{}", oops.1);
    for ((_, why), says) in [(bad, "502"), (login, "401"), (absent, "404"), (moved, "not followed")] {
        assert!(why.contains(says), "{why}");
    }
    assert!(portal.1.contains("no answer of an OTLP receiver: <html>"), "{}", portal.1);
    receiver.requests(9);
}

fn a_cut_answer_is_none() {
    let payloads = payloads(&few(2), OtlpProtocol::HttpProtobuf);
    let kind = "content-type: application/x-protobuf\r\n";
    let script = [
        "HTTP/1.1 2".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{kind}content-length: 100\r\n\r\n\x0a"),
        format!("HTTP/1.1 200 OK\r\n{kind}transfer-encoding: chunked\r\n\r\n5\r\n\x0a"),
        format!("HTTP/1.1 400 Bad Request\r\n{kind}content-length: 100\r\n\r\n\x0a"),
    ];
    let mut script: Vec<Value> = script.iter().map(|raw| json!({ "raw": raw })).collect();
    script.push(json!({}));
    let receiver = Receiver::start("http", &script.into());
    let mut side = TestSink::to(receiver.port, OtlpProtocol::HttpProtobuf);
    for n in 0..4 {
        let why = side.trouble(&payloads).why;
        assert!(n == 0 || why.contains("the answer was cut"), "{why}");
    }
    side.all(&payloads);
    receiver.requests(5);
}

fn an_answer_that_is_too_long_is_none() {
    let payloads = payloads(&few(2), OtlpProtocol::HttpProtobuf);
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n";
    let receiver = Receiver::start("http", &json!([{ "raw": head, "fill": 5_000_000 }, {}]));
    let mut side = TestSink::to(receiver.port, OtlpProtocol::HttpProtobuf);
    let why = side.trouble(&payloads).why;
    assert!(why.contains("exceeds 4 MiB"), "{why}");
    side.all(&payloads);
}

fn a_kept_connection_may_have_died() {
    let records = few(6);
    for (kind, protocol) in [("http", OtlpProtocol::HttpProtobuf), ("h2", OtlpProtocol::Grpc)] {
        let receiver = Receiver::start(kind, &json!([{ "leave": 1 }]));
        let mut side = TestSink::to(receiver.port, protocol);
        for record in &records {
            side.all(&payloads(std::slice::from_ref(record), protocol));
        }
        assert_eq!(receiver.arrived(records.len()), identifiers(&records));
        let mut peers: Vec<_> =
            receiver.requests(6).iter().map(|request| request["peer"].to_string()).collect();
        peers.dedup();
        assert_eq!(peers.len(), 6);
    }
}

fn what_waited_in_the_other_encoding_is_delivered() {
    let records = records();
    for (before, after) in
        [(OtlpProtocol::HttpJson, OtlpProtocol::HttpProtobuf), (OtlpProtocol::Grpc, OtlpProtocol::HttpJson)]
    {
        let receiver = Receiver::start("http", &json!([{}]));
        let mut all = payloads(&records, before);
        all.extend(payloads(&records[..5], after));
        TestSink::to(receiver.port, after).all(&all);
        let request = &receiver.requests(1)[0];
        assert_eq!(uids(request).len(), all.len());
        let read = |bytes: &[u8], encoding| match encoding {
            Encoding::Protobuf => decoded(bytes),
            Encoding::Json => serde_json::from_slice(bytes).unwrap(),
        };
        let wanted = [records.clone(), records[..5].to_vec()].concat();
        let encoding = after.encoding();
        let (came, wanted) =
            (read(&message(request), encoding), read(&self::request(encoding, &wanted), encoding));
        // Resources that were written anew differ in bytes, so groups may differ; records do not.
        assert!(each_record(&came) == each_record(&wanted));
    }
}

type Message = opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

fn decoded(bytes: &[u8]) -> Message {
    prost::Message::decode(bytes).unwrap()
}

/// Returns the records with their resources, in an order that does not depend on groups.
fn each_record(message: &Message) -> Vec<String> {
    let mut all = Vec::new();
    for group in &message.resource_logs {
        for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            all.push(format!("{:?} {record:?}", group.resource));
        }
    }
    all.sort();
    all
}
