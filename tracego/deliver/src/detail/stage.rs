//! The stage in front of the outputs: finds the references of a record, and makes the record lean.

use std::{collections::BTreeSet, sync::Arc};

use tracego_model::record::{Record, event_name};

use super::{
    book::ReferenceBook,
    lean::{is_lean, make_lean},
    reference::Reference,
    reference_cache::{RecordReferences, ReferenceCache},
};

/// References made so far, and those of the record that the outputs are given now.
#[derive(Default)]
pub(crate) struct DetailStage {
    cache: ReferenceCache,
    /// References of the current record, if it becomes lean.
    references: Option<RecordReferences>,
    /// The executable of the current record, if that is a start that an output has modules of.
    started: Option<Arc<Reference>>,
}

/// The needs of the outputs that take a record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WantedDetail {
    /// Whether one of them wants lean records.
    pub(crate) is_lean: bool,
    /// Whether one of them wants the modules of executables.
    pub(crate) has_modules: bool,
}

impl WantedDetail {
    /// Adds the needs of an output with this book.
    pub(crate) fn add(&mut self, book: Option<&ReferenceBook>) {
        self.is_lean |= book.is_some_and(ReferenceBook::is_lean);
        self.has_modules |= book.is_some_and(ReferenceBook::has_modules);
    }
}

impl DetailStage {
    /// Sets the variables that the operator asked for, which lean records show themselves.
    pub(crate) fn set_asked(&mut self, asked: Arc<BTreeSet<String>>) {
        self.cache.asked = asked;
    }

    /// Begins a full record.
    pub(crate) fn begin(&mut self, record: &Record, wanted: WantedDetail) {
        self.references = (wanted.is_lean && is_lean(record)).then(|| self.cache.of(record));
        let is_started = wanted.has_modules && record.event_name == event_name::START;
        self.started = match &self.references {
            _ if !is_started => None,
            Some(references) => references.image.clone(),
            None => self.cache.image(record),
        };
    }

    /// Returns the records that go ahead of the current one into an output, without numbers.
    pub(crate) fn ahead(&self, record: &Record, book: &mut ReferenceBook) -> Vec<Record> {
        if let Some(references) = self.references.as_ref().filter(|_| book.is_lean()) {
            return book.missing(record, references);
        }
        if book.is_lean() {
            book.given(record);
        }
        let started = self.started.as_ref().filter(|_| book.has_modules());
        started.and_then(|started| book.missing_reference(record, started)).into_iter().collect()
    }

    /// Makes the current record lean, if it becomes that.
    pub(crate) fn finish(&mut self, record: &mut Record) {
        if let Some(references) = self.references.take() {
            make_lean(record, &references);
        }
    }
}
