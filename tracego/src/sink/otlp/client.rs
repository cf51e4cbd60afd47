//! Sends messages of any signal, one at a time, and says what became of each.
//!
//! One connection is kept. Nothing is tried twice here, but for one thing: where a kept connection turns
//! out to be dead before an answer began, a new one is made at once. Proxies are not asked, whatever the
//! environment says, and redirects are not followed: records go where the configuration says, and nowhere
//! else.

use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request,
    body::Bytes,
    header::{self, HeaderValue},
};

use super::{
    Resolved,
    answer::{Answer, answer},
    compress::compressed,
    connect::{Connection, Connector, Failed},
    endpoint::Endpoint,
    env::Error,
    grpc,
    settings::{Compression, Protocol, Signal},
};
use crate::{format::otlp::Encoding, sink::deliver::Trouble};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("tracego/", env!("CARGO_PKG_VERSION")));

/// The client of one receiver.
pub struct Client {
    resolved: Resolved,
    connector: Connector,
    /// What every request has.
    headers: HeaderMap,
    connection: Option<Connection>,
}

impl Client {
    /// Reads certificates; connects to nothing yet.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn new(resolved: &Resolved) -> Result<Self, Error> {
        let grpc = resolved.protocol == Protocol::Grpc;
        Ok(Self {
            connector: Connector::new(&resolved.endpoint, grpc, &resolved.tls)?,
            headers: headers(resolved),
            resolved: resolved.clone(),
            connection: None,
        })
    }

    /// Where it sends to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.resolved.endpoint
    }

    /// What it sends.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.resolved.signal
    }

    /// The encoding that its messages have to have.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.resolved.protocol.encoding()
    }

    /// Reads certificates again and uses them from the next request on.
    ///
    /// # Errors
    /// When they cannot be used; then those before stay in use.
    pub fn reopen(&mut self) -> Result<(), Error> {
        let grpc = self.resolved.protocol == Protocol::Grpc;
        self.connector = Connector::new(&self.resolved.endpoint, grpc, &self.resolved.tls)?;
        self.connection = None;
        Ok(())
    }

    /// Ends the connection. Nothing waits in it.
    pub async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    /// Sends an `Export…ServiceRequest` and waits for the whole answer, within the timeout.
    pub async fn export(&mut self, message: Vec<u8>) -> Answer {
        let compression = self.resolved.compression;
        let body = match compressed(compression, message) {
            Ok(body) => body,
            Err(error) => return Answer::again(format!("{}: {error}", compression.name())),
        };
        let body = match self.resolved.protocol {
            Protocol::Grpc => grpc::frame(&body, compression != Compression::None),
            Protocol::HttpProtobuf | Protocol::HttpJson => body,
        };
        // Out of its place while it is in use: one that was given up half way is never used again.
        let kept = self.connection.take();
        let limit = self.resolved.timeout;
        let exchange = self.exchange(kept, Bytes::from(body));
        let answer = match tokio::time::timeout(limit, exchange).await {
            Ok((connection, answer)) => {
                self.connection = connection;
                answer
            }
            Err(_) => Answer::again(format!("no answer within {}", seconds(limit))),
        };
        match answer {
            Answer::Again(trouble) => Answer::Again(Trouble {
                why: format!("{}: {}", self.resolved.endpoint, trouble.why),
                ..trouble
            }),
            other => other,
        }
    }

    async fn exchange(&self, kept: Option<Connection>, body: Bytes) -> (Option<Connection>, Answer) {
        let mut kept = kept;
        if let Some(connection) = &mut kept
            && !connection.ready().await
        {
            kept = None;
        }
        loop {
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => match self.connector.connect().await {
                    Ok(connection) => connection,
                    Err(why) => return (None, Answer::again(why)),
                },
            };
            let request = match self.request(body.clone(), connection.is_two()) {
                Ok(request) => request,
                Err(error) => return (None, Answer::again(error.to_string())),
            };
            match connection.send(request).await {
                Ok(response) => {
                    let (protocol, signal) = (self.resolved.protocol, self.signal());
                    let answer = answer(&response, protocol, signal, SystemTime::now());
                    return (Some(connection), answer);
                }
                // Kept for too long. What the receiver may have taken nevertheless arrives twice.
                Err(Failed::Unanswered(_)) if connection.used => {}
                Err(Failed::Unanswered(why) | Failed::Cut(why)) => return (None, Answer::again(why)),
            }
        }
    }

    fn request(&self, body: Bytes, two: bool) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let Endpoint { authority, path, .. } = &self.resolved.endpoint;
        let uri = if two {
            format!("{}://{authority}{path}", self.resolved.endpoint.scheme())
        } else {
            path.clone()
        };
        let mut request = Request::builder().method(Method::POST).uri(uri).body(Full::new(body))?;
        *request.headers_mut() = self.headers.clone();
        if !two {
            request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority)?);
        }
        Ok(request)
    }
}

/// What every request says of itself.
fn headers(resolved: &Resolved) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.extend(resolved.headers.clone());
    let coding = Some(resolved.compression).filter(|&compression| compression != Compression::None);
    let coding = coding.map(|compression| HeaderValue::from_static(compression.name()));
    if resolved.protocol == Protocol::Grpc {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
        // At most eight digits; a longer time needs no telling.
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

fn seconds(span: Duration) -> String {
    format!("{} s", span.as_secs_f64())
}
