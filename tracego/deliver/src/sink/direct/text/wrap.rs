//! Lines of at most 80 columns.

use std::io::{self, Write as _};

/// Width of a line, in characters.
const WIDTH: usize = 80;

/// Writes a text from a column on, wrapped at spaces. A word that is longer than a line stays whole.
pub(super) fn write(
    text: &str,
    column: usize,
    (colour, off): (&str, &str),
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let len = word.chars().count();
        if used > 0 && column + used + 1 + len > WIDTH {
            writeln!(out, "{:column$}{colour}{line}{off}", "")?;
            // What belongs to the first line stands below its text.
            line = "  ".to_owned();
            used = 2;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += len;
    }
    writeln!(out, "{:column$}{colour}{line}{off}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_a_space_and_a_long_word_stays_whole() {
        let mut out = Vec::new();
        let long = "x".repeat(90);
        write(&format!("{} {long} end", "word ".repeat(14).trim_end()), 4, ("<", ">"), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("    <word") && lines[0].trim_end_matches('>').len() <= WIDTH + 1);
        assert_eq!((lines[1], lines[2]), (format!("    <  {long}>").as_str(), "    <  end>"));
    }
}
