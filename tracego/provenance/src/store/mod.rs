//! Folders of bundles, as an index of the digests that they are about. Bundles are read when their digest is asked for.

mod document_file;
mod index;
mod tree;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub(crate) use document_file::{FoundDocument, visit};
pub(crate) use index::Index;
pub(crate) use tree::{fingerprint, tree};

/// Files of a store that are read.
pub(crate) const MOST_FILES: usize = 100_000;
/// Documents of a store that are indexed.
pub(crate) const MOST_DOCUMENTS: usize = 200_000;
/// Digests of a store that are indexed.
pub(crate) const MOST_DIGESTS: usize = 400_000;
/// Bytes of a store that are read.
pub(crate) const MOST_BYTES: u64 = 2 << 30;
/// Problems that are kept with their text; all are counted.
const MOST_PROBLEMS: usize = 100;

/// A file or a line of a store that is left out.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StoreProblem {
    /// The file.
    pub path: PathBuf,
    /// The line, for files with one document a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The reason.
    pub reason: String,
}

/// Numbers of what a store holds beside its index.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct SkippedCounts {
    /// Files and lines that are damaged or too large.
    pub damaged: u64,
    /// JSON files that are about something else.
    pub other_files: u64,
    /// Attestations of releases, which say nothing of a build.
    pub releases: u64,
    /// Attestations of another kind, which say nothing of a build.
    pub other_predicates: u64,
    /// Documents that name no SHA-256 digest.
    pub without_digest: u64,
    /// Files, documents and digests beyond the limits.
    pub beyond_limits: u64,
}

/// A store in numbers.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct StoreSummary {
    /// Files that were read.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Documents in the index.
    pub documents: u64,
    /// Pairs of document and digest in the index.
    pub subjects: u64,
    /// Digests that documents in the index are about, each once.
    pub digests: u64,
    /// Everything that is not in the index.
    pub skipped: SkippedCounts,
    /// Files and lines that are damaged, unreadable or beyond the limits; at most the first hundred.
    pub problems: Vec<StoreProblem>,
}

impl StoreSummary {
    /// Notes a file or line that is left out.
    pub(crate) fn problem(&mut self, path: &Path, line: Option<usize>, reason: impl std::fmt::Display) {
        self.skipped.damaged += 1;
        self.note(path, line, reason);
    }

    /// Notes something that is beyond a limit; each limit once.
    pub(crate) fn beyond(&mut self, path: &Path, count: u64, reason: &str) {
        if count > 0 {
            self.skipped.beyond_limits += count;
            if !self.problems.iter().any(|problem| problem.reason == reason) {
                self.note(path, None, reason);
            }
        }
    }

    fn note(&mut self, path: &Path, line: Option<usize>, reason: impl std::fmt::Display) {
        if self.problems.len() < MOST_PROBLEMS {
            let reason = crate::clean_text::clean(&reason.to_string());
            self.problems.push(StoreProblem { path: path.to_owned(), line, reason });
        }
    }
}

#[cfg(test)]
mod tests;
