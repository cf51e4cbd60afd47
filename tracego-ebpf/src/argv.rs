//! Reads argv of the new image after the point of no return: one contiguous read, in chunks when long.
//!
//! The pointers that the caller passed are not used: another thread can change them, and their pages may not
//! be resident yet.

use tracego_common::{
    ArgvChunk, EventKind, ExecFixed, KernelCounter, Span,
    event::EventHeader,
    flags,
    limits::{ARGV_MAX, CHUNKS_MAX, PREFIX_MAX},
};

use crate::{
    maps::{offset, setting},
    memory::{Addr, typed, user},
    ring::{self, count},
    rounds::{Round, repeat},
    scratch::{Scratch, cursor, scratch},
    verifier::bounded,
};

/// Bytes that the ring puts before a record, and those that it may add behind it (kernel/bpf/ringbuf.c).
const RING_HEADER: usize = 16;
/// Bytes of argv that stay in an event for which the ring has no room otherwise.
const KEPT: u32 = 4096;
/// Bits of a length of argv: one more than [`ARGV_MAX`] needs, so that the cap itself passes.
const BITS: u32 = ARGV_MAX.trailing_zeros() + 1;

/// Copies argv after everything else in the data area. Returns the end of the event's data.
#[inline(always)]
pub(crate) fn read(fixed: &mut ExecFixed, mm: Addr, scratch: *mut Scratch) -> u64 {
    let start: u64 = typed(mm, offset!(mm_arg_start));
    let total = typed::<u64>(mm, offset!(mm_arg_end)).wrapping_sub(start);
    fixed.argv_total = total as u32;
    let cap = u64::from(setting!(argv_max));
    let mut wanted = total;
    if total > cap {
        fixed.header.flags |= flags::ARGV_TRUNCATED;
        wanted = cap;
    }
    if wanted > u64::from(ARGV_MAX) {
        let chunks = (wanted - 1) / u64::from(ARGV_MAX);
        let headers = size_of::<ExecFixed>() as u64 + chunks * (size_of::<ArgvChunk>() + RING_HEADER) as u64;
        // Chunks in the ring cannot be taken back: without room for all and the event, the event goes alone.
        if ring::has_room(headers + cursor(scratch) + wanted + RING_HEADER as u64) {
            fixed.header.flags |= flags::ARGV_CHUNKS;
            send_chunks(&fixed.header, start + u64::from(ARGV_MAX), start + wanted, start);
        } else {
            fixed.header.flags |= flags::ARGV_TRUNCATED;
            ring::count_many(KernelCounter::ChunkLost, chunks);
        }
        wanted = u64::from(ARGV_MAX);
    }
    let mut carried = bounded::<BITS>(wanted);
    let at = cursor(scratch);
    // SAFETY: `at` < PREFIX_MAX and `carried` < 2 × ARGV_MAX, both inside the area together.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    if !user(to, carried as u32, start) {
        fixed.header.flags |= flags::ARGV_UNREADABLE;
        carried = 0;
    }
    fixed.argv = Span { offset: at as u32, len: carried as u32 };
    at + carried
}

/// Cuts argv to its start, for an event of `len` bytes that found no room in the ring. Returns the new length
/// of the event, or `None` when there is nothing to cut.
#[inline(always)]
pub(crate) fn cut(fixed: &mut ExecFixed, len: u64) -> Option<u64> {
    let carried = fixed.argv.len;
    if carried <= KEPT {
        return None;
    }
    let len = len.wrapping_sub(u64::from(carried - KEPT));
    fixed.argv.len = KEPT;
    fixed.header.flags |= flags::ARGV_TRUNCATED;
    fixed.header.size = len as u32;
    count(KernelCounter::ChunkLost);
    Some(len)
}

/// Leaves argv out. Returns the end of the event's data.
#[inline(always)]
pub(crate) fn skip(fixed: &mut ExecFixed, mm: Addr, scratch: *mut Scratch) -> u64 {
    let start: u64 = typed(mm, offset!(mm_arg_start));
    fixed.argv_total = typed::<u64>(mm, offset!(mm_arg_end)).wrapping_sub(start) as u32;
    fixed.argv = Span::default();
    cursor(scratch)
}

/// State of the loop over the chunks, on the stack so that the callback can reach it.
#[repr(C)]
struct ChunkWalk {
    from: u64,
    end: u64,
    start: u64,
    header: EventHeader,
}

/// Sends `[from, end)` as chunks before the exec event, so that the agent has all of argv when it arrives.
#[inline(always)]
fn send_chunks(header: &EventHeader, from: u64, end: u64, start: u64) {
    let mut walk = ChunkWalk { from, end, start, header: *header };
    repeat::<Chunks>(&raw mut walk);
}

/// The loop over the chunks.
struct Chunks;

impl Round for Chunks {
    type State = ChunkWalk;
    const ROUNDS: u32 = CHUNKS_MAX;

    #[inline(always)]
    unsafe fn round(_index: u64, walk: *mut ChunkWalk) -> i64 {
        // SAFETY: the pointer that `send_chunks` gave.
        send_chunk(unsafe { &mut *walk })
    }
}

/// Sends the next chunk. Returns 1 after the last one, otherwise 0.
#[inline(always)]
fn send_chunk(walk: &mut ChunkWalk) -> i64 {
    if walk.from >= walk.end {
        return 1;
    }
    let Some(scratch) = scratch() else {
        return 1;
    };
    let left = walk.end - walk.from;
    let mut len = u64::from(ARGV_MAX);
    if left < len {
        len = left;
    }
    let len = bounded::<BITS>(len);
    // SAFETY: after the prefix is room for 2 × ARGV_MAX bytes, free until argv itself is read.
    let area = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(PREFIX_MAX as usize) };
    let mut chunk = ArgvChunk { header: walk.header, offset: walk.from - walk.start };
    chunk.header.kind = EventKind::ArgvChunk as u32;
    chunk.header.size = (size_of::<ArgvChunk>() as u64 + len) as u32;
    // SAFETY: the area is long enough and PREFIX_MAX keeps it aligned to eight bytes.
    unsafe { area.cast::<ArgvChunk>().write(chunk) };
    // SAFETY: as above.
    if !user(unsafe { area.add(size_of::<ArgvChunk>()) }, len as u32, walk.from) {
        return 1;
    }
    walk.from += len;
    count(match ring::output(area, size_of::<ArgvChunk>() as u64 + len) {
        true => KernelCounter::ChunkSent,
        false => KernelCounter::ChunkLost,
    });
    0
}
