//! The sleep of a reader that finds nothing to read, which an event or this process ends.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use aya::maps::{Array, MapData};
use rustix::{
    event::{EventfdFlags, Timespec, epoll, eventfd},
    io::write,
};

/// The means to sleep until the kernel side writes into a ring.
pub struct ReaderAlarm {
    epoll: OwnedFd,
    /// The kernel side's `READER_SLEEPS`.
    sleeps: Array<MapData, u32>,
    bell: AlarmBell,
}

/// A handle that wakes the reader from another thread.
#[derive(Clone)]
pub struct AlarmBell(Arc<OwnedFd>);

impl AlarmBell {
    /// Wakes the reader, or keeps it from its next sleep.
    pub fn ring(&self) {
        // Fails only if the counter is full, and then the reader has been woken.
        let _written = write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl ReaderAlarm {
    /// Creates an alarm for a ring.
    ///
    /// # Errors
    /// Fails if there are no descriptors left.
    pub fn new(ring: BorrowedFd<'_>, sleeps: Array<MapData, u32>) -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // By edge: a ring whose space is freed late is readable all the time.
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        for (fd, name) in [(ring, 0), (bell.as_fd(), 1)] {
            epoll::add(&epoll, fd, epoll::EventData::new_u64(name), flags)?;
        }
        Ok(Self { epoll, sleeps, bell: AlarmBell(Arc::new(bell)) })
    }

    /// Returns a handle that wakes the reader.
    #[must_use]
    pub fn bell(&self) -> AlarmBell {
        self.bell.clone()
    }

    /// Asks the kernel side for a wake-up at the next event. Look at the ring after this and before [`Self::sleep`].
    ///
    /// # Errors
    /// Fails if the kernel refuses the update.
    pub fn set(&mut self) -> io::Result<()> {
        self.sleeps.set(0, 1, 0).map_err(io::Error::other)
    }

    /// Sleeps until a wake-up, at most for `limit`. Returns whether it did.
    pub fn sleep(&self, limit: Duration) -> bool {
        let limit = Timespec::try_from(limit).ok();
        let mut events =
            [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 2];
        epoll::wait(&self.epoll, &mut events[..], limit.as_ref()).is_ok()
    }
}
