//! Interpretation of OTLP/HTTP responses (OTLP specification, "OTLP/HTTP Response").

use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use prost::Message as _;
use serde_json::Value;

use super::response::{ExportResponse, PartialSuccess, RequestOutcome, RpcStatus, printable_line, sentence};
use crate::{
    collector::Signal,
    format::otlp::Encoding,
    http::{Response, retry_after},
    sink::delivery::DeliveryError,
};

/// Interprets a response. `asked`: the encoding of the request.
///
/// The specification allows retries for 429, 502, 503 and 504 only. More statuses are retried here:
///
/// - 500 and other 5xx: a receiver that fails once has not said that these records are wrong.
/// - 408 and 425: they ask for a retry by their own definition.
/// - 401, 403, 404 and redirects: mistakes in the configuration, which the operator fixes.
pub(super) fn answer(
    response: &Response,
    signal: Signal,
    asked: Encoding,
    now: SystemTime,
) -> RequestOutcome {
    let status = response.status;
    if status.is_success() {
        return read_success(response, signal, asked);
    }
    if status.is_redirection() {
        let to =
            response.header("location").map_or_else(String::new, |to| format!(" to {}", printable_line(to)));
        return RequestOutcome::again(format!(
            "HTTP {status}{to}: redirects are not followed; set endpoint to the final address"
        ));
    }
    let (said, pause) = error(response, asked);
    let why = sentence(&format!("HTTP {status}"), &said);
    let again = match status {
        // The receiver does not know the method at all, so no retry can help.
        StatusCode::NOT_IMPLEMENTED => false,
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND => true,
        _ => !status.is_client_error(),
    };
    if !again {
        return RequestOutcome::Never(why);
    }
    let after = retry_after(&response.headers, now).or(pause);
    // A sender that is unknown, or asks too often, is rejected with any record.
    let ours = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
    RequestOutcome::Again(DeliveryError { after, sender_fault: ours, ..DeliveryError::new(why) })
}

/// Returns the encoding in `Content-Type`, or without that header the encoding of the request. Returns `None`
/// for any other type.
fn encoding(response: &Response, asked: Encoding) -> Option<Encoding> {
    let Some(kind) = response.header("content-type") else { return Some(asked) };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        Some(Encoding::Json)
    } else if kind.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Encoding::Protobuf)
    } else {
        None
    }
}

/// Interprets a 2xx response, which has an empty body or a readable one.
///
/// Any other body, such as the page of a portal or of a web server that answers every POST, does not come
/// from an OTLP receiver. The body proves nothing, so the request is retried.
fn read_success(response: &Response, signal: Signal, asked: Encoding) -> RequestOutcome {
    let body = &response.body[..];
    if body.iter().all(u8::is_ascii_whitespace) {
        return ExportResponse::default().into();
    }
    let read = match encoding(response, asked) {
        Some(Encoding::Protobuf) => ExportResponse::decode(body).ok(),
        Some(Encoding::Json) => serde_json::from_slice(body).ok().and_then(|value| json(&value, signal)),
        None => None,
    };
    match read {
        Some(exported) => exported.into(),
        None => {
            let said = printable_line(&String::from_utf8_lossy(body));
            RequestOutcome::again(format!(
                "HTTP {}, but no answer of an OTLP receiver: {said}",
                response.status
            ))
        }
    }
}

/// Parses an `Export…ServiceResponse` in JSON. A 64-bit number may be a string or a number.
fn json(value: &Value, signal: Signal) -> Option<ExportResponse> {
    let object = value.as_object()?;
    let partial = match object.get("partialSuccess") {
        None | Some(Value::Null) => return Some(ExportResponse::default()),
        Some(partial) => partial.as_object()?,
    };
    let rejected = match partial.get(signal.rejected()) {
        None | Some(Value::Null) => 0,
        Some(Value::String(text)) => text.parse().ok()?,
        Some(number) => number.as_i64()?,
    };
    let message = match partial.get("errorMessage") {
        None | Some(Value::Null) => String::new(),
        Some(message) => message.as_str()?.to_owned(),
    };
    Some(ExportResponse { partial: Some(PartialSuccess { rejected, message }) })
}

