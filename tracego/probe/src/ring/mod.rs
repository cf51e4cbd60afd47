//! The reading end of the ring, with two positions: up to where it was read, and up to where the kernel may
//! overwrite it.
//!
//! aya's reader frees the space of an event as soon as it is read. If events must outlive this process, that
//! has to happen later, when their records are with the operating system (`handover`). The memory
//! layout is the kernel's interface (kernel/bpf/ringbuf.c, `struct bpf_ringbuf`).

pub mod alarm;
pub mod reader;

use std::{
    io,
    os::fd::AsFd as _,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use aya::maps::{Array, MapData};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use tracego_common::{event::ExecFixed, limits::DATA_MAX};

use self::alarm::{AlarmBell, ReaderAlarm};

/// Bits and size of an event's header (include/uapi/linux/bpf.h).
const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;
const HEADER: usize = 8;
/// Upper bound of an event with its header: the longest is an exec, whose fixed part is small beside its data.
const EVENT_MAX: usize = DATA_MAX as usize + 64 * 1024;
const _: () = assert!(size_of::<ExecFixed>() + HEADER <= 64 * 1024);

/// Memory shared with the kernel.
struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to no thread; what changes in it is read and written atomically.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    fn map(of: &MapData, len: usize, writable: bool, offset: u64) -> io::Result<Self> {
        let access = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        // SAFETY: a new mapping at an address of the kernel's choice; nothing else is there.
        let start =
            unsafe { mmap(std::ptr::null_mut(), len, access, MapFlags::SHARED, of.fd().as_fd(), offset)? };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, len })
    }

    /// Returns the position that each side keeps at the start of its first page.
    fn position(&self) -> &AtomicU64 {
        // SAFETY: the mapping is at least a page long, aligned to pages, and lives as long as `self`.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`, and no reference is left. An error leaves it mapped.
        let _done = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Frees space in the ring for the kernel.
#[derive(Clone)]
pub struct Release(Arc<Pages>);

impl Release {
    /// Frees everything before a position; a position before the current one changes nothing.
    pub fn up_to(&self, position: u64) {
        if position > self.position() {
            // Ordered after the reads of the events (bpf_ringbuf_reserve has the acquire).
            self.0.position().store(position, Ordering::Release);
        }
    }

    /// Returns the position up to which the kernel may overwrite. A pinned ring keeps it beyond this process.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.position().load(Ordering::Acquire)
    }
}

/// A ring, and the position up to which it was read.
pub struct Ring {
    consumer: Release,
    producer: Pages,
    page: usize,
    size: usize,
    next: u64,
    /// Keeps the ring alive if it is not pinned.
    map: MapData,
    /// Ends the sleep of the reader; `None` if nobody writes into the ring any more.
    alarm: Option<ReaderAlarm>,
}

impl Ring {
    /// Opens a ring. Reading resumes at the last freed position.
    ///
    /// # Errors
    /// Fails if the map is not a ring or cannot be mapped.
    pub fn new(map: MapData) -> io::Result<Self> {
        let info = map.info().map_err(io::Error::other)?;
        let size = info.max_entries() as usize;
        let page = usize::try_from(procfs::page_size()).unwrap_or(4096);
        let consumer = Release(Arc::new(Pages::map(&map, page, true, 0)?));
        // The data follows the producer's page twice, so that no event is split at the end. Of the second time, only
        // what an event can reach is mapped: each mapping counts as resident memory.
        let beyond = size.min(EVENT_MAX.next_multiple_of(page));
        let producer = Pages::map(&map, page + size + beyond, false, page as u64)?;
        let next = consumer.position();
        Ok(Self { consumer, producer, page, size, next, map, alarm: None })
    }

    /// Adds an alarm, with which the reader can sleep. `sleeps` is the map that asks the kernel side for a wake-up.
    ///
    /// # Errors
    /// Fails if there are no descriptors left.
    pub fn with_alarm(self, sleeps: Array<MapData, u32>) -> io::Result<Self> {
        let alarm = Some(ReaderAlarm::new(self.map.fd().as_fd(), sleeps)?);
        Ok(Self { alarm, ..self })
    }

