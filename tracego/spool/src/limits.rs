//! Limits of a spool: size, age and durability.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::frame::HEADER;

/// Limits of one spool.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Size in bytes after which a new segment begins; at most a quarter of `total_bytes` is used, because
    /// space is freed by whole segments.
    pub segment_bytes: u64,
    /// Maximum number of bytes on the disk. Frames of gaps may come on top, 28 bytes each.
    pub total_bytes: u64,
    /// Maximum age of records. A segment is dropped when all its records are older, which is late by at most
    /// an eighth.
    pub max_age: Option<Duration>,
    /// Behaviour when the spool is full.
    pub on_full: OnFull,
    /// Conditions for a sync, which bound what a power loss may take.
    pub sync: SyncPolicy,
    /// Maximum number of bytes in memory that are not on the disk yet: what is kept while the disk fails.
    pub memory_bytes: usize,
    /// Whether new records on the disk are compressed; compressed ones are read either way.
    pub compress: bool,
}

impl QueueLimits {
    /// Returns the limits with segments that are small enough for the total.
    pub(crate) fn normalized(self) -> Self {
        let segment_bytes = self.segment_bytes.min(self.total_bytes / 4).max(HEADER as u64 + 1);
        Self { segment_bytes, ..self }
    }

    /// Returns the maximum age of records in nanoseconds.
    pub(crate) fn max_age_ns(&self) -> Option<i64> {
        let age = self.max_age?;
        Some(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX).max(1_000_000))
    }
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            segment_bytes: 8 << 20,
            total_bytes: 1 << 30,
            max_age: None,
            on_full: OnFull::Block,
            sync: SyncPolicy::default(),
            memory_bytes: 8 << 20,
            compress: false,
        }
    }
}

/// Behaviour when the spool is full.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFull {
    /// The writer keeps the record and retries.
    Block,
    /// The oldest segment that the reader does not have in hand is dropped.
    DropOldest,
    /// New records are dropped.
    DropNewest,
}

/// Conditions for a sync; the first that is met counts.
#[derive(Clone, Copy, Debug)]
pub struct SyncPolicy {
    /// Number of records that were not synced.
    pub records: usize,
    /// Milliseconds since the first of these records was appended.
    pub millis: u64,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        Self { records: 256, millis: 100 }
    }
}
