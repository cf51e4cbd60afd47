//! Loops of many rounds, which the verifier must not walk round by round ("BPF program is too large").
//!
//! The object is built once for each way to repeat, and the agent loads the one that the kernel can run. With
//! `bpf_loop` and with `bpf_for_each_map_elem` the verifier checks the body of a loop once, with a state that it
//! knows nothing about: bound its positions again with [`bounded`](crate::verifier::bounded). Without both helpers the
//! loops are short enough for the verifier to walk; what does not fit is marked as truncated.

#[cfg(not(feature = "bounded"))]
use core::ffi::c_void;

/// The body of a loop.
pub(crate) trait Round {
    /// Type of the state that all rounds share.
    type State;
    /// Maximum number of rounds.
    const ROUNDS: u32;

    /// Runs the round with a number. Returns 1 to end the loop, otherwise 0.
    ///
    /// # Safety
    /// `state` is the pointer that was given to [`repeat`].
    unsafe fn round(index: u64, state: *mut Self::State) -> i64;
}

/// Runs the rounds, until one of them returns 1.
#[cfg(not(any(feature = "each", feature = "bounded")))]
#[inline(always)]
pub(crate) fn repeat<R: Round>(state: *mut R::State) {
    unsafe extern "C" fn called<R: Round>(index: u64, state: *mut R::State) -> i64 {
        // SAFETY: bpf_loop hands back the pointer that it was given.
        unsafe { R::round(index, state) }
    }
    // SAFETY: the callback has the signature that bpf_loop asks for.
    unsafe {
        aya_ebpf::helpers::generated::bpf_loop(R::ROUNDS, called::<R> as *mut c_void, state.cast(), 0);
    }
}

/// Runs the rounds, until one of them returns 1: a walk over the elements of an array, whose values are not used.
#[cfg(feature = "each")]
#[inline(always)]
pub(crate) fn repeat<R: Round>(state: *mut R::State) {
    unsafe extern "C" fn called<R: Round>(
        _map: *mut c_void,
        index: *const u32,
        _value: *mut c_void,
        state: *mut R::State,
    ) -> i64 {
        // SAFETY: the key of an element, which the helper hands over.
        let index = unsafe { *index };
        if index >= R::ROUNDS {
            return 1;
        }
        // SAFETY: the helper hands back the pointer that it was given.
        unsafe { R::round(u64::from(index), state) }
    }
    const { assert!(R::ROUNDS <= ROUNDS_MAX) };
    // SAFETY: a map of the object, and a callback with the signature that the helper asks for.
    unsafe {
        aya_ebpf::helpers::generated::bpf_for_each_map_elem(
            (&raw const ROUNDS).cast_mut().cast(),
            called::<R> as *mut c_void,
            state.cast(),
            0,
        );
    }
}

/// Runs the rounds, until one of them returns 1: a loop in the code.
#[cfg(feature = "bounded")]
#[inline(always)]
pub(crate) fn repeat<R: Round>(state: *mut R::State) {
    let mut index = 0;
    while index < crate::verifier::opaque(R::ROUNDS) {
        // SAFETY: the pointer that was given.
        if unsafe { R::round(u64::from(index), state) } != 0 {
            break;
        }
        index += 1;
    }
}

/// Returns the number of rounds of a loop: fewer where the verifier walks each of them.
pub(crate) const fn rounds(usual: u32, bounded: u32) -> u32 {
    if cfg!(feature = "bounded") { bounded } else { usual }
}

/// Maximum number of rounds of a loop: the steps through an environment.
#[cfg(feature = "each")]
const ROUNDS_MAX: u32 = tracego_common::limits::ENV_STEPS_MAX;

/// An array with an element for each round. An array cannot have values without a size.
#[cfg(feature = "each")]
#[aya_ebpf::macros::map]
static ROUNDS: aya_ebpf::maps::Array<u8> = aya_ebpf::maps::Array::with_max_entries(ROUNDS_MAX, 0);
