//! How large, how old and how safe.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frame::HEADER;

/// Bounds of one spool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes after which a new segment begins; at most a quarter of `total_bytes` is used, since room is
    /// made by whole segments.
    pub segment_bytes: u64,
    /// Bytes on the disk. Frames of gaps may come on top, 28 bytes each.
    pub total_bytes: u64,
    /// Records are dropped when their whole segment is older; it is never late by more than an eighth.
    pub max_age: Option<Duration>,
    /// What gives way when the spool is full.
    pub on_full: OnFull,
    /// How much a power loss may take.
    pub sync: SyncPolicy,
    /// Bytes of records in memory that the disk did not take yet: what is kept while it fails.
    pub memory_bytes: usize,
}

impl Limits {
    /// Segments that are small enough for the whole.
    pub(super) fn fit(self) -> Self {
        let segment_bytes = self.segment_bytes.min(self.total_bytes / 4).max(HEADER as u64 + 1);
        Self { segment_bytes, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes: 8 << 20,
            total_bytes: 1 << 30,
            max_age: None,
            on_full: OnFull::Block,
            sync: SyncPolicy::default(),
            memory_bytes: 8 << 20,
        }
    }
}

/// What gives way when the spool is full.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFull {
    /// The writer: it keeps the record and tries again.
    Block,
    /// The oldest segment that the reader does not have in hand.
    DropOldest,
    /// What comes.
    DropNewest,
}

/// When the spool is due for a sync; whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct SyncPolicy {
    /// Records that were not synced.
    pub records: usize,
    /// Milliseconds since the first of them came.
    pub millis: u64,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        Self { records: 256, millis: 100 }
    }
}
