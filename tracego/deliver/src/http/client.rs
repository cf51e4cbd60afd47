//! Requests to one receiver, one at a time.
//!
//! One connection is kept. Nothing is tried twice here, but for one thing: where a kept connection turns
//! out to be dead before an answer began, a new one is made at once.

use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::{
    Request, Uri,
    body::Bytes,
    header::{HOST, HeaderValue},
};

use super::{
    Response,
    connect::{Connection, Connector, Failed, Versions},
};
use crate::http::tls::{TlsError, TlsSettings};

/// A connection that nothing happened on is not used again after this, since receivers close it about then.
const IDLE: Duration = Duration::from_secs(30);

/// Keeps a connection; works on the runtime that it is called on.
pub struct Client {
    connector: Connector,
    limit: Duration,
    kept: Option<(Connection, Instant)>,
}

impl Client {
    /// `uri`: where the receiver is, see [`Connector::new`]. `limit`: of a whole request, from the connection to
    /// the end of the answer.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(uri: &Uri, tls: &TlsSettings, versions: Versions, limit: Duration) -> Result<Self, TlsError> {
        Ok(Self { connector: Connector::new(uri, tls, versions, limit)?, limit, kept: None })
    }

    /// Sends a request, which has the whole address, and reads the answer, whatever its status.
    ///
    /// # Errors
    /// When there is none, or it breaks off: the receiver may have taken the request or not. In words, without the
    /// address.
    pub async fn send(&mut self, request: &Request<Bytes>) -> Result<Response, String> {
        // Out of its place while it is in use: one that was given up half way is never used again.
        let kept = self.kept.take().filter(|(_, since)| since.elapsed() < IDLE);
        let exchange = self.exchange(kept.map(|(connection, _)| connection), request);
        let late = |_| format!("no answer within {} s", self.limit.as_secs_f64());
        let (connection, response) = tokio::time::timeout(self.limit, exchange).await.map_err(late)??;
        self.kept = Some((connection, Instant::now())).filter(|_| !response.cut);
        Ok(response)
    }

    /// Ends the connection. Nothing waits in it.
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
            let request = spoken(request, connection.is_two())?;
            match connection.send(request).await {
                Ok(response) => return Ok((connection, response)),
                // Kept for too long. What the receiver may have taken nevertheless arrives twice.
                Err(Failed::Unanswered(_)) if connection.used => {}
                Err(Failed::Unanswered(why) | Failed::Cut(why)) => return Err(why),
            }
        }
    }
}

/// A request as a version has it: HTTP/2 with the whole address, HTTP/1.1 with the path, and the host beside it.
fn spoken(request: &Request<Bytes>, two: bool) -> Result<Request<Full<Bytes>>, String> {
    let mut spoken = request.clone().map(Full::new);
    if two {
        return Ok(spoken);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *spoken.uri_mut() = path.parse().map_err(|error| format!("{path}: {error}"))?;
    let authority = request.uri().authority().map_or("", |authority| authority.as_str());
    // Names of users and passwords end with the @.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
    spoken.headers_mut().entry(HOST).or_insert(host);
    Ok(spoken)
}
