//! Webhook sink: HTTP requests with batches of records, as NDJSON or as batches of CloudEvents.
//!
//! A batch is taken when the receiver has answered with 2xx, to the end of the answer. Without an answer, the
//! same request is sent again, with the same key: see [`KEY_HEADER`]. A receiver recognises duplicates by the
//! key, or by the id in each record (`log.record.uid`, in CloudEvents `id`, in OCSF `metadata.uid`, in ECS
//! `event.id`, in CEF `externalId`).
//!
//! | answer | what happens |
//! |---|---|
//! | 2xx | taken |
//! | 408, 425, 429, 5xx | retried, not before `Retry-After` |
//! | 400, 413, 422 and others about the content | split in halves, down to the record at fault: refused |
//! | 3xx, 401, 403, 404, 405, 415 and others about the request | retried until the settings are right |
//!
//! A receiver that has taken no record yet may refuse everything, for example because of a mistake in the
//! query of the URL. No record is given up before the receiver has taken one.
//!
//! A record that keeps getting an answer of the second row alone, while others are taken, is given up: see
//! [`WebhookTransport::isolate`].
//!
//! Bodies have no envelope. Splunk's HTTP Event Collector wants one of its own around each event: reach it
//! through a collector. The types `clickhouse` and `elasticsearch` are this sink with another
//! dialect.

mod body;
mod dialect;
pub(crate) mod response_class;
mod secret;
mod settings;

use std::ops::Range;

use self::response_class::ResponseClass;
pub(crate) use self::{dialect::ReceiverDialect, settings::secret_value};
pub use self::{
    secret::{EnvSecret, FileSecret, Secret},
    settings::{Method, WebhookCompression, WebhookSettings},
};
use hyper::{
    Method as HttpMethod, Request, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT},
};

use super::{
    delivery::{
        DeliveryError, DeliveryResult,
        batch_split::{BatchSplit, ItemOutcome, RequestOutcome},
    },
    elasticsearch::BulkCredentials,
};
use crate::{
    format::Format,
    http::{HttpVersions, ReceiverClient, Response, display_uri},
};

/// Name of the header with the HMAC-SHA256 of the body as it is sent (after compression), with the setting
/// `secret` as key: `sha256=` and hexadecimal digits, like GitHub's `X-Hub-Signature-256`.
pub const SIGNATURE_HEADER: &str = "x-tracego-signature-256";

/// Name of the header with the key of a request (IETF draft "The Idempotency-Key HTTP Header Field"): a hash
/// of the records, so that the same records in one request have the same key at each attempt.
pub const KEY_HEADER: &str = "idempotency-key";
/// Part of a URL that is replaced by the key of the request.
pub(crate) const KEY_IN_URL: &str = "{batch}";

/// Size in bytes below which requests are not reduced for a receiver that finds them too large.
const LEAST: usize = 4096;

/// Webhook transport.
pub struct WebhookTransport {
    client: ReceiverClient,
    uri: Uri,
    dialect: ReceiverDialect,
    settings: WebhookSettings,
    headers: Vec<(HeaderName, HeaderValue)>,
    secret: Option<String>,
    /// Maximum size of a request in bytes: `batch-bytes`, or less after the receiver found a request too
    /// large.
    bytes: usize,
    /// Whether the receiver has taken a record.
    proven: bool,
}

impl WebhookTransport {
    /// Creates a transport for payloads that are lines of `format`. Does not connect yet.
    ///
    /// # Errors
    /// Fails if the settings are invalid or a secret cannot be read. The error names the key.
    pub fn new(settings: &WebhookSettings, format: Format) -> Result<Self, String> {
        Self::speaking(settings, ReceiverDialect::Lines(format))
    }

    /// Creates a transport to a receiver of another kind.
    ///
    /// # Errors
    /// Fails as [`new`](Self::new) does.
    pub(crate) fn speaking(settings: &WebhookSettings, dialect: ReceiverDialect) -> Result<Self, String> {
        settings.check()?;
        let uri = settings.uri()?;
        let tls = settings.tls.clone().unwrap_or_default();
        let client = ReceiverClient::new(&uri, &tls, HttpVersions::One, settings.timeout.0);
        let client = client.map_err(|error| error.to_string())?;
        let (headers, secret) = secrets(settings, dialect.credentials())?;
        let bytes = usize::try_from(settings.batch_bytes.0).unwrap_or(usize::MAX);
        Ok(Self { client, uri, dialect, settings: settings.clone(), headers, secret, bytes, proven: false })
    }

