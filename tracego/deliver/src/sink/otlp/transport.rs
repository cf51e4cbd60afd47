//! OTLP transport: packs payloads into requests and reports the outcome of each record.

use std::{collections::HashSet, ops::Range};

use super::{
    client::OtlpClient,
    payload::{EncodedParts, OtlpPayload},
    response::RequestOutcome,
};
use crate::{
    collector::{OtlpConfig, OtlpConfigError},
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
        let mut parts = BatchSplit::new(batch.len(), isolate);
        let requests = self.split(&pieces);
        let mut sound = false;
        let mut ask = async |range: Range<usize>| self.send_request(&pieces[range], &mut sound).await;
        for request in requests {
            if !parts.send(request, &mut ask).await {
                break;
            }
        }
        parts.delivered()
    }

    /// Sends one request. `sound`: whether the receiver has shown that it does not refuse everything.
    async fn send_request(&mut self, pieces: &[ReadableRecord<'_>], sound: &mut bool) -> RequestOutcome {
        // A payload that cannot be read is a request of its own.
        if let [Err(why)] = pieces {
            return RequestOutcome::Never(why.clone());
        }
        let answer = self.send(pieces).await;
        match &answer {
            RequestOutcome::Again(_) => return answer,
            RequestOutcome::Never(_) if *sound => {}
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
        self.client.export(message).await
    }

    /// Sends a request without records after a refusal, to see whether the receiver refuses everything: wrong
    /// protocol, unsupported compression, no OTLP receiver at all. A working receiver takes it (OTLP
    /// specification: "if the server receives an empty request it should respond with success"). Returns
    /// `None` if it is taken.
    async fn probe(&mut self, refused: &str) -> Option<DeliveryError> {
        let message = match self.client.encoding() {
            // One empty `ResourceLogs`: some servers take an empty body for no request.
            Encoding::Protobuf => vec![0x0a, 0],
            Encoding::Json => b"{\"resourceLogs\":[]}".to_vec(),
        };
        match self.client.export(message).await {
            RequestOutcome::Taken { .. } => None,
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

/// Reads a payload from the queue and translates it to the encoding that is sent.
fn piece(payload: &[u8], encoding: Encoding) -> ReadableRecord<'_> {
    OtlpPayload::parse(payload)?.to(encoding)
}
