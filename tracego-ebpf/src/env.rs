//! The environment: only variables on the allow-list are put into the event.
//!
//! The scan moves a window over the environment, eight bytes at a time, and one bit rejects most variables. A
//! read and a lookup for each of forty variables takes four times as long.

use tracego_common::{
    Span,
    env_table::{ENV_PROBES, ENV_SLOTS, EnvWords, env_slot},
    flags::{ENV_TRUNCATED, ENV_UNREADABLE},
    limits::{BOUNDED_ENV_STEPS_MAX, ENV_MAX, ENV_NAME_MAX, ENV_STEPS_MAX, ENV_VAR_MAX},
    settings::{ENV_NAME_LEN_SHIFT, env_bit, opens_job},
};

use crate::{
    maps::{ENV_TABLE, env_seed, may_be_allowed},
    memory::{user, user_str},
    rounds::{Round, repeat, rounds},
    scratch::{EnvScan, Scratch, WINDOW, cursor, position, scratch, set_cursor},
    verifier::{bounded, forget, opaque, reread},
    words::{bytes_to, copy_short, cut, load, zero_byte},
};

/// The result of a scan.
pub(crate) struct ScanResult {
    pub(crate) span: Span,
    pub(crate) flags: u64,
    pub(crate) opens_job: bool,
}

/// Words that one step scans.
const WORDS: usize = 8;
/// Steps in one round: a round is a call, whose return costs as much as a step. The verifier walks every one of them, and
/// four of them make a start longer by 150 ms for 3 % of an exec.
const STEPS: u32 = 1;
/// Bytes that a round may read from its position: its steps, and a name.
const AHEAD: u64 = STEPS as u64 * WORDS as u64 * 8 + ENV_NAME_MAX as u64;

/// Returns the word `words` words after `at` in the window.
#[inline(always)]
fn word(scratch: *const Scratch, at: u64, words: usize) -> u64 {
    // SAFETY: `at` < WINDOW, and the area is AHEAD and a word longer.
    unsafe { load((&raw const (*scratch).window).cast::<u8>().add(at as usize + words * 8)) }
}

/// Moves the window to the position of the scan. Returns whether the bytes could be read.
#[inline(always)]
fn refill(scan: &mut EnvScan, scratch: *mut Scratch) -> bool {
    scan.base += scan.at;
    scan.at = 0;
    let mut len = scan.end - scan.base;
    if len > WINDOW as u64 {
        len = WINDOW as u64;
    }
    scan.len = len;
    // One bit more than WINDOW needs: a full window must pass.
    let len = bounded::<{ WINDOW.trailing_zeros() + 1 }>(len);
    // SAFETY: the window is longer than `bounded` lets `len` be.
    let window = unsafe { (&raw mut (*scratch).window).cast::<u8>() };
    let read = user(window, len as u32, scan.base);
    // A NUL ends the last variable if it has none.
    // SAFETY: as above.
    unsafe { window.add(len as usize).write(0) };
    read
}

/// The loop over the environment, whose state is in the scratch area.
struct Scan;

impl Round for Scan {
    type State = ();
    const ROUNDS: u32 = rounds(ENV_STEPS_MAX, BOUNDED_ENV_STEPS_MAX) / STEPS;

    #[inline(always)]
    unsafe fn round(_index: u64, _none: *mut ()) -> i64 {
        round()
    }
}

/// Passes a few variables. Returns 1 at the end of the environment, otherwise 0.
#[inline(always)]
fn round() -> i64 {
    let Some(scratch) = scratch() else {
        return 1;
    };
    // SAFETY: this program alone uses the slot of this CPU, with preemption off.
    let scan = unsafe { &mut (*scratch).scan };
    if scan.at + AHEAD > scan.len && scan.base + scan.len < scan.end && !refill(scan, scratch) {
        scan.flags |= ENV_UNREADABLE;
        scan.done = 1;
        return 1;
    }
    for _ in 0..opaque(STEPS) {
        // SAFETY: a field of the slot, as above.
        let at = unsafe { reread(&raw const scan.at) };
        if at >= scan.len {
            scan.done = 1;
            return 1;
        }
        step(scan, scratch, at);
    }
    0
}

