//! Connections to a collector: plain or TLS, as the address says.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use hyper::{Uri, header::HeaderMap};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tonic::{
    Request, Status,
    metadata::MetadataMap,
    service::Interceptor,
    transport::{Channel, Endpoint},
};
use tower_service::Service;

use super::{Target, TargetError};
use crate::sink::tls::TlsError;

/// What makes connections, for HTTP/2 alone or HTTP/1.1 alone.
pub(super) fn connector(
    target: &Target,
    uri: &Uri,
    http2: bool,
) -> Result<HttpsConnector<HttpConnector>, TargetError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(target.timeout));
    // Without TLS the certificates of the system need not be there.
    let config = if uri.scheme_str() == Some("https") {
        target.tls.client(&[])?
    } else {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::from)?;
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    let builder = match &target.tls.server_name {
        Some(name) => {
            let name = ServerName::try_from(name.clone());
            let name = name.map_err(|error| TargetError::ServerName(error.to_string()))?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
        None => builder,
    };
    Ok(if http2 {
        builder.enable_http2().wrap_connector(tcp)
    } else {
        builder.enable_http1().wrap_connector(tcp)
    })
}

/// A connection for gRPC, made when it is first needed.
pub(super) fn channel(target: &Target, uri: &Uri) -> Result<Channel, TargetError> {
    let wrong = |error: String| TargetError::Endpoint(target.endpoint.clone(), error);
    let connector = connector(target, uri, true)?;
    // tonic refuses https:// from a connector that is not its own where its TLS is compiled in. So it is
    // told of a plain address, and the connector goes to the true one.
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(hyper::http::uri::Scheme::HTTP);
    let plain = Uri::from_parts(parts).map_err(|error| wrong(error.to_string()))?;
    let endpoint = Endpoint::from_shared(plain.to_string()).map_err(|error| wrong(error.to_string()))?;
    let endpoint = endpoint.origin(uri.clone()).timeout(target.timeout).connect_timeout(target.timeout);
    Ok(endpoint.connect_with_connector_lazy(To { connector, uri: uri.clone() }))
}

/// Goes to one address, whatever it is asked for.
#[derive(Clone)]
struct To {
    connector: HttpsConnector<HttpConnector>,
    uri: Uri,
}

impl Service<Uri> for To {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = <HttpsConnector<HttpConnector> as Service<Uri>>::Error;
    type Future = <HttpsConnector<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        self.connector.call(self.uri.clone())
    }
}

/// The headers that were configured, in place of what the exporter takes from the environment.
#[derive(Clone)]
pub(super) struct Headers(MetadataMap);

impl Headers {
    pub(super) fn new(headers: HeaderMap) -> Self {
        Self(MetadataMap::from_headers(headers))
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        *request.metadata_mut() = self.0.clone();
        Ok(request)
    }
}
