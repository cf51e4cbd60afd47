//! The receiver in Python, and the requests that it received.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tracego_deliver::{
    collector::{CollectorCompression, CollectorProtocol, CollectorTarget},
    traces::{TracePipeline, builder::BuilderLimits, export::TraceExportSettings},
};
use tracego_tests::{ChildGuard, ports::free_port};

use crate::PYTHON;

pub(crate) const BOTH: [CollectorProtocol; 2] = [CollectorProtocol::Grpc, CollectorProtocol::HttpProtobuf];

/// Certificates of a receiver that also requires one from its clients.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) ca: PathBuf,
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    protocol: CollectorProtocol,
    tls: Option<Certificates>,
    out: PathBuf,
    _dir: TempDir,
    running: Option<ChildGuard>,
}

impl Receiver {
    /// Starts a receiver; `answers` are for the first requests (see the script).
    pub(crate) fn new(protocol: CollectorProtocol, answers: &str) -> Self {
        let mut receiver = Self::absent(protocol);
        receiver.start(answers);
        receiver
    }

    /// Creates a receiver that does not listen yet.
    pub(crate) fn absent(protocol: CollectorProtocol) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("received");
        fs::write(&out, "").unwrap();
        Self { port: free_port(), protocol, tls: None, out, _dir: dir, running: None }
    }

    pub(crate) fn secured(protocol: CollectorProtocol, tls: Certificates) -> Self {
        let mut receiver = Self { tls: Some(tls), ..Self::absent(protocol) };
        receiver.start("");
        receiver
    }

    pub(crate) fn start(&mut self, answers: &str) {
        let protocol = if self.protocol == CollectorProtocol::Grpc { "grpc" } else { "http" };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/otlp_signals.py");
        let mut command = Command::new(PYTHON.as_ref().unwrap());
        command.arg(script).arg(protocol).arg(self.port.to_string()).arg(&self.out).arg(answers);
        if let Some(Certificates { cert, key, ca }) = &self.tls {
            command.args([cert, key, ca]);
        }
        let mut child = command.env("GRPC_VERBOSITY", "NONE").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.running = Some(ChildGuard(child));
        assert_eq!(line.trim(), self.port.to_string());
    }

    /// Kills the receiver, whatever it is doing.
    pub(crate) fn stop(&mut self) {
        drop(self.running.take());
    }

    /// Returns the target that it listens on.
    pub(crate) fn target(&self, signal: &str) -> CollectorTarget {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        target(self.protocol, scheme, self.port, signal)
    }

    /// Returns the accepted requests.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.out).unwrap();
        // The last line may be incomplete.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the spans of all requests.
    pub(crate) fn spans(&self) -> Vec<Value> {
        let all = self.requests();
        all.iter().flat_map(|request| request["spans"].as_array().unwrap().clone()).collect()
    }
}

pub(crate) fn target(protocol: CollectorProtocol, scheme: &str, port: u16, signal: &str) -> CollectorTarget {
    let path = if protocol == CollectorProtocol::Grpc { String::new() } else { format!("/v1/{signal}") };
    CollectorTarget {
        endpoint: format!("{scheme}://127.0.0.1:{port}{path}"),
        protocol,
        headers: vec![("x-tenant".into(), "seven".into())],
        compression: CollectorCompression::Gzip,
        timeout: Duration::from_secs(5),
        ..CollectorTarget::default()
    }
}

/// Creates traces to a target, with a short linger so that tests are quick.
pub(crate) fn traces(
    target: CollectorTarget,
    change: impl FnOnce(&mut TraceExportSettings),
) -> TracePipeline {
    let resource = tracego_deliver::traces::attribute::resource(&tracego_tests::samples::start().origin);
    let mut settings = TraceExportSettings::new(target, resource);
    settings.linger = Duration::from_millis(100);
    change(&mut settings);
    TracePipeline::start(BuilderLimits::default(), settings).unwrap()
}
