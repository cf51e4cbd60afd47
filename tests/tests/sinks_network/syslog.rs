//! Syslog to rsyslog: its parsed fields equal the sent ones.

use std::{
    net::{TcpStream, UdpSocket},
    path::Path,
};

use serde_json::Value;
use tracego_deliver::{
    format::Format,
    sink::syslog::{SyslogEncoder, SyslogSettings, SyslogTransport},
};
use tracego_model::{record::Record, units::Bytes};
use tracego_tests::{ports::free_port, samples, wait_until};

use super::{
    Test, all,
    rsyslog::{Rsyslog, tcp, unix},
    slices, wait,
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("rsyslog reads every part of a message by its unix socket", local),
    ("rsyslog reads every part of a message by TCP, in every format", formats),
    ("rsyslog reads every part of a message by UDP", udp),
    ("rsyslog reads an element of structured data with an enterprise number", element),
];

pub(super) fn settings(text: &str) -> SyslogSettings {
    toml::from_str(text).unwrap()
}

/// Delivers over a real transport.
pub(super) fn deliver(settings: &SyslogSettings, payloads: &[Vec<u8>]) {
    let mut syslog = SyslogTransport::new(settings).unwrap();
    wait(async {
        for batch in payloads.chunks(64) {
            all(&syslog.deliver(&slices(batch)).await, batch.len());
        }
        syslog.close().await;
    });
}

pub(super) fn encode(settings: &SyslogSettings, format: Format, records: &[Record]) -> Vec<Vec<u8>> {
    let mut encoder = SyslogEncoder::new(settings, format);
    let encoded = records.iter().map(|record| {
        let mut out = Vec::new();
        encoder.encode(record, &mut out).unwrap();
        out
    });
    encoded.collect()
}

/// Returns records of captured sessions and synthetic ones with unusual values.
pub(super) fn records() -> Vec<Record> {
    [samples::synthetic(), samples::captured()].concat()
}

/// Returns the records that fit into a datagram, and their payloads.
fn short(settings: &SyslogSettings, most: usize) -> (Vec<Record>, Vec<Vec<u8>>) {
    let mut records = records();
    let before = records.len();
    let whole = SyslogSettings { max_bytes: Bytes(1 << 24), ..settings.clone() };
    records.retain(|record| encode(&whole, Format::Json, std::slice::from_ref(record))[0].len() <= most);
    assert!(records.len() > before / 2);
    let payloads = encode(settings, Format::Json, &records);
    (records, payloads)
}

/// Compares rsyslog's parsed fields with the records; `first` is the sequenceId of the first record.
pub(super) fn check(parsed: &[Value], records: &[Record], format: Format, first: usize) {
    for (n, (parsed, record)) in parsed.iter().zip(records).enumerate() {
        let level = match record.severity_number {
            9 => 6,
            13 => 4,
            17 => 3,
            21 => 2,
            other => panic!("severity {other}"),
        };
        let version = env!("CARGO_PKG_VERSION");
        let data = format!(
            "[meta sequenceId=\"{}\"][origin software=\"tracego\" swVersion=\"{version}\"]",
            first + n
        );
        let time = record.timestamp.text();
        let mut msg = Vec::new();
        format.write(record, &mut msg).unwrap();
        for (name, value) in [
            ("pri", (13 * 8 + level).to_string()),
            ("version", "1".to_owned()),
            ("time", format!("{}Z", &time[..26])),
            ("hostname", record.origin.host.name.clone()),
            ("app", "tracego".to_owned()),
            ("procid", std::process::id().to_string()),
            ("msgid", record.event_name.to_owned()),
            ("data", data),
            ("msg", String::from_utf8(msg).unwrap().trim_end_matches('\n').to_owned()),
        ] {
            assert_eq!(parsed[name], value, "{name} of {}", record.event_name);
        }
    }
}

fn local() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = unix(dir.path());
    let rsyslog = Rsyslog::start(dir, &inputs, "");
    let path = rsyslog.dir.path().join("log");
    wait_until("rsyslog listens", || path.exists());
    let settings = settings(&format!("address = 'unix:{}'\nmax-bytes = '128K'", path.display()));
    let (records, payloads) = short(&settings, 128 * 1024);
    deliver(&settings, &payloads);
    check(&rsyslog.parsed(records.len()), &records, Format::Json, 1);
}

pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn formats() {
    let port = free_port();
    let rsyslog = Rsyslog::start(tempfile::tempdir().unwrap(), &tcp(port), "");
    wait_until("rsyslog listens", || listens(port));
    let settings = settings(&format!("address = 'tcp://localhost:{port}'\nmax-bytes = '1M'"));
    let records = records();
    for (n, format) in Format::ALL.into_iter().enumerate() {
        deliver(&settings, &encode(&settings, format, &records));
        let parsed = rsyslog.parsed(records.len() * (n + 1));
        check(&parsed[records.len() * n..], &records, format, 1);
    }
}

fn udp_listens(path: &Path, port: u16) -> bool {
    // UDP gives no other sign than an arrived message; the probe is not one of the test's own.
    let probe = UdpSocket::bind("127.0.0.1:0").unwrap();
    probe.send_to(b"<14>1 - - - - - - probe", ("127.0.0.1", port)).unwrap();
    path.exists()
}

fn udp() {
    let port = free_port();
    let inputs =
        format!("module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")");
    let rsyslog = Rsyslog::start(tempfile::tempdir().unwrap(), &inputs, "");
    wait_until("rsyslog listens", || udp_listens(&rsyslog.dir.path().join("parsed"), port));
    let settings = settings(&format!("address = 'udp://127.0.0.1:{port}'"));
    let (records, payloads) = short(&settings, 8192);
    let ours = || {
        let mut all = rsyslog.so_far();
        all.retain(|message| message["msg"] != "probe");
        all
    };
    let mut syslog = SyslogTransport::new(&settings).unwrap();
    wait(async {
        let mut sent = 0;
        // At most as much as its buffer holds, even on a busy machine.
        for batch in payloads.chunks(8) {
            all(&syslog.deliver(&slices(batch)).await, batch.len());
            sent += batch.len();
            wait_until("all arrived", || ours().len() >= sent);
        }
    });
    check(&ours(), &records, Format::Json, 1);
}

fn element() {
    let port = free_port();
    let rsyslog = Rsyslog::start(tempfile::tempdir().unwrap(), &tcp(port), "");
    wait_until("rsyslog listens", || listens(port));
    let more = "sd-id = 'tracego@32473'\nhostname = 'told'\napp-name = 'audit'\nfacility = 'local3'";
    let settings = settings(&format!("address = 'tcp://localhost:{port}'\n{more}"));
    let mut records = samples::synthetic();
    "a\"b\\c]d".clone_into(&mut records[0].log.record.uid);
    deliver(&settings, &encode(&settings, Format::Json, &records[..2]));
    let parsed = rsyslog.parsed(2);
    let data = parsed[0]["data"].as_str().unwrap();
    let own = r#"[tracego@32473 uid="a\"b\\c\]d" seq="900001" job=""#;
    assert!(data.contains(own) && data.contains(" commit=\""), "{data}");
    let found = parsed[1]["data"].as_str().unwrap();
    let id = records[1].tracego.findings[0].id;
    assert!(found.ends_with(&format!(" findings=\"{id}\"]")), "{found}");
    assert_eq!(
        (&parsed[0]["hostname"], &parsed[0]["app"], &parsed[0]["pri"]),
        (&Value::from("told"), &Value::from("audit"), &Value::from((19 * 8 + 6).to_string()))
    );
}