/// Returns the text of an error response, and the pause that it asks for.
fn error(response: &Response, asked: Encoding) -> (String, Option<Duration>) {
    let body = &response.body[..];
    let status = match encoding(response, asked) {
        Some(Encoding::Protobuf) => RpcStatus::decode(body).ok(),
        Some(Encoding::Json) => serde_json::from_slice::<Value>(body).ok().and_then(|value| {
            let message = value.get("message")?.as_str()?.to_owned();
            Some(RpcStatus { message, ..RpcStatus::default() })
        }),
        None => None,
    };
    match status {
        Some(status) if !status.message.is_empty() => (printable_line(&status.message), status.pause()),
        _ => (printable_line(&String::from_utf8_lossy(body)), None),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use hyper::body::Bytes;

    use super::*;

    const NOW: Duration = Duration::from_secs(784_111_777);

    fn of(status: u16, headers: &[(&'static str, &str)], body: &'static [u8]) -> RequestOutcome {
        let mut response = Response {
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from_static(body),
            ..Response::default()
        };
        for (name, value) in headers {
            response.headers.insert(*name, value.parse().unwrap());
        }
        answer(&response, Signal::Logs, Encoding::Protobuf, UNIX_EPOCH + NOW)
    }

    fn taken(rejected: u64, message: &str) -> RequestOutcome {
        RequestOutcome::Taken { rejected, message: message.to_owned() }
    }

    #[test]
    fn success_is_what_is_empty_or_can_be_read() {
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(of(200, &[], b""), taken(0, ""));
        assert_eq!(of(204, &[("content-type", "text/html")], b" \n"), taken(0, ""));
        assert_eq!(of(200, &[], b"\x0a\x06\x08\x03\x12\x02no"), taken(3, "no"));
        assert_eq!(of(200, &[], b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), taken(0, ""));
        assert_eq!(of(200, &[json], b"{}"), taken(0, ""));
        assert_eq!(of(200, &[json], b"{\"partialSuccess\":{}}"), taken(0, ""));
        let partial = b"{\"partialSuccess\":{\"rejectedLogRecords\":\"2\",\"errorMessage\":\"a\\u001bb\"}}";
        assert_eq!(of(200, &[json], partial), taken(2, "a\\u{1b}b"));
        assert_eq!(of(200, &[json], b"{\"partialSuccess\":{\"rejectedLogRecords\":2}}"), taken(2, ""));
        for (headers, body) in [
            (&[][..], &b"<html>welcome</html>"[..]),
            (&[("content-type", "text/html")], b"<html>welcome</html>"),
            (&[json], b"[]"),
            (&[json], b"{\"partialSuccess\":{\"rejectedLogRecords\":\"many\"}}"),
            (&[json], b"{\"partialSuccess\":"),
            (&[], b"\x0a\x06\x08\x03"),
        ] {
            let RequestOutcome::Again(trouble) = of(200, headers, body) else { panic!("{body:?}") };
            assert!(trouble.why.contains("no answer of an OTLP receiver"), "{}", trouble.why);
        }
    }

    #[test]
    fn each_status_is_tried_again_or_never() {
        for status in [301, 307, 401, 403, 404, 408, 425, 429, 500, 502, 503, 504, 507, 599] {
            assert!(matches!(of(status, &[], b""), RequestOutcome::Again(_)), "{status}");
        }
        for status in [400, 405, 411, 413, 415, 422, 431, 501] {
            assert!(matches!(of(status, &[], b""), RequestOutcome::Never(_)), "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |value: &str| match of(503, &[("retry-after", value)], b"") {
            RequestOutcome::Again(trouble) => trouble.after.map(|after| after.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!(after("7"), Some(7));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:27 GMT"), Some(0));
        assert_eq!(after("99999999999"), Some(3600));
        assert_eq!((after("soon"), after("-1")), (None, None));
    }

    #[test]
    fn errors_say_what_the_receiver_said() {
        let why = |answer| match answer {
            RequestOutcome::Never(why) => why,
            RequestOutcome::Again(trouble) => trouble.why,
            RequestOutcome::Taken { .. } | RequestOutcome::Items(_) => panic!("{answer:?}"),
        };
        let json = ("content-type", "application/json");
        assert_eq!(why(of(400, &[], b"\x08\x03\x12\x03bad")), "HTTP 400 Bad Request: bad");
        assert_eq!(why(of(400, &[json], b"{\"message\":\"bad\"}")), "HTTP 400 Bad Request: bad");
        assert_eq!(why(of(400, &[json], b"oh\nno")), "HTTP 400 Bad Request: oh no");
        assert_eq!(why(of(500, &[], b"")), "HTTP 500 Internal Server Error");
        let moved = why(of(308, &[("location", "https://there/")], b""));
        assert!(moved.contains("to https://there/: redirects are not followed"), "{moved}");
    }
}
