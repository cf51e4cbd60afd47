//! Requests to the API server, and its answers.

use std::{path::PathBuf, time::Duration};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, RETRY_AFTER, USER_AGENT},
};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    api::ApiStatus,
    settings::{ApiConnector, PodWatchSettings},
};

/// Time limit for connecting, and for the beginning of an answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Time limit for the next piece of a body that is read to its end.
const PIECE: Duration = Duration::from_secs(30);
/// Largest body that is read to its end.
pub(crate) const BODY_MAX: usize = 8 << 20;
/// Largest body of an error.
const ERROR_MAX: usize = 64 << 10;
/// Largest file with a token.
const TOKEN_MAX: u64 = 64 << 10;

/// The reason why a request gave nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum RequestError {
    /// The resource version is too old: a list has to be made.
    #[error("the resource version is too old")]
    Expired,
    /// A watch ended at once.
    #[error("the watch ended at once")]
    Brief,
    /// The answer is longer than it may be.
    #[error("the answer has more than {} MiB", BODY_MAX >> 20)]
    TooLong,
    /// The server refuses, and may say when to ask again.
    #[error("{0}")]
    Refused(String, Option<Duration>),
    /// There is no whole answer.
    #[error("{0}")]
    Failed(String),
}

/// The answer to a request, whose body is still to be read.
pub(crate) struct Answer {
    body: Incoming,
    driver: JoinHandle<()>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Answer {
    /// Returns the next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// Fails if the connection does.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, RequestError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(|error| failed(&error))?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    /// Fails if the connection does, or if the body has more than `most` bytes.
    pub(crate) async fn whole(mut self, most: usize) -> Result<Vec<u8>, RequestError> {
        let mut bytes = Vec::new();
        loop {
            let late = |_| RequestError::Failed("the answer does not go on".to_owned());
            let Some(piece) = timeout(PIECE, self.piece()).await.map_err(late)?? else { return Ok(bytes) };
            if bytes.len() + piece.len() > most {
                return Err(RequestError::TooLong);
            }
            bytes.extend_from_slice(&piece);
        }
    }
}

/// Asks for pods. `query`: the parameters beside the one that names the node.
///
/// # Errors
/// Fails if the server does not answer with 200.
pub(crate) async fn pods(
    settings: &PodWatchSettings,
    connect: &ApiConnector,
    query: &str,
) -> Result<Answer, RequestError> {
    let late = |_| RequestError::Failed(format!("no answer within {} s", ANSWER.as_secs()));
    let (response, driver) = timeout(ANSWER, exchange(settings, connect, query)).await.map_err(late)??;
    let (status, headers) = (response.status(), response.headers().clone());
    let answer = Answer { body: response.into_body(), driver };
    if status == StatusCode::OK {
        return Ok(answer);
    }
    if status == StatusCode::GONE {
        return Err(RequestError::Expired);
    }
    let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = answer.whole(ERROR_MAX).await.unwrap_or_default();
    Err(RequestError::Refused(refusal(status, &body), asked.map(Duration::from_secs)))
}

/// Returns the text for an answer that is an error: what the API says, on one short line, and what to do about it.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let said = serde_json::from_slice::<ApiStatus>(body).map(|status| status.message).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    let advice = match status {
        StatusCode::UNAUTHORIZED => ": the token is not accepted",
        StatusCode::FORBIDDEN => ": the service account needs get, list and watch of pods",
        _ => "",
    };
    if said.is_empty() { format!("{status}{advice}") } else { format!("{status}{advice}: {said}") }
}

async fn exchange(
    settings: &PodWatchSettings,
    connect: &ApiConnector,
    query: &str,
) -> Result<(Response<Incoming>, JoinHandle<()>), RequestError> {
    let request = request(settings, query).await?;
    let stream = connect().await.map_err(RequestError::Failed)?;
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| failed(&error))?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the Kubernetes API");
        }
    });
    let response = sender.send_request(request).await.map_err(|error| failed(&error));
    match response {
        Ok(response) => Ok((response, driver)),
        Err(error) => {
            driver.abort();
            Err(error)
        }
    }
}

async fn request(settings: &PodWatchSettings, query: &str) -> Result<Request<Empty<Bytes>>, RequestError> {
    let wrong = |error: hyper::http::Error| RequestError::Failed(error.to_string());
    let host = settings.api.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::get(path(&settings.api, &settings.node, query))
        .header(HOST, host)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("tracego/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())
        .map_err(wrong)?;
    if let Some(path) = &settings.token {
        let token = token(path.clone()).await?;
        request.headers_mut().insert(AUTHORIZATION, token);
    }
    Ok(request)
}

/// Reads the token: kubelet exchanges it about once an hour.
async fn token(path: PathBuf) -> Result<HeaderValue, RequestError> {
    let shown = path.display().to_string();
    let fails = |why: String| RequestError::Failed(format!("token {shown}: {why}"));
    let read = move || {
        use std::io::Read as _;
        let mut text = String::new();
        std::fs::File::open(&path)?.take(TOKEN_MAX).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    let text = tokio::task::spawn_blocking(read).await.map_err(|error| fails(error.to_string()))?;
    let text = text.map_err(|error| fails(error.to_string()))?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
        .map_err(|_| fails("not a text for a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns path and query of a request for the pods of a node.
fn path(api: &Uri, node: &str, query: &str) -> String {
    let base = api.path().trim_end_matches('/');
    format!("{base}/api/v1/pods?fieldSelector=spec.nodeName%3D{}&{query}", encoded(node))
}

/// Encodes a text for a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Returns the text of an error and of its sources.
fn failed(error: &hyper::Error) -> RequestError {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    RequestError::Failed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_node() {
        let of = |api: &str, node: &str| path(&api.parse().unwrap(), node, "watch=1");
        let selector = "api/v1/pods?fieldSelector=spec.nodeName%3D";
        assert_eq!(of("https://10.0.0.1:443", "n-1.example"), format!("/{selector}n-1.example&watch=1"));
        assert_eq!(
            of("https://proxy/clusters/a/", "a&b=c"),
            format!("/clusters/a/{selector}a%26b%3Dc&watch=1")
        );
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let body = br#"{"kind":"Status","message":"pods is forbidden:\u001b User \"x\"","code":403}"#;
        let text = refusal(StatusCode::FORBIDDEN, body);
        assert!(text.contains("get, list and watch of pods") && text.contains("forbidden: User"), "{text}");
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, b"<html>"), "502 Bad Gateway");
    }
}
