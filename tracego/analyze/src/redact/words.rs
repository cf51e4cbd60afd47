//! The separators between the words of a text, sixteen bytes at a time.

/// Number of bytes that are looked at together.
pub(super) const CHUNK: usize = 16;

/// Whether a byte belongs to a word: a letter, a digit, `_` or `+`.
#[inline]
pub(super) fn is_word(byte: u8) -> bool {
    // Without jumps, so that many bytes are compared at once.
    ((byte | 0x20).wrapping_sub(b'a') < 26) | (byte.wrapping_sub(b'0') < 10) | (byte == b'_') | (byte == b'+')
}

/// Returns a bit for each byte that belongs to no word; the first byte has the lowest bit.
#[inline]
fn separators(chunk: &[u8; CHUNK]) -> u32 {
    let all = u128::from_le_bytes(*chunk);
    let (low, high) = (all as u64, (all >> 64) as u64);
    (gather(separators_of_eight(low)) | gather(separators_of_eight(high)) << 8) as u32
}

/// Returns the highest bit of each byte that belongs to no word. Sums of bytes below 128 do not overflow.
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
#[inline]
fn gather(bytes: u64) -> u64 {
    (bytes & 0x8080_8080_8080_8080).wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// Calls back with the position of each chunk and its separators. Behind the text there are none. Ends early if
/// the function returns `false`.
pub(super) fn each(text: &[u8], mut found: impl FnMut(usize, u32) -> bool) {
    let (chunks, rest) = text.as_chunks::<CHUNK>();
    for (n, chunk) in chunks.iter().enumerate() {
        if !found(n * CHUNK, separators(chunk)) {
            return;
        }
    }
    if !rest.is_empty() {
        let mut last = [b'a'; CHUNK];
        last[..rest.len()].copy_from_slice(rest);
        found(text.len() - rest.len(), separators(&last));
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
                assert_eq!(separators(&text), u32::from(!is_word(byte)) << at, "{byte} at {at}");
            }
        }
    }
}
