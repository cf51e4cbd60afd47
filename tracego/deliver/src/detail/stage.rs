//! The stage in front of the outputs: it finds the references of a record, and makes the record lean.

use std::{collections::BTreeSet, sync::Arc};

use tracego_model::record::Record;

use super::{
    book::ReferenceBook,
    lean::{is_lean, make_lean},
    references::{RecordReferences, ReferenceCache},
};

/// The stage in front of the outputs.
#[derive(Default)]
pub(crate) struct DetailStage {
    cache: ReferenceCache,
    /// Numbers of the records that were given ahead of the current record, by their ids.
    numbers: Vec<(String, u64)>,
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
        self.numbers.clear();
        self.references = (is_wanted && is_lean(record)).then(|| self.cache.of(record));
    }

    /// Returns the records that go ahead of the current one into an output, with numbers from `next`.
    pub(crate) fn ahead(
        &mut self,
        record: &Record,
        book: &mut ReferenceBook,
        mut next: impl FnMut() -> u64,
    ) -> Vec<Record> {
        let Some(references) = &self.references else {
            book.given(record);
            return Vec::new();
        };
        let mut missing = book.missing(record, references);
        for one in &mut missing {
            let uid = &one.log.record.uid;
            let known = self.numbers.iter().find(|(known, _)| known == uid).map(|&(_, number)| number);
            one.seq = known.unwrap_or_else(|| {
                let number = next();
                self.numbers.push((uid.clone(), number));
                number
            });
        }
        missing
    }

    /// Makes the current record lean, if it becomes that.
    pub(crate) fn finish(&mut self, record: &mut Record) {
        if let Some(references) = self.references.take() {
            make_lean(record, &references, &self.cache.asked);
        }
    }
}
