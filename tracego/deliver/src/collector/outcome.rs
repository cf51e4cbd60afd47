//! Outcome of a request, from the results of exporter and collector.

use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;

use super::http::CollectorAnswer;

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
    /// Classifies the result of an exporter. `answer`: the answer that the HTTP client got; with `grpc` there
    /// is none.
    pub fn classify(result: &OTelSdkResult, answer: CollectorAnswer, grpc: bool) -> Self {
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
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;

    fn failed(text: &str) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure(text.to_owned()))
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
