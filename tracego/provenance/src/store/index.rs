//! From digests to the places of documents.

use std::{
    collections::HashMap,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use super::{FoundDocument, MOST_DIGESTS, MOST_DOCUMENTS, StoreSummary, fingerprint, tree, visit};
use crate::{bundle::BundleForm, contents, digest::Sha256Digest, statement::StatementDepth};

/// The place of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BundlePlace {
    file: u32,
    length: u32,
    offset: u64,
    pub(crate) form: BundleForm,
}

/// The index of a store.
#[derive(Default)]
pub(crate) struct Index {
    files: Vec<PathBuf>,
    places: Vec<BundlePlace>,
    /// Digests with the number of a place, sorted.
    subjects: Vec<(Sha256Digest, u32)>,
    /// Files beside which a signature is, with the number of its place.
    beside: HashMap<PathBuf, u32>,
    pub(crate) summary: StoreSummary,
    /// Changes with the files of the store.
    pub(crate) fingerprint: u64,
}

impl Index {
    /// Reads all documents below folders. What cannot be read is in the summary.
    pub(crate) fn read(folders: &[PathBuf], predicate_types: &[String]) -> Self {
        let mut index = Self::default();
        let mut summary = StoreSummary::default();
        let files = tree(folders, &mut summary);
        index.fingerprint = fingerprint(&files);
        for file in &files {
            visit(file, StatementDepth::Subjects, &mut summary, &mut |found, summary| {
                index.add(&found, predicate_types, summary)
            });
        }
        index.subjects.sort_unstable();
        index.subjects.dedup();
        index.files.shrink_to_fit();
        index.places.shrink_to_fit();
        index.subjects.shrink_to_fit();
        summary.documents = index.places.len() as u64;
        summary.subjects = index.subjects.len() as u64;
        summary.digests = index.subjects.chunk_by(|a, b| a.0 == b.0).count() as u64;
        index.summary = summary;
        index
    }

    fn add(&mut self, found: &FoundDocument<'_>, predicate_types: &[String], summary: &mut StoreSummary) {
        let document = &found.document;
        if let Some(statement) = &document.statement {
            if statement.is_of_release() {
                summary.skipped.releases += 1;
                return;
            }
            if !predicate_types.contains(&statement.predicate_type) {
                summary.skipped.other_predicates += 1;
                return;
            }
            let left_out = statement.subjects_left_out as u64;
            summary.beyond(
                found.path,
                left_out,
                "statements with more than 4,096 subjects: the others are left out",
            );
        }
        let is_beside = document.form == BundleForm::BareSignature;
        if document.subjects.is_empty() && !is_beside {
            summary.skipped.without_digest += 1;
            return;
        }
        if self.places.len() >= MOST_DOCUMENTS {
            return summary.beyond(
                found.path,
                1,
                "the store has more than 200,000 documents; the others are left out",
            );
        }
        if self.subjects.len() + document.subjects.len() > MOST_DIGESTS {
            let count = document.subjects.len() as u64;
            return summary.beyond(
                found.path,
                count,
                "the store has more than 400,000 digests; the others are left out",
            );
        }
        if self.files.last().is_none_or(|last| last != found.path) {
            self.files.push(found.path.to_owned());
        }
        // Both are bounded far below 2^32.
        let file = u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX);
        let length = u32::try_from(found.bytes.len()).unwrap_or(u32::MAX);
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(BundlePlace { file, length, offset: found.offset, form: document.form });
        self.subjects.extend(document.subjects.iter().map(|subject| (*subject, place)));
        if is_beside {
            let path = found.path.with_extension("");
            self.beside.insert(std::fs::canonicalize(&path).unwrap_or(path), place);
        }
    }

    /// Returns the number of the signature beside a file.
    pub(crate) fn beside(&self, path: &Path) -> Option<u32> {
        if self.beside.is_empty() { None } else { self.beside.get(path).copied() }
    }

    /// Returns the numbers of the documents about a digest.
    pub(crate) fn about(&self, digest: &Sha256Digest) -> impl ExactSizeIterator<Item = u32> {
        let start = self.subjects.partition_point(|(subject, _)| subject < digest);
        let rest = self.subjects.get(start..).unwrap_or_default();
        let end = rest.partition_point(|(subject, _)| subject == digest);
        rest.get(..end).unwrap_or_default().iter().map(|(_, place)| *place)
    }

    /// Returns the numbers of all documents.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        (0..).take(self.places.len())
    }

    /// Returns a place and its file.
    pub(crate) fn place(&self, number: u32) -> Option<(&BundlePlace, &Path)> {
        let place = self.places.get(number as usize)?;
        Some((place, self.files.get(place.file as usize)?))
    }
}

impl BundlePlace {
    /// Reads the document. Its content is whatever the file has now.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = contents::open(path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::with_capacity(self.length as usize);
        file.take(u64::from(self.length)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
