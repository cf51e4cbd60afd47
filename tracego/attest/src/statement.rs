//! The statement: subject and predicate (in-toto Statement v1).

use serde::Serialize;

use crate::subject::Subject;

/// Type of statements.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// A statement.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement<'a, P> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: &'a [Subject],
    predicate_type: &'a str,
    predicate: P,
}

impl<'a, P: Serialize> Statement<'a, P> {
    /// Creates the statement of a predicate about subjects.
    pub fn new(subject: &'a [Subject], predicate_type: &'a str, predicate: P) -> Self {
        Self { kind: STATEMENT, subject, predicate_type, predicate }
    }
}
