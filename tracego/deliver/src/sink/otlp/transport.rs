//! OTLP transport: packs payloads into requests and reports the outcome of each record.

use std::{collections::HashSet, ops::Range};

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::ResourceLogs,
    resource::v1::Resource,
};
use prost::Message as _;

use super::{
    client::OtlpClient,
    payload::{EncodedParts, OtlpPayload},
    response::RequestOutcome,
};
use crate::{
    collector::{OtlpCompression, OtlpConfig, OtlpConfigError},
    format::otlp::{Encoding, LogsRequest},
    sink::delivery::{DeliveryError, DeliveryResult, batch_split::BatchSplit},
};

/// Maximum number of receivers' texts that are remembered; each is logged once.
const REMEMBERED: usize = 100;

/// Transport that sends records to one receiver.
pub struct OtlpTransport {
    client: OtlpClient,
    request: LogsRequest,
    batch_bytes: usize,
    batch_records: usize,
    told: HashSet<String>,
    /// Whether the receiver has taken a record.
    proven: bool,
    /// Compression that is configured, if the receiver does not know it.
    unknown_compression: Option<OtlpCompression>,
}

/// Record of a batch in the encoding that is sent, or the reason why it cannot be read.
type ReadableRecord<'a> = Result<EncodedParts<'a>, String>;

impl OtlpTransport {
    /// Creates a transport and reads the certificates. Does not connect yet.
    ///
    /// # Errors
    /// Fails if the endpoint or the certificates cannot be used.
    pub fn new(resolved: &OtlpConfig) -> Result<Self, OtlpConfigError> {
        Ok(Self {
            client: OtlpClient::new(resolved)?,
            request: LogsRequest::new(resolved.protocol.encoding()),
            batch_bytes: resolved.batch_bytes,
            batch_records: resolved.batch_records,
            told: HashSet::new(),
            proven: false,
            unknown_compression: None,
        })
    }

