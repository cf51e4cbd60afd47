//! Elasticsearch sink: the bulk API of Elasticsearch and OpenSearch, as a webhook with an answer for each record.
//!
//! The identifier of a document is that of its record (`log.record.uid`), and the action is `create`: a record
//! that is sent again is not stored again, and the answer 409 means that the store has it.
//!
//! | status of an item | what happens |
//! |---|---|
//! | 2xx, 409 | taken |
//! | 408, 425, 429, 5xx | this record is sent again, without those that were taken |
//! | 401, 403, 404, 405 | this record is sent again until the settings are right |
//! | 400 and others | refused: the dead letters have the record with the store's reason |

mod bulk_answer;
mod bulk_body;
mod settings;

use std::{collections::HashSet, time::SystemTime};

use self::bulk_body::document_id;
pub(crate) use self::settings::BulkCredentials;
pub use self::settings::ElasticsearchSettings;
use crate::{
    format::Format,
    http::{Response, retry_after},
    sink::{
        delivery::batch_split::ItemOutcome,
        webhook::response_class::{self, ResponseClass},
    },
};

/// The bulk API, and what the store has of the batch in delivery.
pub(crate) struct BulkDialect {
    format: Format,
    credentials: Option<BulkCredentials>,
    /// Identifiers of the records that the store has, while another record of the batch is sent again.
    taken: HashSet<String>,
}

impl BulkDialect {
    /// Creates the dialect for payloads that are lines of `format`.
    pub(crate) fn new(format: Format, settings: &ElasticsearchSettings) -> Self {
        Self { format, credentials: settings.credentials(), taken: HashSet::new() }
    }

    /// Returns the credentials.
    pub(crate) fn credentials(&self) -> Option<&BulkCredentials> {
        self.credentials.as_ref()
    }

    /// Returns the body of a request: for each payload a line with the action and one with the document.
    pub(crate) fn body(&self, lines: &[&[u8]]) -> Vec<u8> {
        bulk_body::join(self.format, lines)
    }

    /// Returns the meaning of an answer to a request with this number of records.
    pub(crate) fn classify(&self, answer: &Response, records: usize, now: SystemTime) -> ResponseClass {
        match response_class::classify(answer, now) {
            ResponseClass::Taken => match bulk_answer::items(answer, records) {
                Some(mut items) => {
                    let pause = retry_after(&answer.headers, now);
                    for item in &mut items {
                        if let ItemOutcome::Again(trouble) = item {
                            trouble.after = pause;
                        }
                    }
                    ResponseClass::Items(items)
                }
                None => ResponseClass::Again(None, true),
            },
            ResponseClass::Mistaken(_) if response_class::is_unauthorized(answer) => {
                ResponseClass::Mistaken("look at api-key, user, password and tls")
            }
            class => class,
        }
    }

    /// Returns for each payload whether the store has it.
    pub(crate) fn known(&self, lines: &[&[u8]]) -> Vec<bool> {
        if self.taken.is_empty() {
            return vec![false; lines.len()];
        }
        lines.iter().map(|line| self.taken.contains(&document_id(self.format, line))).collect()
    }

    /// Remembers the payloads that the store has, if others of the request have to be sent again.
    pub(crate) fn remember(&mut self, lines: &[&[u8]], items: &[ItemOutcome]) {
        if items.iter().any(|item| matches!(item, ItemOutcome::Again(_))) {
            let taken = lines.iter().zip(items).filter(|(_, item)| **item == ItemOutcome::Taken);
            self.taken.extend(taken.map(|(line, _)| document_id(self.format, line)));
        }
    }

    /// Forgets which payloads the store has.
    pub(crate) fn forget(&mut self) {
        self.taken.clear();
    }
}
