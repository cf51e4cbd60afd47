//! Properties of every payload and every answer, shared with the fuzz target.

use std::time::{Duration, UNIX_EPOCH};

use tracego_deliver::{
    collector::{OtlpProtocol, Signal},
    format::otlp::Encoding,
    http::Response,
    sink::otlp::{OtlpPayload, RequestOutcome, answer, readable},
};

/// Checks one input; its first byte selects the meaning of the others.
pub(super) fn any(input: &[u8]) {
    match input.split_first() {
        Some((0, payload)) => self::payload(payload),
        Some((kind, response)) => self::response(*kind, response),
        None => payload(input),
    }
}

/// Checks that parsing loses no byte, and that the readable form is a request or the bytes themselves.
fn payload(bytes: &[u8]) {
    let shown = readable(bytes);
    let Ok(payload) = OtlpPayload::parse(bytes) else {
        assert!(shown["base64"].is_string());
        return;
    };
    let whole = [&bytes[..5], payload.resource, payload.record].concat();
    assert!(whole == bytes);
    let other = match payload.encoding {
        Encoding::Protobuf => Encoding::Json,
        Encoding::Json => Encoding::Protobuf,
    };
    let same = payload.to(payload.encoding).unwrap();
    assert!(*same.0 == *payload.resource && *same.1 == *payload.record);
    if let Ok((resource, record)) = payload.to(other) {
        // The converted payload can be converted back.
        let again = OtlpPayload { encoding: other, resource: &resource, record: &record };
        assert!(again.to(payload.encoding).is_ok());
        assert!(shown["resourceLogs"].is_array() || payload.encoding == Encoding::Json);
    }
}

/// Checks the answer to a response made of a status, lines of headers and trailers, and a body.
fn response(kind: u8, input: &[u8]) {
    let protocol = OtlpProtocol::ALL[usize::from(kind) % 3];
    let mut response = Response::default();
    let Some((status, mut rest)) = input.split_first_chunk::<2>() else { return };
    response.status = (100 + u16::from_le_bytes(*status) % 900).try_into().unwrap();
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, more) = (&rest[..end], &rest[end + 1..]);
        rest = more;
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { break };
        let all = if name.starts_with(b"grpc-") { &mut response.trailers } else { &mut response.headers };
        let name: Option<hyper::header::HeaderName> = name.try_into().ok();
        let value: Option<hyper::header::HeaderValue> = value.try_into().ok();
        if let (Some(name), Some(value)) = (name, value) {
            all.insert(name, value);
        }
    }
    response.body = rest.to_vec().into();
    let said = match answer(&response, protocol, Signal::Logs, UNIX_EPOCH + Duration::from_secs(1 << 31)) {
        RequestOutcome::Taken { message, .. } => {
            assert!(response.status.is_success());
            message
        }
        RequestOutcome::Again(trouble) => {
            assert!(trouble.after.is_none_or(|after| after <= Duration::from_secs(3600)));
            trouble.why
        }
        RequestOutcome::Never(why) => why,
        RequestOutcome::Items(items) => panic!("OTLP has no answers for single records: {items:?}"),
    };
    assert!(said.chars().count() < 1000 && !said.chars().any(char::is_control), "{said}");
}
