//! Limit for the nesting of brackets in a module.
//!
//! The engine's parser tries what begins with a bracket as one thing and then as another, so each level
//! doubles its work; at its own limit of 32 levels it would take hours.

/// Maximum work of the parser: a bracket at depth n counts 2^n. Modules written by people have some
/// thousands.
const MOST: u64 = 1 << 17;

/// Returns the line at which the work exceeds the limit.
pub(super) fn too_deep(text: &str) -> Option<u32> {
    let (mut depth, mut line, mut work) = (0_u32, 1_u32, 0_u64);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\n' => line += 1,
            b'#' => line += u32::from(bytes.any(|byte| byte == b'\n')),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => _ = bytes.next(),
                        b'"' => break,
                        // A text ends with its line, whether it is closed or not.
                        b'\n' => {
                            line += 1;
                            break;
                        }
                        _ => {}
                    }
                }
            }
            b'`' => {
                for byte in bytes.by_ref() {
                    match byte {
                        b'\n' => line += 1,
                        b'`' => break,
                        _ => {}
                    }
                }
            }
            b'[' | b'{' | b'(' => {
                depth += 1;
                work = work.saturating_add(1_u64.checked_shl(depth).unwrap_or(u64::MAX));
                if work > MOST {
                    return Some(line);
                }
            }
            b']' | b'}' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_of_the_language_count() {
        let brackets = "[".repeat(100);
        for fine in [
            "x := [{1, 2}, {\"a\": [1]}]\n".repeat(1000),
            format!("# {brackets}\nx := \"{brackets}\"\ny := `\n{brackets}`\nz := \"\\\"{brackets}\""),
        ] {
            assert_eq!(too_deep(&fine), None);
        }
        assert_eq!(too_deep(&format!("\n# \"\n\n{brackets}")), Some(4));
        assert_eq!(too_deep(&"[[[[[[[[[[1]]]]]]]]]]\n".repeat(100)), Some(65));
    }
}
