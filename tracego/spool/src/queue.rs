//! A queue on the disk or in memory, with the same methods.

use crate::{
    DiskFolder, MemoryQueue, Moment, QueueBatch, QueueFull, QueueLimits, QueueStats, Spool, SpoolNotice,
};

/// A queue of records.
pub enum RecordQueue {
    /// A spool in a folder.
    Disk(Box<Spool<DiskFolder>>),
    /// A queue in memory.
    Memory(Box<MemoryQueue>),
}

impl RecordQueue {
    /// Whether waiting records survive the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Fails if there is no room; see [`QueueFull`].
    pub fn append(&mut self, payload: &[u8]) -> Result<(), QueueFull> {
        match self {
            Self::Disk(spool) => spool.append(payload).map(|_| ()),
            Self::Memory(memory) => memory.append(payload),
        }
    }

    /// Returns the sequence number of the next record.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        match self {
            Self::Disk(spool) => spool.next_seq(),
            Self::Memory(memory) => memory.next_seq(),
        }
    }

    /// Hands added records to the operating system.
    pub fn flush(&mut self) {
        if let Self::Disk(spool) = self {
            spool.flush();
        }
    }

    /// Sets the time, and syncs where that is due.
    pub fn maintain(&mut self, now: Moment) {
        match self {
            Self::Disk(spool) => {
                if spool.due(now) {
                    spool.sync();
                }
            }
            Self::Memory(memory) => memory.expire(now),
        }
    }

    /// Syncs all records to the disk.
    pub fn sync(&mut self) {
        if let Self::Disk(spool) = self {
            spool.sync();
        }
    }

    /// Returns the time at which [`maintain`](Self::maintain) has something to do, in ns since boot.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        match self {
            Self::Disk(spool) => spool.deadline(),
            Self::Memory(_) => None,
        }
    }

    /// Returns the next items, about `max_bytes` in all.
    pub fn read(&mut self, max_bytes: usize) -> QueueBatch {
        match self {
            Self::Disk(spool) => spool.read(max_bytes),
            Self::Memory(memory) => memory.read(max_bytes),
        }
    }

    /// Acknowledges all items up to a sequence number.
    pub fn ack(&mut self, seq: u64) {
        match self {
            Self::Disk(spool) => spool.ack(seq),
            Self::Memory(memory) => memory.ack(seq),
        }
    }

    /// Rewinds the reader: items that were read and not acknowledged are read again.
    pub fn rewind(&mut self) {
        match self {
            Self::Disk(spool) => spool.rewind(),
            Self::Memory(memory) => memory.rewind(),
        }
    }

    /// Replaces the limits.
    pub fn set_limits(&mut self, limits: QueueLimits) {
        match self {
            Self::Disk(spool) => spool.set_limits(limits),
            Self::Memory(memory) => memory.set_limits(limits),
        }
    }

    /// Returns the counters and the current state.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        match self {
            Self::Disk(spool) => spool.stats(),
            Self::Memory(memory) => memory.stats(),
        }
    }

    /// Returns the next notice to report, each only once.
    pub fn notice(&mut self) -> Option<SpoolNotice> {
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
            Self::Memory(memory) => memory.stats().depth.records,
        }
    }
}
