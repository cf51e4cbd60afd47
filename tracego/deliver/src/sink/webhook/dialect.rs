//! Differences between receivers of HTTP requests: the form of a body, the credentials, and the meaning of an answer.

use std::time::SystemTime;

use super::{body, response_class, response_class::ResponseClass};
use crate::{
    format::Format,
    http::{Response, summary},
    sink::{
        clickhouse,
        delivery::batch_split::ItemOutcome,
        elasticsearch::{BulkCredentials, BulkDialect},
    },
};

/// The kind of a receiver.
pub(crate) enum ReceiverDialect {
    /// Any receiver of lines, or of batches of CloudEvents.
    Lines(Format),
    /// ClickHouse, which may report a failure behind the status 200.
    Clickhouse,
    /// The bulk API of Elasticsearch and OpenSearch, with an answer for each record.
    Bulk(Box<BulkDialect>),
}

impl ReceiverDialect {
    /// Returns the media type of a body.
    pub(super) fn media_type(&self) -> &'static str {
        match self {
            Self::Lines(format) => body::media_type(*format),
            Self::Clickhouse | Self::Bulk(_) => body::media_type(Format::Json),
        }
    }

    /// Joins the payloads of a request to one body.
    pub(super) fn body(&self, lines: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Lines(format) => body::join(*format, lines),
            Self::Clickhouse => body::join(Format::Json, lines),
            Self::Bulk(bulk) => bulk.body(lines),
        }
    }

    /// Returns the credentials, if the receiver has a form of its own for them.
    pub(super) fn credentials(&self) -> Option<&BulkCredentials> {
        match self {
            Self::Lines(_) | Self::Clickhouse => None,
            Self::Bulk(bulk) => bulk.credentials(),
        }
    }

    /// Returns the meaning of an answer to a request with these payloads.
    pub(super) fn classify(&self, answer: &Response, lines: &[&[u8]]) -> ResponseClass {
        match self {
            Self::Lines(_) => response_class::classify(answer, SystemTime::now()),
            Self::Clickhouse => clickhouse::classify(answer, SystemTime::now()),
            Self::Bulk(bulk) => bulk.classify(answer, lines.len(), SystemTime::now()),
        }
    }

    /// Returns the text of an answer for people.
    pub(super) fn summary(&self, answer: &Response) -> String {
        match self {
            Self::Clickhouse => clickhouse::summary(answer),
            Self::Lines(_) | Self::Bulk(_) => summary(answer),
        }
    }

    /// Returns for each payload whether the receiver has taken it in an earlier request.
    pub(super) fn known(&self, lines: &[&[u8]]) -> Vec<bool> {
        match self {
            Self::Lines(_) | Self::Clickhouse => vec![false; lines.len()],
            Self::Bulk(bulk) => bulk.known(lines),
        }
    }

    /// Remembers the payloads that the receiver has taken, so that the others can be sent alone.
    pub(super) fn remember(&mut self, lines: &[&[u8]], items: &[ItemOutcome]) {
        if let Self::Bulk(bulk) = self {
            bulk.remember(lines, items);
        }
    }

    /// Forgets which payloads the receiver has taken.
    pub(super) fn forget(&mut self) {
        if let Self::Bulk(bulk) = self {
            bulk.forget();
        }
    }
}
