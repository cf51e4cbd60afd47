//! HTTP client of one receiver, with one request at a time.
//!
//! One connection is kept. Requests are not retried here, with one exception: if a kept connection turns out
//! to be dead before an answer began, a new one is made at once.

use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::{
    Request, Uri,
    body::Bytes,
    header::{HOST, HeaderValue},
};

use super::{
    Response,
    connection::{Connection, Connector, HttpVersions, RequestError},
    tls::{TlsError, TlsSettings},
};

/// Maximum idle time of a kept connection, since receivers close connections after about that time.
const IDLE: Duration = Duration::from_secs(30);

/// HTTP client that keeps a connection. Works on the runtime that it is called on.
pub struct ReceiverClient {
    connector: Connector,
    limit: Duration,
    kept: Option<(Connection, Instant)>,
}

impl ReceiverClient {
    /// Creates a client. `uri`: the address of the receiver, see [`Connector::new`]. `limit`: the timeout of
    /// a whole request, from connecting to the end of the answer.
    ///
    /// # Errors
    /// Fails if TLS cannot be set up; see [`TlsError`].
    pub fn new(
        uri: &Uri,
        tls: &TlsSettings,
        versions: HttpVersions,
        limit: Duration,
    ) -> Result<Self, TlsError> {
        Ok(Self { connector: Connector::new(uri, tls, versions, limit)?, limit, kept: None })
    }

    /// Sets the maximum number of bytes that are read of an answer; 4 MiB without.
    #[must_use]
    pub fn with_longest_answer(mut self, bytes: usize) -> Self {
        self.connector.set_longest(bytes);
        self
    }

    /// Sends a request with an absolute URI. Returns the answer, whatever its status.
    ///
    /// # Errors
    /// Fails if there is no whole answer; the receiver may have taken the request or not. The error text does
    /// not name the address.
    pub async fn send(&mut self, request: &Request<Bytes>) -> Result<Response, String> {
        // The connection is taken out while it is in use: one that was abandoned half way is never used
        // again.
        let kept = self.kept.take().filter(|(_, since)| since.elapsed() < IDLE);
        let exchange = self.exchange(kept.map(|(connection, _)| connection), request);
        let late = |_| format!("no answer within {} s", self.limit.as_secs_f64());
        let (connection, response) = tokio::time::timeout(self.limit, exchange).await.map_err(late)??;
        self.kept = Some((connection, Instant::now())).filter(|_| !response.cut);
        Ok(response)
    }

    /// Closes the connection. No request is pending.
    pub async fn close(&mut self) {
        if let Some((connection, _)) = self.kept.take() {
            connection.close().await;
        }
    }

    async fn exchange(
        &self,
        mut kept: Option<Connection>,
        request: &Request<Bytes>,
    ) -> Result<(Connection, Response), String> {
        if let Some(connection) = &mut kept
            && !connection.ready().await
        {
            kept = None;
        }
        loop {
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.connector.connect().await?,
            };
            let request = for_version(request, connection.is_two())?;
            match connection.send(request).await {
                Ok(response) => return Ok((connection, response)),
                // The connection was kept for too long. A request that the receiver took nevertheless arrives
                // twice.
                Err(RequestError::Unanswered(_)) if connection.used => {}
                Err(RequestError::Unanswered(why) | RequestError::Cut(why)) => return Err(why),
            }
        }
    }
}

/// Adapts a request to the HTTP version: HTTP/2 has the whole URI; HTTP/1.1 has the path, and the host in a
/// header.
fn for_version(request: &Request<Bytes>, two: bool) -> Result<Request<Full<Bytes>>, String> {
    let mut spoken = request.clone().map(Full::new);
    if two {
        return Ok(spoken);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *spoken.uri_mut() = path.parse().map_err(|error| format!("{path}: {error}"))?;
    let authority = request.uri().authority().map_or("", |authority| authority.as_str());
    // User name and password end with the @.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
    spoken.headers_mut().entry(HOST).or_insert(host);
    Ok(spoken)
}
