//! What became of a request, from what exporter and collector say.

use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;

use super::http::Answer;

/// What became of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The collector took it, but for so many of the spans or points in it.
    Taken { rejected: u64, why: String },
    /// Not now; it may be tried again, but not before that.
    Later { why: String, after: Option<Duration> },
    /// It will never take it.
    Never(String),
}

/// What the exporter of gRPC writes before the name of a code.
const CODE: &str = "gRPC code: ";
/// Codes that may be tried again (OTLP specification, "OTLP/gRPC Response", "Failures"); RESOURCE_EXHAUSTED
/// strictly only with a pause, which the exporter does not tell.
const AGAIN: [&str; 7] = [
    "Cancelled",
    "DeadlineExceeded",
    "Aborted",
    "OutOfRange",
    "Unavailable",
    "DataLoss",
    "ResourceExhausted",
];

impl Outcome {
    /// `answer` is what the HTTP client saw; `grpc`: there is none.
    pub fn of(result: &OTelSdkResult, answer: Answer, grpc: bool) -> Self {
        let error = match result {
            Ok(()) => return Self::Taken { rejected: answer.rejected, why: answer.why },
            Err(error) => error.to_string(),
        };
        if grpc {
            let said = error.split_once(CODE).map(|(_, said)| said);
            return match said {
                // What made an error follows where it was made on this side: the connection broke.
                Some(code) if !code.contains(':') && !AGAIN.contains(&code.trim()) => Self::Never(error),
                // An error that says no code is tried again: that is bounded, too.
                _ => Self::Later { why: error, after: None },
            };
        }
        // OTLP specification, "OTLP/HTTP Response", "Retryable Response Codes".
        match answer.status {
            Some(429 | 502 | 503 | 504) => Self::Later { why: error, after: answer.after },
            Some(_) => Self::Never(error),
            None if answer.asked => Self::Later { why: answer.why, after: None },
            // The exporter did not even ask: the request is too big, or cannot be made.
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
            let answer = Answer { asked: true, status, ..Answer::default() };
            matches!(Outcome::of(&failed("x"), answer, false), Outcome::Later { .. })
        };
        for (status, again) in
            [(429, true), (502, true), (503, true), (504, true), (500, false), (400, false)]
        {
            assert_eq!(http(Some(status)), again, "{status}");
        }
        assert!(http(None));
        assert!(matches!(Outcome::of(&failed("too big"), Answer::default(), false), Outcome::Never(_)));
        let grpc = |code: &str| {
            let text = format!("TonicTracesClient export failed with gRPC code: {code}");
            matches!(Outcome::of(&failed(&text), Answer::default(), true), Outcome::Later { .. })
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
        assert!(matches!(Outcome::of(&failed("?"), Answer::default(), true), Outcome::Later { .. }));
    }
}