    /// Sends a batch in requests of the configured size. Returns what became of the records.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        self.send_all(batch, false).await
    }

    /// Sends a batch like [`deliver`](Self::deliver), but gives up a record that the receiver fails at while
    /// it takes others, at most one per call.
    pub async fn isolate(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        // Each record is judged by what the receiver says now.
        self.dialect.forget();
        let delivered = self.send_all(batch, true).await;
        self.dialect.forget();
        delivered
    }

    async fn send_all(&mut self, batch: &[&[u8]], isolate: bool) -> DeliveryResult {
        let mut parts = BatchSplit::new(batch.len(), isolate, self.proven);
        while parts.done() < batch.len() {
            let request = parts.done()..self.end(batch, parts.done());
            let mut ask = async |range: Range<usize>| self.send_request(&batch[range]).await;
            if !parts.send(request, &mut ask).await {
                break;
            }
        }
        self.proven = parts.is_proven();
        let mut delivered = parts.delivered();
        if delivered.done == batch.len() {
            self.dialect.forget();
        }
        if let Some(trouble) = delivered.trouble.as_mut().filter(|trouble| trouble.unproven) {
            trouble.why = format!("{}: {}", display_uri(&self.uri), trouble.why);
        }
        delivered
    }

    /// Returns the end of the request that starts with the record `start`; it has at least that record.
    fn end(&self, batch: &[&[u8]], start: usize) -> usize {
        let mut room = self.bytes;
        let fitting = batch[start..].iter().take(self.settings.batch_records).take_while(|line| {
            let left = room.checked_sub(line.len() + 1);
            room = left.unwrap_or(0);
            left.is_some()
        });
        start + fitting.count().max(1)
    }

    /// Sends one request, without the records that the receiver has taken before. Returns the outcome for the
    /// records.
    async fn send_request(&mut self, lines: &[&[u8]]) -> RequestOutcome {
        let known = self.dialect.known(lines);
        let unknown = lines.iter().zip(&known).filter(|(_, known)| !**known).map(|(line, _)| *line);
        let unknown: Vec<&[u8]> = unknown.collect();
        let items = match unknown.is_empty() {
            true => Vec::new(),
            false => match self.send_lines(&unknown).await {
                RequestOutcome::Items(items) => items,
                outcome => return outcome,
            },
        };
        let mut items = items.into_iter();
        let all = known.iter().map(|known| match known {
            true => ItemOutcome::Taken,
            false => items.next().unwrap_or_else(|| ItemOutcome::Again(DeliveryError::new("no answer"))),
        });
        RequestOutcome::Items(all.collect())
    }

    async fn send_lines(&mut self, lines: &[&[u8]]) -> RequestOutcome {
        let answer = match self.send(lines).await {
            Ok(answer) => answer,
            Err(trouble) => return RequestOutcome::Again(trouble),
        };
        let why = || format!("{}: {}", display_uri(&self.uri), self.dialect.summary(&answer));
        match self.dialect.classify(&answer, lines) {
            ResponseClass::Taken => RequestOutcome::taken(),
            ResponseClass::Again(after, ours) => RequestOutcome::Again(DeliveryError {
                after,
                sender_fault: ours,
                ..DeliveryError::new(why())
            }),
            ResponseClass::Mistaken(hint) => {
                let why = format!("{}; {hint}", why());
                self.reload_secrets().await;
                RequestOutcome::again(why)
            }
            ResponseClass::Content => {
                if lines.len() > 1 && response_class::too_large(&answer) {
                    let size: usize = lines.iter().map(|line| line.len() + 1).sum();
                    self.bytes = self.bytes.min((size / 2).max(LEAST));
                }
                RequestOutcome::Never(self.dialect.summary(&answer))
            }
            ResponseClass::Items(mut items) => {
                self.dialect.remember(lines, &items);
                for item in &mut items {
                    if let ItemOutcome::Again(trouble) = item {
                        trouble.why = format!("{}: {}", display_uri(&self.uri), trouble.why);
                    }
                }
                RequestOutcome::Items(items)
            }
        }
    }

    async fn send(&mut self, lines: &[&[u8]]) -> Result<Response, DeliveryError> {
        let failed = |why: String| DeliveryError::new(format!("{}: {why}", display_uri(&self.uri)));
        let body = self.dialect.body(lines);
        let key = body::key(&body);
        let uri = self.settings.uri_of(&key).map_err(failed)?;
        let body =
            body::compress(body, self.settings.compression).map_err(|error| failed(error.to_string()))?;
        let method = match self.settings.method {
            Method::Post => HttpMethod::POST,
            Method::Put => HttpMethod::PUT,
        };
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE_HEADER, body::signature(secret, &body));
        }
        let mut request = request.body(Bytes::from(body)).map_err(|error| failed(error.to_string()))?;
        let headers = request.headers_mut();
        let quoted = HeaderValue::try_from(format!("\"{key}\""));
        headers.extend(quoted.ok().map(|key| (HeaderName::from_static(KEY_HEADER), key)));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.dialect.media_type()));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tracego/", env!("CARGO_PKG_VERSION"))));
        if let Some(coding) = self.settings.compression.coding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let sent = self.client.send(&request).await;
        sent.map_err(|why| DeliveryError::new(format!("{}: {why}", display_uri(&self.uri))))
    }

    /// Reads the files with secrets again, since a token may have been replaced. On an error, the previous
    /// secrets stay in use.
    async fn reload_secrets(&mut self) {
        let settings = self.settings.clone();
        let credentials = self.dialect.credentials().cloned();
        let read = tokio::task::spawn_blocking(move || secrets(&settings, credentials.as_ref())).await;
        match read.map_err(|error| error.to_string()).flatten() {
            Ok(read) => (self.headers, self.secret) = read,
            Err(why) => {
                tracing::warn!(%why, "cannot reload the secrets of a webhook; the previous ones stay in use")
            }
        }
    }

    /// Does nothing: the files with secrets are read again when the receiver rejects a request as such.
    pub fn reopen(&mut self) {}

    /// Closes the connection. No request is pending between deliveries.
    pub async fn close(&mut self) {
        self.client.close().await;
    }
}

type Secrets = (Vec<(HeaderName, HeaderValue)>, Option<String>);

fn secrets(settings: &WebhookSettings, credentials: Option<&BulkCredentials>) -> Result<Secrets, String> {
    let secret =
        settings.secret.as_ref().map(Secret::read).transpose().map_err(|why| format!("secret: {why}"))?;
    if secret.as_ref().is_some_and(String::is_empty) {
        return Err("secret: the secret is empty; set one, or leave secret out".to_owned());
    }
    let mut headers = settings.header_values()?;
    if let Some(credentials) = credentials {
        headers.push((AUTHORIZATION, credentials.header()?));
    }
    Ok((headers, secret))
}
