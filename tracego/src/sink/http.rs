//! HTTP to one receiver: one client for all sinks that speak it.
//!
//! Redirects are not followed, proxies are not used and cookies not kept: a receiver is where the settings say.

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, StatusCode, Uri,
    body::{Bytes, Incoming},
    header::RETRY_AFTER,
};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::time::timeout;

use super::{
    deliver::Trouble,
    tls::{TlsError, TlsSettings},
};

/// A connection that nothing happens on is closed after this, before most receivers do it.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read; no sink needs more.
const ANSWER: usize = 1 << 20;
/// A receiver can silence a sink for so long at a time.
const SILENCE: Duration = Duration::from_secs(3600);

/// Keeps connections; works on the runtime that it is called on.
#[derive(Clone, Debug)]
pub struct Client {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

/// What a receiver said, to its end.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// At most 1 MiB of the body.
    pub body: Bytes,
    /// What came behind the body (HTTP/2).
    pub trailers: HeaderMap,
}

impl Client {
    /// `tls`: for `https`; without it only `http` is spoken, and no certificates have to be on the machine.
    /// `timeout`: of a whole request, from the connection to the end of the answer. `http2`: HTTP/2 alone, with
    /// prior knowledge where there is no TLS; HTTP/1.1 alone otherwise.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(tls: Option<&TlsSettings>, timeout: Duration, http2: bool) -> Result<Self, TlsError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(IDLE));
        http.set_connect_timeout(Some(timeout));
        let config = match tls {
            Some(tls) => tls.client(&[])?,
            None => ClientConfig::builder_with_provider(ring::default_provider().into())
                .with_safe_default_protocol_versions()?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth(),
        };
        let mut builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
        if let Some(name) = tls.and_then(|tls| tls.server_name.clone()) {
            let name = ServerName::try_from(name)
                .map_err(|error| TlsError::Unusable(rustls::Error::General(error.to_string())))?;
            builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = if http2 {
            builder.enable_http2().wrap_connector(http)
        } else {
            builder.enable_http1().wrap_connector(http)
        };
        let mut client = legacy::Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).timer(TokioTimer::new());
        client.pool_idle_timeout(IDLE).pool_max_idle_per_host(1).http2_only(http2);
        Ok(Self { client: client.build(connector), timeout })
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When there is none, or it breaks off: the receiver may have taken the request or not.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Trouble> {
        let to = shown(request.uri());
        let late = || Trouble::new(format!("{to}: no answer within {} ms", self.timeout.as_millis()));
        let answer = timeout(self.timeout, self.exchange(request)).await.map_err(|_| late())?;
        answer.map_err(|error| Trouble::new(format!("{to}: {}", chain(&*error))))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let (head, body) = self.client.request(request).await?.into_parts();
        let (body, trailers) = read(body).await?;
        Ok(Answer { status: head.status, headers: head.headers, body, trailers })
    }
}

/// A body up to its bound; the connection of a longer one is given up.
async fn read(mut body: Incoming) -> Result<(Bytes, HeaderMap), hyper::Error> {
    let (mut bytes, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                let room = ANSWER - bytes.len();
                bytes.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    break;
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok((bytes.into(), trailers))
}

/// Without the query, which may hold a secret.
#[must_use]
pub fn shown(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // Names of users and passwords end with the @.
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", uri.path())
}

/// An error and what it comes from.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text
}

/// How long a receiver wants to be left alone (RFC 9110 section 10.2.3: seconds, or a date), at most an hour.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than a number has mean long.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(after.min(SILENCE))
}

/// What of an answer people get to read: its first line, short and without control characters.
#[must_use]
pub fn words(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(1024)]);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line: String = line.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    let status = answer.status;
    if line.is_empty() { status.to_string() } else { format!("{status}: {line}") }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::{
        Response,
        header::HeaderValue,
        server::conn::{http1, http2},
        service::service_fn,
    };
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each request with twice what it holds, and its length behind it.
    async fn twice(
        request: Request<Incoming>,
    ) -> Result<Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>>, Infallible> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-length", HeaderValue::from(body.len()));
        let body = Full::new(body.repeat(2).into()).with_trailers(async { Some(Ok(trailers)) });
        Ok(Response::new(body))
    }

    #[tokio::test]
    async fn both_versions_are_spoken_and_an_answer_is_read_up_to_its_bound() {
        for http2 in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/in", listener.local_addr().unwrap());
            tokio::spawn(async move {
                loop {
                    let stream = TokioIo::new(listener.accept().await.unwrap().0);
                    // The client ends some connections early.
                    let _end = if http2 {
                        http2::Builder::new(TokioExecutor::new())
                            .serve_connection(stream, service_fn(twice))
                            .await
                    } else {
                        http1::Builder::new().serve_connection(stream, service_fn(twice)).await
                    };
                }
            });
            let client = Client::new(None, Duration::from_secs(5), http2).unwrap();
            for (len, read) in [(0, 0), (10, 20), (400_000, 800_000), (1 << 20, ANSWER), (10, 20)] {
                let body = Full::new(Bytes::from(vec![b'x'; len]));
                let answer = client.send(Request::post(&url).body(body).unwrap()).await.unwrap();
                assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, read));
                if http2 && read < ANSWER {
                    assert_eq!(answer.trailers["x-length"], len.to_string());
                }
            }
        }
    }

    #[test]
    fn a_receiver_says_when_to_come_again_in_seconds_or_as_a_date() {
        let now = httpdate::parse_http_date("Wed, 25 Nov 2026 08:00:00 GMT").unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("999999", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Wed, 25 Nov 2026 08:00:30 GMT", Some(30)),
            ("Wed, 25 Nov 2026 07:00:00 GMT", Some(0)),
            ("Thu, 25 Nov 2027 08:00:00 GMT", Some(3600)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn people_see_no_secrets_and_no_control_characters() {
        let uri = "https://user:secret@host:8443/in?token=secret".parse().unwrap();
        assert_eq!(shown(&uri), "https://host:8443/in");
        let body = Bytes::from_static(b"\n  bad \x1b[31mthing\nmore");
        let (headers, trailers) = (HeaderMap::new(), HeaderMap::new());
        let answer = Answer { status: StatusCode::BAD_REQUEST, headers, body, trailers };
        assert_eq!(words(&answer), "400 Bad Request: bad [31mthing");
    }
}
