//! Interpretation of an answer, for the records that were sent.

use std::time::{Duration, SystemTime};

use hyper::StatusCode;

use crate::{
    http::{Response, retry_after},
    sink::delivery::batch_split::ItemOutcome,
};

/// The meaning of an answer for the records of its request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum ResponseClass {
    /// The receiver has the records.
    Taken,
    /// Retry, not before this pause. The flag: whether the cause is the sender and not the records.
    Again(Option<Duration>, bool),
    /// No records would be taken this way. The text: the settings that the operator should look at.
    Mistaken(&'static str),
    /// Other records might be taken.
    Content,
    /// The receiver answers for each record.
    Items(Vec<ItemOutcome>),
}

/// Returns the meaning of an answer, judged by its status alone.
pub(crate) fn classify(answer: &Response, now: SystemTime) -> ResponseClass {
    match answer.status.as_u16() {
        200..=299 => ResponseClass::Taken,
        ..=399 => ResponseClass::Mistaken("redirects are not followed: look at url"),
        408 | 425 | 429 | 500.. => {
            ResponseClass::Again(retry_after(&answer.headers, now), answer.status.as_u16() == 429)
        }
        401 | 403 | 407 => ResponseClass::Mistaken("look at headers and tls"),
        402 | 404 | 410 | 421 | 451 => ResponseClass::Mistaken("look at url"),
        405 => ResponseClass::Mistaken("look at url and method"),
        406 | 415 => ResponseClass::Mistaken("look at format and compression"),
        411 | 417 | 426 | 428 | 431 => {
            ResponseClass::Mistaken("the receiver does not take such requests: look at url and headers")
        }
        _ => ResponseClass::Content,
    }
}

/// Whether the receiver does not accept the credentials.
pub(crate) fn is_unauthorized(answer: &Response) -> bool {
    matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Whether a request with fewer records might be taken.
pub(super) fn too_large(answer: &Response) -> bool {
    answer.status == StatusCode::PAYLOAD_TOO_LARGE
}