/// Passes one variable, or as much of it as a step scans.
#[inline(always)]
fn step(scan: &mut EnvScan, scratch: *mut Scratch, at: u64) {
    let at = bounded::<{ WINDOW.trailing_zeros() }>(at);
    if scan.fresh != 0 {
        scan.fresh = 0;
        let (prefix, short) = cut(word(scratch, at, 0));
        let bit = env_bit(prefix);
        if may_be_allowed(bit) {
            candidate(scan, scratch, at, prefix, short);
        }
    }
    for words in 0..WORDS {
        let found = zero_byte(word(scratch, at, words));
        if found != 0 {
            scan.at = at + words as u64 * 8 + bytes_to(found);
            scan.fresh = 1;
            return;
        }
    }
    scan.at = at + WORDS as u64 * 8;
}

/// Copies the variable at `at` when its whole name is on the list.
#[inline(always)]
fn candidate(scan: &mut EnvScan, scratch: *mut Scratch, at: u64, prefix: u64, short: bool) {
    // SAFETY: this program alone uses the slot of this CPU, with preemption off.
    let name = unsafe { &mut (*scratch).name };
    name[0] = prefix;
    let mut ended = short;
    for words in 1..ENV_NAME_MAX / 8 {
        name[words] = 0;
        if !ended {
            let (bytes, last) = cut(word(scratch, at, words));
            name[words] = bytes;
            ended = last;
        }
    }
    // SAFETY: a field of the slot, as above.
    let flags = unsafe { forget(&raw mut (*scratch).forgotten, u64::from(flags(scratch))) } as u32;
    if flags == 0 {
        return;
    }
    let pos = position(scan.pos);
    // SAFETY: `pos` < PREFIX_MAX; ENV_VAR_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(pos as usize) };
    // SAFETY: as above.
    let mut len = unsafe { copy_short::<WORDS>(to, |number| word(scratch, at, number)) };
    if len == 0 {
        let Some(long) = user_str(to, ENV_VAR_MAX, scan.base + at) else {
            scan.flags |= ENV_UNREADABLE;
            return;
        };
        len = u64::from(long);
    }
    // SAFETY: a field of the slot, as above.
    let len = unsafe { forget(&raw mut (*scratch).forgotten, len) };
    // The start of the value, behind the name and `=`; within the window, because the names that open a job are
    // shorter than AHEAD by more than a word.
    let value = word(scratch, at + bounded::<6>(u64::from(flags >> ENV_NAME_LEN_SHIFT)) + 1, 0);
    let end = zero_byte(value);
    // All ones below the first NUL; all bytes without one.
    if opens_job(flags, value & (end >> 7).wrapping_sub(1)) {
        scan.opens_job = 1;
    }
    let next = pos + len;
    if len == u64::from(ENV_VAR_MAX) || next - scan.start > u64::from(ENV_MAX) {
        scan.flags |= ENV_TRUNCATED;
    }
    if next - scan.start <= u64::from(ENV_MAX) {
        scan.pos = next;
    }
}

/// Returns the flags of the name in the scratch area, with its length, if it is allowed; 0 for another name.
#[inline(always)]
fn flags(scratch: *mut Scratch) -> u32 {
    // SAFETY: a field of the slot, which this program alone uses, with preemption off.
    let name: EnvWords = unsafe { reread(&raw const (*scratch).name) };
    let own = env_slot(&name, env_seed());
    for probe in 0..opaque(ENV_PROBES) {
        let Some(slot) = ENV_TABLE.get((own + probe) % ENV_SLOTS) else {
            return 0;
        };
        let mut differ = 0;
        for words in 0..ENV_NAME_MAX / 8 {
            differ |= slot.name[words] ^ name[words];
        }
        if differ == 0 {
            return slot.flags;
        }
        // A name is in the first slot that was free.
        if slot.flags == 0 {
            return 0;
        }
    }
    0
}

/// Copies the allowed variables of `[from, end)` into the scratch area.
#[inline(always)]
pub(crate) fn scan(from: u64, end: u64, scratch: *mut Scratch) -> ScanResult {
    let pos = cursor(scratch);
    // SAFETY: this program alone uses the slot of this CPU, with preemption off.
    let scan = unsafe { &mut (*scratch).scan };
    *scan = EnvScan {
        base: from,
        len: 0,
        at: 0,
        end,
        fresh: 1,
        start: pos,
        pos,
        flags: 0,
        opens_job: 0,
        done: 0,
    };
    repeat::<Scan>(core::ptr::null_mut());
    if scan.done == 0 {
        scan.flags |= ENV_TRUNCATED;
    }
    set_cursor(scratch, scan.pos);
    let span = Span { offset: pos as u32, len: (scan.pos - pos) as u32 };
    ScanResult { span, flags: scan.flags, opens_job: scan.opens_job != 0 }
}
