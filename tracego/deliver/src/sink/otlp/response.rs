//! Interpretation of a receiver's answer, for all protocols.

use std::time::{Duration, SystemTime};

use prost::Message;
use tracego_model::text::push_printable;

use super::{grpc, http};
pub use crate::sink::delivery::batch_split::RequestOutcome;
use crate::{
    collector::{OtlpProtocol, Signal},
    http::{Response, SILENCE},
};

/// Interprets the response to a request.
#[must_use]
pub fn answer(
    response: &Response,
    protocol: OtlpProtocol,
    signal: Signal,
    now: SystemTime,
) -> RequestOutcome {
    if response.cut {
        return RequestOutcome::again(format!("the answer exceeds {} MiB", response.body.len() >> 20));
    }
    match protocol {
        OtlpProtocol::Grpc => grpc::answer(response),
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
            http::answer(response, signal, protocol.encoding(), now)
        }
    }
}

/// `Export…ServiceResponse`, which has the same shape for all three signals.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial: Option<PartialSuccess>,
}

/// `Export…PartialSuccess`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(super) rejected: i64,
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

impl From<ExportResponse> for RequestOutcome {
    fn from(exported: ExportResponse) -> Self {
        let partial = exported.partial.unwrap_or_default();
        // Negative numbers have no meaning and count as 0.
        Self::Taken {
            rejected: u64::try_from(partial.rejected).unwrap_or(0),
            message: printable_line(&partial.message),
        }
    }
}

/// `google.rpc.RpcStatus`: the body of an error over HTTP, and the content of `grpc-status-details-bin`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RpcStatus {
    /// Returns the pause in `RetryInfo`, at most [`SILENCE`]. `RetryInfo` means that the receiver will
    /// recover; without it, returns `None`.
    pub(super) fn pause(&self) -> Option<Duration> {
        let found = self.details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
        let delay = RetryInfo::decode(&found.value[..]).ok()?.delay.unwrap_or_default();
        let seconds = Duration::from_secs(u64::try_from(delay.seconds).unwrap_or(0));
        let nanos = Duration::from_nanos(u64::try_from(delay.nanos).unwrap_or(0));
        Some(seconds.saturating_add(nanos).min(SILENCE))
    }
}

/// Maximum length of a receiver's text in a message, in bytes after escaping.
const TEXT_MAX: usize = 400;

/// Returns a receiver's text as one line that is safe on a terminal, cut after [`TEXT_MAX`] bytes.
pub(super) fn printable_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.trim().chars() {
        if line.len() >= TEXT_MAX {
            line.push('…');
            break;
        }
        push_printable(&mut line, if matches!(c, '\r' | '\n' | '\t') { ' ' } else { c });
    }
    line
}

/// Joins a source and its text to a sentence: "HTTP 503: overloaded".
pub(super) fn sentence(who: &str, said: &str) -> String {
    if said.is_empty() { who.to_owned() } else { format!("{who}: {said}") }
}
