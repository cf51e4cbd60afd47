//! The arguments of a program start: those of the new image, and those that the caller of execve passed.

use aya_ebpf::{
    helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
    maps::lpm_trie::Key,
};
use tracego_common::verdict::{ARG_LEN, ARGS, ArgKey, RuleMasks, SLOT_LEN};

use super::ProgramStart;
use crate::{
    maps::{RULE_ARGS, RULES, offset, setting},
    memory::{Addr, kernel, user, user_str},
    rounds::{Round, repeat},
    scratch::{Scratch, WINDOW, scratch},
    verifier::{bounded, forget, unrolled},
};

/// Maximum number of windows of one argument: MAX_ARG_STRLEN (include/uapi/linux/binfmts.h) in windows.
const WINDOWS_MAX: u32 = 40;

/// Returns the rules of `matched` that an argument satisfies. `len` is the number of its bytes in `key`, 0
/// when it cannot be read.
#[inline(always)]
fn argument(rules: &RuleMasks, any: u64, key: &Key<ArgKey>, len: u32, matched: u64) -> u64 {
    let fits = if len == 0 { rules.unreadable } else { RULE_ARGS.get(key).copied().unwrap_or(0) };
    matched & (any | fits)
}

#[inline(always)]
fn arg_key(set: u32, place: u16) -> Key<ArgKey> {
    Key::new((size_of::<ArgKey>() * 8) as u32, ArgKey { set: set as u16, place, bytes: [0; ARG_LEN] })
}

/// State of a walk along the arguments of the new image, on the stack so that the callback can reach it.
#[repr(C)]
struct ImageArguments {
    at: u64,
    end: u64,
    matched: u64,
    set: u64,
}

/// The loop over the arguments of the new image.
struct Arguments;

impl Round for Arguments {
    type State = ImageArguments;
    const ROUNDS: u32 = ARGS as u32 + 1;

    #[inline(always)]
    unsafe fn round(index: u64, image: *mut ImageArguments) -> i64 {
        // SAFETY: the pointer that `image_args` gave.
        step_image(index, unsafe { &mut *image })
    }
}

/// Compares the argument at a position. Returns 1 when no rule is left, otherwise 0.
#[inline(always)]
fn step_image(index: u64, image: &mut ImageArguments) -> i64 {
    let place = bounded::<2>(index);
    let Some(rules) = RULES.get(image.set as u32) else { return 1 };
    // SAFETY: two bits, four places.
    let any = unsafe { *rules.any_arg.get_unchecked(place as usize) };
    if image.at >= image.end {
        // The program has no argument at this position.
        image.matched &= any;
        return 0;
    }
    let mut key = arg_key(image.set as u32, place as u16);
    let len = user_str((&raw mut key.data.bytes).cast(), ARG_LEN as u32, image.at).unwrap_or(0);
    if image.matched & !any != 0 {
        image.matched = argument(rules, any, &key, len, image.matched);
    }
    let Some(scratch) = scratch() else { return 1 };
    let next = match len {
        // Later arguments cannot be found either.
        0 => u64::MAX - 1,
        len if len == ARG_LEN as u32 => next_argument(image.at, image.end),
        len => image.at + u64::from(len),
    };
    image.at = forgotten(scratch, next);
    i64::from(image.matched == 0)
}

/// Returns the rules of `matched` that the arguments of the new image satisfy.
#[inline(always)]
pub(super) fn image_args(start: &ProgramStart, from: u64, end: u64, matched: u64) -> u64 {
    let mut image = ImageArguments { at: from, end, matched, set: u64::from(start.set) };
    repeat::<Arguments>(&raw mut image);
    image.matched
}

/// Returns an address that grows in a loop, as any number to the verifier.
#[inline(always)]
fn forgotten(scratch: *mut Scratch, address: u64) -> u64 {
    // SAFETY: a field of the slot, which this program alone uses, with preemption off.
    unsafe { forget(&raw mut (*scratch).forgotten, address) }
}

/// State of a walk along a long argument, on the stack so that the callback can reach it.
#[repr(C)]
struct LongArgument {
    at: u64,
    end: u64,
    found: u64,
}

