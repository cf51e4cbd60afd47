//! Why the kernel side could not deliver a record: indices of its counter array.

/// A counter of the kernel side. The order is the wire format; new ones go last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Loss {
    /// Not a loss: hooks entered, counted before anything can fail.
    Hooked = 0,
    /// Not a loss: outside the followed tree, or the agent itself. What the other filters leave out is
    /// delivered with [`OUTSIDE`](crate::flags::OUTSIDE): ancestors and jobs come from there.
    Filtered = 1,
    /// The ring buffer was full.
    RingFull = 2,
    /// This CPU has no scratch area.
    NoScratch = 3,
    /// The context map was full, so a descendant may be unmarked.
    ContextFull = 4,
    /// Not a loss: delivered into the ring.
    Sent = 5,
    /// A piece of a long argv found the ring full; its record is marked as truncated.
    ChunkLost = 6,
    /// Not a loss: pieces of long argv delivered, beside the records.
    ChunkSent = 7,
    /// Not a loss: diagnostics that were on and are therefore in the log's own ring, or were lost there.
    Diagnostic = 8,
}

impl Loss {
    /// Every counter, in wire order.
    pub const ALL: [Self; 9] = [
        Self::Hooked,
        Self::Filtered,
        Self::RingFull,
        Self::NoScratch,
        Self::ContextFull,
        Self::Sent,
        Self::ChunkLost,
        Self::ChunkSent,
        Self::Diagnostic,
    ];

    /// The only door from the wire.
    #[must_use]
    pub fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.get(raw as usize).copied()
    }
}
