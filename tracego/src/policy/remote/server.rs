//! A server of bundles: one request for a bundle, in the way of OPA's bundle service.
//!
//! Each request has a connection of its own: certificates, keys and tokens are read for each, so that replaced files need
//! no reload, and a server is asked about once a minute at most.

use std::{
    fmt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use hyper::{
    HeaderMap, Request, StatusCode,
    body::Bytes,
    header::{ACCEPT, AUTHORIZATION, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, USER_AGENT},
};
use tracego_deliver::{
    http::{HttpVersions, ReceiverClient, Response, retry_after, summary, tls::TlsSettings},
    sink::webhook::{FileSecret, Secret},
};

use crate::cli::{BundleUrl, PolicyServer};

/// Maximum size of an archive in bytes.
pub(crate) const ARCHIVE_MAX: usize = 16 << 20;
/// Maximum time of a request, from connecting to the end of the archive.
const LIMIT: Duration = Duration::from_secs(60);
/// Maximum length of an ETag that is sent back.
const ETAG_MAX: usize = 256;
/// Header by which OPA asks for whole bundles and not for patches.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The way to the servers of bundles.
#[derive(Clone, Debug)]
pub(crate) struct BundleServer {
    tls: TlsSettings,
    token: Option<Secret>,
    limit: Duration,
}

/// The answer of a server.
#[derive(Debug)]
pub(crate) enum BundleAnswer {
    /// The bundle with the given ETag is the newest one.
    Unchanged,
    /// Another bundle.
    Archive {
        /// Archive, with `tar` and gzip.
        bytes: Bytes,
        /// ETag, if the server gives one.
        etag: Option<String>,
    },
}

/// A request without a usable answer.
#[derive(Debug)]
pub(crate) struct BundleRequestError {
    text: String,
    /// Pause that the server asked for.
    pub(crate) pause: Option<Duration>,
}

impl fmt::Display for BundleRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for BundleRequestError {}

fn failed(text: impl fmt::Display) -> BundleRequestError {
    BundleRequestError { text: text.to_string(), pause: None }
}

impl BundleServer {
    /// Creates the way from the options. Nothing is read.
    pub(crate) fn new(options: &PolicyServer) -> Self {
        let tls = TlsSettings {
            ca: options.policy_ca.clone(),
            cert: options.policy_cert.clone(),
            key: options.policy_cert_key.clone(),
            server_name: None,
        };
        let secret = |file: PathBuf| Secret::File(FileSecret { file });
        Self { tls, token: options.policy_token.clone().map(secret), limit: LIMIT }
    }

    /// Checks that certificates, keys and token can be read.
    ///
    /// # Errors
    /// Fails with the option or the file that is wrong.
    pub(crate) fn check(&self, url: &BundleUrl) -> Result<(), String> {
        self.client(url)?;
        self.authorization().map(drop)
    }

    /// Asks for a bundle. `etag`: that of the bundle in force. A 401 is answered with the token as it is then.
    ///
    /// # Errors
    /// Fails if there is no whole answer with a bundle; the text does not name the URL.
    pub(crate) async fn get(
        &self,
        url: &BundleUrl,
        etag: Option<&str>,
    ) -> Result<BundleAnswer, BundleRequestError> {
        let mut client = self.client(url).map_err(failed)?;
        let mut response = client.send(&self.request(url, etag)?).await.map_err(failed)?;
        if response.status == StatusCode::UNAUTHORIZED && self.token.is_some() {
            response = client.send(&self.request(url, etag)?).await.map_err(failed)?;
        }
        client.close().await;
        answer(response, etag.is_some())
    }

    fn client(&self, url: &BundleUrl) -> Result<ReceiverClient, String> {
        let client = ReceiverClient::new(url.uri(), &self.tls, HttpVersions::Best, self.limit);
        Ok(client.map_err(|error| error.to_string())?.with_longest_answer(ARCHIVE_MAX))
    }

    fn request(&self, url: &BundleUrl, etag: Option<&str>) -> Result<Request<Bytes>, BundleRequestError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.uri().clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tracego/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("application/gzip, */*;q=0.1"));
        headers.insert(PREFER, HeaderValue::from_static("modes=snapshot"));
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(IF_NONE_MATCH, etag);
        }
        if let Some(value) = self.authorization().map_err(failed)? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// Reads the token.
    fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let Some(token) = &self.token else { return Ok(None) };
        let token = token.read().map_err(|why| format!("--policy-token: {why}"))?;
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| "--policy-token: the file holds no token".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Returns what an answer says. `was_asked`: whether an ETag was sent.
fn answer(response: Response, was_asked: bool) -> Result<BundleAnswer, BundleRequestError> {
    match response.status {
        StatusCode::OK if response.cut => {
            Err(failed(format_args!("the bundle is larger than {} MiB", ARCHIVE_MAX >> 20)))
        }
        StatusCode::OK => Ok(BundleAnswer::Archive { etag: etag(&response.headers), bytes: response.body }),
        StatusCode::NOT_MODIFIED if was_asked => Ok(BundleAnswer::Unchanged),
        status if status.is_redirection() => {
            let place = response.header(LOCATION.as_str()).unwrap_or_default();
            let place: String = place.chars().filter(|c| !c.is_control()).take(200).collect();
            Err(failed(format_args!(
                "{status} to {place:?}: redirects are not followed; write the final URL into --policy"
            )))
        }
        StatusCode::UNAUTHORIZED => {
            Err(failed(format_args!("{}; --policy-token names the file of a token", summary(&response))))
        }
        _ => Err(BundleRequestError {
            pause: retry_after(&response.headers, SystemTime::now()),
            ..failed(summary(&response))
        }),
    }
}

