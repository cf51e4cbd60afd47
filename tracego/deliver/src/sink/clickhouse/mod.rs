//! ClickHouse sink: `INSERT … FORMAT JSONEachRow` through the HTTP interface, as a preset of the webhook.
//!
//! The key of a request is its `insert_deduplication_token`, so a table that remembers tokens takes each request
//! once, however often it is sent.
//!
//! The status alone does not say whether rows were inserted: ClickHouse may fail behind the head of a response
//! with status 200. An `INSERT` has no result, so any text in its response means that the rows are not known to
//! be there.

mod exception;
mod settings;

use std::time::SystemTime;

use hyper::StatusCode;

use self::exception::ExceptionKind;
pub use self::settings::{ClickhouseSettings, QuerySetting};
use crate::{
    http::{self, Response},
    sink::webhook::response_class::{self, ResponseClass},
};

/// Returns the meaning of an answer to an `INSERT`.
pub(crate) fn classify(answer: &Response, now: SystemTime) -> ResponseClass {
    let code = exception::code(answer);
    match code.map(ExceptionKind::of) {
        Some(ExceptionKind::Content) => ResponseClass::Content,
        Some(ExceptionKind::Mistake(hint)) => ResponseClass::Mistaken(hint),
        Some(ExceptionKind::Other) => ResponseClass::Again(http::retry_after(&answer.headers, now), false),
        None if answer.status.is_success() && !answer.body.trim_ascii().is_empty() => {
            ResponseClass::Again(None, true)
        }
        // ClickHouse names the cause of each refusal. One without a cause is from something in between.
        None => match response_class::classify(answer, now) {
            ResponseClass::Content if answer.status != StatusCode::PAYLOAD_TOO_LARGE => {
                ResponseClass::Mistaken("the answer is not from ClickHouse: look at url")
            }
            ResponseClass::Mistaken(_) if response_class::is_unauthorized(answer) => {
                ResponseClass::Mistaken("look at user, password and tls")
            }
            class => class,
        },
    }
}

/// Returns the text of an answer for people: the line with the exception, if there is one.
pub(crate) fn summary(answer: &Response) -> String {
    exception::text(answer).unwrap_or_else(|| http::summary(answer))
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, body::Bytes};

    use super::*;

    fn answer(status: u16, header: &str, body: &'static str) -> Response {
        let mut headers = HeaderMap::new();
        if !header.is_empty() {
            headers.insert("x-clickhouse-exception-code", header.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Response { status, headers, body: Bytes::from_static(body.as_bytes()), ..Response::default() }
    }

    #[test]
    fn a_status_of_200_is_not_believed_alone() {
        let now = SystemTime::UNIX_EPOCH;
        let class = |status, header, body| classify(&answer(status, header, body), now);
        assert_eq!(class(200, "", ""), ResponseClass::Taken);
        assert_eq!(class(200, "", "\n"), ResponseClass::Taken);
        let late = "\r\n__exception__\r\nCode: 241. DB::Exception: Memory limit (total) exceeded\n";
        assert_eq!(class(200, "", late), ResponseClass::Again(None, false));
        assert_eq!(
            summary(&answer(200, "", late)),
            "Code: 241. DB::Exception: Memory limit (total) exceeded"
        );
        assert_eq!(class(200, "241", ""), ResponseClass::Again(None, false));
        assert_eq!(class(200, "0", ""), ResponseClass::Taken);
        // A proxy with a page of its own.
        assert_eq!(class(200, "", "<html>sign in</html>"), ResponseClass::Again(None, true));
    }

    #[test]
    fn exceptions_are_told_apart_by_their_code_and_not_by_the_status() {
        let now = SystemTime::UNIX_EPOCH;
        let class = |status, header, body| classify(&answer(status, header, body), now);
        for status in [200, 400, 404, 500] {
            let bad = "Code: 27. DB::Exception: Cannot parse input: expected '{' before: 'x'";
            assert_eq!(class(status, "", bad), ResponseClass::Content, "{status}");
            assert_eq!(class(status, "27", ""), ResponseClass::Content, "{status}");
            let typo = "Code: 62. DB::Exception: Syntax error: failed at position 40 ('FORMATT')";
            assert!(matches!(class(status, "62", typo), ResponseClass::Mistaken(_)), "{status}");
            assert!(matches!(class(status, "60", ""), ResponseClass::Mistaken(_)), "{status}");
            assert_eq!(class(status, "252", "too many parts"), ResponseClass::Again(None, false));
        }
        assert!(matches!(class(400, "", "bad gateway page"), ResponseClass::Mistaken(_)));
        assert_eq!(class(413, "", ""), ResponseClass::Content);
        assert_eq!(class(403, "", ""), ResponseClass::Mistaken("look at user, password and tls"));
        assert_eq!(class(503, "", ""), ResponseClass::Again(None, false));
    }
}
