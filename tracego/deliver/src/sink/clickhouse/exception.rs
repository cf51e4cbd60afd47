//! Exceptions of ClickHouse in an HTTP response.

use crate::http::Response;

/// Name of the header with the code of an exception.
const CODE_HEADER: &str = "x-clickhouse-exception-code";
/// Maximum number of characters of an exception's text for people.
const LONGEST: usize = 300;

/// The side that an exception is the fault of.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum ExceptionKind {
    /// A record that cannot be read.
    Content,
    /// The settings; the text names those that the operator should look at.
    Mistake(&'static str),
    /// The server, now.
    Other,
}

impl ExceptionKind {
    /// Returns the kind of an exception with this code (`ErrorCodes.cpp`).
    pub(super) fn of(code: u32) -> Self {
        match code {
            // CANNOT_PARSE_… of texts, dates, numbers, UUIDs, addresses and booleans; INCORRECT_DATA,
            // CANNOT_READ_ARRAY_FROM_TEXT, ARGUMENT_OUT_OF_BOUND, DECIMAL_OVERFLOW.
            6 | 26 | 27 | 38 | 41 | 69 | 72 | 117 | 130 | 376 | 407 | 467 | 675 | 676 => Self::Content,
            // TYPE_MISMATCH, CANNOT_CONVERT_TYPE, CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN: no record of tracego's schema.
            53 | 70 | 349 => Self::Mistake("a column has another type: look at the table"),
            16 | 47 => Self::Mistake("the table lacks a column: look at table and settings"),
            60 | 81 | 218 => Self::Mistake("look at database and table"),
            62 | 73 | 115 | 452 => Self::Mistake("look at settings and at the version of the server"),
            164 | 192..=195 | 492 | 497 | 516 => Self::Mistake("look at user and password"),
            _ => Self::Other,
        }
    }
}

/// Returns the code of the exception in a response; `None` if there is none.
pub(super) fn code(answer: &Response) -> Option<u32> {
    let header = answer.header(CODE_HEADER).and_then(|text| text.trim().parse().ok());
    header.filter(|code| *code != 0).or_else(|| {
        let line = text(answer)?;
        let digits = line.strip_prefix("Code: ")?;
        digits[..digits.find(|c: char| !c.is_ascii_digit())?].parse().ok()
    })
}

/// Returns the line of a response that has an exception, short and without control characters.
pub(super) fn text(answer: &Response) -> Option<String> {
    let body = String::from_utf8_lossy(&answer.body);
    let is_exception = |at: usize| {
        let rest = &body[at + 6..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest[digits..].starts_with(". DB::")
    };
    let found: Vec<usize> =
        body.match_indices("Code: ").map(|(at, _)| at).filter(|&at| is_exception(at)).collect();
    // The last line that begins with one is the exception of this query: it may quote what was sent, as the text in front.
    let begins = |at: usize| at == 0 || body[..at].ends_with('\n');
    let start = *found.iter().rfind(|&&at| begins(at)).or(found.last())?;
    let line = body[start..].lines().next().unwrap_or_default();
    Some(line.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn answer(body: &[u8]) -> Response {
        Response { body: Bytes::copy_from_slice(body), ..Response::default() }
    }

    #[test]
    fn an_exception_is_found_behind_what_it_quotes() {
        let body = "row: \"Code: 1. DB::x\"\nCode: 241. DB::Exception: Memory\x1b[31m limit\nmore";
        assert_eq!(code(&answer(body.as_bytes())), Some(241));
        assert_eq!(text(&answer(body.as_bytes())).unwrap(), "Code: 241. DB::Exception: Memory[31m limit");
        let quoting = "Code: 27. DB::ParsingException: Cannot parse: value \"Code: 60. DB::x\"";
        assert_eq!(code(&answer(quoting.as_bytes())), Some(27));
        for none in ["", "Code: ", "Code: x. DB::Exception", "Code: 241", "Code: 241, e.displayText()"] {
            assert_eq!(code(&answer(none.as_bytes())), None, "{none}");
        }
        let huge = "Code: 99999999999. DB::Exception";
        assert_eq!(code(&answer(huge.as_bytes())), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(parts in proptest::collection::vec(prop_oneof![
            Just(b"Code: ".to_vec()), Just(b"27".to_vec()), Just(b". DB::".to_vec()), Just(b"\n".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ], 0..12)) {
            let answer = answer(&parts.concat());
            let (code, text) = (code(&answer), text(&answer));
            prop_assert!(code.is_none() || text.is_some());
            prop_assert!(text.unwrap_or_default().chars().count() <= LONGEST);
        }
    }
}
