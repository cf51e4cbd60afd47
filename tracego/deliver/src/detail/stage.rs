//! The stage in front of the outputs: finds the references of a record, and makes the record lean.

use std::{collections::BTreeSet, sync::Arc};

use tracego_model::record::Record;

use super::{
    book::ReferenceBook,
    lean::{is_lean, make_lean},
    reference_cache::{RecordReferences, ReferenceCache},
};

/// References made so far, and those of the record that the outputs are given now.
#[derive(Default)]
pub(crate) struct DetailStage {
    cache: ReferenceCache,
    /// References of the current record, if it becomes lean.
    references: Option<RecordReferences>,
}

impl DetailStage {
    /// Sets the variables that the operator asked for, which lean records show themselves.
    pub(crate) fn set_asked(&mut self, asked: Arc<BTreeSet<String>>) {
        self.cache.asked = asked;
    }

    /// Begins a full record. `is_wanted`: whether an output that takes it wants it lean.
    pub(crate) fn begin(&mut self, record: &Record, is_wanted: bool) {
        self.references = (is_wanted && is_lean(record)).then(|| self.cache.of(record));
    }

    /// Returns the records that go ahead of the current one into an output, without numbers.
    pub(crate) fn ahead(&self, record: &Record, book: &mut ReferenceBook) -> Vec<Record> {
        match &self.references {
            Some(references) => book.missing(record, references),
            None => {
                book.given(record);
                Vec::new()
            }
        }
    }

    /// Makes the current record lean, if it becomes that.
    pub(crate) fn finish(&mut self, record: &mut Record) {
        if let Some(references) = self.references.take() {
            make_lean(record, &references);
        }
    }
}
