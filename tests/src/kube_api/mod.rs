//! A stand-in for the Kubernetes API: lists and watches of pods, and the ways in which they fail. `kubectl` reads it,
//! too, so that it is not only our own client that understands it.

mod connection;
mod pod;
mod store;

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

pub use pod::PodDescription;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use store::Store;

use crate::tls_server::self_signed;

/// The fault that a request gets instead of an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status, with the seconds of `Retry-After`.
    Status(u16, Option<u64>),
    /// The connection is closed without an answer.
    Closed,
    /// The answer ends after this many bytes of its body, in the middle of a line.
    Cut(usize),
    /// The answer begins, and nothing more comes for this time.
    Silent(Duration),
    /// Pieces of one byte, each after a pause.
    Slow(Duration),
    /// A line of a watch that is no event.
    Nonsense(Vec<u8>),
}

/// A connection, with or without TLS.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// The server. It ends with the test.
pub struct KubeApi {
    port: u16,
    shared: Arc<Shared>,
    /// Certificate in PEM, with TLS.
    pub certificate: Option<String>,
}

struct Shared {
    store: Store,
    faults: Mutex<Vec<Fault>>,
    requests: Mutex<Vec<String>>,
    /// The only token that is accepted, if any.
    token: Mutex<Option<String>>,
}

impl KubeApi {
    /// Starts a server without TLS.
    ///
    /// # Panics
    /// Panics if there is no port to be had.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts a server with TLS that accepts one token.
    ///
    /// # Panics
    /// Panics if there is no port to be had.
    #[must_use]
    pub fn start_with_tls(token: &str) -> Self {
        let (config, certificate) = self_signed();
        let api = Self::start_with(Some(config));
        api.accept_token(token);
        Self { certificate: Some(certificate), ..api }
    }

    fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            store: Store::default(),
            faults: Mutex::default(),
            requests: Mutex::default(),
            token: Mutex::default(),
        });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, tls) = (Arc::clone(&of_thread), tls.clone());
                thread::spawn(move || match tls {
                    None => connection::serve(&mut { stream }, &shared),
                    Some(config) => {
                        let Ok(server) = ServerConnection::new(config) else { return };
                        connection::serve(&mut StreamOwned::new(server, stream), &shared);
                    }
                });
            }
        });
        Self { port, shared, certificate: None }
    }

    /// Returns the address of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.certificate.is_some() { "https" } else { "http" }, self.port)
    }

    /// Adds a pod, or replaces the one of the same name.
    pub fn put(&self, pod: &PodDescription) {
        self.shared.store.put(pod.json());
    }

    /// Adds or replaces a pod, as it is written in the API.
    pub fn put_json(&self, pod: Value) {
        self.shared.store.put(pod);
    }

    /// Removes a pod.
    pub fn delete(&self, namespace: &str, name: &str) {
        self.shared.store.delete(namespace, name);
    }

    /// Sends a bookmark to all watches.
    pub fn bookmark(&self) {
        self.shared.store.bookmark();
    }

    /// Forgets old versions: watches from one of them are refused with 410, those that run are ended with it.
    pub fn forget_versions(&self) {
        self.shared.store.forget();
    }

    /// Ends all watches, as a server does after a while.
    pub fn end_watches(&self) {
        self.shared.store.end_watches();
    }

    /// Lets the next requests fail, in this order.
    ///
    /// # Panics
    /// Panics if a thread of the server did.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// Lets requests succeed again.
    ///
    /// # Panics
    /// Panics if a thread of the server did.
    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Returns the number of faults that no request has got yet.
    ///
    /// # Panics
    /// Panics if a thread of the server did.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.shared.faults.lock().unwrap().len()
    }

    /// Accepts this token from now on, and no other.
    ///
    /// # Panics
    /// Panics if a thread of the server did.
    pub fn accept_token(&self, token: &str) {
        *self.shared.token.lock().unwrap() = Some(token.to_owned());
    }

    /// Returns path and query of the requests for pods so far.
    ///
    /// # Panics
    /// Panics if a thread of the server did.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Returns the number of lists and of watches so far.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let requests = self.requests();
        let watches = requests.iter().filter(|request| request.contains("watch=")).count();
        (requests.len() - watches, watches)
    }

    /// Writes a configuration for kubectl into a folder.
    ///
    /// # Panics
    /// Panics if it cannot be written.
    #[must_use]
    pub fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let file = folder.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: t\nclusters: [{{name: t, cluster: {{server: \"{}\"}}}}]\n\
             contexts: [{{name: t, context: {{cluster: t, user: t}}}}]\nusers: [{{name: t, user: {{}}}}]\n",
            self.url()
        );
        std::fs::write(&file, text).unwrap();
        file
    }
}
