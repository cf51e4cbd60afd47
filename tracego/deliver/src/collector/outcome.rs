//! Outcome of a request, from the results of exporter and collector.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use opentelemetry_sdk::error::OTelSdkResult;

use super::{LastAnswer, http::CollectorAnswer};

/// Outcome of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExportOutcome {
    /// The collector took the request, without `rejected` of its spans or points.
    Taken {
        /// Spans or points that it refused.
        rejected: u64,
        /// The collector's words; empty without.
        why: String,
    },
    /// The collector did not take the request now; a retry is possible, but not before `after`.
    Later {
        /// Reason of the failure.
        why: String,
        /// Shortest wait, where the collector names one.
        after: Option<Duration>,
    },
    /// The collector will never take the request.
    Never(String),
}

/// Text in front of the name of a code, in errors of the gRPC exporter.
const CODE: &str = "gRPC code: ";
/// Codes that may be retried (OTLP specification, "OTLP/gRPC Response", "Failures"). RESOURCE_EXHAUSTED may
/// strictly be retried only with a pause, which the exporter does not report.
const AGAIN: [&str; 7] = [
    "Cancelled",
    "DeadlineExceeded",
    "Aborted",
    "OutOfRange",
    "Unavailable",
    "DataLoss",
    "ResourceExhausted",
];

impl ExportOutcome {
    /// Waits for the result of an exporter, and classifies it with the last answer. An exporter that panics counts as
    /// a request that is to be made again: tonic does so if details of a status are no base64.
    pub async fn of(export: impl Future<Output = OTelSdkResult>, answers: &LastAnswer, grpc: bool) -> Self {
        let mut export = pin!(export);
        let result =
            poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| export.as_mut().poll(context))) {
                Ok(poll) => poll.map(Some),
                Err(_) => Poll::Ready(None),
            });
        match result.await {
            Some(result) => Self::classify(&result, answers.take(), grpc),
            None => Self::Later { why: "the answer made the exporter panic".to_owned(), after: None },
        }
    }

    /// Classifies the result of an exporter. `answer`: the answer that the HTTP client got; with `grpc` there
    /// is none.
    fn classify(result: &OTelSdkResult, answer: CollectorAnswer, grpc: bool) -> Self {
        let error = match result {
            Ok(()) => return Self::Taken { rejected: answer.rejected, why: answer.why },
            Err(error) => error.to_string(),
        };
        if grpc {
            let said = error.split_once(CODE).map(|(_, said)| said);
            return match said {
                // The cause follows the code if the error was made on this side: the connection broke.
                Some(code) if !code.contains(':') && !AGAIN.contains(&code.trim()) => Self::Never(error),
                // An error without a code is retried; those retries are bounded, too.
                _ => Self::Later { why: error, after: None },
            };
        }
        // OTLP specification, "OTLP/HTTP Response", "Retryable Response Codes".
        match answer.status {
            Some(429 | 502 | 503 | 504) => Self::Later { why: error, after: answer.after },
            Some(_) => Self::Never(error),
            None if answer.asked => Self::Later { why: answer.why, after: None },
            // The exporter made no request: it is too big, or cannot be made.
            None => Self::Never(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Empty;
    use hyper::{Response, body::Bytes, server::conn::http2, service::service_fn};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use opentelemetry_sdk::{error::OTelSdkError, trace::SpanExporter as _};

    use super::*;
    use crate::collector::{CollectorProtocol, CollectorTarget, resource};

    fn failed(text: &str) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure(text.to_owned()))
    }

    #[tokio::test]
    async fn an_answer_that_the_exporter_cannot_read_ends_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(async |_| {
                    let answer = Response::builder().header("content-type", "application/grpc");
                    let answer = answer.header("grpc-status", "13").header("grpc-status-details-bin", "!");
                    Ok::<_, Infallible>(answer.body(Empty::<Bytes>::new()).unwrap())
                });
                let server = http2::Builder::new(TokioExecutor::new());
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        let target =
            CollectorTarget { endpoint, protocol: CollectorProtocol::Grpc, ..CollectorTarget::default() };
        let (exporter, answers) = target.spans(&resource(Vec::new())).unwrap();
        for _ in 0..2 {
            let outcome = ExportOutcome::of(exporter.export(Vec::new()), &answers, true).await;
            let ExportOutcome::Later { why, .. } = outcome else { panic!("{outcome:?}") };
            assert_eq!(why, "the answer made the exporter panic");
        }
    }

    #[test]
    fn what_may_be_tried_again_is_what_the_specification_says() {
        let http = |status| {
            let answer = CollectorAnswer { asked: true, status, ..CollectorAnswer::default() };
            matches!(ExportOutcome::classify(&failed("x"), answer, false), ExportOutcome::Later { .. })
        };
        for (status, again) in
            [(429, true), (502, true), (503, true), (504, true), (500, false), (400, false)]
        {
            assert_eq!(http(Some(status)), again, "{status}");
        }
        assert!(http(None));
        assert!(matches!(
            ExportOutcome::classify(&failed("too big"), CollectorAnswer::default(), false),
            ExportOutcome::Never(_)
        ));
        let grpc = |code: &str| {
            let text = format!("TonicTracesClient export failed with gRPC code: {code}");
            matches!(
                ExportOutcome::classify(&failed(&text), CollectorAnswer::default(), true),
                ExportOutcome::Later { .. }
            )
        };
        for (code, again) in [
            ("Unavailable", true),
            ("InvalidArgument", false),
            ("Unauthenticated", false),
            ("Unknown", false),
            ("Unknown: transport error: received fatal alert: CertificateRequired", true),
        ] {
            assert_eq!(grpc(code), again, "{code}");
        }
        assert!(matches!(
            ExportOutcome::classify(&failed("?"), CollectorAnswer::default(), true),
            ExportOutcome::Later { .. }
        ));
    }
}