/// The loop over the windows of a long argument.
struct Windows;

impl Round for Windows {
    type State = LongArgument;
    const ROUNDS: u32 = WINDOWS_MAX;

    #[inline(always)]
    unsafe fn round(_index: u64, long: *mut LongArgument) -> i64 {
        // SAFETY: the pointer that `next_argument` gave.
        step(unsafe { &mut *long })
    }
}

/// Passes one window. Returns 1 at the end of the argument, otherwise 0.
#[inline(always)]
fn step(long: &mut LongArgument) -> i64 {
    let Some(scratch) = scratch() else { return 1 };
    // SAFETY: a field of the slot, which this program alone uses, with preemption off.
    let window = unsafe { (&raw mut (*scratch).window).cast() };
    let Some(len) = user_str(window, WINDOW as u32, long.at) else { return 1 };
    let short = len < WINDOW as u32;
    // A full window ends with a NUL that the helper wrote.
    let len = if short { len } else { len - 1 };
    long.at = forgotten(scratch, long.at + u64::from(len));
    long.found = u64::from(short);
    i64::from(short || long.at >= long.end)
}

/// Returns the address of the argument after the one at `at`; beyond every address when it cannot be found.
#[inline(always)]
fn next_argument(at: u64, end: u64) -> u64 {
    let mut long = LongArgument { at, end, found: 0 };
    repeat::<Windows>(&raw mut long);
    if long.found != 0 { long.at } else { u64::MAX - 1 }
}

/// Returns the address of argv that was passed to the running system call; zero when it is unknown.
#[inline(always)]
pub(super) fn caller_argv() -> u64 {
    // SAFETY: the running task, as the helper asks.
    let regs = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as Addr;
    let number: u32 = kernel(regs, offset!(call_number));
    if number == setting!(calls.execve) {
        kernel(regs, offset!(call_arg2))
    } else if number == setting!(calls.execveat) {
        kernel(regs, offset!(call_arg3))
    } else {
        // A 32-bit program, or no system call.
        0
    }
}

/// Returns the rules of `matched` that the arguments passed by the caller satisfy.
#[inline(always)]
pub(super) fn caller_args(start: &ProgramStart, argv: u64, matched: u64) -> u64 {
    let mut state = (matched, false);
    unrolled!(place in [1, 2, 3] {
        state = caller_arg(start, argv, place, state);
    });
    state.0
}

const _: () = assert!(ARGS == 3);

/// Returns the rules that one argument satisfies, and whether the list has ended. The state before is the
/// rules, and whether the null came earlier: the memory at this position is then something else.
#[inline(always)]
fn caller_arg(start: &ProgramStart, argv: u64, place: u16, (matched, ended): (u64, bool)) -> (u64, bool) {
    // SAFETY: `place` is at most ARGS, and the array has one element more.
    let any = unsafe { *start.rules.any_arg.get_unchecked(place as usize) };
    if ended {
        return (matched & any, true);
    }
    let mut at = 0_u64;
    let there = argv != 0 && user((&raw mut at).cast(), 8, argv + u64::from(place) * 8);
    if there && at == 0 {
        return (matched & any, true);
    }
    let mut key = arg_key(start.set, place);
    let len = if there { user_str((&raw mut key.data.bytes).cast(), ARG_LEN as u32, at) } else { None };
    (argument(start.rules, any, &key, len.unwrap_or(0), matched), false)
}

/// Copies the arguments that the caller passed into their slots of the event.
#[inline(always)]
pub(super) fn caller_slots(argv: u64, slots: *mut u8) {
    unrolled!(place in [0, 1, 2, 3] {
        caller_slot(argv, place, slots);
    });
}

/// Copies an argument that the caller passed into its slot of the event.
#[inline(always)]
fn caller_slot(argv: u64, place: usize, slots: *mut u8) {
    let mut at = 0_u64;
    // A failed read clears the bytes, and no string is at address zero.
    user((&raw mut at).cast(), 8, argv + place as u64 * 8);
    // SAFETY: there are as many slots.
    user_str(unsafe { slots.add(place * SLOT_LEN) }, SLOT_LEN as u32, at);
}
