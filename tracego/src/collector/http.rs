//! The HTTP client of the exporters, which remembers what the collector answered.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, hyper::HyperClient};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

use super::{Target, TargetError, connect};

/// What became of the last request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Answer {
    /// A request was made.
    pub(crate) asked: bool,
    /// Status of the answer, where there was one.
    pub(crate) status: Option<u16>,
    /// The collector asked to be left alone for so long.
    pub(crate) after: Option<Duration>,
    /// Spans or points that it did not take, of a request that it took.
    pub(crate) rejected: u64,
    /// Its words for that, or why there is no answer.
    pub(crate) why: String,
}

/// Where the client leaves its last answer. gRPC leaves none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<Answer>>);

impl Answers {
    /// The last answer; there is none after that.
    pub(crate) fn take(&self) -> Answer {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, answer: Answer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// The client of the SDK with our connector and our headers.
#[derive(Debug)]
pub(super) struct Client {
    inner: HyperClient<HttpsConnector<HttpConnector>>,
    headers: HeaderMap,
    answers: Answers,
}

impl Client {
    pub(super) fn new(target: &Target, headers: HeaderMap, answers: Answers) -> Result<Self, TargetError> {
        let uri = target.check()?.uri;
        let connector = connect::connector(target, &uri, false)?;
        Ok(Self { inner: HyperClient::new(connector, target.timeout, None), headers, answers })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The exporter adds what the environment says; what was configured has taken that into account.
        let mut headers = self.headers.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT] {
            if let Some(value) = request.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        *request.headers_mut() = headers;
        match self.inner.send_bytes(request).await {
            Ok(response) => {
                self.answers.put(read(&response));
                Ok(response)
            }
            Err(error) => {
                self.answers.put(Answer { asked: true, why: chain(&*error), ..Answer::default() });
                Err(error)
            }
        }
    }
}

/// An error and what caused it.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn read(response: &Response<Bytes>) -> Answer {
    let status = response.status();
    let mut answer = Answer { asked: true, status: Some(status.as_u16()), ..Answer::default() };
    answer.after = response.headers().get(RETRY_AFTER).and_then(|value| after(value.to_str().ok()?));
    if status.is_success() {
        // The same message for all signals (opentelemetry/proto/collector/*/v1/*_service.proto). A
        // collector that answers with something else has taken the request all the same.
        let message = ExportTraceServiceResponse::decode(response.body().clone()).unwrap_or_default();
        if let Some(partial) = message.partial_success {
            answer.rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
            answer.why = partial.error_message;
        }
    }
    answer
}

/// Retry-After (RFC 9110, section 10.2.3): seconds or a date.
fn after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        assert!(after(&date).is_some_and(|pause| (50..=60).contains(&pause.as_secs())));
        for nothing in ["", "-1", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(after(nothing), None, "{nothing}");
        }
    }
}
