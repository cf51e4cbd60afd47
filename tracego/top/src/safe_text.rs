//! Texts of processes in columns of a terminal. A process chooses its arguments, so each text is hostile: it must take
//! exactly the columns that it is counted with, in every terminal.

use tracego_model::text::push_printable;
use unicode_width::UnicodeWidthChar as _;

/// Whether a terminal may write a character from right to left, and then turn the order of those around it: blocks of
/// scripts with such a direction (Unicode, DerivedBidiClass.txt).
fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Whether a character joins with its neighbours, so that terminals do not agree on the columns of the whole: regional
/// indicators, and colours of skin.
fn is_joined(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{1100}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7ff}')
}

/// Returns the columns of a character; 0 if it has none of its own.
fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Returns a text with all characters escaped that move the cursor, cannot be seen, change the direction, or take no
/// columns of their own. Each of the others takes one or two.
#[must_use]
pub fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if columns(c) == 0 || is_right_to_left(c) || is_joined(c) {
            safe.extend(c.escape_default());
        } else {
            push_printable(&mut safe, c);
        }
    }
    safe
}

/// Returns the columns of a safe text.
#[must_use]
pub fn width(safe: &str) -> usize {
    safe.chars().map(columns).sum()
}

/// Returns a text that takes at most a number of columns; `…` stands for what was cut off.
#[must_use]
pub fn cut(text: &str, columns_max: usize) -> String {
    let safe = safe(text);
    if width(&safe) <= columns_max {
        return safe;
    }
    let mut cut = String::new();
    let mut left = columns_max.saturating_sub(1);
    for c in safe.chars() {
        match left.checked_sub(columns(c)) {
            Some(rest) => left = rest,
            None => break,
        }
        cut.push(c);
    }
    if columns_max > 0 {
        cut.push('…');
    }
    cut
}

/// Returns a text that takes exactly a number of columns.
#[must_use]
pub fn fitted(text: &str, columns: usize, is_right: bool) -> String {
    let cut = cut(text, columns);
    let space = " ".repeat(columns.saturating_sub(width(&cut)));
    if is_right { space + &cut } else { cut + &space }
}

/// Returns a text in lines of at most a number of columns, broken between words where that is possible.
#[must_use]
pub fn wrapped(text: &str, columns_max: usize) -> Vec<String> {
    let columns_max = columns_max.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in safe(text).split_inclusive(' ') {
        if used > 0 && used + width(word.trim_end()) > columns_max {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            if used + columns(c) > columns_max {
                if c == ' ' {
                    continue;
                }
                lines.push(String::new());
                used = 0;
            }
            lines.last_mut().into_iter().for_each(|line| line.push(c));
            used += columns(c);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_joins_is_escaped() {
        assert_eq!(safe("go build\u{1b}[2J\n"), "go build\\u{1b}[2J\\n");
        assert_eq!(safe("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(safe("\u{5d0}"), "\\u{5d0}");
        assert_eq!(safe("e\u{301}"), "e\\u{301}");
        assert_eq!(safe("\u{1f468}\u{200d}\u{1f469}"), "\u{1f468}\\u{200d}\u{1f469}");
        assert_eq!(safe("ä 漢 ✓"), "ä 漢 ✓");
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(cut("漢字漢字", 4), "漢…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!((fitted("漢字漢", 4, false), fitted("7", 3, true)), ("漢… ".into(), "  7".into()));
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("go run was executed", 10), ["go run was", "executed"]);
        assert_eq!(wrapped("abcdefgh", 4), ["abcd", "efgh"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(text in "\\PC*", columns in 2_usize..30) {
            prop_assert!(wrapped(&text, columns).iter().all(|line| width(line) <= columns));
        }

        #[test]
        fn every_text_takes_the_columns_that_it_is_given(text in "\\PC*|.*", columns in 0_usize..40) {
            prop_assert_eq!(width(&fitted(&text, columns, false)), columns);
            prop_assert!(safe(&text).chars().all(|c| matches!(c.width(), Some(1 | 2)) && !c.is_control()));
        }
    }
}