/// Returns the ETag, if it is one that can be sent back.
fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?;
    let is_good = etag.len() <= ETAG_MAX && etag.bytes().all(|byte| byte.is_ascii_graphic());
    (is_good && !etag.is_empty()).then(|| etag.to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn a_body_that_comes_too_slowly_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ci.tar.gz", listener.local_addr().unwrap());
        let serve = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _read = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let server =
            BundleServer { tls: TlsSettings::default(), token: None, limit: Duration::from_millis(200) };
        let url = BundleUrl::parse(&url).unwrap();
        let error = tokio::select! {
            got = server.get(&url, None) => got.unwrap_err().to_string(),
            () = serve => panic!("the client ended the connection early"),
        };
        assert_eq!(error, "no answer within 0.2 s");
    }

    fn of(status: u16, headers: &[(&'static str, &'static str)], cut: bool) -> Result<BundleAnswer, String> {
        let mut response =
            Response { status: StatusCode::from_u16(status).unwrap(), cut, ..Response::default() };
        for (name, value) in headers {
            response.headers.insert(*name, HeaderValue::from_static(value));
        }
        answer(response, true).map_err(|error| format!("{error} after {:?}", error.pause))
    }

    #[test]
    fn an_answer_is_a_bundle_or_an_error_that_names_the_way_out() {
        let etag = |name| match of(200, &[("etag", name)], false).unwrap() {
            BundleAnswer::Archive { etag, .. } => etag,
            BundleAnswer::Unchanged => panic!(),
        };
        assert_eq!(etag("W/\"5\"").as_deref(), Some("W/\"5\""));
        assert_eq!(etag("a b"), None);
        assert!(matches!(of(304, &[], false), Ok(BundleAnswer::Unchanged)));
        for (status, headers, cut, text) in [
            (200, &[][..], true, "larger than 16 MiB"),
            (301, &[("location", "https://elsewhere/x")][..], false, "redirects are not followed"),
            (401, &[][..], false, "--policy-token"),
            (503, &[("retry-after", "7")][..], false, "503 Service Unavailable after Some(7s)"),
            (204, &[][..], false, "204 No Content"),
            (404, &[][..], false, "404 Not Found"),
        ] {
            let error = of(status, headers, cut).unwrap_err();
            assert!(error.contains(text), "{status}: {error}");
        }
        let not_asked = Response { status: StatusCode::NOT_MODIFIED, ..Response::default() };
        assert!(answer(not_asked, false).is_err());
    }
}
