//! The counters and the ring, the only two outputs of the kernel side.

use aya_ebpf::{bindings::BPF_RB_NO_WAKEUP, helpers::generated::bpf_ringbuf_output};
use tracego_common::{KernelCounter, event::EventHeader};

use crate::maps::{COUNTERS, EVENTS, LOST_JOBS};

/// Adds one to a counter of this CPU.
#[inline(always)]
pub(crate) fn count(counter: KernelCounter) {
    if let Some(value) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: a per-CPU slot; the program runs with migration off.
        unsafe { *value += 1 };
    }
}

/// Puts `len` bytes from `record` into the ring. Returns whether there was room.
///
/// The agent polls, so the reader is not woken: a wake-up for each event costs 15 µs of kernel time and a
/// third of the throughput (see ARCHITECTURE.md).
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
    ret == 0
}

/// Sends an event, which starts with an [`EventHeader`], and counts it. A loss is also counted for the event's
/// job.
#[inline(always)]
pub(crate) fn send(record: *const u8, len: u64) -> Result<(), KernelCounter> {
    if output(record, len) {
        count(KernelCounter::Sent);
        return Ok(());
    }
    // SAFETY: every event starts with a header, and all of it is readable.
    let job = unsafe { (*record.cast::<EventHeader>()).job_root };
    if job.tgid != 0 {
        if let Some(lost) = LOST_JOBS.get_ptr_mut(&job) {
            // SAFETY: a per-CPU value; the program runs with migration off.
            unsafe { *lost += 1 };
        } else {
            // If the insertion fails, the loss stays in the total, without its job.
            let _done = LOST_JOBS.insert(&job, &1, 0);
        }
    }
    Err(KernelCounter::RingFull)
}

/// Sends an event of fixed size from the stack.
#[inline(always)]
pub(crate) fn send_fixed<T>(record: &T) -> Result<(), KernelCounter> {
    send((&raw const *record).cast(), size_of::<T>() as u64)
}
