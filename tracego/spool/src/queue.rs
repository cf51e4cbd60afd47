//! The queue of one sink, on the disk or in memory, with the same methods.

use super::{Batch, Files, Full, Limits, Notice, Spool, Stats, ram::Ram};
use crate::Moment;

/// A queue of records.
pub enum Queue {
    /// A spool in a folder.
    Disk(Box<Spool<Files>>),
    /// A queue in memory.
    Memory(Box<Ram>),
}

impl Queue {
    /// Whether waiting records survive the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Fails if there is no room; see [`Full`].
    pub fn append(&mut self, payload: &[u8]) -> Result<(), Full> {
        match self {
            Self::Disk(spool) => spool.append(payload).map(|_| ()),
            Self::Memory(ram) => ram.append(payload),
        }
    }

    /// Hands added records to the operating system.
    pub fn flush(&mut self) {
        if let Self::Disk(spool) = self {
            spool.flush();
        }
    }

    /// Sets the time, and syncs where that is due.
    pub fn keep(&mut self, now: Moment) {
        match self {
            Self::Disk(spool) => {
                if spool.due(now) {
                    spool.sync();
                }
            }
            Self::Memory(ram) => ram.due(now),
        }
    }

    /// Syncs all records to the disk.
    pub fn sync(&mut self) {
        if let Self::Disk(spool) = self {
            spool.sync();
        }
    }

    /// Returns the time at which [`keep`](Self::keep) has something to do, in ns since boot.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        match self {
            Self::Disk(spool) => spool.deadline(),
            Self::Memory(_) => None,
        }
    }

    /// Returns the next items, about `max_bytes` in all.
    pub fn read(&mut self, max_bytes: usize) -> Batch {
        match self {
            Self::Disk(spool) => spool.read(max_bytes),
            Self::Memory(ram) => ram.read(max_bytes),
        }
    }

    /// Acknowledges all items up to a sequence number.
    pub fn ack(&mut self, seq: u64) {
        match self {
            Self::Disk(spool) => spool.ack(seq),
            Self::Memory(ram) => ram.ack(seq),
        }
    }

    /// Rewinds the reader: items that were read and not acknowledged are read again.
    pub fn rewind(&mut self) {
        match self {
            Self::Disk(spool) => spool.rewind(),
            Self::Memory(ram) => ram.rewind(),
        }
    }

    /// Replaces the limits.
    pub fn set_limits(&mut self, limits: Limits) {
        match self {
            Self::Disk(spool) => spool.set_limits(limits),
            Self::Memory(ram) => ram.set_limits(limits),
        }
    }

    /// Returns the counters and the current state.
    #[must_use]
    pub fn stats(&self) -> Stats {
        match self {
            Self::Disk(spool) => spool.stats(),
            Self::Memory(ram) => ram.stats(),
        }
    }

    /// Returns the next notice to report, each only once.
    pub fn notice(&mut self) -> Option<Notice> {
        match self {
            Self::Disk(spool) => spool.notice(),
            Self::Memory(_) => None,
        }
    }

    /// Closes the queue. Returns the number of records that are lost.
    #[must_use]
    pub fn close(self) -> u64 {
        match self {
            Self::Disk(spool) => spool.close(),
            Self::Memory(ram) => ram.stats().depth.records,
        }
    }
}
