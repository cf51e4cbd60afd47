//! A durable queue of records in a folder, which survives a kill or a power loss at any moment and reports
//! exactly what is missing.
//!
//! The program that produces records appends them; the program that delivers them reads batches, and
//! acknowledges what was delivered. After a restart, delivery continues with the first record that was not
//! acknowledged. Records are opaque bytes of up to 16 MiB.
//!
//! ```
//! use tracego_spool::{Appended, Item, Moment, QueueLimits, Spool};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let (mut spool, recovery) = Spool::open(folder, QueueLimits::default(), Moment::now())?;
//! assert!(recovery.is_whole());
//! assert_eq!(spool.append(b"first")?, Appended::Stored(1));
//! assert_eq!(spool.append(b"second")?, Appended::Stored(2));
//! assert!(spool.sync());
//!
//! let batch = spool.read(64 * 1024);
//! let items: Vec<_> = batch.iter().collect();
//! assert_eq!(items, [Item::Record(1, b"first"), Item::Record(2, b"second")]);
//! // The first record was delivered, the second was not.
//! spool.ack(1);
//! assert_eq!(spool.close(), 0);
//!
//! let (mut spool, _) = Spool::open(folder, QueueLimits::default(), Moment::now())?;
//! assert_eq!(spool.read(64 * 1024).iter().next(), Some(Item::Record(2, b"second")));
//! # Ok(())
//! # }
//! ```
//!
//! # Use
//!
//! There are no threads, no timers and no logs in here: a spool has one owner, or one mutex around it. The
//! owner
//!
//! - calls [`due`](Spool::due) with the time, and [`sync`](Spool::sync) if that returns true;
//! - prints the [notices](Spool::notice), and exports the [counters](Spool::stats);
//! - chooses with [`QueueLimits`] how much space is used, and what happens when it is full.
//!
//! [`MemoryQueue`] is the same queue in memory, and [`RecordQueue`] is either of them. [`survey`] inspects a
//! folder without changing it, even while another process uses it.
//!
//! # Guarantees
//!
//! - A record is delivered at least once if a sync succeeded after it was appended. Only records that were
//!   not acknowledged are delivered again, in order.
//! - Dropped records leave a [`Gap`] in their place: the reader gets it like a record, acknowledges it like a
//!   record, and gets it again after a restart until it is acknowledged.
//! - [`read`](Spool::read) returns records that are on the disk, because the number of a record that was lost
//!   in a power loss is given to another one. Records in memory are returned only while the disk fails:
//!   otherwise a dead disk would stop a reader that works.
//! - After a failed sync, nothing behind the last good one is trusted. Linux marks pages as clean whose write
//!   failed, so another fsync of the same file would succeed. The segment ends there, and the frames, which
//!   are kept in memory until a sync, are written to a new one.
//! - The cursor is synced, in both of its slots, before a segment is removed; the folder is synced after each
//!   new name.
//! - Each sync writes to the cursor how far records are durable, so that also the last segment is missed if
//!   it is gone.
//! - Damaged data stays in place: nothing is written to a disk that just proved unreliable. The reader skips
//!   it, goes on at the next valid frame, and reports exactly which numbers are missing, at each reading. Once
//!   acknowledged, the segment is renamed to `.bad` instead of being removed.
//! - The frames of a segment decide where it belongs: one with a damaged header or with the name of another
//!   one is read as if it had its own, and a copy is set aside as `.bad`.
//!
//! # Files
//!
//! A spool is a folder: segments `<first sequence number>.seg` of frames (length, CRC32C, payload), a `cursor`
//! with the acknowledged position, and a `lock`. With [`QueueLimits::compress`] payloads are zstd frames, each of
//! which can be read alone. The crate knows no other crate of the project, and of the content of records only
//! the dictionary of that compression.

mod batch;
mod cursor;
mod disk;
mod frame;
mod gap;
mod inspection;
mod limits;
mod memory_queue;
mod moment;
mod packing;
mod queue;
mod segment;
mod spool;
mod stats;

pub use batch::{Item, QueueBatch};
pub use cursor::CursorState;
pub use disk::{Disk, DiskFolder, OpenError};
pub use gap::{Gap, GapReason};
pub use inspection::survey::{Survey, SurveyedSegment, is_spool, survey};
pub use limits::{OnFull, QueueLimits, SyncPolicy};
pub use memory_queue::MemoryQueue;
pub use moment::Moment;
pub use packing::RECORD_MAX;
pub use queue::RecordQueue;
pub use spool::{Appended, QueueFull, Recovery, Spool};
pub use stats::{Amount, QueueStats, SpoolNotice};
