//! OTLP with TLS: trust, client certificates, and protocols.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::json;
use tempfile::TempDir;
use tracego_deliver::{
    collector::{OtlpProtocol, OtlpSettings, Signal, resolve},
    http::tls::TlsSettings,
};

use crate::harness::{Receiver, TestSink, few, identifiers, payloads, plain, quick, resolved, secure};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("tls::the_right_authority_is_trusted", the_right_authority_is_trusted),
    ("tls::a_wrong_authority_or_name_is_trouble", a_wrong_authority_or_name_is_trouble),
    ("tls::a_client_shows_its_certificate", a_client_shows_its_certificate),
    ("tls::certificates_of_the_environment_are_used", certificates_of_the_environment_are_used),
    ("tls::new_certificates_are_read_on_reopen", new_certificates_are_read_on_reopen),
    ("tls::encrypted_and_plain_do_not_mix", encrypted_and_plain_do_not_mix),
];

/// An authority with a certificate for `localhost` and one for a client.
struct Authority {
    dir: TempDir,
}

impl Authority {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(DnType::CommonName, "an authority");
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, text: String| fs::write(dir.path().join(name), text).unwrap();
        write("ca", root.pem());
        for (name, host) in [("server", "localhost"), ("client", "agent")] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            write(&format!("{name}.cert"), params.signed_by(&key, &root).unwrap().pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn receiver(&self, kind: &str, demanding: bool) -> Receiver {
        let mut files = vec![self.path("server.cert"), self.path("server.key")];
        files.extend(demanding.then(|| self.path("ca")));
        let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
        Receiver::with_tls(kind, &json!([{}]), &files)
    }

    fn trusted(&self) -> TlsSettings {
        TlsSettings { ca: Some(self.path("ca")), ..TlsSettings::default() }
    }

    fn with_client(&self) -> TlsSettings {
        let (cert, key) = (Some(self.path("client.cert")), Some(self.path("client.key")));
        TlsSettings { cert, key, ..self.trusted() }
    }
}

const ALL: [(&str, OtlpProtocol); 4] = [
    ("http", OtlpProtocol::HttpProtobuf),
    ("h2", OtlpProtocol::HttpProtobuf),
    ("h2", OtlpProtocol::HttpJson),
    ("grpc", OtlpProtocol::Grpc),
];

fn the_right_authority_is_trusted() {
    let authority = Authority::new();
    let records = few(30);
    for (kind, protocol) in ALL {
        let receiver = authority.receiver(kind, false);
        let settings =
            OtlpSettings { batch_records: 10, ..secure(receiver.port, protocol, authority.trusted()) };
        let mut side = TestSink::new(&resolved(&settings));
        side.all(&payloads(&records, protocol));
        side.close();
        assert_eq!(receiver.arrived(records.len()), identifiers(&records), "{kind}");
        let requests = receiver.requests(3);
        assert!(requests.iter().all(|request| request["peer"] == requests[0]["peer"]));
        let spoken = if kind == "h2" { "HTTP/2" } else { kind };
        assert!(requests[0]["protocol"].as_str().unwrap().to_lowercase().starts_with(&spoken.to_lowercase()));
    }
}

fn a_wrong_authority_or_name_is_trouble() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (kind, protocol) in [("http", OtlpProtocol::HttpProtobuf), ("grpc", OtlpProtocol::Grpc)] {
        let receiver = authority.receiver(kind, false);
        let payloads = payloads(&few(2), protocol);
        let trouble =
            |tls| TestSink::new(&resolved(&secure(receiver.port, protocol, tls))).trouble(&payloads).why;
        let why = trouble(other.trusted());
        assert!(why.contains("TLS: invalid peer certificate"), "{why}");
        let name = Some("elsewhere".to_owned());
        let why = trouble(TlsSettings { server_name: name, ..authority.trusted() });
        assert!(why.contains("TLS: invalid peer certificate"), "{why}");
        assert!(receiver.uids().is_empty());
    }
}

fn a_client_shows_its_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (kind, protocol) in [("http", OtlpProtocol::HttpProtobuf), ("grpc", OtlpProtocol::Grpc)] {
        let receiver = authority.receiver(kind, true);
        let records = few(2);
        let payloads = payloads(&records, protocol);
        let side = |tls| TestSink::new(&resolved(&quick(secure(receiver.port, protocol, tls))));
        side(authority.trusted()).trouble(&payloads);
        let ca = Some(authority.path("ca"));
        side(TlsSettings { ca, ..other.with_client() }).trouble(&payloads);
        assert!(receiver.uids().is_empty());
        side(authority.with_client()).all(&payloads);
        assert_eq!(receiver.arrived(records.len()), identifiers(&records));
    }
}

fn certificates_of_the_environment_are_used() {
    let authority = Authority::new();
    let receiver = authority.receiver("http", true);
    let env = |name: &str| {
        let path = |name| Some(authority.path(name).to_str().unwrap().to_owned());
        match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("https://localhost:{}", receiver.port)),
            "OTEL_EXPORTER_OTLP_CERTIFICATE" => path("ca"),
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" => path("server.cert"),
            "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE" => path("client.cert"),
            "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY" => path("client.key"),
            _ => None,
        }
    };
    let records = few(3);
    let resolved = resolve(Signal::Logs, &OtlpSettings::default(), env).unwrap();
    TestSink::new(&resolved).all(&payloads(&records, OtlpProtocol::HttpProtobuf));
    assert_eq!(receiver.arrived(records.len()), identifiers(&records));
}

fn new_certificates_are_read_on_reopen() {
    let (authority, other) = (Authority::new(), Authority::new());
    let receiver = authority.receiver("http", false);
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca");
    fs::copy(other.path("ca"), &ca).unwrap();
    let tls = TlsSettings { ca: Some(ca.clone()), ..TlsSettings::default() };
    let mut side = TestSink::new(&resolved(&secure(receiver.port, OtlpProtocol::HttpProtobuf, tls)));
    let payloads = payloads(&few(1), OtlpProtocol::HttpProtobuf);
    side.trouble(&payloads);
    fs::copy(authority.path("ca"), &ca).unwrap();
    side.trouble(&payloads);
    side.otlp.reopen();
    side.all(&payloads);
    // An unreadable file changes nothing.
    fs::remove_file(&ca).unwrap();
    side.otlp.reopen();
    side.all(&payloads);
}

fn encrypted_and_plain_do_not_mix() {
    let authority = Authority::new();
    let payloads = payloads(&few(2), OtlpProtocol::HttpProtobuf);
    let receiver = authority.receiver("http", false);
    TestSink::new(&resolved(&quick(plain(receiver.port, OtlpProtocol::HttpProtobuf)))).trouble(&payloads);
    let open = Receiver::start("http", &json!([{}]));
    let settings = quick(secure(open.port, OtlpProtocol::HttpProtobuf, authority.trusted()));
    let why = TestSink::new(&resolved(&settings)).trouble(&payloads).why;
    assert!(why.contains("TLS: "), "{why}");
    assert!(receiver.uids().is_empty() && open.uids().is_empty());
    // gRPC needs HTTP/2, which this receiver does not offer.
    let settings = quick(secure(receiver.port, OtlpProtocol::Grpc, authority.trusted()));
    TestSink::new(&resolved(&settings)).trouble(&payloads);
}
