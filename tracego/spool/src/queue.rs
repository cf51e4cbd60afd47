//! The queue of one sink: on the disk or in memory, with the same calls.

use super::{Batch, Files, Full, Limits, Notice, Spool, Stats, ram::Ram};
use crate::Moment;

/// Where records wait.
pub enum Queue {
    /// In a folder.
    Disk(Box<Spool<Files>>),
    /// In memory.
    Memory(Box<Ram>),
}

impl Queue {
    /// Whether what waits survives the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// See [`Full`].
    pub fn append(&mut self, payload: &[u8]) -> Result<(), Full> {
        match self {
            Self::Disk(spool) => spool.append(payload).map(|_| ()),
            Self::Memory(ram) => ram.append(payload),
        }
    }

    /// Hands what was added to the operating system.
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

    /// Puts everything on the disk.
    pub fn sync(&mut self) {
        if let Self::Disk(spool) = self {
            spool.sync();
        }
    }

    /// When [`keep`](Self::keep) has something to do, in ns since boot.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        match self {
            Self::Disk(spool) => spool.deadline(),
            Self::Memory(_) => None,
        }
    }

    /// The next items.
    pub fn read(&mut self, max_bytes: usize) -> Batch {
        match self {
            Self::Disk(spool) => spool.read(max_bytes),
            Self::Memory(ram) => ram.read(max_bytes),
        }
    }

    /// Everything up to this sequence number was delivered.
    pub fn ack(&mut self, seq: u64) {
        match self {
            Self::Disk(spool) => spool.ack(seq),
            Self::Memory(ram) => ram.ack(seq),
        }
    }

    /// What was read and not acknowledged comes again.
    pub fn rewind(&mut self) {
        match self {
            Self::Disk(spool) => spool.rewind(),
            Self::Memory(ram) => ram.rewind(),
        }
    }

    /// Bounds from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        match self {
            Self::Disk(spool) => spool.set_limits(limits),
            Self::Memory(ram) => ram.set_limits(limits),
        }
    }

    /// Counters, and how it is now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        match self {
            Self::Disk(spool) => spool.stats(),
            Self::Memory(ram) => ram.stats(),
        }
    }

    /// What there is to tell people; each thing once.
    pub fn notice(&mut self) -> Option<Notice> {
        match self {
            Self::Disk(spool) => spool.notice(),
            Self::Memory(_) => None,
        }
    }

    /// Ends it; how many records are lost with it.
    #[must_use]
    pub fn close(self) -> u64 {
        match self {
            Self::Disk(spool) => spool.close(),
            Self::Memory(ram) => ram.stats().depth.records,
        }
    }
}
