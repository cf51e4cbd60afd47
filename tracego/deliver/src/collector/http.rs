//! HTTP client of the exporters, which remembers the collector's answer.

use std::{
    fmt,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, USER_AGENT};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tokio::sync::Mutex;

use super::{CollectorTarget, TargetError};
use crate::http::{self, HttpVersions};

/// Outcome of the last request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CollectorAnswer {
    /// Whether a request was made.
    pub asked: bool,
    /// Status of the answer, if there was one.
    pub status: Option<u16>,
    /// Pause that the collector asked for.
    pub after: Option<Duration>,
    /// Number of spans or points that were rejected from a request that was taken.
    pub rejected: u64,
    /// Reason for the rejection, or why there is no answer.
    pub why: String,
}

/// Place for the client's last answer. The gRPC exporter leaves none.
#[derive(Clone, Debug, Default)]
pub struct LastAnswer(Arc<std::sync::Mutex<CollectorAnswer>>);

impl LastAnswer {
    /// Takes the last answer and clears it.
    pub fn take(&self) -> CollectorAnswer {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, answer: CollectorAnswer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// HTTP client with the configured headers.
pub(super) struct ExporterHttpClient {
    inner: Mutex<http::ReceiverClient>,
    headers: HeaderMap,
    answers: LastAnswer,
}

impl ExporterHttpClient {
    pub(super) fn new(
        target: &CollectorTarget,
        headers: HeaderMap,
        answers: LastAnswer,
    ) -> Result<Self, TargetError> {
        let uri = target.check()?.uri;
        let inner = http::ReceiverClient::new(&uri, &target.tls, HttpVersions::One, target.timeout)?;
        Ok(Self { inner: Mutex::new(inner), headers, answers })
    }
}

impl fmt::Debug for ExporterHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for ExporterHttpClient {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The exporter adds headers from the environment; the configured headers already take those into
        // account.
        let mut headers = self.headers.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT] {
            if let Some(value) = request.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        *request.headers_mut() = headers;
        let sent = self.inner.lock().await.send(&request).await;
        match sent {
            Ok(response) => {
                self.answers.put(read(&response));
                let mut answer = Response::new(response.body);
                (*answer.status_mut(), *answer.headers_mut()) = (response.status, response.headers);
                Ok(answer)
            }
            Err(why) => {
                self.answers.put(CollectorAnswer {
                    asked: true,
                    why: why.clone(),
                    ..CollectorAnswer::default()
                });
                Err(why.into())
            }
        }
    }
}

fn read(response: &http::Response) -> CollectorAnswer {
    let status = response.status;
    let mut answer =
        CollectorAnswer { asked: true, status: Some(status.as_u16()), ..CollectorAnswer::default() };
    answer.after = http::retry_after(&response.headers, SystemTime::now());
    if status.is_success() {
        // The message is the same for all signals (opentelemetry/proto/collector/*/v1/*_service.proto). A
        // collector that answers with something else has taken the request all the same.
        let message = ExportTraceServiceResponse::decode(response.body.clone()).unwrap_or_default();
        if let Some(partial) = message.partial_success {
            answer.rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
            answer.why = partial.error_message;
        }
    }
    answer
}
