//! OTLP over gRPC: one unary call (gRPC, "PROTOCOL-HTTP2"; OTLP specification, "OTLP/gRPC Response").
//!
//! tonic has the codes. Its client is not used: it panics on details of a status that are no base64, and the receiver
//! chooses them.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hyper::HeaderMap;
use percent_encoding::percent_decode_str;
use prost::Message as _;
use tonic::Code;

use super::response::{ExportResponse, RequestOutcome, RpcStatus, printable_line, sentence};
use crate::{http::Response, sink::delivery::DeliveryError};

/// Length of the prefix of a message, in bytes: the compression flag and the message length.
pub(super) const HEAD: usize = 5;

/// Puts the gRPC prefix in front of a message.
pub(super) fn frame(message: &[u8], compressed: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + message.len());
    out.push(u8::from(compressed));
    // Requests are bounded far below 4 GiB.
    out.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(message);
    out
}

/// Whether a retry can help. `recovers`: the receiver sent `RetryInfo`. As over HTTP, more codes are retried than the
/// specification asks for: UNKNOWN and INTERNAL correspond to HTTP 500; UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND
/// and UNIMPLEMENTED are mistakes that the operator fixes.
fn is_retryable(code: Code, recovers: bool) -> bool {
    match code {
        Code::ResourceExhausted => recovers,
        Code::InvalidArgument | Code::AlreadyExists | Code::FailedPrecondition => false,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::PermissionDenied
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => true,
    }
}

/// Returns whether a response may mean that the receiver does not know the compression of the request. gRPC
/// asks for UNIMPLEMENTED then; some servers answer INVALID_ARGUMENT or INTERNAL.
pub(super) fn refuses_coding(response: &Response) -> bool {
    let status = [&response.trailers, &response.headers].into_iter().find_map(|all| all.get("grpc-status"));
    status.is_some_and(|status| matches!(status.as_bytes(), b"3" | b"12" | b"13"))
}

/// Interprets a response. If there is no body, the status may be among the headers.
pub(super) fn answer(response: &Response) -> RequestOutcome {
    let kind = response.header("content-type").unwrap_or_default();
    if !response.status.is_success() || !kind.starts_with("application/grpc") {
        let who = format!("HTTP {}: the answer is not gRPC", response.status);
        return RequestOutcome::again(sentence(
            &who,
            &printable_line(&String::from_utf8_lossy(&response.body)),
        ));
    }
    let among = [&response.trailers, &response.headers];
    let Some(all) = among.into_iter().find(|all| all.contains_key("grpc-status")) else {
        return RequestOutcome::again("the answer was cut: it has no grpc-status");
    };
    let text = |name| all.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let code = Code::from_bytes(text("grpc-status").as_bytes());
    if code == Code::Ok {
        return exported(&response.body);
    }
    let said = percent_decode_str(text("grpc-message")).decode_utf8_lossy().into_owned();
    let why =
        sentence(&format!("gRPC {code:?} ({})", printable_line(text("grpc-status"))), &printable_line(&said));
    let pause = details(all).and_then(|status| status.pause());
    if is_retryable(code, pause.is_some()) {
        // A sender that is unknown, or asks too often, is rejected with any record.
        let ours = matches!(code, Code::Unauthenticated | Code::ResourceExhausted);
        return RequestOutcome::Again(DeliveryError {
            after: pause,
            sender_fault: ours,
            ..DeliveryError::new(why)
        });
    }
    RequestOutcome::Never(why)
}

/// Decodes `grpc-status-details-bin`: a `google.rpc.RpcStatus` in base64, with or without padding.
fn details(all: &HeaderMap) -> Option<RpcStatus> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
    let bytes = BASE64.decode(all.get("grpc-status-details-bin")?.as_bytes()).ok()?;
    RpcStatus::decode(&bytes[..]).ok()
}

