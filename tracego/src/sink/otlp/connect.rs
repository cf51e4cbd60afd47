//! A connection to a receiver, and one request over it.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{answer::Response, endpoint::Endpoint, env::Error};
use crate::sink::tls::TlsSettings;

/// Most bytes of a response; the specification wants a bound.
const LONGEST: usize = 4 << 20;
/// For a connection to end in order.
const GOODBYE: Duration = Duration::from_millis(500);

/// What makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    endpoint: Endpoint,
    /// gRPC has HTTP/2 alone, also where it is not agreed upon.
    grpc: bool,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Connector {
    /// Reads what TLS needs.
    pub(super) fn new(endpoint: &Endpoint, grpc: bool, tls: &TlsSettings) -> Result<Self, Error> {
        let alpn: &[&[u8]] = if grpc { &[b"h2"] } else { &[b"h2", b"http/1.1"] };
        let tls = match endpoint.secure {
            false => None,
            true => {
                let name = tls.server_name.as_ref().unwrap_or(&endpoint.host);
                let Ok(name) = ServerName::try_from(name.clone()) else {
                    let given_by = if tls.server_name.is_some() { "tls server-name" } else { "endpoint" };
                    return Err(Error::new(given_by, "is no name that a certificate can have"));
                };
                Some((Arc::new(tls.client(alpn)?), name))
            }
        };
        Ok(Self { endpoint: endpoint.clone(), grpc, tls })
    }

    /// Connects.
    pub(super) async fn connect(&self) -> Result<Connection, String> {
        let endpoint = &self.endpoint;
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
        let stream = stream.map_err(|error| error.to_string())?;
        // A request goes out at once; what fails here costs time alone.
        let _set = stream.set_nodelay(true);
        let Some((config, name)) = &self.tls else { return Connection::new(stream, self.grpc).await };
        let stream = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await;
        let stream = stream.map_err(|error| format!("TLS: {error}"))?;
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if self.grpc && !two {
            return Err("the receiver has no HTTP/2 over TLS, which gRPC needs".to_owned());
        }
        Connection::new(stream, two).await
    }
}

/// Sends requests, one after the other.
pub(super) struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
    /// An answer came over it: what goes wrong next may be that it was kept too long.
    pub(super) used: bool,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// Why there is no whole response.
pub(super) enum Failed {
    /// Not even the beginning came.
    Unanswered(String),
    /// It began.
    Cut(String),
}

impl Connection {
    async fn new<S>(stream: S, two: bool) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(stream);
        let (sender, driver) = if two {
            let shaken = http2::handshake(TokioExecutor::new(), stream).await;
            let (sender, connection) = shaken.map_err(|error| chain(&error))?;
            (Sender::Two(sender), tokio::spawn(ended(connection)))
        } else {
            let (sender, connection) = http1::handshake(stream).await.map_err(|error| chain(&error))?;
            (Sender::One(sender), tokio::spawn(ended(connection)))
        };
        Ok(Self { sender, driver, used: false })
    }

    /// Whether it can take a request, as far as is known.
    pub(super) async fn ready(&mut self) -> bool {
        match &mut self.sender {
            Sender::One(sender) => sender.ready().await.is_ok(),
            Sender::Two(sender) => sender.ready().await.is_ok(),
        }
    }

    /// HTTP/2 has the whole URL in a request, HTTP/1.1 the path alone.
    pub(super) fn is_two(&self) -> bool {
        matches!(self.sender, Sender::Two(_))
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response, Failed> {
        let response = match &mut self.sender {
            Sender::One(sender) => sender.send_request(request).await,
            Sender::Two(sender) => sender.send_request(request).await,
        };
        let (parts, body) = response.map_err(|error| Failed::Unanswered(chain(&error)))?.into_parts();
        let (body, trailers) = whole(body).await.map_err(Failed::Cut)?;
        self.used = true;
        Ok(Response { status: parts.status, headers: parts.headers, body, trailers })
    }

    /// Says good-bye, where the peer still listens. Without this the connection ends when it is dropped.
    pub(super) async fn close(self) {
        drop(self.sender);
        // Not worth a word when it is not heard.
        let _ended = timeout(GOODBYE, self.driver).await;
    }
}

async fn whole(body: Incoming) -> Result<(Bytes, hyper::HeaderMap), String> {
    match Limited::new(body, LONGEST).collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned().unwrap_or_default();
            Ok((collected.to_bytes(), trailers))
        }
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(format!("an answer of more than {} MiB", LONGEST >> 20))
        }
        Err(error) => Err(format!("the answer was cut: {}", chain(&*error))),
    }
}

async fn ended(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(error = chain(&error), "a connection to an OTLP receiver");
    }
}

/// An error and what it came from: hyper says "connection error" and keeps the rest behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            // Writing to memory does not fail.
            let _written = write!(text, ": {more}");
        }
        source = error.source();
    }
    text
}
