//! TLS with a certificate authority of our own, on both sides.

use std::{path::Path, process::Command, time::Duration};

use tracego_deliver::{collector::CollectorTarget, http::tls::TlsSettings};
use tracego_tests::samples;

use crate::receiver::{BOTH, Certificates, Receiver, traces};

pub(crate) const TESTS: &[(&str, crate::Test)] =
    &[("tls::spans_come_with_the_right_certificates_alone", spans_come_with_the_right_certificates_alone)];

fn openssl(folder: &Path, arguments: &str) {
    let mut openssl = Command::new("openssl");
    let output = openssl.args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Creates an authority and its certificates for a server named `receiver` and for a client.
fn certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    for ca in ["ca", "other"] {
        openssl(folder, &format!("req -x509 {key} -keyout {ca}.key -out {ca}.pem -subj /CN={ca}"));
    }
    std::fs::write(folder.join("names"), "subjectAltName=DNS:receiver\n").unwrap();
    for name in ["receiver", "client"] {
        openssl(folder, &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
            ),
        );
    }
}

fn spans_come_with_the_right_certificates_alone() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name);
    let right = TlsSettings {
        ca: Some(file("ca.pem")),
        cert: Some(file("client.pem")),
        key: Some(file("client.key")),
        server_name: Some("receiver".to_owned()),
    };
    let cases = [
        (right.clone(), true),
        (TlsSettings { ca: Some(file("other.pem")), ..right.clone() }, false),
        (TlsSettings { server_name: None, ..right.clone() }, false),
        (TlsSettings { cert: None, key: None, ..right }, false),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/go.capture");
    let records = samples::replayed(&path);
    for protocol in BOTH {
        let tls = Certificates { cert: file("receiver.pem"), key: file("receiver.key"), ca: file("ca.pem") };
        let receiver = Receiver::secured(protocol, tls);
        for (tls, comes) in &cases {
            let before = receiver.spans().len();
            let target = CollectorTarget { tls: tls.clone(), ..receiver.target("traces") };
            let mut traces = traces(target, |_| {});
            records.iter().for_each(|record| traces.take(record));
            let counts = traces.close(Duration::from_secs(if *comes { 10 } else { 1 })).sent;
            let wanted = if *comes { (8, 0) } else { (0, 8) };
            assert_eq!((counts.exported, counts.closed), wanted, "{protocol:?} {tls:?}");
            assert_eq!(receiver.spans().len() - before, if *comes { 8 } else { 0 });
        }
    }
}