    /// Returns a handle that ends the sleep of the reader.
    #[must_use]
    pub fn bell(&self) -> Option<AlarmBell> {
        self.alarm.as_ref().map(ReaderAlarm::bell)
    }

    /// Sleeps until an event or the bell, at most for `limit`. Returns whether it slept: not if there is something in
    /// the ring, be it unfinished, or if the ring has no alarm.
    pub fn sleep(&mut self, limit: Duration) -> bool {
        let Some(mut alarm) = self.alarm.take() else { return false };
        let slept = alarm.set().is_ok() && self.is_drained() && alarm.sleep(limit);
        self.alarm = Some(alarm);
        slept
    }

    /// Returns whether everything was read. Entries that the kernel side discarded count as read.
    fn is_drained(&mut self) -> bool {
        // The update of the map was a system call: what follows is not ordered before it.
        std::sync::atomic::fence(Ordering::SeqCst);
        while let Some((_, len)) = self.entry(self.next).filter(|&(head, _)| head & DISCARD != 0) {
            self.next += len;
        }
        self.next == self.end()
    }

    /// Returns the id of the map.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.map.info().ok().map(|info| info.id())
    }

    /// Returns a handle that frees space.
    #[must_use]
    pub fn release(&self) -> Release {
        self.consumer.clone()
    }

    /// Returns the position behind the last event that was read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Returns the position at which the kernel will write next.
    #[must_use]
    pub fn end(&self) -> u64 {
        // The headers of events up to here are written (bpf_ringbuf_reserve, smp_store_release).
        self.producer.position().load(Ordering::Acquire)
    }

    /// Returns the next event without freeing its space.
    pub fn read(&mut self) -> Option<&[u8]> {
        let (place, next) = self.place(self.next)?;
        self.next = next;
        self.data(place)
    }

    /// Returns the unread events in order, up to one that is still being written.
    pub fn unread(&self) -> impl Iterator<Item = &[u8]> {
        let mut next = self.next;
        std::iter::from_fn(move || {
            let (place, then) = self.place(next)?;
            next = then;
            self.data(place)
        })
    }

    /// Finds the first event at or behind `position`. Returns its place and the position behind it; `None`
    /// when the next event is not complete yet.
    fn place(&self, mut position: u64) -> Option<((usize, usize), u64)> {
        loop {
            let (head, len) = self.entry(position)?;
            let at = usize::try_from(position % self.size as u64).ok()?;
            position += len;
            if head & DISCARD == 0 {
                return Some(((at + HEADER, head as usize), position));
            }
        }
    }

    /// Reads the head of the entry at a position. Returns it with the length of the whole entry; `None` if there is no
    /// entry, or none that is complete.
    fn entry(&self, position: u64) -> Option<(u32, u64)> {
        if position >= self.end() {
            return None;
        }
        let at = usize::try_from(position % self.size as u64).ok()?;
        // SAFETY: `at` is within the data, which is mapped behind the first page; positions are multiples of eight;
        // the kernel changes the header atomically.
        let header = unsafe { self.producer.start.add(self.page + at).cast::<AtomicU32>().as_ref() };
        // After this load the event is complete (bpf_ringbuf_commit has the xchg).
        let header = header.load(Ordering::Acquire);
        let len = (header & !DISCARD) as usize;
        // Longer ones were not written by the kernel.
        (header & BUSY == 0 && len <= self.size).then(|| (header, (HEADER + len).next_multiple_of(8) as u64))
    }

    fn data(&self, (at, len): (usize, usize)) -> Option<&[u8]> {
        let from = self.page.checked_add(at)?;
        if from.checked_add(len)? > self.producer.len {
            return None;
        }
        // SAFETY: within the mapping, and the kernel does not write there before the space is freed, which is
        // never done for unread events.
        Some(unsafe { std::slice::from_raw_parts(self.producer.start.add(from).as_ptr(), len) })
    }
}
