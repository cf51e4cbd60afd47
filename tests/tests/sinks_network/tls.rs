//! Syslog over TLS: to rsyslog with both of its libraries, and to a server that reports how a connection
//! ended.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread::{self, JoinHandle},
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tracego_deliver::{format::Format, sink::syslog::SyslogTransport};
use tracego_tests::{ports::free_port, wait_until};

use super::{
    Test, all,
    certificates::Certificates,
    pause,
    rsyslog::{Rsyslog, tls},
    slices,
    syslog::{check, deliver, encode, listens, records, settings},
    trouble, wait,
};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("rsyslog with GnuTLS takes all by TLS, and another authority is refused", || against("gtls")),
    ("rsyslog with OpenSSL takes all by TLS, and another authority is refused", || against("ossl")),
];

pub(super) const ALONE: &[(&str, Test)] = &[
    ("a server that wants a certificate gets nothing without, and nothing is called settled", refused),
    ("a connection by TLS ends with a farewell", farewell),
    ("the name of a certificate is that of the address, or the configured one", named),
];

fn against(driver: &str) {
    let files = Certificates::new();
    let port = free_port();
    let inputs = tls(port, driver, "x509/certvalid", &files);
    let rsyslog = Rsyslog::start(tempfile::tempdir().unwrap(), &inputs, "");
    wait_until("rsyslog listens", || listens(port));
    let told = |ca: &str, more: &str| {
        settings(&format!(
            "address = 'tls://localhost:{port}'\nmax-bytes = '1M'\ntls = {{ ca = '{ca}'{more} }}"
        ))
    };
    let ours = format!(", cert = '{}', key = '{}'", files.path("client.pem"), files.path("client.key"));
    let trusting = told(&files.path("ca.pem"), &ours);
    let records = records();
    let payloads = encode(&trusting, Format::Json, &records);
    // A server that the sink does not trust, or that does not trust the sink, gets nothing.
    let other = Certificates::new();
    let lonely = told(&files.path("ca.pem"), "");
    for (settings, said) in [(told(&other.path("ca.pem"), &ours), "UnknownIssuer"), (lonely, "")] {
        let delivered =
            wait(async { SyslogTransport::new(&settings).unwrap().deliver(&slices(&payloads)).await });
        assert_eq!(delivered.done, 0, "{delivered:?}");
        trouble(&delivered, said);
    }
    deliver(&trusting, &payloads);
    check(&rsyslog.parsed(records.len()), &records, Format::Json, 1);
}

/// The bytes that a server received, and how the connection ended: `Ok` after a proper close.
type ReceivedStream = (Vec<u8>, Result<(), ErrorKind>);

/// Returns the configuration of a server; `strict` requires a client certificate.
fn config(files: &Certificates, strict: bool) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = if strict {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(files.path("ca.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        config.unwrap().with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.unwrap().with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_file(files.path("localhost.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(files.path("localhost.key")).unwrap();
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

/// Starts a server for one connection. Returns its port and thread.
fn server(files: &Certificates, strict: bool) -> (u16, JoinHandle<ReceivedStream>) {
    let config = config(files, strict);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        // The server reads the client's hello, answers, and then waits before it reads the client's
        // certificate, while its kernel buffers what arrives.
        stream.conn.read_tls(&mut stream.sock).unwrap();
        stream.conn.process_new_packets().unwrap();
        while stream.conn.wants_write() {
            stream.conn.write_tls(&mut stream.sock).unwrap();
        }
        pause(150);
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes);
        (bytes, end.map(drop).map_err(|error| error.kind()))
    });
    (port, thread)
}

/// Starts a web server for one request by TLS, which it answers with 200. Returns the port.
pub(super) fn secured(files: &Certificates) -> u16 {
    let config = config(files, false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        let mut bytes = [0; 4096];
        // The client may reject the certificate.
        if stream.read(&mut bytes).is_ok_and(|read| read > 0) {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            let _end = stream.read(&mut bytes);
        }
    });
    port
}

fn refused() {
    let files = Certificates::new();
    let (port, server) = server(&files, true);
    let settings =
        settings(&format!("address = 'tls://localhost:{port}'\ntls = {{ ca = '{}' }}", files.path("ca.pem")));
    let delivered =
        wait(async { SyslogTransport::new(&settings).unwrap().deliver(&[b"<110>1 - - - - - - x"]).await });
    assert_eq!(delivered.done, 0, "{delivered:?}");
    trouble(&delivered, "CertificateRequired");
    let (bytes, end) = server.join().unwrap();
    assert!(bytes.is_empty() && end.is_err());
}

fn farewell() {
    let files = Certificates::new();
    let (port, server) = server(&files, false);
    let settings =
        settings(&format!("address = 'tls://localhost:{port}'\ntls = {{ ca = '{}' }}", files.path("ca.pem")));
    let mut syslog = SyslogTransport::new(&settings).unwrap();
    wait(async {
        all(&syslog.deliver(&[b"<110>1 - - - - - - one", b"<110>1 - - - - - - two"]).await, 2);
        syslog.close().await;
    });
    let (bytes, end) = server.join().unwrap();
    assert_eq!(bytes, b"22 <110>1 - - - - - - one22 <110>1 - - - - - - two");
    assert_eq!(end, Ok(()));
}

fn named() {
    let files = Certificates::new();
    for (more, right) in [("", false), (", server-name = 'localhost'", true)] {
        let (port, server) = server(&files, false);
        let ca = files.path("ca.pem");
        let settings =
            settings(&format!("address = 'tls://127.0.0.1:{port}'\ntls = {{ ca = '{ca}'{more} }}"));
        let mut syslog = SyslogTransport::new(&settings).unwrap();
        wait(async {
            let delivered = syslog.deliver(&[b"<110>1 - - - - - - x"]).await;
            if right {
                all(&delivered, 1);
            } else {
                trouble(&delivered, "not valid for name");
            }
            syslog.close().await;
        });
        assert_eq!(server.join().unwrap().0.is_empty(), !right);
    }
}