    /// Sends a batch, in as many requests as its size needs. Returns what became of the records.
    ///
    /// A request that is refused for good is halved, down to the single record that is refused, so that no
    /// other record is lost with it. First, a request without records checks whether the receiver refuses
    /// everything: then the mistake is not in the records, and they are retried later.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        self.send_all(batch, false).await
    }

    /// Sends a batch like [`deliver`](Self::deliver), but gives up a record that the receiver fails at while
    /// it takes others, at most one per call.
    pub async fn isolate(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        self.send_all(batch, true).await
    }

    async fn send_all(&mut self, batch: &[&[u8]], isolate: bool) -> DeliveryResult {
        let encoding = self.client.encoding();
        let pieces: Vec<_> = batch.iter().map(|payload| piece(payload, encoding)).collect();
        let mut parts = BatchSplit::new(batch.len(), isolate, self.proven);
        let requests = self.split(&pieces);
        let mut sound = false;
        let mut ask = async |range: Range<usize>| self.send_request(&pieces[range], &mut sound).await;
        for request in requests {
            if !parts.send(request, &mut ask).await {
                break;
            }
        }
        self.proven = parts.is_proven();
        let mut delivered = parts.delivered();
        if let Some(trouble) = delivered.trouble.as_mut().filter(|trouble| trouble.unproven) {
            trouble.why = format!("{}: {}", self.client.endpoint(), trouble.why);
        }
        delivered
    }

    /// Sends one request. `sound`: whether the receiver has shown that it does not refuse everything.
    async fn send_request(&mut self, pieces: &[ReadableRecord<'_>], sound: &mut bool) -> RequestOutcome {
        // A payload that cannot be read is a request of its own.
        if let [Err(why)] = pieces {
            return RequestOutcome::Never(why.clone());
        }
        let mut answer = self.send(pieces).await;
        let before = self.client.compression();
        if !self.proven
            && before != OtlpCompression::None
            && self.client.has_refused_coding()
            && self.check_compression().await.is_none()
            && self.client.compression() != before
        {
            answer = self.send(pieces).await;
        }
        match &answer {
            RequestOutcome::Again(_) => return answer,
            RequestOutcome::Never(_) if *sound => {}
            RequestOutcome::Items(_) => {}
            RequestOutcome::Never(why) => {
                if let Some(trouble) = self.probe(why).await {
                    return RequestOutcome::Again(trouble);
                }
            }
            RequestOutcome::Taken { rejected, message } => {
                if *rejected == 0 {
                    self.log_warning(message);
                }
            }
        }
        *sound = true;
        answer
    }

    /// Reads the certificates again. If they cannot be used, the previous ones stay in use.
    pub fn reopen(&mut self) {
        if let Err(error) = self.client.reload_certificates() {
            tracing::error!(%error, "OTLP: cannot reload the certificates; the previous ones stay in use");
        }
    }

    /// Closes the connection. Delivered records stay delivered.
    pub async fn close(&mut self) {
        self.client.close().await;
    }

    /// Splits a batch into requests of bounded size. A payload that cannot be read gets a request of its own,
    /// so that it is refused in its place.
    fn split(&self, pieces: &[ReadableRecord]) -> Vec<Range<usize>> {
        let mut all: Vec<Range<usize>> = Vec::new();
        let mut bytes = 0;
        let mut open = false;
        for (n, piece) in pieces.iter().enumerate() {
            let size = piece.as_ref().map_or(0, |(resource, record)| resource.len() + record.len());
            match all.last_mut() {
                Some(range)
                    if open
                        && piece.is_ok()
                        && range.len() < self.batch_records
                        && bytes + size <= self.batch_bytes =>
                {
                    range.end = n + 1;
                    bytes += size;
                }
                _ => {
                    all.push(n..n + 1);
                    bytes = size;
                    open = piece.is_ok();
                }
            }
        }
        all
    }

    async fn send(&mut self, pieces: &[ReadableRecord<'_>]) -> RequestOutcome {
        for (resource, record) in pieces.iter().flatten() {
            self.request.push(resource, record);
        }
        let mut message = Vec::with_capacity(self.request.size() + self.request.size() / 8);
        self.request.finish(&mut message);
        // Until the receiver has taken a record, it may ignore the compression.
        if !self.proven
            && self.client.is_ambiguous(&message)
            && let Some(problem) = self.check_compression().await
        {
            return problem;
        }
        self.client.export(message).await
    }

    /// Checks with requests without records that the receiver knows the compression. If it does not, gzip is
    /// tried, and then no compression; the first that the receiver takes stays in use. Returns the problem if
    /// the receiver takes no such request.
    async fn check_compression(&mut self) -> Option<RequestOutcome> {
        let configured = self.client.compression();
        let mut problem = None;
        for &compression in configured.fallbacks() {
            if compression != configured {
                // Some servers remember a header that they cannot read for the whole connection.
                self.client.close().await;
            }
            self.client.set_compression(compression);
            let message = self.probe_message();
            match self.client.export(message).await {
                RequestOutcome::Taken { .. } => {
                    self.note_fallback(configured);
                    return None;
                }
                answer => {
                    problem.get_or_insert(answer);
                }
            }
            if !self.client.has_refused_coding() {
                break;
            }
        }
        self.client.set_compression(configured);
        problem
    }

    /// Logs that another compression than the configured one is in use from now on.
    fn note_fallback(&mut self, configured: OtlpCompression) {
        if self.client.compression() != configured {
            self.unknown_compression.get_or_insert(configured);
            let why = self.note().unwrap_or_default();
            tracing::warn!(endpoint = %self.client.endpoint(), "{why}");
        }
    }

    /// Returns a note for the operator about the way of delivery, if there is one.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let configured = self.unknown_compression?.name();
        let used = self.client.compression().name();
        Some(format!(
            "the receiver does not understand compression = \"{configured}\"; records are sent with \"{used}\""
        ))
    }

    /// Returns a request without records, in the encoding that is sent. A receiver that ignores the
    /// compression cannot take it for another request.
    fn probe_message(&self) -> Vec<u8> {
        match self.client.encoding() {
            Encoding::Protobuf => {
                let probes = (0..).map(probe_of);
                probes.take(PROBES).find(|probe| !self.client.is_ambiguous(probe)).unwrap_or_default()
            }
            Encoding::Json => b"{\"resourceLogs\":[]}".to_vec(),
        }
    }

    /// Sends a request without records after a refusal, to see whether the receiver refuses everything: wrong
    /// protocol, unsupported compression, no OTLP receiver at all. A working receiver takes it (OTLP
    /// specification: "if the server receives an empty request it should respond with success"). Returns
    /// `None` if it is taken.
    async fn probe(&mut self, refused: &str) -> Option<DeliveryError> {
        let message = self.probe_message();
        match self.client.export(message).await {
            RequestOutcome::Taken { .. } | RequestOutcome::Items(_) => None,
            RequestOutcome::Again(trouble) => Some(trouble),
            RequestOutcome::Never(why) => Some(DeliveryError::new(format!(
                "{}: {refused}; a request without records is refused as well ({why}), so the records are kept and retried",
                self.client.endpoint()
            ))),
        }
    }

    /// Logs the warning of a receiver that took everything; each text once.
    fn log_warning(&mut self, message: &str) {
        if !message.is_empty() && self.told.len() < REMEMBERED && self.told.insert(message.to_owned()) {
            tracing::warn!(endpoint = %self.client.endpoint(), message, "the OTLP receiver warns");
        }
    }
}

/// Number of probes among which one that cannot be misread is looked for.
const PROBES: usize = 64;

/// Returns a request with one resource and no record; the number makes it longer. Some servers take an empty
/// body for no request.
fn probe_of(number: usize) -> Vec<u8> {
    let text =
        "a request without records checks whether the receiver knows the compression; ".repeat(number + 1);
    let value = AnyValue { value: Some(any_value::Value::StringValue(text)) };
    let attribute = KeyValue { key: "tracego.probe".to_owned(), value: Some(value), ..KeyValue::default() };
    let resource = Some(Resource { attributes: vec![attribute], ..Resource::default() });
    let logs = ResourceLogs { resource, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }.encode_to_vec()
}

/// Reads a payload from the queue and translates it to the encoding that is sent.
fn piece(payload: &[u8], encoding: Encoding) -> ReadableRecord<'_> {
    OtlpPayload::parse(payload)?.to(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        collector::{OtlpSettings, Signal, resolve},
        sink::otlp::compression::compress,
    };

    #[test]
    fn no_probe_can_be_taken_for_another_request() {
        let settings: OtlpSettings = toml::from_str("compression = \"zstd\"").unwrap();
        let otlp = OtlpTransport::new(&resolve(Signal::Logs, &settings, |_| None).unwrap()).unwrap();
        let readable = |bytes: &[u8]| ExportLogsServiceRequest::decode(bytes).is_ok();
        let frame = |message: Vec<u8>| compress(OtlpCompression::Zstd, message).unwrap();
        // The smallest request shows the danger.
        assert!(otlp.client.is_ambiguous(&[0x0a, 0]) && readable(&frame(vec![0x0a, 0])));
        let probe = otlp.probe_message();
        assert!(readable(&probe) && !readable(&frame(probe)));
    }
}
