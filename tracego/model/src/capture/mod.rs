//! Capture files: raw kernel events in a file, for decode → enrich → sink later and without root.
//!
//! ```text
//! "TRACEGO\0" version:u32                      integers are little-endian
//! { kind:u32 len:u32 crc32:u32 payload[len] }  until a frame of kind END
//! ```
//! The checksum covers kind, length and payload: a damaged kind must not end a capture early. The payload of
//! a batch is raw memory of the machine that wrote it; only little-endian machines read and write these
//! files.

mod digests;
mod notes;
mod reader;
pub mod writer;

use std::io;

pub use reader::CaptureReader;
use serde::{Deserialize, Serialize};
pub use writer::CaptureWriter;

const MAGIC: &[u8; 8] = b"TRACEGO\0";
/// Format version; incremented with every change of a frame or of the wire types.
const VERSION: u32 = 5;
/// Oldest readable version. It lacks some kinds of frames, whose content stays unknown.
const OLDEST: u32 = 2;
/// Maximum size of a payload in bytes: a batch ends at a quarter of a megabyte plus one long event.
const FRAME_MAX: u32 = 64 << 20;

mod kind {
    pub(super) const META: u32 = 1;
    pub(super) const SEED: u32 = 2;
    pub(super) const BATCH: u32 = 3;
    pub(super) const COUNTERS: u32 = 4;
    pub(super) const HEARTBEAT: u32 = 5;
    pub(super) const END: u32 = 6;
    pub(super) const LOST_JOBS: u32 = 7;
    /// Images to which notes refer by number.
    pub(super) const IMAGES: u32 = 8;
    /// Notes about the batch that follows.
    pub(super) const NOTES: u32 = 9;
    pub(super) const SERVICES: u32 = 10;
    /// Programs that ran before, in the form of a batch.
    pub(super) const INVENTORY: u32 = 11;
    pub(super) const PODS: u32 = 12;
    /// Settings of the wall clock that the batches behind know.
    pub(super) const CLOCK_STEPS: u32 = 13;
    /// Digests that came after their starts.
    pub(super) const DIGESTS: u32 = 14;
    /// Verdicts about executables. The first frame of a capture that keeps them has none.
    pub(super) const VERDICTS: u32 = 15;
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

/// Why a capture cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file is not a capture.
    #[error("not a capture of tracego (it does not start with \"TRACEGO\")")]
    Foreign,
    /// The file has an unsupported format version.
    #[error("written by another version of tracego (format {0}, this one reads {OLDEST} to {VERSION})")]
    Version(u32),
    /// The file ends within a frame, or without the last frame.
    #[error("cut off after {0} bytes: the capture is incomplete; everything before was replayed")]
    Cut(u64),
    /// A frame is damaged.
    #[error("damaged at byte {0}: {1}; everything before was replayed")]
    Damaged(u64, &'static str),
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// [`Meta`](crate::meta::Meta) as stored in a capture.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct StoredMeta {
    host_id: String,
    host_name: String,
    instance: String,
    number: u32,
    boot_id: String,
    injected: Vec<(String, String)>,
    users: Vec<(u32, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mount_namespaces: Vec<u32>,
    tick_hz: u64,
    page_size: u64,
}
