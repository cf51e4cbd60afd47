//! Conversion of kernel bytes to text.

/// Converts bytes to text without keeping the bytes, for texts that other records hold in full.
#[must_use]
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns a task name up to its first NUL.
#[must_use]
pub fn comm(bytes: &[u8; 16]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// Returns the bytes up to the first NUL.
#[must_use]
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// Maximum length of a body, in characters.
const BODY_MAX: usize = 200;

/// Joins arguments into one line, with control characters escaped. A long line is cut and ends with `…`.
pub fn one_line(words: &[String]) -> String {
    let mut line = String::new();
    let mut left = BODY_MAX;
    for (n, word) in words.iter().enumerate() {
        if n > 0 {
            line.push(' ');
        }
        for c in word.chars() {
            if left == 0 {
                line.push('…');
                return line;
            }
            left -= 1;
            push_printable(&mut line, c);
        }
    }
    line
}

/// Appends a character. Escapes characters that move a terminal's cursor or end a line, and bidirectional
/// controls.
pub fn push_printable(line: &mut String, c: char) {
    let hidden = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || hidden || c == '\u{2028}' || c == '\u{2029}' {
        line.extend(c.escape_default());
    } else {
        line.push(c);
    }
}

/// Returns `did you mean 'nofile'?`, or all known names where none is near.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let near = known.clone().into_iter().map(|name| (strsim::damerau_levenshtein(name, text), name)).min();
    match near.filter(|(distance, name)| *distance <= 3 && *distance < name.len()) {
        Some((_, name)) => format!("did you mean '{name}'?"),
        None => format!("valid: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(one_line(&["a\nb".into(), "\u{1b}[31m".into()]), "a\\nb \\u{1b}[31m");
        assert_eq!(one_line(&["x".repeat(500)]).chars().count(), BODY_MAX + 1);
    }
}
