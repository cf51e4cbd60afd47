//! Texts in XML 1.0. A process chooses its arguments, so each text is hostile.

use crate::text::push_printable;

/// Returns a text for content and attributes. The ends of lines and tabs are references, because a parser makes spaces of
/// those in attributes. Other control characters, which XML mostly has no form for, and characters that cannot be seen
/// are replaced by their escapes, as Rust writes them.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => push_printable(&mut out, c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(xml("<a b='c'>\u{0}&]]>\""), "&lt;a b=&apos;c&apos;&gt;\\u{0}&amp;]]&gt;&quot;");
        assert_eq!(xml("one\ntwo\r\tthree"), "one&#10;two&#13;&#9;three");
        assert_eq!(xml("\u{1b}\u{9b}\u{202e}\u{ffff}ä"), "\\u{1b}\\u{9b}\\u{202e}\\u{ffff}ä");
    }

    #[test]
    fn no_character_is_left_that_xml_does_not_have() {
        let all: String = (0..0x11_0000).filter_map(char::from_u32).collect();
        let is_allowed =
            |c: char| !c.is_control() && !matches!(c, '<' | '"' | '\'' | '\u{fffe}' | '\u{ffff}');
        assert_eq!(xml(&all).chars().find(|c| !is_allowed(*c)), None);
    }
}
