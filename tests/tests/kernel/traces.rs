//! Spans from the kernel to a receiver.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message as _;
use tracego_tests::Session;

use crate::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[("a job is a trace, and its records have the same", traces)];

/// Starts a receiver over HTTP that accepts everything. Returns its address and the spans.
fn receiver() -> (String, Arc<Mutex<Vec<Span>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let spans = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&spans);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some(body) = request(&mut stream) {
                    let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
                    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
                    kept.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
                    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    (address, spans)
}

/// Returns the body of the next request on a connection.
fn request(stream: &mut BufReader<std::net::TcpStream>) -> Option<Vec<u8>> {
    let (mut length, mut first) = (0, true);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        assert!(!first || line.starts_with("POST /v1/traces "), "{line}");
        first = false;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn traces() {
    let (address, spans) = receiver();
    let options = ["--otlp-traces", "--otlp-endpoint", &address, "-e", "execve,exit"];
    let session = Session::run(&options, &["sh", "-c", "/bin/true; /bin/false; true"], |tracego| {
        tracego.env("CI_JOB_ID", "4711").env_remove("OTEL_EXPORTER_OTLP_PROTOCOL");
    });
    assert!(session.output.status.success(), "{}", session.stderr());
    let spans = spans.lock().unwrap();
    let of = |name: &str| {
        let path = |span: &&Span| {
            span.attributes.iter().any(|attribute| {
                attribute.key == "process.pid"
                    && session.of("start").any(|start| {
                        let value = attribute.value.as_ref().and_then(|value| value.value.clone());
                        let text = format!("{value:?}");
                        start["process"]["executable"]["path"].as_str().unwrap().ends_with(name)
                            && text == format!("Some(IntValue({}))", start["process"]["pid"])
                    })
            })
        };
        let found: Vec<&Span> = spans.iter().filter(path).collect();
        assert_eq!(found.len(), 1, "{name} in {spans:#?} {}", session.stderr());
        found[0]
    };
    let (shell, well, ill) = (of("sh"), of("/true"), of("/false"));
    for span in [well, ill] {
        assert_eq!(span.trace_id, shell.trace_id);
        assert_eq!(span.parent_span_id, shell.span_id, "the shell forked it");
        assert!(span.start_time_unix_nano < span.end_time_unix_nano);
        assert!(span.start_time_unix_nano > shell.start_time_unix_nano);
        assert!(span.end_time_unix_nano < shell.end_time_unix_nano);
    }
    let status = |span: &Span| span.status.as_ref().map_or(0, |status| status.code);
    // STATUS_CODE_ERROR is 2 (trace.proto).
    assert_eq!((status(well), status(ill)), (0, 2));
    let records: Vec<_> = session.of("start").filter(|start| !start["trace_id"].is_null()).collect();
    assert_eq!(records.len(), 3, "{}", session.stderr());
    for record in records {
        assert_eq!(record["trace_id"], hex(&shell.trace_id).as_str());
    }
}
