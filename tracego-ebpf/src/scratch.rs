//! The scratch area of each CPU, where an exec event is put together.

use aya_ebpf::{helpers::generated::bpf_get_smp_processor_id, macros::map, maps::Array};
use tracego_common::{
    event::ExecFixed,
    limits::{ARGV_MAX, CPUS_MAX, ENV_NAME_MAX, PREFIX_MAX},
};

use crate::verifier::{bounded, reread};

/// One area for each CPU. An ordinary array, because per-CPU values are limited to 32 KiB. Only one program
/// uses a slot, with preemption off, so uses cannot interleave.
#[map]
static SCRATCH: Array<Scratch> = Array::with_max_entries(CPUS_MAX, 0);

/// Bytes of the environment that are scanned at a time.
pub(crate) const WINDOW: usize = 4096;

/// An event under construction.
#[repr(C)]
pub(crate) struct Scratch {
    /// Position of the next value in `data`.
    cursor: u64,
    /// Bytes of the event in `fixed` and `data` that is yet to be sent; 0 for none.
    pub(crate) pending: u64,
    /// A number that the verifier is to forget.
    pub(crate) forgotten: u64,
    /// The scan of the environment.
    pub(crate) scan: EnvScan,
    /// The variable name to look up.
    pub(crate) name: [u64; ENV_NAME_MAX / 8],
    /// The part of the environment being scanned. The array is longer than a bounded length plus the bytes
    /// that a step reads ahead.
    pub(crate) window: [u64; (2 * WINDOW + 64) / 8],
    /// The start of an event; `data` must follow it directly.
    pub(crate) fixed: ExecFixed,
    /// Data area; longer than a bounded offset plus a bounded length can reach.
    pub(crate) data: [u8; PREFIX_MAX as usize + 2 * ARGV_MAX as usize],
}

/// State of a scan of the environment. It lives here and not on the stack: a value read back from a map is
/// any number to the verifier, so every step starts from the same state ("The sequence of 8193 jumps is too
/// complex" otherwise).
#[repr(C)]
pub(crate) struct EnvScan {
    /// User address of the first byte of the window.
    pub(crate) base: u64,
    /// Bytes in the window.
    pub(crate) len: u64,
    /// Position of the next step in the window.
    pub(crate) at: u64,
    /// User address of the end of the environment.
    pub(crate) end: u64,
    /// Nonzero when a variable starts at `at`.
    pub(crate) fresh: u64,
    /// Position in the data area of the first variable.
    pub(crate) start: u64,
    /// Position in the data area after the last variable.
    pub(crate) pos: u64,
    /// Bits of the event's flags for what it lacks.
    pub(crate) flags: u64,
    /// Nonzero when a variable opened a job context.
    pub(crate) opens_job: u64,
    /// Nonzero when the scan ended by itself.
    pub(crate) done: u64,
}

/// Returns the scratch area of this CPU; `None` when there are more CPUs than areas.
#[inline(always)]
pub(crate) fn scratch() -> Option<*mut Scratch> {
    // SAFETY: a helper without arguments.
    SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() })
}

/// Returns the position of the next value in the data area.
///
/// The position lives in the map, so that every path to this point is the same state to the verifier.
#[inline(always)]
pub(crate) fn cursor(scratch: *mut Scratch) -> u64 {
    // SAFETY: a field of a slot that only this program uses, on this CPU.
    position(unsafe { reread(&raw const (*scratch).cursor) })
}

/// Returns the length of the event that is yet to be sent; 0 for none.
#[inline(always)]
pub(crate) fn pending(scratch: *mut Scratch) -> u64 {
    // SAFETY: as `cursor`.
    let len = unsafe { reread(&raw const (*scratch).pending) };
    // 2^18 is the first power of two above the fixed part, the prefix and ARGV_MAX; the slot is longer.
    bounded::<18>(len)
}

/// Sets the length of the event that is yet to be sent.
#[inline(always)]
pub(crate) fn set_pending(scratch: *mut Scratch, len: u64) {
    // SAFETY: as `cursor`.
    unsafe { core::ptr::write_volatile(&raw mut (*scratch).pending, len) }
}

/// Moves the [`cursor`].
#[inline(always)]
pub(crate) fn set_cursor(scratch: *mut Scratch, to: u64) {
    // SAFETY: as `cursor`.
    unsafe { core::ptr::write_volatile(&raw mut (*scratch).cursor, to) }
}

/// Returns a position bounded to the prefix of the data area.
#[inline(always)]
pub(crate) fn position(value: u64) -> u64 {
    bounded::<{ PREFIX_MAX.trailing_zeros() }>(value)
}

const _: () = assert!(PREFIX_MAX.is_power_of_two());
