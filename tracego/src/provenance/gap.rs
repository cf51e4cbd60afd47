//! Reasons why an executable was not judged.

use std::fmt;

use tracego_model::provenance::{Provenance as ProvenRecord, ProvenanceVerdict};

/// The reason why the executable of a start was not judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum JudgementGap {
    /// The file has no proven digest; the state of its digest.
    Digest(&'static str),
    /// Too many starts wait for a verdict.
    Busy,
    /// tracego ended before the verdict.
    Ended,
    /// The thread that judges ended.
    Lost,
}

impl JudgementGap {
    /// Returns the verdict about an executable that has to have provenance.
    pub(crate) fn unchecked(self) -> ProvenRecord {
        ProvenRecord {
            verdict: ProvenanceVerdict::Unchecked,
            required: true,
            error: Some(self.to_string()),
            ..ProvenRecord::default()
        }
    }
}

impl fmt::Display for JudgementGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(state) => write!(f, "the file has no proven digest: {state}"),
            Self::Busy => f.write_str("too many executables wait to be judged"),
            Self::Ended => f.write_str("tracego ended before the verdict"),
            Self::Lost => f.write_str("the thread that judges executables was lost; restart tracego"),
        }
    }
}
