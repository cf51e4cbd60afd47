//! OTLP receivers: their address and settings for every signal, and the exporters of traces and metrics.
//!
//! [`resolve`] merges the configuration with the environment. The sink for records has a client of its own;
//! traces and metrics go through the exporters of OpenTelemetry.
//!
//! `opentelemetry-otlp` makes the requests. The connections below it are ours: they have TLS like all sinks,
//! only the configured headers, and give access to the collector's answers, which the exporters keep to
//! themselves.

mod endpoint;
mod grpc_channel;
mod http;
mod outcome;
mod resolve;
mod settings;

use std::{str::FromStr, time::Duration};

pub use endpoint::Endpoint;
pub use http::LastAnswer;
use hyper::{
    Uri,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use opentelemetry_otlp::{
    Compression as Otlp, ExporterBuildError, MetricExporter, Protocol as Wire, RetryPolicy, SpanExporter,
    WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
pub use outcome::ExportOutcome;
pub use resolve::{OtlpConfig, OtlpConfigError, resolve};
pub use settings::{OtlpCompression, OtlpProtocol, OtlpSettings, Signal};
use tracego_model::record::SCHEMA_URL;

use crate::http::tls::{TlsError, TlsSettings};

/// Protocol of requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CollectorProtocol {
    /// gRPC, usually port 4317.
    Grpc,
    /// Protobuf over HTTP, usually port 4318.
    #[default]
    HttpProtobuf,
}

/// Compression of requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CollectorCompression {
    /// No compression. The exporters then still follow `OTEL_EXPORTER_OTLP_COMPRESSION`; every collector
    /// understands gzip.
    None,
    /// gzip.
    #[default]
    Gzip,
}

/// Collector for one signal.
#[derive(Clone, Debug)]
pub struct CollectorTarget {
    /// URL with `http://` or `https://`; over HTTP complete, with `/v1/traces` or `/v1/metrics`.
    pub endpoint: String,
    /// Protocol of requests.
    pub protocol: CollectorProtocol,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// Compression of requests.
    pub compression: CollectorCompression,
    /// Timeout of a request and its answer.
    pub timeout: Duration,
    /// TLS settings, for `https://`.
    pub tls: TlsSettings,
}

impl Default for CollectorTarget {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            protocol: CollectorProtocol::default(),
            headers: Vec::new(),
            compression: CollectorCompression::default(),
            timeout: Duration::from_secs(10),
            tls: TlsSettings::default(),
        }
    }
}

