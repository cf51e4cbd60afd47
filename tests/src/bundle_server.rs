//! A server of policy bundles with TLS: ETags, tokens, and the ways in which it fails.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use rustls::{ServerConnection, StreamOwned};
use tracego_policy::bundle::{self, SIGNATURES, SignatureAlgorithm, Signer};

use crate::tls_server::self_signed;

/// The answer to requests for the bundle.
#[derive(Clone, Debug)]
pub enum ServedBundle {
    /// An archive with its ETag; 304 for those who have it.
    Archive(Vec<u8>, String),
    /// The first half of an archive, and the end of the connection.
    Truncated(Vec<u8>),
    /// A body of this many bytes.
    Huge(usize),
    /// A status and a header.
    Status(u16, &'static str),
}

#[derive(Debug)]
struct Served {
    bundle: ServedBundle,
    token: Option<String>,
    requests: Vec<String>,
}

/// The server. It answers until the test ends, or until it is made to close connections.
pub struct BundleServer {
    port: u16,
    folder: tempfile::TempDir,
    served: Arc<Mutex<Option<Served>>>,
}

/// Secret of the signatures.
const SECRET: &str = "the secret of the bundles";

impl BundleServer {
    /// Starts a server that answers every request with 404.
    ///
    /// # Panics
    /// Panics if there is no port to be had.
    #[must_use]
    pub fn start() -> Self {
        let (config, certificate) = self_signed();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), certificate).unwrap();
        fs::write(folder.path().join("key"), SECRET).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Served { bundle: ServedBundle::Status(404, ""), token: None, requests: Vec::new() };
        let served = Arc::new(Mutex::new(Some(served)));
        let of_thread = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, served) = (Arc::clone(&config), Arc::clone(&of_thread));
                if served.lock().unwrap().is_none() {
                    continue;
                }
                thread::spawn(move || {
                    let Ok(connection) = ServerConnection::new(config) else { return };
                    serve(StreamOwned::new(connection, stream), &served);
                });
            }
        });
        Self { port, folder, served }
    }

    /// Returns the URL of the bundle, which is called `ci`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/bundles/ci.tar.gz", self.port)
    }

    /// Returns a file of the server: `ca.pem`, or `key`, the secret of the signatures.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the options for the bundle.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        let (key, ca) = (self.file("key").display().to_string(), self.file("ca.pem").display().to_string());
        ["--policy-key", &key, "--policy-algorithm", "hs256", "--policy-ca", &ca].map(str::to_owned).into()
    }

    /// Serves this from now on.
    ///
    /// # Panics
    /// Panics if the server is down.
    pub fn serve(&self, bundle: ServedBundle) {
        self.served.lock().unwrap().as_mut().unwrap().bundle = bundle;
    }

    /// Accepts this token alone.
    ///
    /// # Panics
    /// Panics if the server is down.
    pub fn accept_token(&self, token: &str) {
        self.served.lock().unwrap().as_mut().unwrap().token = Some(token.to_owned());
    }

    /// Closes all connections from now on.
    ///
    /// # Panics
    /// Panics if a thread of the server panicked.
    pub fn close(&self) {
        *self.served.lock().unwrap() = None;
    }

    /// Returns the heads of all requests.
    ///
    /// # Panics
    /// Panics if the server is down.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.served.lock().unwrap().as_ref().unwrap().requests.clone()
    }
}

fn serve(mut stream: impl Read + Write, served: &Mutex<Option<Served>>) {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if !matches!(stream.read(&mut byte), Ok(1)) || head.len() > 16 << 10 {
                return;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let (bundle, token) = {
            let mut served = served.lock().unwrap();
            let Some(served) = &mut *served else { return };
            served.requests.push(head.clone());
            (served.bundle.clone(), served.token.clone())
        };
        let is_allowed =
            token.is_none_or(|token| head.contains(&format!("authorization: bearer {token}\r\n")));
        let answer = if is_allowed { answer(&bundle, &head) } else { status(401, "") };
        let is_whole = !matches!(bundle, ServedBundle::Truncated(_));
        if stream.write_all(&answer).and_then(|()| stream.flush()).is_err() || !is_whole {
            return;
        }
    }
}

fn status(code: u16, header: &str) -> Vec<u8> {
    format!("HTTP/1.1 {code} x\r\n{header}content-length: 0\r\n\r\n").into_bytes()
}

fn answer(bundle: &ServedBundle, head: &str) -> Vec<u8> {
    let with = |header: &str, length: usize, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/gzip\r\n{header}content-length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    match bundle {
        ServedBundle::Archive(_, etag) if head.contains(&format!("if-none-match: {etag}\r\n")) => {
            status(304, "")
        }
        ServedBundle::Archive(bytes, etag) => with(&format!("etag: {etag}\r\n"), bytes.len(), bytes),
        ServedBundle::Truncated(bytes) => with("", bytes.len(), &bytes[..bytes.len() / 2]),
        ServedBundle::Huge(size) => with("", *size, &vec![b'x'; *size]),
        ServedBundle::Status(code, header) => status(*code, header),
    }
}

/// Returns the archive of a bundle with one module. `manifest`: the content of `.manifest`; `secret`: that of the
/// signature, if there is one.
///
/// # Panics
/// Panics if the archive cannot be made.
#[must_use]
pub fn bundle_archive(module: &str, manifest: &str, secret: Option<&str>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("p.rego"), module).unwrap();
    fs::write(at(".manifest"), manifest).unwrap();
    if let Some(secret) = secret {
        let key = secret.as_bytes().to_vec();
        let algorithm = SignatureAlgorithm::Hs256;
        let signer = Signer { key, algorithm, key_id: None, scope: None, expires: None };
        fs::write(at(SIGNATURES), bundle::sign(folder.path(), &signer).unwrap()).unwrap();
    }
    archive(folder.path())
}

fn archive(folder: &Path) -> Vec<u8> {
    let made = Command::new("tar").args(["czf", "-", "-C"]).arg(folder).arg(".").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

/// Returns a signed bundle that refuses starts with this argument, with the serial number as its revision and ETag.
///
/// # Panics
/// Panics as [`bundle_archive`] does.
#[must_use]
pub fn signed_bundle(argument: &str, serial: u64) -> ServedBundle {
    let module = format!(
        "package tracego.process\n\ndeny contains \"no\" if input.process.argv[1] == \"{argument}\"\n"
    );
    let manifest = format!("{{\"revision\": \"r{serial}\", \"metadata\": {{\"serial\": {serial}}}}}");
    let archive = bundle_archive(&module, &manifest, Some(SECRET));
    ServedBundle::Archive(archive, format!("\"{serial}\""))
}