/// Reads the single message of a successful call.
fn exported(body: &[u8]) -> RequestOutcome {
    let message = match body.split_first_chunk::<HEAD>() {
        Some((&[0, a, b, c, d], message))
            if message.len() as u64 == u64::from(u32::from_be_bytes([a, b, c, d])) =>
        {
            message
        }
        Some((&[1, ..], _)) => {
            return RequestOutcome::again("the answer is compressed although no compression was requested");
        }
        _ => return RequestOutcome::again("the answer was cut: the message is incomplete"),
    };
    match ExportResponse::decode(message) {
        Ok(exported) => exported.into(),
        Err(error) => RequestOutcome::again(format!("no answer of an OTLP receiver: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::{StatusCode, body::Bytes};

    use super::*;

    fn of(trailers: &[(&'static str, &str)], body: &'static [u8]) -> RequestOutcome {
        let mut response = Response { body: Bytes::from_static(body), ..Response::default() };
        response.headers.insert("content-type", "application/grpc+proto".parse().unwrap());
        for (name, value) in trailers {
            response.trailers.insert(*name, value.parse().unwrap());
        }
        answer(&response)
    }

    fn taken(rejected: u64, message: &str) -> RequestOutcome {
        RequestOutcome::Taken { rejected, message: message.to_owned() }
    }

    #[test]
    fn success_is_one_whole_message_and_status_0() {
        let ok = ("grpc-status", "0");
        assert_eq!(of(&[ok], b"\0\0\0\0\0"), taken(0, ""));
        assert_eq!(of(&[ok], b"\0\0\0\0\x08\x0a\x06\x08\x03\x12\x02no"), taken(3, "no"));
        for body in
            [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x01", b"\0\0\0\0\0\0", b"\x01\0\0\0\0", b"\0\0\0\0\x01\x0a"]
        {
            assert!(matches!(of(&[ok], body), RequestOutcome::Again(_)), "{body:?}");
        }
        assert!(
            matches!(of(&[], b"\0\0\0\0\0"), RequestOutcome::Again(trouble) if trouble.why.contains("cut"))
        );
        let other =
            Response { status: StatusCode::OK, body: Bytes::from_static(b"hi"), ..Response::default() };
        assert!(
            matches!(answer(&other), RequestOutcome::Again(trouble) if trouble.why.ends_with("gRPC: hi"))
        );
    }

    #[test]
    fn codes_are_tried_again_as_the_specification_says_and_more() {
        let again = |code: &str| match of(&[("grpc-status", code), ("grpc-message", "a%0Ab%20c")], b"") {
            RequestOutcome::Again(trouble) => {
                assert!(trouble.why.ends_with(": a b c"), "{}", trouble.why);
                true
            }
            RequestOutcome::Never(_) => false,
            RequestOutcome::Taken { .. } | RequestOutcome::Items(_) => panic!("{code}"),
        };
        let codes = ["1", "2", "4", "5", "7", "10", "11", "12", "13", "14", "15", "16", "99", "x", ""];
        assert!(codes.into_iter().all(again));
        assert!(!["3", "6", "8", "9"].into_iter().any(again));
    }

    #[test]
    fn retry_info_says_when_and_that_exhaustion_ends() {
        let status = |seconds: u8, nanos: u8| {
            let delay = [&[0x0a, 4, 8, seconds, 16, nanos][..]].concat();
            let name = b"type.googleapis.com/google.rpc.RetryInfo";
            let mut any = vec![0x0a, name.len() as u8];
            any.extend_from_slice(name);
            any.extend_from_slice(&[0x12, delay.len() as u8]);
            any.extend_from_slice(&delay);
            let mut status = vec![8, 8, 0x1a, any.len() as u8];
            status.extend_from_slice(&any);
            status
        };
        for text in [
            base64::engine::general_purpose::STANDARD.encode(status(5, 7)),
            base64::engine::general_purpose::STANDARD_NO_PAD.encode(status(5, 7)),
        ] {
            let RequestOutcome::Again(trouble) =
                of(&[("grpc-status", "8"), ("grpc-status-details-bin", &text)], b"")
            else {
                panic!("{text}");
            };
            assert_eq!(trouble.after, Some(Duration::new(5, 7)));
        }
        assert!(matches!(
            of(&[("grpc-status", "8"), ("grpc-status-details-bin", "!")], b""),
            RequestOutcome::Never(_)
        ));
    }
}
