//! The workarounds for the verifier: each has a name here, a note of what we know and the verifier cannot
//! see, and the symptom without it.
//!
//! Two workarounds are not functions but places of data:
//! - A position in the scratch area is stored there and not kept in a register
//!   ([`cursor`](crate::scratch::cursor)), and so is the state of the scan of the environment
//!   ([`EnvScan`](crate::scratch::EnvScan)). Both are read back with [`reread`] or like it.
//! - A failed read needs no branch, because the helper zeroes its destination
//!   ([`kernel`](crate::memory::kernel)): the verifier has one path less for every field.

use core::{arch::asm, ptr};

/// Returns `value`, which the caller knows to be below 2^`BITS`, with that bound visible to the verifier.
///
/// Positions and lengths never exceed their caps, but the verifier cannot always see it: the value went
/// through the stack of a callback, or the compiler removed a check that it had proved ("R2 unbounded memory
/// access", "invalid access to map value", 6.18). The mask is in assembly so that the compiler keeps it. It
/// is a mask and not a comparison, so that every path arrives with the same range: two ranges per path
/// multiply the states ("BPF program is too large").
#[inline(always)]
pub(crate) fn bounded<const BITS: u32>(value: u64) -> u64 {
    let mut bound = value;
    // SAFETY: arithmetic on one register.
    unsafe {
        asm!("{0} &= {1}", inout(reg) bound, const (1_i64 << BITS) - 1);
    }
    bound
}

/// Reads a value back from a map, which makes it any number of its type to the verifier.
///
/// A value in a register carries its history: every path that leads to it is another state, and the code
/// after it is verified once for each ("BPF program is too large", "The sequence of 8193 jumps is too
/// complex"). The verifier does not track the content of a map. Volatile, or the compiler would use the
/// register.
///
/// # Safety
/// `place` is in a map, and this program alone uses it.
#[inline(always)]
pub(crate) unsafe fn reread<T: Copy>(place: *const T) -> T {
    // SAFETY: as the caller promises.
    unsafe { ptr::read_volatile(place) }
}

/// Returns the same value after the verifier has forgotten everything about it; `place` is overwritten.
///
/// A sum that grows in a loop is a new state in each round ("BPF program is too large").
///
/// # Safety
/// As [`reread`].
#[inline(always)]
pub(crate) unsafe fn forget<T: Copy>(place: *mut T, value: T) -> T {
    // SAFETY: as the caller promises.
    unsafe {
        ptr::write_volatile(place, value);
        reread(place)
    }
}

/// Reads a global that the agent sets before the load: any value to the compiler, a constant to the verifier,
/// which removes the branches that it rules out.
///
/// Without the volatile read the compiler would use the value that the object has.
///
/// # Safety
/// `place` is an initialised static that nothing writes after the load.
#[inline(always)]
pub(crate) unsafe fn constant<T: Copy>(place: *const T) -> T {
    // SAFETY: as the caller promises.
    unsafe { ptr::read_volatile(place) }
}

/// Reads kernel memory at a pointer whose type the verifier knows, in one instruction instead of a helper's
/// call. A fault gives zero (the kernel's exception table, arch/x86/net/bpf_jit_comp.c, ex_handler_bpf).
///
/// The pointer is an argument of a BTF tracepoint, or was read by this function, plus a [`constant`]. Any
/// other arithmetic, a narrower register or the state of a callback makes the verifier forget its type ("R1
/// invalid mem access 'scalar'"), and a variable offset is refused: read with a helper there. Volatile,
/// because the compiler could merge neighbouring fields into one read that belongs to neither.
#[inline(always)]
pub(crate) fn typed_read<T: Copy>(from: u64) -> T {
    // SAFETY: the verifier checks type and offset.
    unsafe { ptr::read_volatile(from as *const T) }
}

/// Returns a number that the compiler does not know, so that it does not unroll a loop of as many rounds. The
/// verifier knows it, and walks the loop round by round.
#[inline(always)]
pub(crate) fn opaque(number: u32) -> u32 {
    let mut hidden = number;
    // SAFETY: nothing is done.
    unsafe {
        asm!("/* {0} */", inout(reg) hidden);
    }
    hidden
}

/// Returns whether a pointer is null. The last use of a pointer for [`typed_read`] must come before this.
///
/// In the branch of a null pointer, the verifier takes the register for the number zero, and the compiler may
/// join this branch with the following reads ("R1 invalid mem access 'scalar'"). A read through a null
/// pointer gives zero, so nothing needs this check earlier.
#[inline(always)]
pub(crate) fn is_null(pointer: u64) -> bool {
    pointer == 0
}

/// Repeats a block for each of some constants.
///
/// Unlike a loop of three rounds, which the compiler rotates: Linux 6.1 refuses a loop that is entered in its
/// middle ("back-edge").
macro_rules! unrolled {
    ($constant:ident in [$($value:literal),+] $block:block) => {
        $({
            let $constant = $value;
            $block
        })+
    };
}
pub(crate) use unrolled;
