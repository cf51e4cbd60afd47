//! OTLP over gRPC.

use std::time::Duration;

use serde_json::json;
use tracego_deliver::collector::{OtlpCompression, OtlpProtocol, OtlpSettings};

use crate::harness::{Receiver, TestSink, few, identifiers, payloads, plain, quick, records, resolved, uids};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("grpc::every_record_arrives", every_record_arrives),
    ("grpc::every_compression_is_understood", every_compression_is_understood),
    ("grpc::codes_and_retry_info_are_honoured", codes_and_retry_info_are_honoured),
    ("grpc::a_slow_or_cut_answer_is_none", a_slow_or_cut_answer_is_none),
    ("grpc::who_speaks_no_grpc_is_trouble", who_speaks_no_grpc_is_trouble),
];

fn every_record_arrives() {
    let records = records();
    let receiver = Receiver::start("grpc", &json!([{}]));
    for compression in [OtlpCompression::None, OtlpCompression::Gzip] {
        let headers = [("x-scope".to_owned(), "team".to_owned())].into();
        let compression = Some(compression);
        let settings = OtlpSettings { compression, headers, ..plain(receiver.port, OtlpProtocol::Grpc) };
        let mut side = TestSink::new(&resolved(&settings));
        side.all(&payloads(&records, OtlpProtocol::Grpc));
        side.close();
    }
    for request in receiver.requests(2) {
        assert_eq!(uids(&request).len(), records.len());
        assert_eq!(request["headers"]["x-scope"], "team");
        assert!(request["headers"]["user-agent"].as_str().unwrap().starts_with("tracego/"));
    }
    // Many requests over one connection.
    let many = few(50);
    let receiver = Receiver::start("grpc", &json!([{}]));
    let settings = OtlpSettings { batch_records: 5, ..plain(receiver.port, OtlpProtocol::Grpc) };
    TestSink::new(&resolved(&settings)).all(&payloads(&many, OtlpProtocol::Grpc));
    let requests = receiver.requests(10);
    assert!(requests.iter().all(|request| request["peer"] == requests[0]["peer"]));
    assert_eq!(receiver.arrived(many.len()), identifiers(&many));
}

fn every_compression_is_understood() {
    let records = records();
    let receiver = Receiver::start("h2", &json!([{}]));
    for compression in OtlpCompression::ALL {
        let settings =
            OtlpSettings { compression: Some(compression), ..plain(receiver.port, OtlpProtocol::Grpc) };
        TestSink::new(&resolved(&settings)).all(&payloads(&records, OtlpProtocol::Grpc));
    }
    let requests = receiver.requests(3);
    for request in &requests {
        assert_eq!(request["message"], requests[0]["message"]);
        assert_eq!(request["path"], "/opentelemetry.proto.collector.logs.v1.LogsService/Export");
        let header = |name: &str| request["headers"][name].as_str().unwrap();
        assert_eq!((header("te"), header("content-type")), ("trailers", "application/grpc"));
        assert_eq!((header("grpc-timeout"), header(":method")), ("10000m", "POST"));
    }
    assert!(requests[0]["wire"].as_u64() > requests[1]["wire"].as_u64().map(|size| size * 3));
    assert!(requests[0]["wire"].as_u64() > requests[2]["wire"].as_u64().map(|size| size * 3));
}

fn codes_and_retry_info_are_honoured() {
    let payloads = payloads(&few(1), OtlpProtocol::Grpc);
    let script = json!([
        { "code": "UNAVAILABLE", "text": "später\n" },
        { "code": "UNAVAILABLE", "retry": 1500 },
        { "code": "RESOURCE_EXHAUSTED", "retry": 2000, "text": "quota" },
        { "code": "DATA_LOSS" },
        { "code": "INTERNAL" },
        { "code": "UNAUTHENTICATED" },
        {},
        { "code": "RESOURCE_EXHAUSTED", "text": "too large" },
        {},
    ]);
    let receiver = Receiver::start("grpc", &script);
    let mut side = TestSink::to(receiver.port, OtlpProtocol::Grpc);
    let trouble = side.trouble(&payloads);
    assert!(trouble.why.ends_with("gRPC Unavailable (14): später"), "{}", trouble.why);
    assert_eq!(trouble.after, None);
    assert_eq!(side.trouble(&payloads).after, Some(Duration::from_millis(1500)));
    let trouble = side.trouble(&payloads);
    assert_eq!((trouble.after, trouble.why.ends_with(": quota")), (Some(Duration::from_secs(2)), true));
    for code in ["DataLoss", "Internal", "Unauthenticated"] {
        let why = side.trouble(&payloads).why;
        assert!(why.contains(code), "{why}");
    }
    side.all(&payloads);
    // Without RetryInfo the receiver does not recover: one record is refused, after an empty request was
    // accepted.
    let delivered = side.deliver(&payloads);
    assert_eq!((delivered.done, delivered.refused.len(), delivered.trouble), (1, 1, None));
    assert_eq!(delivered.refused[0].why, "gRPC ResourceExhausted (8): too large");
}

fn a_slow_or_cut_answer_is_none() {
    let payloads = payloads(&few(2), OtlpProtocol::Grpc);
    let receiver = Receiver::start("grpc", &json!([{ "sleep": 2 }, {}]));
    let mut side = TestSink::new(&resolved(&quick(plain(receiver.port, OtlpProtocol::Grpc))));
    // The receiver has its own clock for `grpc-timeout`; either side may time out first.
    let why = side.trouble(&payloads).why;
    assert!(
        why.contains("no answer within") || why.contains("DeadlineExceeded") || why.contains("Cancelled"),
        "{why}"
    );
    side.all(&payloads);

    let receiver = Receiver::start("h2", &json!([{ "cut": 1 }, {}]));
    let mut side = TestSink::to(receiver.port, OtlpProtocol::Grpc);
    let why = side.trouble(&payloads).why;
    assert!(why.contains("the answer was cut"), "{why}");
    side.all(&payloads);
    receiver.requests(2);
}

fn who_speaks_no_grpc_is_trouble() {
    let payloads = payloads(&few(2), OtlpProtocol::Grpc);
    // HTTP/1.1 on the gRPC port, and a gRPC server on the HTTP port.
    let receiver = Receiver::start("http", &json!([{}]));
    TestSink::new(&resolved(&quick(plain(receiver.port, OtlpProtocol::Grpc)))).trouble(&payloads);
    let receiver = Receiver::start("grpc", &json!([{}]));
    TestSink::new(&resolved(&quick(plain(receiver.port, OtlpProtocol::HttpProtobuf)))).trouble(&payloads);
}
