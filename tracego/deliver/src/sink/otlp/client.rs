//! HTTP client of the OTLP sink: sends messages of any signal, one at a time, and reports the outcome of
//! each.
//!
//! Requests are not retried here, except when a kept connection turns out to be dead. Proxies are not used,
//! and redirects are not followed: records go only where the configuration says.

use std::time::SystemTime;

use hyper::{
    HeaderMap, Method, Request, Uri,
    body::Bytes,
    header::{self, HeaderValue},
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;

use super::{
    compression::compress,
    grpc,
    response::{RequestOutcome, answer},
};
use crate::{
    collector::{Endpoint, OtlpCompression, OtlpConfig, OtlpConfigError, OtlpProtocol, Signal},
    format::otlp::Encoding,
    http::{self, HttpVersions},
    sink::delivery::DeliveryError,
};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("tracego/", env!("CARGO_PKG_VERSION")));

/// Client of one receiver.
pub struct OtlpClient {
    resolved: OtlpConfig,
    http: http::ReceiverClient,
    uri: Uri,
    /// Headers of every request.
    headers: HeaderMap,
    /// Whether the last answer may mean that the receiver does not know the compression.
    refused_coding: bool,
}

impl OtlpClient {
    /// Creates a client and reads the certificates. Does not connect yet.
    ///
    /// # Errors
    /// Fails if the endpoint or the certificates cannot be used.
    pub fn new(resolved: &OtlpConfig) -> Result<Self, OtlpConfigError> {
        let Endpoint { authority, path, .. } = &resolved.endpoint;
        let uri = format!("{}://{authority}{path}", resolved.endpoint.scheme());
        let uri: Uri = uri.parse().map_err(|_| OtlpConfigError::new("endpoint", "is no URL"))?;
        let (headers, resolved) = (headers(resolved), resolved.clone());
        Ok(Self { http: client(&resolved, &uri)?, uri, headers, resolved, refused_coding: false })
    }

    /// Returns the address of the receiver.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.resolved.endpoint
    }

    /// Returns the signal that is sent.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.resolved.signal
    }

    /// Returns the encoding that messages must have.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.resolved.protocol.encoding()
    }

    /// Returns the compression of requests.
    #[must_use]
    pub fn compression(&self) -> OtlpCompression {
        self.resolved.compression
    }

    /// Compresses requests in another way from now on.
    pub(super) fn set_compression(&mut self, compression: OtlpCompression) {
        self.resolved.compression = compression;
        self.headers = headers(&self.resolved);
    }

    /// Returns whether the last answer may mean that the receiver does not know the compression of the
    /// request: such receivers answer that the request is invalid, or not supported.
    pub(super) fn has_refused_coding(&self) -> bool {
        self.refused_coding
    }

    /// Returns whether a receiver that ignores the compression can take the compressed message for another
    /// message. Frames of zstd are valid protobuf at times.
    pub(super) fn is_ambiguous(&self, message: &[u8]) -> bool {
        self.resolved.compression == OtlpCompression::Zstd
            && self.resolved.protocol == OtlpProtocol::HttpProtobuf
            && compress(OtlpCompression::Zstd, message.to_vec())
                .is_ok_and(|frame| ExportLogsServiceRequest::decode(&frame[..]).is_ok())
    }

    /// Reads the certificates again. The new ones are used from the next request on.
    ///
    /// # Errors
    /// Fails if the certificates cannot be used; the previous ones then stay in use.
    pub fn reload_certificates(&mut self) -> Result<(), OtlpConfigError> {
        self.http = client(&self.resolved, &self.uri)?;
        Ok(())
    }

    /// Closes the connection. No request is pending.
    pub async fn close(&mut self) {
        self.http.close().await;
    }

    /// Sends an `Export…ServiceRequest` and waits for the whole answer, within the timeout. Returns the
    /// outcome.
    pub async fn export(&mut self, message: Vec<u8>) -> RequestOutcome {
        let compression = self.resolved.compression;
        let body = match compress(compression, message) {
            Ok(body) => body,
            Err(error) => return RequestOutcome::again(format!("{}: {error}", compression.name())),
        };
        let body = match self.resolved.protocol {
            OtlpProtocol::Grpc => grpc::frame(&body, compression != OtlpCompression::None),
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => body,
        };
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.uri);
        request.headers_mut().clone_from(&self.headers);
        self.refused_coding = false;
        let answer = match self.http.send(&request).await {
            Ok(response) => {
                self.refused_coding = match self.resolved.protocol {
                    OtlpProtocol::Grpc => grpc::refuses_coding(&response),
                    OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
                        matches!(response.status.as_u16(), 400 | 415 | 422 | 501)
                    }
                };
                answer(&response, self.resolved.protocol, self.signal(), SystemTime::now())
            }
            Err(why) => RequestOutcome::again(why),
        };
        match answer {
            RequestOutcome::Again(trouble) => RequestOutcome::Again(DeliveryError {
                why: format!("{}: {}", self.resolved.endpoint, trouble.why),
                ..trouble
            }),
            other => other,
        }
    }
}

fn client(resolved: &OtlpConfig, uri: &Uri) -> Result<http::ReceiverClient, OtlpConfigError> {
    let versions = match resolved.protocol {
        OtlpProtocol::Grpc => HttpVersions::Two,
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => HttpVersions::Best,
    };
    Ok(http::ReceiverClient::new(uri, &resolved.tls, versions, resolved.timeout)?)
}

/// Builds the headers of every request.
fn headers(resolved: &OtlpConfig) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.extend(resolved.headers.clone());
    let coding = Some(resolved.compression).filter(|&compression| compression != OtlpCompression::None);
    let coding = coding.map(|compression| HeaderValue::from_static(compression.name()));
    if resolved.protocol == OtlpProtocol::Grpc {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        // The header holds at most eight digits; a longer timeout is left out.
        let millis = resolved.timeout.as_millis();
        if millis < 100_000_000
            && let Ok(value) = HeaderValue::from_str(&format!("{millis}m"))
        {
            headers.insert("grpc-timeout", value);
        }
        if let Some(coding) = coding {
            headers.insert("grpc-encoding", coding);
        }
    } else {
        let kind = resolved.protocol.encoding().media_type();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, coding);
        }
    }
    headers
}
