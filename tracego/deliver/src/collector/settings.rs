//! Configuration of an OTLP sink.

use std::collections::BTreeMap;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tracego_model::units::{Bytes, Span};

use super::resolve::OtlpConfigError;
use crate::{format::otlp::Encoding, http::tls::TlsSettings};

/// Kind of data that is sent. Each signal has its own variables, paths and messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// Records.
    Logs,
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// Returns the signal's part of a variable name, as in `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Logs => "LOGS",
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }

    /// Returns the path that is appended over HTTP to the endpoint of all signals.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Logs => "v1/logs",
            Self::Traces => "v1/traces",
            Self::Metrics => "v1/metrics",
        }
    }

    /// Returns the path of the signal's gRPC method.
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    /// Returns the name of the field with the number of rejected items, in a JSON response.
    pub(crate) fn rejected(self) -> &'static str {
        match self {
            Self::Logs => "rejectedLogRecords",
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
        }
    }
}

/// Protocol of requests: transport and encoding.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub enum OtlpProtocol {
    /// gRPC over HTTP/2.
    #[serde(rename = "grpc")]
    Grpc,
    /// Protobuf in an HTTP POST. The specification's default.
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
    /// JSON in an HTTP POST.
    #[serde(rename = "http/json")]
    HttpJson,
}

impl OtlpProtocol {
    /// All protocols.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    /// Returns the name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }

    /// Returns the encoding of messages.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Grpc | Self::HttpProtobuf => Encoding::Protobuf,
            Self::HttpJson => Encoding::Json,
        }
    }
}

/// Compression of requests.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum OtlpCompression {
    /// No compression.
    #[default]
    None,
    /// gzip, which every receiver supports.
    Gzip,
    /// Zstandard: faster and smaller, but not every receiver supports it.
    Zstd,
}

impl OtlpCompression {
    /// All kinds of compression.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// Returns the compression itself, and those to try if a receiver does not know it.
    #[must_use]
    pub fn fallbacks(self) -> &'static [Self] {
        match self {
            Self::None => &[Self::None],
            Self::Gzip => &[Self::Gzip, Self::None],
            Self::Zstd => &[Self::Zstd, Self::Gzip, Self::None],
        }
    }

    /// Returns the name in the configuration and in request headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Default size limit of a request before compression, in bytes. gRPC receivers take 4 MiB unless configured
/// otherwise, and the framing of records comes on top.
const BATCH_BYTES: Bytes = Bytes(3 << 20);
/// Default limit of records per request.
const BATCH_RECORDS: usize = 2048;

/// Keys of a sink of type `otlp`. Missing keys are taken from `OTEL_EXPORTER_OTLP_*`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OtlpSettings {
    /// Address of the receiver: `http://collector:4318`. Over HTTP, `/v1/logs` is appended unless it is there
    /// already. gRPC allows an address without a scheme; `OTEL_EXPORTER_OTLP_INSECURE` then decides about
    /// TLS.
    pub endpoint: Option<String>,
    /// `grpc`, `http/protobuf` (the default) or `http/json`.
    pub protocol: Option<OtlpProtocol>,
    /// `none` (the default), `gzip` or `zstd`.
    pub compression: Option<OtlpCompression>,
    /// Headers of every request, instead of those of the environment.
    pub headers: BTreeMap<String, String>,
    /// Timeout of one request, from connecting to the whole answer; 10 seconds by default.
    pub timeout: Option<Span>,
    /// Trusted certificates and client certificate; only for endpoints with `https`.
    pub tls: Option<TlsSettings>,
    /// Resource attributes beside those of `OTEL_RESOURCE_ATTRIBUTES`; they win over all others.
    pub resource: BTreeMap<String, String>,
    /// Maximum size of one request before compression; a larger record is sent alone.
    pub batch_bytes: Bytes,
    /// Maximum number of records per request.
    pub batch_records: usize,
}

impl Default for OtlpSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            protocol: None,
            compression: None,
            headers: BTreeMap::new(),
            timeout: None,
            tls: None,
            resource: BTreeMap::new(),
            batch_bytes: BATCH_BYTES,
            batch_records: BATCH_RECORDS,
        }
    }
}

impl OtlpSettings {
    /// Checks everything that does not depend on the environment.
    ///
    /// # Errors
    /// Fails if a value is invalid. The error names the key and what to write.
    pub fn check(&self) -> Result<(), OtlpConfigError> {
        if !(1 << 16..=64 << 20).contains(&self.batch_bytes.0) {
            return Err(OtlpConfigError::new("batch-bytes", "write 64K to 64M"));
        }
        if !(1..=65_536).contains(&self.batch_records) {
            return Err(OtlpConfigError::new("batch-records", "write 1 to 65536"));
        }
        if self.timeout.is_some_and(|span| span.0.is_zero()) {
            return Err(OtlpConfigError::new("timeout", "must be more than 0; write 10s"));
        }
        if self.resource.keys().any(String::is_empty) {
            return Err(OtlpConfigError::new("resource", "an attribute has no name"));
        }
        header_map("headers", self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .map(|_| ())
    }
}

/// Headers that frame the message; only tracego sets them.
const RESERVED_HEADERS: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Builds the headers of requests. Values may be passwords: errors name the header and never its value.
pub(crate) fn header_map<'a>(
    given_by: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<HeaderMap, OtlpConfigError> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(OtlpConfigError::new(
                given_by,
                format!("'{}' is no name of a header", name.escape_debug()),
            ));
        };
        if RESERVED_HEADERS.contains(&key.as_str()) || key.as_str().starts_with("grpc-") {
            return Err(OtlpConfigError::new(given_by, format!("{key} is set by tracego itself")));
        }
        let Ok(mut value) = HeaderValue::from_bytes(value.as_bytes()) else {
            return Err(OtlpConfigError::new(
                given_by,
                format!("the value of {key} holds characters that are not allowed in a header"),
            ));
        };
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}
