//! The counters and the ring, the only two outputs of the kernel side.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE},
    helpers::generated::{bpf_ringbuf_output, bpf_ringbuf_query},
};
use tracego_common::{KernelCounter, LostOfJob, TaskId, event::EventHeader};

use crate::maps::{COUNTERS, EVENTS, LOST_JOBS, READER_SLEEPS};

/// Adds one to a counter of this CPU.
#[inline(always)]
pub(crate) fn count(counter: KernelCounter) {
    count_many(counter, 1);
}

/// Adds to a counter of this CPU.
#[inline(always)]
pub(crate) fn count_many(counter: KernelCounter, more: u64) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: a per-CPU slot; the program runs with migration off.
        unsafe { *value += more };
    }
}

/// Puts `len` bytes from `record` into the ring. Returns whether there was room.
///
/// The agent polls while there are events, so the reader is not woken: a wake-up for each event costs 15 µs of
/// kernel time and a third of the throughput (see ARCHITECTURE.md). Only a reader that says it sleeps is woken, once.
#[inline(always)]
pub(crate) fn output(record: *const u8, len: u64) -> bool {
    // SAFETY: the caller gives `len` readable bytes; the verifier checks it.
    let ret = unsafe {
        bpf_ringbuf_output(
            (&raw const EVENTS).cast_mut().cast(),
            record.cast_mut().cast(),
            len,
            u64::from(BPF_RB_NO_WAKEUP),
        )
    };
    if ret == 0 {
        wake();
    }
    ret == 0
}

/// Wakes the reader if it sleeps. The reader says so before it looks at the ring for the last time, and this comes
/// after the event is in the ring, so that one of the two sees the other.
#[inline(always)]
pub(crate) fn wake() {
    let Some(sleeps) = READER_SLEEPS.get_ptr_mut(0) else { return };
    // SAFETY: the only slot of the map; a word that is read and written whole.
    let slept = unsafe { sleeps.read_volatile() };
    if slept == 0 {
        return;
    }
    // Only an entry can carry a wake-up; the reader skips a discarded one. Without room, the next event tries again.
    if let Some(entry) = EVENTS.reserve::<u64>(0) {
        // SAFETY: as above. Two that clear it at once wake the reader twice.
        unsafe { sleeps.write_volatile(0) };
        entry.discard(u64::from(BPF_RB_FORCE_WAKEUP));
    }
}

/// Sends an event, which starts with an [`EventHeader`], and counts it. A loss is also counted for the event's
/// job.
#[inline(always)]
pub(crate) fn send(record: *const u8, len: u64) -> Result<(), KernelCounter> {
    if output(record, len) {
        count(KernelCounter::Sent);
        return Ok(());
    }
    Err(lost(record))
}

/// Counts the loss of an event, which found the ring full, for its job. Returns the counter of all such losses.
#[inline(always)]
pub(crate) fn lost(record: *const u8) -> KernelCounter {
    // SAFETY: every event starts with a header, and all of it is readable.
    let job = unsafe { (*record.cast::<EventHeader>()).job_root };
    lost_of_job(&job, LostOfJob { ring_full: 1, context_full: 0 });
    KernelCounter::RingFull
}

/// Counts losses for a job; nothing without a job.
#[inline(always)]
pub(crate) fn lost_of_job(job: &TaskId, more: LostOfJob) {
    if job.tgid == 0 {
        return;
    }
    if let Some(lost) = LOST_JOBS.get_ptr_mut(job) {
        // SAFETY: a per-CPU value; the program runs with migration off.
        unsafe {
            (*lost).ring_full += more.ring_full;
            (*lost).context_full += more.context_full;
        }
    } else {
        // If the insertion fails, the loss stays in the total, without its job.
        let _done = LOST_JOBS.insert(job, &more, 0);
    }
}

/// Returns whether the ring has room for `len` bytes more.
#[inline(always)]
pub(crate) fn has_room(len: u64) -> bool {
    let ring = (&raw const EVENTS).cast_mut().cast::<core::ffi::c_void>();
    // SAFETY: a map of the object, and queries that the helper knows.
    let used = unsafe { bpf_ringbuf_query(ring, u64::from(BPF_RB_AVAIL_DATA)) };
    // SAFETY: as above.
    let size = unsafe { bpf_ringbuf_query(ring, u64::from(BPF_RB_RING_SIZE)) };
    used + len <= size
}

/// Sends an event of fixed size from the stack.
#[inline(always)]
pub(crate) fn send_fixed<T>(record: &T) -> Result<(), KernelCounter> {
    send((&raw const *record).cast(), size_of::<T>() as u64)
}
