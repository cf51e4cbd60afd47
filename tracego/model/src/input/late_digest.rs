//! Digests and verdicts that came after their starts.

use std::sync::Arc;

use tracego_common::{EventHeader, TaskId};

use super::digest::{FileDigest, Sha256Digest};
use crate::{clock::TICK_NS, process_key::ProcessKey, provenance::Provenance};

/// A start that waits for a digest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashedStart {
    /// The process.
    pub id: TaskId,
    /// Time of the start, nanoseconds since boot.
    pub boot_ns: u64,
}

impl HashedStart {
    /// Returns the start that an exec event tells.
    #[must_use]
    pub fn of(header: &EventHeader) -> Self {
        Self { id: header.id, boot_ns: header.boot_ns }
    }

    /// Returns the key of the start in tables: a process executes several programs.
    #[must_use]
    pub fn key(&self) -> (ProcessKey, u64) {
        (self.id.into(), self.boot_ns)
    }

    /// Returns whether the start is one of a process. The start of a process that ran before is known to the tick alone.
    #[must_use]
    pub fn is_of(&self, id: TaskId) -> bool {
        let (known, exact) = (self.id.start_boottime, id.start_boottime);
        let is_tick =
            known.is_multiple_of(TICK_NS) && (known..known.saturating_add(TICK_NS)).contains(&exact);
        self.id.tgid == id.tgid && (known == exact || is_tick)
    }
}

/// A digest that came after its start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LateDigest {
    /// The start.
    pub start: HashedStart,
    /// The digest, or why there is none.
    pub digest: FileDigest,
}

/// A verdict about an executable, which came after its start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LateVerdict {
    /// The start.
    pub start: HashedStart,
    /// The digest of the executable.
    pub sha256: Sha256Digest,
    /// The verdict.
    pub provenance: Arc<Provenance>,
}
