//! The separators between the words of a text, sixteen bytes at a time.

/// Number of bytes that are looked at together.
pub(super) const CHUNK: usize = 16;

/// Whether a byte belongs to a word: a letter, a digit, `_` or `+`.
pub(super) fn is_word(byte: u8) -> bool {
    (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10 || byte == b'_' || byte == b'+'
}

/// Returns a bit for each byte that belongs to no word; the first byte has the lowest bit.
pub(super) fn separators(chunk: &[u8; CHUNK]) -> u32 {
    bits(&chunk.map(|byte| if is_word(byte) { 0 } else { 0x80 }))
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

/// Gathers the highest bit of each byte.
fn bits(bytes: &[u8; CHUNK]) -> u32 {
    let gather = |half: u64| (half & 0x8080_8080_8080_8080).wrapping_mul(0x0002_0408_1020_4081) >> 56;
    let all = u128::from_le_bytes(*bytes);
    let (low, high) = (gather(all as u64), gather((all >> 64) as u64));
    (low | high << 8) as u32
}
