//! The two sides of a test: a receiver, and the sink that sends to it.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tracego_deliver::{
    collector::{OtlpConfig, OtlpProtocol, OtlpSettings, Signal, resolve},
    format::otlp::{EncodedRecord, Encoding, LogEncoder, LogsRequest},
    http::tls::TlsSettings,
    sink::{
        delivery::{DeliveryError, DeliveryResult},
        otlp::{OtlpEncoder, OtlpTransport},
    },
};
use tracego_model::{
    record::{Record, event_name},
    units::Span,
};
use tracego_tests::{ChildGuard, samples};

use crate::PYTHON;

/// The receiver in Python.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Value>>>,
    _process: ChildGuard,
}

impl Receiver {
    /// Starts a receiver. `kind` is http, h2 or grpc; `script` lists the answers to the requests.
    pub(crate) fn start(kind: &str, script: &Value) -> Self {
        Self::with_tls(kind, script, &[])
    }

    /// Starts a receiver with certificate, key, and the authority of accepted clients.
    pub(crate) fn with_tls(kind: &str, script: &Value, files: &[&Path]) -> Self {
        let mut command = Command::new(PYTHON.as_ref().unwrap());
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/otlp.py"));
        command.arg(kind).arg(script.to_string()).args(files).stdout(Stdio::piped());
        let mut child: Child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&requests);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                all.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
        Self { port, requests, _process: ChildGuard(child) }
    }

    /// Waits for `count` requests and returns them.
    pub(crate) fn requests(&self, count: usize) -> Vec<Value> {
        tracego_tests::wait_until("requests", || self.requests.lock().unwrap().len() >= count);
        let all = self.requests.lock().unwrap().clone();
        assert_eq!(all.len(), count, "{all:#?}");
        all
    }

    /// Returns the number of requests so far. The script prints each before it answers, so none is missing
    /// for long.
    pub(crate) fn count(&self) -> usize {
        std::thread::sleep(Duration::from_millis(100));
        self.requests.lock().unwrap().len()
    }

    /// Waits for `count` records and returns their identifiers in order.
    pub(crate) fn arrived(&self, count: usize) -> Vec<String> {
        tracego_tests::wait_until("records", || self.uids().len() >= count);
        self.uids()
    }

    /// Returns the identifiers of all records so far, in order.
    pub(crate) fn uids(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().flat_map(uids).collect()
    }
}

/// Returns the identifiers in one request.
pub(crate) fn uids(request: &Value) -> Vec<String> {
    request["uids"].as_array().unwrap().iter().map(|uid| uid.as_str().unwrap().to_owned()).collect()
}

/// The sink, on a single-threaded runtime like the agent's.
pub(crate) struct TestSink {
    runtime: Runtime,
    pub(crate) otlp: OtlpTransport,
}

impl TestSink {
    pub(crate) fn new(resolved: &OtlpConfig) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, otlp: OtlpTransport::new(resolved).unwrap() }
    }

    /// Creates a sink for a receiver without TLS.
    pub(crate) fn to(port: u16, protocol: OtlpProtocol) -> Self {
        Self::new(&resolved(&plain(port, protocol)))
    }

    pub(crate) fn deliver(&mut self, payloads: &[Vec<u8>]) -> DeliveryResult {
        let batch: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        self.runtime.block_on(self.otlp.deliver(&batch))
    }

    pub(crate) fn isolate(&mut self, payloads: &[Vec<u8>]) -> DeliveryResult {
        let batch: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        self.runtime.block_on(self.otlp.isolate(&batch))
    }

    /// Delivers payloads, of which none must be done or refused. Returns the trouble.
    pub(crate) fn trouble(&mut self, payloads: &[Vec<u8>]) -> DeliveryError {
        let delivered = self.deliver(payloads);
        assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{delivered:?}");
        delivered.trouble.unwrap()
    }

    /// Delivers payloads, all of which must be accepted.
    pub(crate) fn all(&mut self, payloads: &[Vec<u8>]) {
        let delivered = self.deliver(payloads);
        assert!(delivered.trouble.is_none() && delivered.refused.is_empty(), "{delivered:?}");
        assert_eq!(delivered.done, payloads.len());
    }

    pub(crate) fn close(&mut self) {
        let start = Instant::now();
        self.runtime.block_on(self.otlp.close());
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}

pub(crate) fn plain(port: u16, protocol: OtlpProtocol) -> OtlpSettings {
    OtlpSettings {
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        protocol: Some(protocol),
        ..OtlpSettings::default()
    }
}

pub(crate) fn secure(port: u16, protocol: OtlpProtocol, tls: TlsSettings) -> OtlpSettings {
    let endpoint = Some(format!("https://localhost:{port}"));
    OtlpSettings { endpoint, tls: Some(tls), ..plain(port, protocol) }
}

pub(crate) fn quick(settings: OtlpSettings) -> OtlpSettings {
    OtlpSettings { timeout: Some(Span(Duration::from_millis(400))), ..settings }
}

pub(crate) fn resolved(settings: &OtlpSettings) -> OtlpConfig {
    resolve(Signal::Logs, settings, |_| None).unwrap()
}

/// Returns captured and synthetic records.
pub(crate) fn records() -> Vec<Record> {
    let mut all = samples::captured();
    all.extend(samples::synthetic());
    all
}

/// Returns some small records.
pub(crate) fn few(count: u32) -> Vec<Record> {
    (100..100 + count).map(|n| samples::minimal(event_name::HEARTBEAT, n)).collect()
}

/// Returns the payloads that the queue holds for records.
pub(crate) fn payloads(records: &[Record], protocol: OtlpProtocol) -> Vec<Vec<u8>> {
    let settings = OtlpSettings { protocol: Some(protocol), ..OtlpSettings::default() };
    let mut encoder = OtlpEncoder::new(&resolved(&settings));
    let encoded = records.iter().map(|record| {
        let mut out = Vec::new();
        encoder.encode(record, &mut out).unwrap();
        out
    });
    encoded.collect()
}

/// Returns the identifiers of records.
pub(crate) fn identifiers(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| record.log.record.uid.clone()).collect()
}

/// Counts identifiers, because grouping by job changes the order.
pub(crate) fn counted(uids: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    uids.into_iter().fold(BTreeMap::new(), |mut all, uid| {
        *all.entry(uid).or_default() += 1;
        all
    })
}

/// Returns the single request for these records.
pub(crate) fn request(encoding: Encoding, records: &[Record]) -> Vec<u8> {
    let encoder = LogEncoder::new(encoding, Vec::new());
    let (mut piece, mut request, mut out) =
        (EncodedRecord::default(), LogsRequest::new(encoding), Vec::new());
    for record in records {
        encoder.encode(record, &mut piece).unwrap();
        request.push(&piece.resource, &piece.record);
    }
    request.finish(&mut out);
    out
}
