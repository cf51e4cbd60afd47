//! A real collector between tracego and the receiver: rotel.

use std::{
    net::TcpStream,
    process::{Command, Stdio},
};

use serde_json::json;
use tracego_deliver::collector::{OtlpCompression, OtlpProtocol, OtlpSettings};
use tracego_tests::{ChildGuard, ports::free_port, wait_until};

use crate::{
    PYTHON,
    harness::{Receiver, TestSink, counted, identifiers, payloads, plain, records, resolved},
};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("collector::rotel_takes_all_three_protocols", rotel_takes_all_three_protocols),
    ("collector::rotel_without_zstd_gets_gzip", rotel_without_zstd_gets_gzip),
    ("collector::what_rotel_cannot_read_is_told_apart", what_rotel_cannot_read_is_told_apart),
];

struct Rotel {
    grpc: u16,
    http: u16,
    _process: ChildGuard,
}

impl Rotel {
    fn start(exporter: &[&str]) -> Self {
        let library = PYTHON.as_ref().unwrap().ancestors().nth(2).unwrap().join("lib");
        let python = std::fs::read_dir(library).unwrap().next().unwrap().unwrap().path();
        let (grpc, http) = (free_port(), free_port());
        let mut command = Command::new(python.join("site-packages/rotel/rotel-agent"));
        command.arg("start").args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}"), "--disable-batching"]);
        command.args(exporter).stdout(Stdio::null()).stderr(Stdio::null());
        let process = ChildGuard(command.spawn().unwrap());
        for port in [grpc, http] {
            wait_until("the collector listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        }
        Self { grpc, http, _process: process }
    }
}

fn rotel_takes_all_three_protocols() {
    let records = records();
    let receiver = Receiver::start("http", &json!([{}]));
    let to = format!("http://127.0.0.1:{}", receiver.port);
    let rotel = Rotel::start(&[
        "--exporter",
        "otlp",
        "--otlp-exporter-endpoint",
        &to,
        "--otlp-exporter-protocol",
        "http",
    ]);
    let mut rounds = 0;
    for protocol in OtlpProtocol::ALL {
        for compression in [OtlpCompression::None, OtlpCompression::Gzip] {
            let port = if protocol == OtlpProtocol::Grpc { rotel.grpc } else { rotel.http };
            let compression = Some(compression);
            let settings = OtlpSettings { compression, batch_records: 20, ..plain(port, protocol) };
            let mut side = TestSink::new(&resolved(&settings));
            side.all(&payloads(&records, protocol));
            side.close();
            rounds += 1;
        }
    }
    let wanted = rounds * records.len();
    let came = counted(receiver.arrived(wanted));
    assert!(came.values().all(|&count| count == rounds), "{came:?}");
    assert_eq!(came.into_keys().collect::<Vec<_>>(), {
        let mut all = identifiers(&records);
        all.sort();
        all
    });
}

fn rotel_without_zstd_gets_gzip() {
    let rotel = Rotel::start(&["--exporter", "blackhole"]);
    let records = records();
    for protocol in OtlpProtocol::ALL {
        let port = if protocol == OtlpProtocol::Grpc { rotel.grpc } else { rotel.http };
        let compression = Some(OtlpCompression::Zstd);
        let settings = OtlpSettings { compression, ..plain(port, protocol) };
        let mut side = TestSink::new(&resolved(&settings));
        // One record alone, and many.
        side.all(&payloads(&records[..1], protocol));
        side.all(&payloads(&records, protocol));
        assert!(side.otlp.note().is_some_and(|note| note.ends_with("with \"gzip\"")), "{protocol:?}");
        side.close();
    }
}

fn what_rotel_cannot_read_is_told_apart() {
    let rotel = Rotel::start(&["--exporter", "blackhole"]);
    let records = records();
    // Only the record that is not valid protobuf is refused.
    let mut all = payloads(&records[..8], OtlpProtocol::HttpProtobuf);
    all[5] = [&[1, 0, 0, 0, 0][..], &[0xff; 20]].concat();
    let delivered = TestSink::to(rotel.http, OtlpProtocol::HttpProtobuf).deliver(&all);
    assert_eq!((delivered.done, delivered.refused.len()), (8, 1), "{delivered:?}");
    assert_eq!(delivered.refused[0].first, 5);
    // No record is refused for a path that is not served.
    let settings = OtlpSettings {
        endpoint: Some(format!("http://127.0.0.1:{}/elsewhere", rotel.http)),
        ..plain(0, OtlpProtocol::HttpProtobuf)
    };
    let trouble = TestSink::new(&resolved(&settings)).trouble(&all);
    assert!(trouble.why.contains("elsewhere/v1/logs: HTTP 404"), "{}", trouble.why);
}
