//! HTTP client of one receiver, shared by the sinks and the exporters of spans and metrics.
//!
//! Redirects are not followed, proxies are not used, whatever the environment says, and cookies are not kept:
//! a receiver is where the settings say.

pub mod tls;

mod client;
mod connection;

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

pub use client::ReceiverClient;
pub use connection::{ByteStream, Connector, HttpVersions};
use hyper::{HeaderMap, StatusCode, Uri, body::Bytes, header::RETRY_AFTER};

/// Maximum pause that a receiver can ask for. A longer one is more likely a mistake than a wish.
pub const SILENCE: Duration = Duration::from_secs(3600);

/// Response of a receiver.
#[derive(Debug, Default)]
pub struct Response {
    /// Status code.
    pub status: StatusCode,
    /// Headers in front of the body.
    pub headers: HeaderMap,
    /// Body, at most 4 MiB of it or what the client was set to.
    pub body: Bytes,
    /// Whether the body was longer.
    pub cut: bool,
    /// Trailers behind the body.
    pub trailers: HeaderMap,
}

impl Response {
    /// Returns a header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Returns the address without user, password and query, which may hold secrets.
#[must_use]
pub fn display_uri(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // User name and password end with the @.
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", uri.path())
}

/// Returns the text of an error and of its sources: hyper says "connection error" and keeps the cause behind
/// it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text
}

/// Returns the pause in `Retry-After` (RFC 9110 section 10.2.3: seconds, or a date), at most an hour.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // A number with too many digits means a long pause.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(after.min(SILENCE))
}

/// Returns the part of an answer for people: the status and the first line, short and without control
/// characters.
#[must_use]
pub fn summary(answer: &Response) -> String {
    let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(1024)]);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line: String = line.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    let status = answer.status;
    if line.is_empty() { status.to_string() } else { format!("{status}: {line}") }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt as _, Full};
    use hyper::{
        Request,
        body::Incoming,
        header::HeaderValue,
        server::conn::{http1, http2},
        service::service_fn,
    };
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::net::TcpListener;

    use super::tls::TlsSettings;
    use super::{connection::LONGEST, *};

    /// Answers each request with its body twice, and the length in a trailer.
    async fn twice(
        request: Request<Incoming>,
    ) -> Result<hyper::Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>>, Infallible> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-length", HeaderValue::from(body.len()));
        let body = Full::new(body.repeat(2).into()).with_trailers(async { Some(Ok(trailers)) });
        Ok(hyper::Response::new(body))
    }

    #[tokio::test]
    async fn both_versions_are_spoken_and_an_answer_is_read_up_to_its_bound() {
        for (versions, http2) in
            [(HttpVersions::One, false), (HttpVersions::Best, false), (HttpVersions::Two, true)]
        {
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
            let limit = Duration::from_secs(5);
            let mut client =
                ReceiverClient::new(&url.parse().unwrap(), &TlsSettings::default(), versions, limit).unwrap();
            for (len, read) in [(0, 0), (10, 20), (400_000, 800_000), (3 << 20, LONGEST), (10, 20)] {
                let body = Bytes::from(vec![b'x'; len]);
                let answer = client.send(&Request::post(&url).body(body).unwrap()).await.unwrap();
                assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, read));
                assert_eq!(answer.cut, read == LONGEST);
                if http2 && !answer.cut {
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
        assert_eq!(display_uri(&uri), "https://host:8443/in");
        let body = Bytes::from_static(b"\n  bad \x1b[31mthing\nmore");
        let answer = Response { status: StatusCode::BAD_REQUEST, body, ..Response::default() };
        assert_eq!(summary(&answer), "400 Bad Request: bad [31mthing");
    }
}
