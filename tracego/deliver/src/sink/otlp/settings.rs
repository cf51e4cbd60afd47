//! What the configuration says about an OTLP receiver.

use std::collections::BTreeMap;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::env::Error;
use crate::{format::otlp::Encoding, http::tls::TlsSettings};
use tracego_model::units::{Bytes, Span};

/// What is sent: each has its own variables, paths and messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// Records.
    Logs,
    /// Spans.
    Traces,
    /// Numbers.
    Metrics,
}

impl Signal {
    /// Its part of a variable: `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Logs => "LOGS",
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }

    /// What is appended to the endpoint of all signals, over HTTP.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Logs => "v1/logs",
            Self::Traces => "v1/traces",
            Self::Metrics => "v1/metrics",
        }
    }

    /// The method of its gRPC service.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    /// How many were refused, in a response in JSON.
    pub(super) fn rejected(self) -> &'static str {
        match self {
            Self::Logs => "rejectedLogRecords",
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
        }
    }
}

/// How requests are written and carried.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    #[serde(rename = "grpc")]
    Grpc,
    /// Protobuf in a POST. The specification's default.
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
    /// JSON in a POST.
    #[serde(rename = "http/json")]
    HttpJson,
}

impl Protocol {
    /// All.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    /// As it is chosen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }

    /// How its messages are written.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Grpc | Self::HttpProtobuf => Encoding::Protobuf,
            Self::HttpJson => Encoding::Json,
        }
    }
}

/// How requests are made smaller.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Every receiver has it.
    Gzip,
    /// Faster and smaller; not every receiver has it.
    Zstd,
}

impl Compression {
    /// All.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// As it is chosen, and as it is called in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Bytes of a request before compression: receivers of gRPC take 4 MiB unless they are told otherwise, and
/// what frames the records comes on top.
const BATCH_BYTES: Bytes = Bytes(3 << 20);
/// Records of a request.
const BATCH_RECORDS: usize = 2048;

/// The keys of a sink of type `otlp`. What is not given comes from `OTEL_EXPORTER_OTLP_*`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// Where the receiver is: `http://collector:4318`. Over HTTP `/v1/logs` is appended, unless it is
    /// there already. Without a scheme, which gRPC allows, `OTEL_EXPORTER_OTLP_INSECURE` decides about TLS.
    pub endpoint: Option<String>,
    /// `grpc`, `http/protobuf` (the default) or `http/json`.
    pub protocol: Option<Protocol>,
    /// `none` (the default), `gzip` or `zstd`.
    pub compression: Option<Compression>,
    /// Headers of every request, instead of those of the environment.
    pub headers: BTreeMap<String, String>,
    /// For one request, from the connection to the whole answer. 10 seconds unless given.
    pub timeout: Option<Span>,
    /// Who is trusted, and who we are; for endpoints with `https` alone.
    pub tls: Option<TlsSettings>,
    /// Attributes of the resource, beside those of `OTEL_RESOURCE_ATTRIBUTES`. They win over all others.
    pub resource: BTreeMap<String, String>,
    /// Most bytes of one request before compression; a larger record goes alone.
    pub batch_bytes: Bytes,
    /// Most records of one request.
    pub batch_records: usize,
}

impl Default for Settings {
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

impl Settings {
    /// What can be said without the environment.
    ///
    /// # Errors
    /// Names the key and what to write.
    pub fn check(&self) -> Result<(), Error> {
        if !(1 << 16..=64 << 20).contains(&self.batch_bytes.0) {
            return Err(Error::new("batch-bytes", "write 64K to 64M"));
        }
        if !(1..=65_536).contains(&self.batch_records) {
            return Err(Error::new("batch-records", "write 1 to 65536"));
        }
        if self.timeout.is_some_and(|span| span.0.is_zero()) {
            return Err(Error::new("timeout", "a request needs some time; write 10s"));
        }
        if self.resource.keys().any(String::is_empty) {
            return Err(Error::new("resource", "an attribute has no name"));
        }
        header_map("headers", self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .map(|_| ())
    }
}

/// Headers that say how the message is carried; they are ours.
const OURS: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers for requests. They hold passwords: errors name the header and never its value.
pub(super) fn header_map<'a>(
    given_by: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let Ok(key) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(Error::new(given_by, format!("'{}' is no name of a header", name.escape_debug())));
        };
        if OURS.contains(&key.as_str()) || key.as_str().starts_with("grpc-") {
            return Err(Error::new(given_by, format!("{key} is set by tracego itself")));
        }
        let Ok(mut value) = HeaderValue::from_bytes(value.as_bytes()) else {
            return Err(Error::new(
                given_by,
                format!("the value of {key} holds characters that no header has"),
            ));
        };
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}
