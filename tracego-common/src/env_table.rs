//! The table of allowed variables: names by their hash, so that the kernel side finds one with a read of its
//! slot.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::limits::ENV_NAME_MAX;

/// A variable's name in words of memory order, zero padded.
pub type EnvWords = [u64; ENV_NAME_MAX / 8];

/// A slot of the table; all zero when it is free.
#[derive(Clone, Copy, Debug, Default, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct EnvSlot {
    /// The name.
    pub name: EnvWords,
    /// Flags of the name, and its length.
    pub flags: u32,
    /// Explicit padding, zero.
    pub pad: u32,
}

/// Number of slots: four for each name, so that few names are not in their own.
pub const ENV_SLOTS: u32 = 2048;
/// Number of slots, from its own on, in which a name can be.
pub const ENV_PROBES: u32 = 4;

/// Returns the number of a name's own slot. The loader chooses a seed with which every name finds a free slot
/// among its [`ENV_PROBES`].
#[inline(always)]
#[must_use]
pub fn env_slot(name: &EnvWords, seed: u64) -> u32 {
    // Multiply-add hashing (Dietzfelbinger et al.) with odd multiples of 2^64 / φ: independent
    // multiplications, of which the highest bits depend on all bits.
    let mut sum = 0_u64;
    let mut factor = seed;
    for &word in name {
        factor = factor.wrapping_add(0x9e37_79b9_7f4a_7c15 << 1);
        sum = sum.wrapping_add((word ^ (word >> 32)).wrapping_mul(factor));
    }
    (sum >> (u64::BITS - ENV_SLOTS.trailing_zeros())) as u32
}

const _: () = assert!(ENV_SLOTS.is_power_of_two());
const _: () = assert!(core::mem::size_of::<EnvSlot>() == 72);
