//! Text from certificates and statements, as it may be printed.

/// Bytes of a claim that are kept.
const LONGEST: usize = 1024;

/// Returns a text without control characters, cut to 1024 bytes.
pub(crate) fn clean(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(LONGEST));
    for character in text.chars() {
        let character = if is_unprintable(character) { char::REPLACEMENT_CHARACTER } else { character };
        if kept.len() + character.len_utf8() > LONGEST {
            break;
        }
        kept.push(character);
    }
    kept
}

/// Whether a character would move the cursor, or change the order of others.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_as_a_control_character() {
        assert_eq!(clean("a\x1b[31m\u{202e}b\n"), "a\u{fffd}[31m\u{fffd}b\u{fffd}");
        assert_eq!(clean(&"é".repeat(1000)).len(), 1024);
    }
}
