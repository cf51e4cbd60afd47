//! Late digests in a capture file.

use serde::{Deserialize, Serialize};
use tracego_common::TaskId;

use crate::input::{
    digest::FileDigest,
    late_digest::{HashedStart, LateDigest},
};

/// A [`HashedStart`] as stored in a capture.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct StoredStart {
    pid: u32,
    start_boottime: u64,
    boot_ns: u64,
}

impl From<HashedStart> for StoredStart {
    fn from(HashedStart { id, boot_ns }: HashedStart) -> Self {
        Self { pid: id.tgid, start_boottime: id.start_boottime, boot_ns }
    }
}

impl From<StoredStart> for HashedStart {
    fn from(StoredStart { pid, start_boottime, boot_ns }: StoredStart) -> Self {
        Self { id: TaskId { tgid: pid, start_boottime, ..TaskId::default() }, boot_ns }
    }
}

/// A [`LateDigest`] as stored in a capture.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct StoredDigest {
    #[serde(flatten)]
    start: StoredStart,
    digest: FileDigest,
}

impl From<LateDigest> for StoredDigest {
    fn from(LateDigest { start, digest }: LateDigest) -> Self {
        Self { start: start.into(), digest }
    }
}

impl From<StoredDigest> for LateDigest {
    fn from(StoredDigest { start, digest }: StoredDigest) -> Self {
        Self { start: start.into(), digest }
    }
}
