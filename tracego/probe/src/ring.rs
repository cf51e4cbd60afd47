//! The reading end of the ring, with two positions: how far was read, and how far the kernel may write
//! again.
//!
//! aya's reader hands room back as soon as a record is read. Where records must outlive this process, that
//! comes later: when they are with the operating system (`kernel/handover`). The layout of the memory is
//! the kernel's interface (kernel/bpf/ringbuf.c, `struct bpf_ringbuf`).

use std::{
    io,
    os::fd::AsFd as _,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use aya::maps::MapData;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Bits and size of a record's header (include/uapi/linux/bpf.h).
const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;
const HEADER: usize = 8;

/// Memory that is shared with the kernel.
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

    /// The position that both sides keep at the start of their first page.
    fn position(&self) -> &AtomicU64 {
        // SAFETY: the mapping is at least a page long, aligned to pages, and lives as long as `self`.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`, and nobody has a reference any more. An error leaves it mapped.
        let _done = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Hands room back to the kernel.
#[derive(Clone)]
pub struct Release(Arc<Pages>);

impl Release {
    /// Everything before this position may be written over; a smaller one than before changes nothing.
    pub fn up_to(&self, position: u64) {
        if position > self.position() {
            // Behind the reads of the records (bpf_ringbuf_reserve has the acquire).
            self.0.position().store(position, Ordering::Release);
        }
    }

    /// How far the kernel may write again. It outlives the process where the ring does.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.position().load(Ordering::Acquire)
    }
}

/// A ring, and how far it was read.
pub struct Ring {
    consumer: Release,
    producer: Pages,
    page: usize,
    size: usize,
    next: u64,
    /// Keeps the ring where it is not pinned.
    map: MapData,
}

impl Ring {
    /// Goes on where the records were handed back last.
    ///
    /// # Errors
    /// When it is no ring or cannot be mapped.
    pub fn new(map: MapData) -> io::Result<Self> {
        let info = map.info().map_err(io::Error::other)?;
        let size = info.max_entries() as usize;
        let page = usize::try_from(procfs::page_size()).unwrap_or(4096);
        let consumer = Release(Arc::new(Pages::map(&map, page, true, 0)?));
        // The data follows the producer's page twice, so that no record is cut at the end.
        let producer = Pages::map(&map, page + 2 * size, false, page as u64)?;
        let next = consumer.position();
        Ok(Self { consumer, producer, page, size, next, map })
    }

    /// Number of the map.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.map.info().ok().map(|info| info.id())
    }

    /// Hands room back.
    #[must_use]
    pub fn release(&self) -> Release {
        self.consumer.clone()
    }

    /// Behind the last record that was read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Where the kernel will write next.
    #[must_use]
    pub fn end(&self) -> u64 {
        // The headers of records up to here are written (bpf_ringbuf_reserve, smp_store_release).
        self.producer.position().load(Ordering::Acquire)
    }

    /// The next record. Its room is not handed back.
    pub fn read(&mut self) -> Option<&[u8]> {
        let (place, next) = self.place(self.next)?;
        self.next = next;
        self.data(place)
    }

    /// Records that were not read yet, in order. One that is being written ends them.
    pub fn unread(&self) -> impl Iterator<Item = &[u8]> {
        let mut next = self.next;
        std::iter::from_fn(move || {
            let (place, then) = self.place(next)?;
            next = then;
            self.data(place)
        })
    }

    /// Where the first record from `position` on is, and the position behind it; nothing where the next one
    /// is not there yet.
    fn place(&self, mut position: u64) -> Option<((usize, usize), u64)> {
        let end = self.end();
        while position < end {
            let at = usize::try_from(position % self.size as u64).ok()?;
            // SAFETY: `at` is within the data, which is mapped behind the first page; positions are multiples
            // of eight; the kernel changes the header atomically.
            let header = unsafe { self.producer.start.add(self.page + at).cast::<AtomicU32>().as_ref() };
            // Behind it the record is whole (bpf_ringbuf_commit has the xchg).
            let header = header.load(Ordering::Acquire);
            if header & BUSY != 0 {
                return None;
            }
            let len = (header & !DISCARD) as usize;
            if len > self.size {
                return None; // Not written by the kernel.
            }
            position += (HEADER + len).next_multiple_of(8) as u64;
            if header & DISCARD == 0 {
                return Some(((at + HEADER, len), position));
            }
        }
        None
    }

    fn data(&self, (at, len): (usize, usize)) -> Option<&[u8]> {
        let from = self.page.checked_add(at)?;
        if from.checked_add(len)? > self.producer.len {
            return None;
        }
        // SAFETY: within the mapping, and the kernel does not write there before the room is handed back,
        // which nobody does with what was not read.
        Some(unsafe { std::slice::from_raw_parts(self.producer.start.add(from).as_ptr(), len) })
    }
}
