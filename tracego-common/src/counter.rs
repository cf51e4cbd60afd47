//! Counters of the kernel side: reasons why an event was not delivered, and totals.

/// A counter of the kernel side. The order is the wire format; new counters go last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum KernelCounter {
    /// Not a loss: hook calls, counted before anything can fail.
    Hooked = 0,
    /// Not a loss: events outside the followed tree, or of the agent itself. Events that other filters
    /// exclude are delivered with [`OUTSIDE`](crate::flags::OUTSIDE): the process table needs them for
    /// ancestors and jobs.
    Filtered = 1,
    /// The ring buffer was full.
    RingFull = 2,
    /// No scratch area exists for this CPU.
    NoScratch = 3,
    /// The context map was full, so a descendant may be unmarked.
    ContextFull = 4,
    /// Not a loss: events delivered into the ring.
    Sent = 5,
    /// A chunk of a long argv found the ring full; its exec event is marked as truncated.
    ChunkLost = 6,
    /// Not a loss: chunks of long argv that were delivered, counted apart from the events.
    ChunkSent = 7,
    /// Not a loss: diagnostics that were enabled; each is in the log's own ring, or was lost there.
    Diagnostic = 8,
}

impl KernelCounter {
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

    /// Returns the counter at an index; `None` for an unknown one.
    #[must_use]
    pub fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.get(raw as usize).copied()
    }
}