/// Reason why requests to a collector are impossible.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The endpoint is no address.
    #[error("endpoint '{0}': {1}; write an address like http://127.0.0.1:4318/v1/traces")]
    Endpoint(String, String),
    /// A header is not valid in HTTP. The value may be a secret.
    #[error("header '{0}': invalid name or value")]
    Header(String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The exporter refuses its settings.
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
    /// The thread cannot be started.
    #[error("cannot start an exporter's thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Checked address and headers of a target.
struct CheckedTarget {
    uri: Uri,
    headers: HeaderMap,
}

impl CollectorTarget {
    fn check(&self) -> Result<CheckedTarget, TargetError> {
        let wrong = |why: &str| TargetError::Endpoint(self.endpoint.clone(), why.to_owned());
        let uri = Uri::from_str(&self.endpoint).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(wrong("no http:// or https:// with a host"));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let pair = HeaderName::from_str(name).ok().zip(HeaderValue::from_str(value).ok());
            let (name, mut value) = pair.ok_or_else(|| TargetError::Header(name.clone()))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(CheckedTarget { uri, headers })
    }

    /// Creates an exporter of spans. Call within the runtime that it is used in.
    pub fn spans(&self, resource: &Resource) -> Result<(SpanExporter, LastAnswer), TargetError> {
        use opentelemetry_sdk::trace::SpanExporter as _;
        let CheckedTarget { uri, headers } = self.check()?;
        let answers = LastAnswer::default();
        let mut exporter = match self.protocol {
            CollectorProtocol::Grpc => {
                let builder = SpanExporter::builder().with_tonic();
                let builder =
                    builder.with_channel(grpc_channel::channel(self, &uri)?).with_timeout(self.timeout);
                let builder = builder.with_interceptor(grpc_channel::HeaderInterceptor::new(headers));
                let builder = builder.with_retry_policy(once());
                match self.compression {
                    CollectorCompression::None => builder.build()?,
                    CollectorCompression::Gzip => builder.with_compression(Otlp::Gzip).build()?,
                }
            }
            CollectorProtocol::HttpProtobuf => {
                let client = http::ExporterHttpClient::new(self, headers, answers.clone())?;
                let builder = SpanExporter::builder().with_http().with_http_client(client);
                let builder = builder.with_endpoint(&self.endpoint).with_timeout(self.timeout);
                let builder = builder.with_protocol(Wire::HttpBinary).with_retry_policy(once());
                match self.compression {
                    CollectorCompression::None => builder.build()?,
                    CollectorCompression::Gzip => builder.with_compression(Otlp::Gzip).build()?,
                }
            }
        };
        exporter.set_resource(resource);
        Ok((exporter, answers))
    }

    /// Creates an exporter of metrics. Call within the runtime that it is used in.
    pub fn metrics(&self) -> Result<(MetricExporter, LastAnswer), TargetError> {
        let CheckedTarget { uri, headers } = self.check()?;
        let answers = LastAnswer::default();
        let exporter = match self.protocol {
            CollectorProtocol::Grpc => {
                let builder = MetricExporter::builder().with_tonic();
                let builder =
                    builder.with_channel(grpc_channel::channel(self, &uri)?).with_timeout(self.timeout);
                let builder = builder.with_interceptor(grpc_channel::HeaderInterceptor::new(headers));
                match self.compression {
                    CollectorCompression::None => builder.build()?,
                    CollectorCompression::Gzip => builder.with_compression(Otlp::Gzip).build()?,
                }
            }
            CollectorProtocol::HttpProtobuf => {
                let client = http::ExporterHttpClient::new(self, headers, answers.clone())?;
                let builder = MetricExporter::builder().with_http().with_http_client(client);
                let builder = builder.with_endpoint(&self.endpoint).with_timeout(self.timeout);
                let builder = builder.with_protocol(Wire::HttpBinary);
                match self.compression {
                    CollectorCompression::None => builder.build()?,
                    CollectorCompression::Gzip => builder.with_compression(Otlp::Gzip).build()?,
                }
            }
        };
        Ok((exporter, answers))
    }
}

/// Returns a policy without retries: tracego retries itself, for longer, and counts what is lost.
fn once() -> RetryPolicy {
    RetryPolicy::recommended().with_max_retries(0)
}

/// Returns the resource that spans and metrics belong to.
#[must_use]
pub fn resource(attributes: Vec<opentelemetry::KeyValue>) -> Resource {
    Resource::builder_empty().with_schema_url(attributes, SCHEMA_URL).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(target: &CollectorTarget) -> String {
        target.check().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        for endpoint in ["", "collector:4318", "ftp://collector", "http://", "http://a b"] {
            let text = wrong(&CollectorTarget { endpoint: endpoint.into(), ..CollectorTarget::default() });
            assert!(text.starts_with(&format!("endpoint '{endpoint}'")), "{text}");
        }
        let endpoint = "http://127.0.0.1:4318/v1/traces".to_owned();
        let headers = vec![("x-key".to_owned(), "se\ncret".to_owned())];
        let text =
            wrong(&CollectorTarget { endpoint: endpoint.clone(), headers, ..CollectorTarget::default() });
        assert!(text.contains("'x-key'") && !text.contains("cret"), "{text}");
        assert_eq!(wrong(&CollectorTarget { endpoint, ..CollectorTarget::default() }), "");
    }
}
