//! The environment by allow-list: only allowed variables are put into the record.
//!
//! Most variables are refused by their first eight bytes, with one look-up.

use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_loop};
use tracego_common::{
    Span,
    flags::{ENV_TRUNCATED, ENV_UNREADABLE},
    limits::{ENV_MAX, ENV_NAME_MAX, ENV_VAR_MAX, ENV_VARS_MAX},
    settings::ENV_OPENS_JOB,
};

use crate::{
    maps::{ENV_ALLOW, ENV_PREFIX, SCRATCH, Scratch, cursor, set_cursor},
    read::{bounded, kernel_bytes, position, user_str},
};

/// A scan in progress, on the stack so that the callback can reach it.
#[repr(C)]
struct Scan {
    from: u64,
    end: u64,
    start: u64,
    pos: u64,
    flags: u64,
    /// The last read filled its buffer: the bytes at `from` continue a variable.
    inside: u64,
    opens_job: u64,
    done: u64,
}

/// What a scan gave.
pub(crate) struct Scanned {
    pub(crate) span: Span,
    pub(crate) flags: u64,
    pub(crate) opens_job: bool,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The bytes of a little-endian word before its first `=` (or NUL), and whether there was one.
///
/// "Determine if a word has a zero byte", Bit Twiddling Hacks: exact up to the first match.
#[inline(always)]
fn cut(word: u64) -> (u64, bool) {
    let equals = word ^ (ONES * b'=' as u64);
    let hit = ((equals.wrapping_sub(ONES) & !equals) | (word.wrapping_sub(ONES) & !word)) & HIGHS;
    // The lowest marked byte is the match; without one the subtraction gives all ones.
    let before = ((hit & hit.wrapping_neg()) >> 7).wrapping_sub(1);
    (word & before, hit != 0)
}

unsafe extern "C" fn step(_index: u64, scan: *mut Scan) -> i64 {
    // SAFETY: bpf_loop hands back the pointer that `scan` gave it.
    let scan = unsafe { &mut *scan };
    if scan.from >= scan.end {
        scan.done = 1;
        return 1;
    }
    // SAFETY: a helper without arguments.
    let Some(scratch) = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else {
        return 1;
    };
    // SAFETY: this program alone uses the slot of this CPU, with preemption off.
    let (var, name) = unsafe { (&mut (*scratch).var, &mut (*scratch).name) };
    let Some(len) = user_str(var.as_mut_ptr().cast(), ENV_VAR_MAX, scan.from) else {
        scan.flags |= ENV_UNREADABLE;
        scan.done = 1;
        return 1;
    };
    let full = len == ENV_VAR_MAX;
    // A full buffer holds one byte less of the variable: its last one is the NUL that was added.
    scan.from += u64::from(len) - u64::from(full);
    let continues = scan.inside;
    scan.inside = u64::from(full);
    if continues != 0 {
        return 0;
    }
    let (prefix, short) = cut(var[0]);
    // SAFETY: only the presence of the key is used.
    if unsafe { ENV_PREFIX.get(&prefix) }.is_none() {
        return 0;
    }
    name[0] = prefix;
    let mut ended = short;
    for word in 1..ENV_NAME_MAX / 8 {
        name[word] = 0;
        if !ended {
            let (bytes, last) = cut(var[word]);
            name[word] = bytes;
            ended = last;
        }
    }
    // SAFETY: both are 64 bytes of plain integers.
    let key = unsafe { &*(&raw const *name).cast::<[u8; ENV_NAME_MAX]>() };
    // SAFETY: the value is copied at once.
    let Some(flags) = unsafe { ENV_ALLOW.get(key) }.copied() else {
        return 0;
    };
    if full {
        scan.flags |= ENV_TRUNCATED;
    }
    if flags & ENV_OPENS_JOB != 0 {
        scan.opens_job = 1;
    }
    if scan.pos + u64::from(len) - scan.start > u64::from(ENV_MAX) {
        scan.flags |= ENV_TRUNCATED;
        return 0;
    }
    let at = position(scan.pos);
    // SAFETY: `at` < PREFIX_MAX; 2 × ENV_VAR_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    // One bit more than ENV_VAR_MAX needs: a full buffer must pass.
    let len = bounded::<{ ENV_VAR_MAX.trailing_zeros() + 1 }>(u64::from(len));
    if !kernel_bytes(to, len as u32, var.as_ptr() as u64) {
        scan.flags |= ENV_UNREADABLE;
        return 0;
    }
    scan.pos = at + len;
    0
}

/// Copies the allowed variables of `[from, end)` to the scratch.
#[inline(always)]
pub(crate) fn scan(from: u64, end: u64, scratch: *mut Scratch) -> Scanned {
    let pos = cursor(scratch);
    let mut scan = Scan { from, end, start: pos, pos, flags: 0, inside: 0, opens_job: 0, done: 0 };
    // SAFETY: `scan` outlives the call; the callback has the signature that bpf_loop asks for.
    unsafe { bpf_loop(ENV_VARS_MAX, step as *mut core::ffi::c_void, (&raw mut scan).cast(), 0) };
    if scan.done == 0 {
        scan.flags |= ENV_TRUNCATED;
    }
    set_cursor(scratch, scan.pos);
    let span = Span { offset: pos as u32, len: (scan.pos - pos) as u32 };
    Scanned { span, flags: scan.flags, opens_job: scan.opens_job != 0 }
}
