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

/// Maximum length of a task name in bytes (`TASK_COMM_LEN` in include/linux/sched.h, without the NUL).
const TASK_NAME_MAX: usize = 15;

/// Returns the task name that the kernel takes from the name of an executable; the whole name where it would cut a
/// character.
#[must_use]
pub fn task_name(file_name: &str) -> &str {
    file_name.get(..TASK_NAME_MAX).unwrap_or(file_name)
}

/// Returns the bytes up to the first NUL.
#[must_use]
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// Maximum length of a body, in characters.
const BODY_MAX: usize = 200;

/// Joins arguments into one line, with control characters escaped. A long line is cut and ends with `…`.
pub fn one_line(words: &[impl AsRef<str>]) -> String {
    let bytes = words.iter().map(|word| word.as_ref().len() + 1).sum::<usize>();
    let mut line = String::with_capacity(bytes.min(BODY_MAX + "…".len()));
    let mut left = BODY_MAX;
    for (n, word) in words.iter().map(AsRef::as_ref).enumerate() {
        if n > 0 {
            line.push(' ');
        }
        if word.len() <= left && is_plain(word) {
            left -= word.len();
            line.push_str(word);
            continue;
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

/// Whether a text has printable ASCII characters alone.
fn is_plain(text: &str) -> bool {
    // Without an early end, which would keep the compiler from comparing many bytes at once.
    text.bytes().fold(true, |is_plain, byte| is_plain & matches!(byte, b' '..=b'~'))
}

/// Whether a line is what [`one_line`] makes of the words.
#[must_use]
pub fn is_line_of(line: &str, words: &[String]) -> bool {
    let is_joined = || {
        let mut words = words.iter();
        let first = words.next().map_or("", String::as_str);
        let rest = words
            .try_fold(line.strip_prefix(first)?, |rest, word| rest.strip_prefix(' ')?.strip_prefix(&**word));
        rest.filter(|rest| rest.is_empty())
    };
    (line.len() <= BODY_MAX && is_plain(line) && is_joined().is_some()) || one_line(words) == line
}

/// Appends a number in hexadecimal digits, without the machinery of [`std::fmt`]: each record has a few.
pub fn push_hex(text: &mut String, number: u64) {
    let digits = (67 - number.leading_zeros().min(63)) / 4;
    for at in (0..digits).rev() {
        let digit = (number >> (4 * at) & 0xf) as u32;
        text.extend(char::from_digit(digit, 16));
    }
}

/// Whether a character shows nothing, so that two texts with it look alike: the default-ignorable code points
/// (Unicode, DerivedCoreProperties.txt) without those that only select a variant, and the annotation controls.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Appends a character. Escapes characters that move a terminal's cursor, end a line, turn the direction of a
/// text or cannot be seen.
pub fn push_printable(line: &mut String, c: char) {
    if c.is_control() || is_invisible(c) {
        line.extend(c.escape_default());
    } else {
        line.push(c);
    }
}

/// Returns a text with the characters escaped that [`push_printable`] escapes.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    text.chars().for_each(|c| push_printable(&mut printable, c));
    printable
}

/// Returns a text of lines with the characters escaped that [`push_printable`] escapes, but for the ends of lines.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => printable.push(c),
            c => push_printable(&mut printable, c),
        }
    }
    printable
}

/// Returns the known name that a text is nearest to, with the number of edits between them; `None` if that is more
/// than three.
pub fn near<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let all = known.into_iter().map(|name| (strsim::damerau_levenshtein(name, text), name));
    all.min().filter(|(distance, _)| *distance <= 3)
}

/// Returns `did you mean 'nofile'?`, or all known names where none is near.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match near(text, known.clone()).filter(|(distance, name)| *distance < name.len()) {
        Some((_, name)) => format!("did you mean '{name}'?"),
        None => format!("valid: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_those_of_the_standard_library() {
        for number in (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1, u64::MAX >> bit]) {
            let mut text = String::new();
            push_hex(&mut text, number);
            assert_eq!(text, format!("{number:x}"));
        }
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(one_line(&["a\nb", "\u{1b}[31m"]), "a\\nb \\u{1b}[31m");
        assert_eq!(one_line(&["x".repeat(500)]).chars().count(), BODY_MAX + 1);
    }

    #[test]
    fn a_line_is_known_as_that_of_its_words() {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let long = "x".repeat(BODY_MAX - 2);
        for list in [
            words(&[]),
            words(&[""]),
            words(&["a"]),
            words(&["a", "", "b c"]),
            words(&["a\n", "\u{e4}", "~ "]),
            words(&[&long, "b"]),
            words(&[&long, "bc"]),
            words(&[&long, "\u{e4}\u{e4}"]),
        ] {
            let line = one_line(&list);
            assert!(is_line_of(&line, &list), "{list:?}");
            assert!(!is_line_of(&format!("{line} "), &list) && !is_line_of(&format!("-{line}"), &list));
            let more = [list.clone(), words(&["x"])].concat();
            assert_eq!(is_line_of(&line, &more), one_line(&more) == line, "{more:?}");
        }
    }
}
