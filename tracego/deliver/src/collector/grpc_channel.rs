//! Connections to a collector for gRPC.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{Uri, header::HeaderMap};
use hyper_util::rt::TokioIo;
use tonic::{
    Request, Status,
    metadata::MetadataMap,
    service::Interceptor,
    transport::{Channel, Endpoint},
};
use tower_service::Service;

use super::{CollectorTarget, TargetError};
use crate::http::{ByteStream, Connector, HttpVersions};

/// Creates a channel for gRPC that connects when it is first needed.
pub(super) fn channel(target: &CollectorTarget, uri: &Uri) -> Result<Channel, TargetError> {
    let wrong = |error: String| TargetError::Endpoint(target.endpoint.clone(), error);
    let connector = Connector::new(uri, &target.tls, HttpVersions::Two, target.timeout)?;
    // tonic refuses https:// from a connector that is not its own if its TLS is compiled in. So tonic gets a
    // plain address, and the connector uses the true one.
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(hyper::http::uri::Scheme::HTTP);
    let plain = Uri::from_parts(parts).map_err(|error| wrong(error.to_string()))?;
    let endpoint = Endpoint::from_shared(plain.to_string()).map_err(|error| wrong(error.to_string()))?;
    let endpoint = endpoint.origin(uri.clone()).timeout(target.timeout).connect_timeout(target.timeout);
    Ok(endpoint.connect_with_connector_lazy(FixedAddressConnector(connector)))
}

/// Connector that goes to one address, whatever address it is asked for.
#[derive(Clone)]
struct FixedAddressConnector(Connector);

impl Service<Uri> for FixedAddressConnector {
    type Response = TokioIo<Box<dyn ByteStream>>;
    type Error = String;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, String>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.0.clone();
        Box::pin(async move { connector.stream().await.map(|(stream, _)| stream) })
    }
}

/// Configured headers, in place of those that the exporter takes from the environment.
#[derive(Clone)]
pub(super) struct HeaderInterceptor(MetadataMap);

impl HeaderInterceptor {
    pub(super) fn new(headers: HeaderMap) -> Self {
        Self(MetadataMap::from_headers(headers))
    }
}

impl Interceptor for HeaderInterceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        *request.metadata_mut() = self.0.clone();
        Ok(request)
    }
}
