//! The separators between the words of a text, sixteen bytes at a time.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_cmplt_epi8, _mm_movemask_epi8, _mm_or_si128,
    _mm_set_epi64x, _mm_set1_epi8,
};

/// Number of bytes that are looked at together.
pub(super) const CHUNK: usize = 16;

/// Whether a byte belongs to a word: a letter, a digit, `_` or `+`.
#[inline]
pub(super) fn is_word(byte: u8) -> bool {
    // Without jumps, so that many bytes are compared at once.
    ((byte | 0x20).wrapping_sub(b'a') < 26) | (byte.wrapping_sub(b'0') < 10) | (byte == b'_') | (byte == b'+')
}

/// Separators that are signs of secrets.
pub(super) const SIGNS: [u8; 7] = [b'=', b':', b'>', b'@', b'\\', b'%', b'~'];

/// A bit for each byte of a chunk; the first byte has the lowest bit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Chunk {
    /// Bytes that belong to no word.
    pub(super) separators: u32,
    /// The signs among them. All separators may be given.
    pub(super) signs: u32,
}

/// Looks at sixteen bytes.
#[inline]
fn look(chunk: &[u8; CHUNK]) -> Chunk {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: each processor of this architecture has SSE2.
    let chunk = unsafe { look_at_once(chunk) };
    #[cfg(not(target_arch = "x86_64"))]
    let chunk = look_by_eight(chunk);
    chunk
}

/// Looks at sixteen bytes with one register.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn look_at_once(chunk: &[u8; CHUNK]) -> Chunk {
    let all = u128::from_le_bytes(*chunk);
    let bytes = _mm_set_epi64x((all >> 64) as i64, all as i64);
    let each = |byte: u8| _mm_set1_epi8(byte as i8);
    let is = |byte: u8| _mm_cmpeq_epi8(bytes, each(byte));
    // Bytes from 128 on are negative, so they are less than the first letter.
    let within = |bytes: __m128i, first: u8, last: u8| {
        _mm_and_si128(_mm_cmpgt_epi8(bytes, each(first - 1)), _mm_cmplt_epi8(bytes, each(last + 1)))
    };
    let letter = within(_mm_or_si128(bytes, each(0x20)), b'a', b'z');
    let digit = within(bytes, b'0', b'9');
    let word = _mm_or_si128(_mm_or_si128(letter, digit), _mm_or_si128(is(b'_'), is(b'+')));
    let signs = SIGNS.map(is).into_iter().fold(_mm_set1_epi8(0), |all, sign| _mm_or_si128(all, sign));
    let bits = |bytes: __m128i| _mm_movemask_epi8(bytes) as u32;
    Chunk { separators: !bits(word) & 0xffff, signs: bits(signs) }
}

/// Looks at sixteen bytes without the registers of a certain processor.
#[cfg_attr(target_arch = "x86_64", cfg(test))]
#[inline]
fn look_by_eight(chunk: &[u8; CHUNK]) -> Chunk {
    let all = u128::from_le_bytes(*chunk);
    let (low, high) = (all as u64, (all >> 64) as u64);
    let separators = (gather(separators_of_eight(low)) | gather(separators_of_eight(high)) << 8) as u32;
    Chunk { separators, signs: separators }
}

/// Returns the highest bit of each byte that belongs to no word. Sums of bytes below 128 do not overflow.
#[cfg_attr(target_arch = "x86_64", cfg(test))]
#[inline]
fn separators_of_eight(bytes: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        byte as u64 * 0x0101_0101_0101_0101
    }
    let ascii = bytes & each(0x7f);
    let small = ascii | each(0x20);
    let is_letter = (small + each(0x80 - b'a')) & !(small + each(0x7f - b'z'));
    let is_digit = (ascii + each(0x80 - b'0')) & !(ascii + each(0x7f - b'9'));
    let is_no_line = (ascii ^ each(b'_')) + each(0x7f);
    let is_no_plus = (ascii ^ each(b'+')) + each(0x7f);
    !(is_letter | is_digit | !(is_no_line & is_no_plus)) & each(0x80) | bytes & each(0x80)
}

/// Gathers the highest bit of each byte.
#[cfg_attr(target_arch = "x86_64", cfg(test))]
#[inline]
fn gather(bytes: u64) -> u64 {
    (bytes & 0x8080_8080_8080_8080).wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// Calls back with the position of each chunk and its separators. Behind the text there are none. Ends early if
/// the function returns `false`.
#[inline]
pub(super) fn each(text: &[u8], mut found: impl FnMut(usize, Chunk) -> bool) {
    let (chunks, rest) = text.as_chunks::<CHUNK>();
    for (n, chunk) in chunks.iter().enumerate() {
        if !found(n * CHUNK, look(chunk)) {
            return;
        }
    }
    if !rest.is_empty() {
        let mut last = [b'a'; CHUNK];
        last[..rest.len()].copy_from_slice(rest);
        found(text.len() - rest.len(), look(&last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_a_separator_at_each_position_alike() {
        for byte in 0..=255_u8 {
            for at in 0..CHUNK {
                let mut text = *b"aZ_+09aZ_+09aZ_+";
                text[at] = byte;
                let separators = u32::from(!is_word(byte)) << at;
                assert_eq!(look_by_eight(&text), Chunk { separators, signs: separators }, "{byte} at {at}");
                let found = look(&text);
                assert_eq!(found.separators, separators, "{byte} at {at}");
                assert_eq!(found.signs & 1 << at != 0, SIGNS.contains(&byte), "{byte} at {at}");
            }
        }
    }
}
