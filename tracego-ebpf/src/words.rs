//! Bytes of a text, eight at a time: without a helper's call for each name.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Returns the highest bit of the lowest zero byte of a word; zero without a zero byte.
///
/// "Determine if a word has a zero byte", Bit Twiddling Hacks: exact up to the first match.
#[inline(always)]
pub(crate) fn zero_byte(word: u64) -> u64 {
    let hit = word.wrapping_sub(ONES) & !word & HIGHS;
    hit & hit.wrapping_neg()
}

/// Returns the number of bytes of a little-endian word up to a mark of [`zero_byte`], its own included.
#[inline(always)]
pub(crate) fn bytes_to(mark: u64) -> u64 {
    // Summed up in the highest byte.
    ((mark - 1) & ONES).wrapping_mul(ONES) >> 56
}

/// Returns the bytes of a little-endian word before its first `=` (or NUL), and whether there was one.
#[inline(always)]
pub(crate) fn cut(word: u64) -> (u64, bool) {
    let equals = word ^ (ONES * b'=' as u64);
    let hit = ((equals.wrapping_sub(ONES) & !equals) | (word.wrapping_sub(ONES) & !word)) & HIGHS;
    // The lowest marked byte is the match; without a match the subtraction gives all ones.
    let before = ((hit & hit.wrapping_neg()) >> 7).wrapping_sub(1);
    (word & before, hit != 0)
}

/// Reads a word at any address.
///
/// One instruction, because the compiler would read eight single bytes: the target promises no unaligned
/// words. The kernel does where the machine has them (CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS).
///
/// # Safety
/// Eight bytes at `from` are readable; the verifier checks it.
#[inline(always)]
pub(crate) unsafe fn load(from: *const u8) -> u64 {
    let value: u64;
    // SAFETY: as the caller promises.
    unsafe {
        core::arch::asm!("{0} = *(u64 *)({1} + 0)", out(reg) value, in(reg) from, options(readonly, nostack));
    }
    value
}

/// Writes a word at any address, like [`load`].
///
/// # Safety
/// Eight bytes at `to` are writable; the verifier checks it.
#[inline(always)]
pub(crate) unsafe fn store(to: *mut u8, value: u64) {
    // SAFETY: as the caller promises.
    unsafe {
        core::arch::asm!("*(u64 *)({0} + 0) = {1}", in(reg) to, in(reg) value, options(nostack));
    }
}

/// Copies a text of at most `WORDS` words with its NUL. Returns its length with the NUL; 0 if it has none
/// there. Bytes after the NUL are overwritten.
///
/// # Safety
/// `WORDS` words at `to` are writable; the verifier checks it.
#[inline(always)]
pub(crate) unsafe fn copy_short<const WORDS: usize>(to: *mut u8, word: impl Fn(usize) -> u64) -> u64 {
    for number in 0..WORDS {
        let word = word(number);
        // SAFETY: as the caller promises.
        unsafe { store(to.add(number * 8), word) };
        let end = zero_byte(word);
        if end != 0 {
            return number as u64 * 8 + bytes_to(end);
        }
    }
    0
}
