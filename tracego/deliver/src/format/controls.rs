//! Control characters in written lines. JSON lets DEL and the controls U+0080 to U+009F stand in a string as they
//! are (RFC 8259, section 7), but a terminal that shows the line obeys them.

/// DEL, and the first byte of each of U+0080 to U+00BF in UTF-8.
const CANDIDATES: (u8, u8) = (0x7f, 0xc2);

/// Replaces DEL and C1 controls behind `start` by JSON escapes. The bytes behind `start` are JSON, where such
/// characters stand in strings alone.
pub fn escape(out: &mut Vec<u8>, start: usize) {
    let (delete, lead) = CANDIDATES;
    let Some(first) = next(out, start, delete, lead) else { return };
    let rest = out.split_off(first);
    let mut at = 0;
    while at < rest.len() {
        match next(&rest, at, delete, lead) {
            Some(found) => {
                out.extend_from_slice(&rest[at..found]);
                let (code, len) = if rest[found] == delete { (delete, 1) } else { (rest[found + 1], 2) };
                out.extend_from_slice(format!("\\u{code:04x}").as_bytes());
                at = found + len;
            }
            None => {
                out.extend_from_slice(&rest[at..]);
                break;
            }
        }
    }
}

/// Returns the position of the next control from `start` on.
fn next(bytes: &[u8], start: usize, delete: u8, lead: u8) -> Option<usize> {
    memchr::memchr2_iter(delete, lead, &bytes[start..]).map(|at| start + at).find(|&at| {
        bytes[at] == delete || bytes.get(at + 1).is_some_and(|second| (0x80..0xa0).contains(second))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped_and_their_value_stays() {
        let text = "a\u{7f}b\u{9b}31m\u{80}\u{9f}\u{a0}ä\u{7f}";
        let mut out = b"before\x7f".to_vec();
        let start = out.len();
        out.extend_from_slice(serde_json::to_string(text).unwrap().as_bytes());
        escape(&mut out, start);
        let line = std::str::from_utf8(&out[start..]).unwrap();
        assert_eq!(line, "\"a\\u007fb\\u009b31m\\u0080\\u009f\u{a0}ä\\u007f\"");
        assert_eq!(serde_json::from_str::<String>(line).unwrap(), text);
        assert!(out.starts_with(b"before\x7f"));
    }
}
