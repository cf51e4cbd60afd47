//! Late digests and verdicts in a capture file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracego_common::TaskId;

use crate::{
    input::{
        digest::{FileDigest, Sha256Digest},
        late_digest::{HashedStart, LateDigest, LateVerdict},
    },
    provenance::Provenance,
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

/// A [`LateVerdict`] as stored in a capture.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct StoredVerdict {
    #[serde(flatten)]
    start: StoredStart,
    sha256: Sha256Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    provenance: Provenance,
}

/// The names of logs in verdicts.
const LOGS: [&str; 2] = ["none", "rekor"];

impl From<LateVerdict> for StoredVerdict {
    fn from(LateVerdict { start, sha256, provenance }: LateVerdict) -> Self {
        let log = provenance.log.map(str::to_owned);
        Self { start: start.into(), sha256, log, provenance: Arc::unwrap_or_clone(provenance) }
    }
}

impl From<StoredVerdict> for LateVerdict {
    fn from(StoredVerdict { start, sha256, log, provenance }: StoredVerdict) -> Self {
        let log = LOGS.into_iter().find(|known| log.as_deref() == Some(known));
        Self { start: start.into(), sha256, provenance: Arc::new(Provenance { log, ..provenance }) }
    }
}
