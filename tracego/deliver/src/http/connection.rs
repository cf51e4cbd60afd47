//! Connection to a receiver, plain or with TLS, and one request over it.

use std::{error::Error, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Uri,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::{
    client::legacy::connect::HttpConnector,
    rt::{TokioExecutor, TokioIo},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tower_service::Service as _;

use super::{
    Response, chain,
    tls::{TlsError, TlsSettings},
};

/// Maximum number of bytes that are read of a body, unless the connector has another.
pub(super) const LONGEST: usize = 4 << 20;
/// Time limit for ending a connection in order.
const GOODBYE: Duration = Duration::from_millis(500);
/// Idle time after which the operating system probes a silent peer.
const SILENT: Duration = Duration::from_secs(30);

/// HTTP versions that may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HttpVersions {
    /// HTTP/1.1.
    One,
    /// HTTP/2, with prior knowledge if there is no TLS.
    Two,
    /// Over TLS, the version that the peer chooses; otherwise HTTP/1.1.
    Best,
}

/// Connector to one address.
#[derive(Clone, Debug)]
pub struct Connector {
    uri: Uri,
    versions: HttpVersions,
    tcp: HttpConnector,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    longest: usize,
}

/// Byte stream from and to a peer.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

impl Connector {
    /// Creates a connector to the host of an `http` or `https` address. Reads what TLS needs; without TLS, no
    /// certificates have to be on the machine.
    ///
    /// # Errors
    /// Fails if TLS cannot be set up; see [`TlsError`].
    pub fn new(
        uri: &Uri,
        tls: &TlsSettings,
        versions: HttpVersions,
        limit: Duration,
    ) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Requests are sent at once.
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(SILENT));
        tcp.set_connect_timeout(Some(limit));
        let alpn: &[&[u8]] = match versions {
            HttpVersions::One => &[],
            HttpVersions::Two => &[b"h2"],
            HttpVersions::Best => &[b"h2", b"http/1.1"],
        };
        let tls = if uri.scheme_str() == Some("https") {
            let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            let name = tls.server_name.as_deref().unwrap_or(host);
            let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
            Some((Arc::new(tls.client(alpn)?), name))
        } else {
            None
        };
        Ok(Self { uri: uri.clone(), versions, tcp, tls, longest: LONGEST })
    }

    /// Sets the maximum number of bytes that are read of a body.
    pub(super) fn set_longest(&mut self, bytes: usize) {
        self.longest = bytes;
    }

    /// Connects. Returns the stream, and whether HTTP/2 is to be used on it.
    ///
    /// # Errors
    /// Fails if the connection cannot be made. The error text does not name the address.
    pub async fn stream(&self) -> Result<(TokioIo<Box<dyn ByteStream>>, bool), String> {
        let stream = self.tcp.clone().call(self.uri.clone()).await.map_err(|error| root(&error))?;
        let stream = stream.into_inner();
        let Some((config, name)) = &self.tls else {
            return Ok((TokioIo::new(Box::new(stream)), self.versions == HttpVersions::Two));
        };
        let stream = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await;
        let stream = stream.map_err(|error| format!("TLS: {error}"))?;
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if self.versions == HttpVersions::Two && !two {
            return Err("the receiver does not offer HTTP/2 over TLS, which gRPC needs".to_owned());
        }
        Ok((TokioIo::new(Box::new(stream)), two))
    }

    pub(super) async fn connect(&self) -> Result<Connection, String> {
        let (stream, two) = self.stream().await?;
        Connection::new(stream, two, self.longest).await.map_err(|error| chain(&error))
    }
}

/// Connection that sends requests, one after the other.
pub(super) struct Connection {
    sender: RequestSender,
    driver: JoinHandle<()>,
    longest: usize,
    /// Whether an answer came over the connection. A later failure may mean that it was kept too long.
    pub(super) used: bool,
}

enum RequestSender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// Reason why there is no whole response.
pub(super) enum RequestError {
    /// No part of a response came.
    Unanswered(String),
    /// A response began.
    Cut(String),
}

impl Connection {
    async fn new(stream: TokioIo<Box<dyn ByteStream>>, two: bool, longest: usize) -> hyper::Result<Self> {
        let (sender, driver) = if two {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            (RequestSender::Two(sender), tokio::spawn(ended(connection)))
        } else {
            let (sender, connection) = http1::handshake(stream).await?;
            (RequestSender::One(sender), tokio::spawn(ended(connection)))
        };
        Ok(Self { sender, driver, longest, used: false })
    }

    /// Whether the connection can take a request, as far as is known.
    pub(super) async fn ready(&mut self) -> bool {
        match &mut self.sender {
            RequestSender::One(sender) => sender.ready().await.is_ok(),
            RequestSender::Two(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Whether the connection uses HTTP/2, where a request has the whole URL. HTTP/1.1 has only the path.
    pub(super) fn is_two(&self) -> bool {
        matches!(self.sender, RequestSender::Two(_))
    }

    /// Sends a request and reads the answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response, RequestError> {
        let response = match &mut self.sender {
            RequestSender::One(sender) => sender.send_request(request).await,
            RequestSender::Two(sender) => sender.send_request(request).await,
        };
        let (parts, body) = response.map_err(|error| RequestError::Unanswered(chain(&error)))?.into_parts();
        let mut response = Response { status: parts.status, headers: parts.headers, ..Response::default() };
        let read = read(body, self.longest, &mut response).await;
        read.map_err(|error| RequestError::Cut(format!("the answer was cut: {}", chain(&error))))?;
        self.used = true;
        Ok(response)
    }

    /// Ends the connection in order, if the peer still listens. Without this call, the connection ends when
    /// it is dropped.
    pub(super) async fn close(self) {
        drop(self.sender);
        // A failure is not worth a message.
        let _ended = timeout(GOODBYE, self.driver).await;
    }
}

/// Reads a body, up to `longest` bytes, and the trailers behind it.
async fn read(mut body: Incoming, longest: usize, response: &mut Response) -> hyper::Result<()> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                let room = longest - bytes.len();
                bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
                if data.len() > room {
                    response.cut = true;
                    break;
                }
            }
            Err(frame) => {
                response.trailers.extend(frame.into_trailers().unwrap_or_else(|_| HeaderMap::new()))
            }
        }
    }
    response.body = bytes.into();
    Ok(())
}

async fn ended(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(error = chain(&error), "a connection to a receiver");
    }
}

/// Returns the root cause of an error: the text of the operating system.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(error) = last.source() {
        last = error;
    }
    last.to_string()
}
