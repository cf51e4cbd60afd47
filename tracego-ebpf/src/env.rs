//! The environment: only variables on the allow-list are put into the event.
//!
//! The scan moves a window over the environment, eight bytes at a time, and one bit rejects most variables. A
//! read and a lookup for each of forty variables takes four times as long.

use tracego_common::{
    Span,
    flags::{ENV_TRUNCATED, ENV_UNREADABLE},
    limits::{ENV_MAX, ENV_NAME_MAX, ENV_STEPS_MAX, ENV_VAR_MAX},
    settings::{ENV_NAME_LEN_SHIFT, env_bit, opens_job},
};

use crate::{
    maps::{ENV_ALLOW, may_be_allowed},
    memory::{user, user_str},
    scratch::{EnvScan, Scratch, WINDOW, cursor, position, scratch, set_cursor},
    verifier::{bounded, repeat},
};

/// The result of a scan.
pub(crate) struct ScanResult {
    pub(crate) span: Span,
    pub(crate) flags: u64,
    pub(crate) opens_job: bool,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
/// Words that one step scans.
const WORDS: usize = 8;
/// Bytes that a step may read from its position: a name.
const AHEAD: u64 = ENV_NAME_MAX as u64;

/// Returns the highest bit of the lowest zero byte of a word; zero without a zero byte.
///
/// "Determine if a word has a zero byte", Bit Twiddling Hacks: exact up to the first match.
#[inline(always)]
fn zero_byte(word: u64) -> u64 {
    let hit = word.wrapping_sub(ONES) & !word & HIGHS;
    hit & hit.wrapping_neg()
}

/// Returns the bytes of a little-endian word before its first `=` (or NUL), and whether there was one.
#[inline(always)]
fn cut(word: u64) -> (u64, bool) {
    let equals = word ^ (ONES * b'=' as u64);
    let hit = ((equals.wrapping_sub(ONES) & !equals) | (word.wrapping_sub(ONES) & !word)) & HIGHS;
    // The lowest marked byte is the match; without a match the subtraction gives all ones.
    let before = ((hit & hit.wrapping_neg()) >> 7).wrapping_sub(1);
    (word & before, hit != 0)
}

/// Returns the word `words` words after `at` in the window.
#[inline(always)]
fn word(scratch: *const Scratch, at: u64, words: usize) -> u64 {
    let value: u64;
    // One instruction, because the compiler would read eight single bytes: the target promises no unaligned
    // words. The kernel does where the machine has them (CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS).
    // SAFETY: `at` < WINDOW, and the area is AHEAD and a word longer.
    unsafe {
        let from = (&raw const (*scratch).window).cast::<u8>().add(at as usize + words * 8);
        core::arch::asm!("{0} = *(u64 *)({1} + 0)", out(reg) value, in(reg) from, options(readonly, nostack));
    }
    value
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

unsafe extern "C" fn step(_index: u64, _none: *mut ()) -> i64 {
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
    if scan.at >= scan.len {
        scan.done = 1;
        return 1;
    }
    let at = bounded::<{ WINDOW.trailing_zeros() }>(scan.at);
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
            // Number of bytes below the mark, summed up in the highest byte.
            let before = ((found - 1) & ONES).wrapping_mul(ONES) >> 56;
            scan.at = at + words as u64 * 8 + before;
            scan.fresh = 1;
            return 0;
        }
    }
    scan.at = at + WORDS as u64 * 8;
    0
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
    // SAFETY: both are 64 bytes of plain integers.
    let key = unsafe { &*(&raw const *name).cast::<[u8; ENV_NAME_MAX]>() };
    // SAFETY: the value is copied at once.
    let Some(flags) = unsafe { ENV_ALLOW.get(key) }.copied() else {
        return;
    };
    let pos = position(scan.pos);
    // SAFETY: `pos` < PREFIX_MAX; ENV_VAR_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(pos as usize) };
    let Some(len) = user_str(to, ENV_VAR_MAX, scan.base + at) else {
        scan.flags |= ENV_UNREADABLE;
        return;
    };
    // The start of the value, behind the name and `=`; within the window, because the names that open a job are
    // shorter than AHEAD by more than a word.
    let value = word(scratch, at + bounded::<6>(u64::from(flags >> ENV_NAME_LEN_SHIFT)) + 1, 0);
    let end = zero_byte(value);
    // All ones below the first NUL; all bytes without one.
    if opens_job(flags, value & (end >> 7).wrapping_sub(1)) {
        scan.opens_job = 1;
    }
    let next = pos + u64::from(len);
    if len == ENV_VAR_MAX || next - scan.start > u64::from(ENV_MAX) {
        scan.flags |= ENV_TRUNCATED;
    }
    if next - scan.start <= u64::from(ENV_MAX) {
        scan.pos = next;
    }
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
    repeat(ENV_STEPS_MAX, step, core::ptr::null_mut());
    if scan.done == 0 {
        scan.flags |= ENV_TRUNCATED;
    }
    set_cursor(scratch, scan.pos);
    let span = Span { offset: pos as u32, len: (scan.pos - pos) as u32 };
    ScanResult { span, flags: scan.flags, opens_job: scan.opens_job != 0 }
}
